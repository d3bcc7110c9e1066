"""Xirgo vehicle trackers."""
