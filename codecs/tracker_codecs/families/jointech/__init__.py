"""Jointech locks and trackers."""

from tracker_codecs.families.jointech.family import FAMILY

__all__ = ["FAMILY"]
