"""Topin units: 78 78 without a checksum."""

from tracker_codecs.families.topin.family import FAMILY

__all__ = ["FAMILY"]
