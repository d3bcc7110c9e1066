"""JT/T 808: Chinese national-standard terminals."""

from tracker_codecs.families.jt808.family import FAMILY

__all__ = ["FAMILY"]
