"""Sinocastel OBD trackers."""
