"""DSF22: session only; see `family` and `frame`."""

from tracker_codecs.families.dsf22.family import FAMILY

__all__ = ["FAMILY"]
