"""MediaTek PMTK: GNSS receivers with MT3318, MT3329, MT3333 and MT3339 chips, on a serial port."""
