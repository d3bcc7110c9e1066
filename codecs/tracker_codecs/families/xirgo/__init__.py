"""Xirgo vehicle trackers."""

from tracker_codecs.families.xirgo.family import FAMILY

__all__ = ["FAMILY"]
