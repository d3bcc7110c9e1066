"""Teltonika: vehicle trackers FM, FMA, FMB, FMC, FMM, FMU and kin of Teltonika Telematics."""

from tracker_codecs.families.teltonika.family import FAMILY

__all__ = ["FAMILY"]
