"""Pretrace trackers."""

from tracker_codecs.families.pretrace.family import FAMILY

__all__ = ["FAMILY"]
