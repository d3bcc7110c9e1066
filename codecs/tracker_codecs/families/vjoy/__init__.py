"""Kingneed and VJoy personal trackers."""

from tracker_codecs.families.vjoy.family import FAMILY

__all__ = ["FAMILY"]
