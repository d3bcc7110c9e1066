"""Ulbotech vehicle trackers; session only."""

from tracker_codecs.families.ulbotech.family import FAMILY

__all__ = ["FAMILY"]
