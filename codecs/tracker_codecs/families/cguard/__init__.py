"""cGuard: session only; see `family` and `frame`."""

from tracker_codecs.families.cguard.family import FAMILY

__all__ = ["FAMILY"]
