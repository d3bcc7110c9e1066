"""Dragino trackers (TrackerD, LGT-92) on their serial port: AT commands."""
