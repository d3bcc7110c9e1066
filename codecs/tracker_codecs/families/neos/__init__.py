"""AVLSAT NEO-S: session only; see `family` and `frame`."""

from tracker_codecs.families.neos.family import FAMILY

__all__ = ["FAMILY"]
