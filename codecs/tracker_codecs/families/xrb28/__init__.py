"""Omni scooters, bicycles and locks."""
