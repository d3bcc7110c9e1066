"""Meshtastic: open-source mesh radios with GNSS, as client over their serial port or TCP."""
