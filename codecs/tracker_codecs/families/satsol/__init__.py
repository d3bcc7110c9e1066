"""Satsol: session only; see `family` and `frame`."""

from tracker_codecs.families.satsol.family import FAMILY

__all__ = ["FAMILY"]
