"""GlobalSat TR and GTR units."""

from tracker_codecs.families.globalsat.family import FAMILY

__all__ = ["FAMILY"]
