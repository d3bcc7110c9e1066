"""eSeal electronic locks."""

from tracker_codecs.families.eseal.family import FAMILY

__all__ = ["FAMILY"]
