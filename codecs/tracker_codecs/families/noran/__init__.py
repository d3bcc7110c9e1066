"""Noran vehicle trackers."""

from tracker_codecs.families.noran.family import FAMILY

__all__ = ["FAMILY"]
