"""Laipac personal trackers; session only."""

from tracker_codecs.families.laipac.family import FAMILY

__all__ = ["FAMILY"]
