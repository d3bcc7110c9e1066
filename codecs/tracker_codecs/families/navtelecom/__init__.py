"""Navtelecom units."""

from tracker_codecs.families.navtelecom.family import FAMILY

__all__ = ["FAMILY"]
