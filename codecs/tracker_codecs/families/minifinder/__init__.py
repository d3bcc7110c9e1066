"""MiniFinder units; session only."""

from tracker_codecs.families.minifinder.family import FAMILY

__all__ = ["FAMILY"]
