"""Granit Navigator trackers."""

from tracker_codecs.families.granit.family import FAMILY

__all__ = ["FAMILY"]
