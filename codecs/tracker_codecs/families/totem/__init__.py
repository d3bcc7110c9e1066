"""TotemTech AT trackers; session only."""

from tracker_codecs.families.totem.family import FAMILY

__all__ = ["FAMILY"]
