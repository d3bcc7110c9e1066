"""Eview EV-07B and its sisters, also sold by MiniFinder."""
