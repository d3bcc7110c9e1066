"""Cityeasy trackers."""

from tracker_codecs.families.cityeasy.family import FAMILY

__all__ = ["FAMILY"]
