"""TopFlyTech vehicle trackers."""

from tracker_codecs.families.topflytech.family import FAMILY

__all__ = ["FAMILY"]
