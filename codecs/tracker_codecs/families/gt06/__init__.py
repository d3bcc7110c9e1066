"""GT06: Concox / Jimi trackers and their many clones."""

from tracker_codecs.families.gt06.family import FAMILY

__all__ = ["FAMILY"]
