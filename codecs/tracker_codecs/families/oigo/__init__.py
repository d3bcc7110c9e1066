"""Oigo: session only; see `family` and `frame`."""

from tracker_codecs.families.oigo.family import FAMILY

__all__ = ["FAMILY"]
