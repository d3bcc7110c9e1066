"""Cityeasy trackers."""
