"""Arnavi vehicle terminals; session only."""

from tracker_codecs.families.arnavi.family import FAMILY

__all__ = ["FAMILY"]
