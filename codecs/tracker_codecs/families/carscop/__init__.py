"""Carscop units; session only."""

from tracker_codecs.families.carscop.family import FAMILY

__all__ = ["FAMILY"]
