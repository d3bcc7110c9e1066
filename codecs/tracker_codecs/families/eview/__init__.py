"""Eview EV-07B and its sisters, also sold by MiniFinder."""

from tracker_codecs.families.eview.family import FAMILY

__all__ = ["FAMILY"]
