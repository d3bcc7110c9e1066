"""Noran vehicle trackers."""
