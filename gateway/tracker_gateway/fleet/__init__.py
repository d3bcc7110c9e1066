"""The trackers that are registered; groups and campaigns will live here."""
