"""The daemon: transports, sessions, deliveries, twin, store, HTTP, command line, recording, emulation."""

__version__ = "0.1.0"
