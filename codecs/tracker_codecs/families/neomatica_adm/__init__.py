"""Neomatica ADM units."""
