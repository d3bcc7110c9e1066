"""Meitrack trackers: text frames `$$` and `@@`."""

from tracker_codecs.families.meitrack.family import FAMILY

__all__ = ["FAMILY"]
