"""Granit Navigator trackers."""
