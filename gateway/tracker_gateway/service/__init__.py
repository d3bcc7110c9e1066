"""The use cases: as the faces call them, what is checked before, and what they do."""
