"""Jointech locks and trackers."""
