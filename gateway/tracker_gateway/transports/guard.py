"""Limits on strangers: how many unidentified links a source may hold, and which first bytes are another protocol's."""

from __future__ import annotations

from ipaddress import AddressValueError, IPv6Address

#: How another protocol opens a connection: HTTP verbs, TLS records (handshake, version 3.x), SSH, a blank line.
_OPENINGS = (
    b"GET ",
    b"POST",
    b"HEAD",
    b"PUT ",
    b"DELE",
    b"OPTI",
    b"CONN",
    b"TRAC",
    b"PATC",
    b"PRI ",
    b"SSH-",
    b"\r\n\r\n",
    b"\x16\x03\x00",
    b"\x16\x03\x01",
    b"\x16\x03\x02",
    b"\x16\x03\x03",
    b"\x16\x03\x04",
)
#: Bytes that decide.
DECISIVE = 4
_FIRST = frozenset(opening[0] for opening in _OPENINGS)


def foreign(first: bytes) -> bool | None:
    """Do these first bytes open another protocol? None: too few to tell."""
    if first and first[0] not in _FIRST:
        return False
    if first.startswith(_OPENINGS):
        return True
    if any(opening.startswith(first) for opening in _OPENINGS):
        return None
    return False


def source_of(host: str) -> str:
    """What counts as one source: an IPv4 address, or the /64 an IPv6 address lies in (one customer has all of it)."""
    if ":" not in host:
        return host
    try:
        address = IPv6Address(host.partition("%")[0])
    except AddressValueError:
        return host
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return address.packed[:8].hex()


class Guard:
    """Counts links: all, the unidentified ones in all and by source, and the refused devices that are kept."""

    __slots__ = (
        "_by_source",
        "_max_held",
        "_max_links",
        "_max_per_source",
        "_max_unidentified",
        "held",
        "links",
        "unidentified",
    )

    def __init__(self, *, max_links: int, max_unidentified: int, max_per_source: int, max_held: int) -> None:
        self._max_links = max_links
        self._max_unidentified = max_unidentified
        self._max_per_source = max_per_source
        self._max_held = max_held
        self._by_source: dict[str, int] = {}
        self.links = 0
        self.held = 0
        self.unidentified = 0

    def admit(self, source: str) -> bool:
        """A link came from this source. False: a limit is reached, nothing was counted."""
        present = self._by_source.get(source, 0)
        if (
            self.links >= self._max_links
            or self.unidentified >= self._max_unidentified
            or present >= self._max_per_source
        ):
            return False
        self.links += 1
        self.unidentified += 1
        self._by_source[source] = present + 1
        return True

    def known(self, source: str) -> None:
        """A link of this source was identified, refused for good, or ended before that."""
        self.unidentified -= 1
        left = self._by_source[source] - 1
        if left:
            self._by_source[source] = left
        else:
            del self._by_source[source]

    def gone(self) -> None:
        """A link that was admitted ended."""
        self.links -= 1

    def hold(self) -> bool:
        """A refused device wants to be kept. False: too many are."""
        if self.held >= self._max_held:
            return False
        self.held += 1
        return True

    def release(self) -> None:
        """A device that was held went, or became a session."""
        self.held -= 1
