"""IntelliTrac and CAREU units."""

from tracker_codecs.families.intellitrac.family import FAMILY

__all__ = ["FAMILY"]
