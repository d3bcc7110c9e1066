"""TLT-2H units; session only."""

from tracker_codecs.families.tlt2h.family import FAMILY

__all__ = ["FAMILY"]
