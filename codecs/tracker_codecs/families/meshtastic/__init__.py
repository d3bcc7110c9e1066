"""Meshtastic: open-source mesh radios with GNSS, as client over their serial port or TCP."""

from tracker_codecs.families.meshtastic.family import FAMILY

__all__ = ["FAMILY"]
