"""Neomatica ADM units."""

from tracker_codecs.families.neomatica_adm.family import FAMILY

__all__ = ["FAMILY"]
