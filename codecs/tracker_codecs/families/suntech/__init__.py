"""Suntech text protocol."""
