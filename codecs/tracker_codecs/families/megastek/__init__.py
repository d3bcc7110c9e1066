"""Megastek vehicle and personal trackers; session only."""

from tracker_codecs.families.megastek.family import FAMILY

__all__ = ["FAMILY"]
