"""ATrack vehicle trackers."""

from tracker_codecs.families.atrack.family import FAMILY

__all__ = ["FAMILY"]
