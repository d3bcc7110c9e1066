"""TopFlyTech vehicle trackers."""
