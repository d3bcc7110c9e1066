"""Enfora, Novatel and SkyPatrol units."""

from tracker_codecs.families.enfora.family import FAMILY

__all__ = ["FAMILY"]
