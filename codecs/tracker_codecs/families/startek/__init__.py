"""iStartek VT units."""

from tracker_codecs.families.startek.family import FAMILY

__all__ = ["FAMILY"]
