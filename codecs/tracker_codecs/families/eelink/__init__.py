"""Eelink trackers."""

from tracker_codecs.families.eelink.family import FAMILY

__all__ = ["FAMILY"]
