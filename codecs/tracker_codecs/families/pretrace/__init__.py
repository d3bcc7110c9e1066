"""Pretrace trackers."""
