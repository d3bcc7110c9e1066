"""Deliveries: bringing desired revisions to trackers, and the evidence of it."""
