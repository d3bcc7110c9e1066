"""Kingneed and VJoy personal trackers."""
