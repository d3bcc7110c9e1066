"""Teltonika: vehicle trackers FM, FMA, FMB, FMC, FMM, FMU and kin of Teltonika Telematics."""
