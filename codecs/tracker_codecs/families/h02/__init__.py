"""H02 units: SinoTrack ST-90x, CanTrack and their like."""
