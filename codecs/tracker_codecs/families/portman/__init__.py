"""Portman units."""

from tracker_codecs.families.portman.family import FAMILY

__all__ = ["FAMILY"]
