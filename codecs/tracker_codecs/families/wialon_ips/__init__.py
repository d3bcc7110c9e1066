"""Wialon IPS: session, reports and messages; see `family` and `frame`."""

from tracker_codecs.families.wialon_ips.family import FAMILY

__all__ = ["FAMILY"]
