"""Dialogues between a device and a gateway, as files: recorded, replayed, imported from captures."""
