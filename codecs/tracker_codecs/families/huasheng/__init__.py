"""Hua Sheng HS 3000G."""

from tracker_codecs.families.huasheng.family import FAMILY

__all__ = ["FAMILY"]
