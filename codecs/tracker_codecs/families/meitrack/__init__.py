"""Meitrack trackers: text frames `$$` and `@@`."""
