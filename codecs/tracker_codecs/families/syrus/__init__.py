"""DCT Syrus units."""

from tracker_codecs.families.syrus.family import FAMILY

__all__ = ["FAMILY"]
