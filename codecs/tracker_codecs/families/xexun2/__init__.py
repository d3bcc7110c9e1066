"""Xexun personal, asset and car trackers, protocol version 2."""
