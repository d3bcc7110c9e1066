"""Bofan PT502, PT521 and their sisters: `$POS` lines, `#` commands."""

from tracker_codecs.families.pt502.family import FAMILY

__all__ = ["FAMILY"]
