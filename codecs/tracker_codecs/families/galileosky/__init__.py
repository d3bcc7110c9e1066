"""Galileosky terminals."""

from tracker_codecs.families.galileosky.family import FAMILY

__all__ = ["FAMILY"]
