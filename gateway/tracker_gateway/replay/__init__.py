"""Recorded dialogues played again: against a gateway elsewhere, or one started for it."""
