"""AutoFon: session only; see `family` and `frame`."""

from tracker_codecs.families.autofon.family import FAMILY

__all__ = ["FAMILY"]
