"""The configuration: its file, and the sections about links."""
