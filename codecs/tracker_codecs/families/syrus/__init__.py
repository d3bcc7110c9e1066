"""DCT Syrus units."""
