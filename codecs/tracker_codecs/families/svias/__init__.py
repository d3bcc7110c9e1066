"""Svias units."""

from tracker_codecs.families.svias.family import FAMILY

__all__ = ["FAMILY"]
