"""Maxtrack: session only; see `family` and `frame`."""

from tracker_codecs.families.maxtrack.family import FAMILY

__all__ = ["FAMILY"]
