"""fifotrack vehicle and personal trackers."""

from tracker_codecs.families.fifotrack.family import FAMILY

__all__ = ["FAMILY"]
