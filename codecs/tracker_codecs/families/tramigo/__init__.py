"""Tramigo vehicle trackers."""
