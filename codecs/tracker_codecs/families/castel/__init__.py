"""Sinocastel OBD trackers."""

from tracker_codecs.families.castel.family import FAMILY

__all__ = ["FAMILY"]
