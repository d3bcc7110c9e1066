"""Ruptela units."""

from tracker_codecs.families.ruptela.family import FAMILY

__all__ = ["FAMILY"]
