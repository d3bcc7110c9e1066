"""Mobilogix units."""

from tracker_codecs.families.mobilogix.family import FAMILY

__all__ = ["FAMILY"]
