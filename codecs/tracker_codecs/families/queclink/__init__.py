"""Queclink @Track: portable and vehicle trackers of Queclink (also sold as Ruslink)."""

from tracker_codecs.families.queclink.family import FAMILY

__all__ = ["FAMILY"]
