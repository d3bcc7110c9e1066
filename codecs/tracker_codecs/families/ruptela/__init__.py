"""Ruptela units."""
