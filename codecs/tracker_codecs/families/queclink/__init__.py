"""Queclink @Track: portable and vehicle trackers of Queclink (also sold as Ruslink)."""
