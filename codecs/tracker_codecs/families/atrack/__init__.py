"""ATrack: text commands over TCP and UDP."""
