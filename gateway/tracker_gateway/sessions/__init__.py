"""Identified trackers on their links: what a session offers, and which are up."""
