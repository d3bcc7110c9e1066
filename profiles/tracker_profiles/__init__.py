"""What can be set on which tracker: `tracker_profiles.profiles` and `tracker_profiles.models`.

Data lives in `catalog/<profile>.yaml` and `models/<family>.yaml`. Importing the package reads none of it.
"""
