"""EasyTrack units."""

from tracker_codecs.families.easytrack.family import FAMILY

__all__ = ["FAMILY"]
