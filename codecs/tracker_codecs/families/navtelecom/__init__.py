"""Navtelecom units."""
