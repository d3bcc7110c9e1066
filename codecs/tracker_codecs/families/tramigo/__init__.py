"""Tramigo vehicle trackers."""

from tracker_codecs.families.tramigo.family import FAMILY

__all__ = ["FAMILY"]
