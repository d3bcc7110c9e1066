"""Haicom units; session only."""

from tracker_codecs.families.haicom.family import FAMILY

__all__ = ["FAMILY"]
