"""Omni scooters, bicycles and locks."""

from tracker_codecs.families.xrb28.family import FAMILY

__all__ = ["FAMILY"]
