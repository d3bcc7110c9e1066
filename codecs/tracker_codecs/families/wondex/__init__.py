"""WondeX VT units."""

from tracker_codecs.families.wondex.family import FAMILY

__all__ = ["FAMILY"]
