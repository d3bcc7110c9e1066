"""GPS watches."""

from tracker_codecs.families.watch.family import FAMILY

__all__ = ["FAMILY"]
