"""Eelink trackers."""
