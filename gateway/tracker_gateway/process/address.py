"""A serial port on the network, as it is written: `socket://HOST:PORT`."""

from __future__ import annotations

from urllib.parse import urlsplit

#: What such an address begins with.
SOCKET = "socket://"


def socket_address(path: str) -> tuple[str, int]:
    """Host and port of `socket://HOST:PORT`. Raises ValueError for any other text."""
    try:
        parts = urlsplit(path)
        if path.startswith(SOCKET) and parts.hostname and parts.port and path.endswith(f":{parts.port}"):
            return parts.hostname, parts.port
    except ValueError:
        pass  # a port beyond 65535, brackets that do not close
    raise ValueError(f"{path} is not {SOCKET}HOST:PORT")
