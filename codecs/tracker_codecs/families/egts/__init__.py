"""EGTS: session and reports; see `family` and `frame`."""

from tracker_codecs.families.egts.family import FAMILY

__all__ = ["FAMILY"]
