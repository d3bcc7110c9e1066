"""The HTTP shim and gateway API: an aiohttp application over `service.Service`, and the runner that serves it."""

from tracker_gateway.http.app import HttpOptions, make_app
from tracker_gateway.http.runner import JsonRunner

__all__ = ["HttpOptions", "JsonRunner", "make_app"]
