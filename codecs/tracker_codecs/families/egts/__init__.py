"""EGTS: session and reports; see `family` and `frame`."""
