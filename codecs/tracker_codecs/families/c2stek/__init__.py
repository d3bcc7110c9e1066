"""C2STEK: session only; see `family` and `frame`."""

from tracker_codecs.families.c2stek.family import FAMILY

__all__ = ["FAMILY"]
