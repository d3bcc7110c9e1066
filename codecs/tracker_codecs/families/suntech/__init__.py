"""Suntech text protocol."""

from tracker_codecs.families.suntech.family import FAMILY

__all__ = ["FAMILY"]
