"""The process itself: logs, figures, event loop, addresses."""
