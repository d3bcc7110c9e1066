"""Dragino trackers (TrackerD, LGT-92) on their serial port: AT commands."""

from tracker_codecs.families.dragino_at.family import FAMILY

__all__ = ["FAMILY"]
