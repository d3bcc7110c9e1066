"""Arknav X8 vehicle trackers; session only."""

from tracker_codecs.families.arknav.family import FAMILY

__all__ = ["FAMILY"]
