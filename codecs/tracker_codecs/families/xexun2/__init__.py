"""Xexun personal, asset and car trackers, protocol version 2."""

from tracker_codecs.families.xexun2.family import FAMILY

__all__ = ["FAMILY"]
