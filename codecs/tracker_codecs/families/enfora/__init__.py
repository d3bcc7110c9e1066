"""Enfora, Novatel and SkyPatrol units."""
