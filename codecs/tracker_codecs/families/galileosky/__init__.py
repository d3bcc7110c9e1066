"""Galileosky terminals."""
