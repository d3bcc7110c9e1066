"""Naviset: session only; see `family` and `frame`."""

from tracker_codecs.families.naviset.family import FAMILY

__all__ = ["FAMILY"]
