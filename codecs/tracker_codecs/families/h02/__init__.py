"""H02 units: SinoTrack ST-90x, CanTrack and their like."""

from tracker_codecs.families.h02.family import FAMILY

__all__ = ["FAMILY"]
