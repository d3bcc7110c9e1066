"""Reads packet captures: pcap and pcapng, down to TCP segments and UDP datagrams.

Formats: libpcap's savefile (pcap-savefile(5)) in both byte orders with micro- and nanoseconds; pcapng
(draft-ietf-opsawg-pcapng) with any number of sections and interfaces. Link types by their numbers at tcpdump.org:
Ethernet with VLAN tags, Linux cooked v1 and v2, raw IP, loopback (NULL and LOOP). Memory: one packet at a time.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from ipaddress import ip_address
from typing import BinaryIO, NamedTuple

#: Bytes of a packet or block; more is no capture of ours.
MAX_PACKET = 16 * 1024 * 1024
#: Interfaces of one pcapng section.
MAX_INTERFACES = 1024

_PCAP = {
    b"\xa1\xb2\xc3\xd4": (">", 1e-6),
    b"\xd4\xc3\xb2\xa1": ("<", 1e-6),
    b"\xa1\xb2\x3c\x4d": (">", 1e-9),
    b"\x4d\x3c\xb2\xa1": ("<", 1e-9),
}
_SECTION, _INTERFACE, _OLD_PACKET, _SIMPLE, _ENHANCED = 0x0A0D0D0A, 1, 2, 3, 6
_IPV4, _IPV6, _VLAN = 0x0800, 0x86DD, (0x8100, 0x88A8, 0x9100)
_TCP, _UDP = 6, 17
#: IPv6 headers that stand before the transport's: hop-by-hop, routing, authentication, destination, mobility.
_EXTENSIONS = {0, 43, 51, 60, 135}
_FRAGMENT = 44
FIN, SYN, RST, ACK = 1, 2, 4, 16


class CaptureError(Exception):
    """A capture cannot be read; the text says where and why."""


class Raw(NamedTuple):
    """A packet as it stands in the file. `time`: Unix time, s."""

    number: int
    time: float
    link: int
    data: bytes


class Segment(NamedTuple):
    """A TCP segment or UDP datagram. `missing`: bytes of the payload that the capture left out (snap length)."""

    number: int
    time: float
    tcp: bool
    source: tuple[str, int]
    target: tuple[str, int]
    payload: bytes
    missing: int = 0
    seq: int = 0
    ack: int = 0
    flags: int = 0


def segments(file: BinaryIO, port: int) -> Iterator[Segment]:
    """The TCP segments and UDP datagrams from and to `port`, in the order of the file.

    Raises CaptureError for a file that is no capture or is damaged, for a link type that is not known, and for IP
    fragments of this port.
    """
    for raw in packets(file):
        found = _network(raw, port)
        if found is not None:
            yield found


def packets(file: BinaryIO) -> Iterator[Raw]:
    """The packets of a pcap or pcapng file. Raises CaptureError."""
    magic = file.read(4)
    if magic in _PCAP:
        yield from _pcap(file, *_PCAP[magic])
    elif magic == b"\x0a\x0d\x0d\x0a":
        yield from _pcapng(file)
    else:
        raise CaptureError(f"is no pcap or pcapng file (it begins with {magic.hex() or 'nothing'})")


# -- files -----------------------------------------------------------------------------------------------------------
def _exactly(file: BinaryIO, count: int, what: str) -> bytes:
    if not 0 <= count <= MAX_PACKET:
        raise CaptureError(f"{what} claims {count} bytes")
    data = file.read(count)
    if len(data) < count:
        raise CaptureError(f"the file ends inside {what}")
    return data


def _pcap(file: BinaryIO, order: str, unit: float) -> Iterator[Raw]:
    header = _exactly(file, 20, "its header")
    link = struct.unpack(order + "I", header[16:])[0] & 0xFFFF  # above it: the length of a frame check sequence
    record = struct.Struct(order + "IIII")
    number = 0
    while head := file.read(record.size):
        number += 1
        what = f"packet {number}"
        head += _exactly(file, record.size - len(head), what)
        seconds, parts, kept, _ = record.unpack(head)
        yield Raw(number, seconds + parts * unit, link, _exactly(file, kept, what))


def _pcapng(file: BinaryIO) -> Iterator[Raw]:
    order = "<"
    interfaces: list[tuple[int, float, int]] = []  # link type, seconds a tick, offset in s
    number = blocks = 0
    kind_bytes = b"\x0a\x0d\x0d\x0a"
    while kind_bytes:
        blocks += 1
        what = f"block {blocks}"
        kind_bytes += _exactly(file, 4 - len(kind_bytes), what)
        size_bytes = _exactly(file, 4, what)
        lead = b""
        if kind_bytes == b"\x0a\x0d\x0d\x0a":
            lead = _exactly(file, 4, what)
            if lead not in (b"\x1a\x2b\x3c\x4d", b"\x4d\x3c\x2b\x1a"):
                raise CaptureError(f"{what}: no byte order mark, but {lead.hex()}")
            order = ">" if lead[0] == 0x1A else "<"
            interfaces = []
        kind, size = struct.unpack(order + "II", kind_bytes + size_bytes)
        if size % 4 or size < 12 + len(lead):
            raise CaptureError(f"{what} claims {size} bytes")
        body = _exactly(file, size - 12 - len(lead), what)
        if _exactly(file, 4, what) != size_bytes:
            raise CaptureError(f"{what}: its two lengths differ")
        try:
            if kind == _INTERFACE:
                if len(interfaces) == MAX_INTERFACES:
                    raise CaptureError(f"{what}: more than {MAX_INTERFACES} interfaces")
                interfaces.append(_interface(body, order))
            elif kind in (_ENHANCED, _OLD_PACKET, _SIMPLE):
                number += 1
                yield _block(kind, body, order, interfaces, number)
        except (struct.error, IndexError):
            raise CaptureError(f"{what} is damaged") from None
        kind_bytes = file.read(4)


def _interface(body: bytes, order: str) -> tuple[int, float, int]:
    link = struct.unpack_from(order + "H", body)[0]
    tick, offset, at = 1e-6, 0, 8
    while at + 4 <= len(body):
        code, size = struct.unpack_from(order + "HH", body, at)
        if code == 0:
            break
        if code == 9 and size == 1:  # if_tsresol: a negative power of 10, or of 2 where the top bit is set
            value = body[at + 4]
            tick = 2.0 ** -(value & 0x7F) if value & 0x80 else 10.0**-value
        elif code == 14 and size == 8:  # if_tsoffset
            offset = struct.unpack_from(order + "q", body, at + 4)[0]
        at += 4 + (size + 3) // 4 * 4
    return link, tick, offset


def _block(kind: int, body: bytes, order: str, interfaces: list[tuple[int, float, int]], number: int) -> Raw:
    if kind == _SIMPLE:  # has no time, and no length of its own where it was cut
        (size,) = struct.unpack_from(order + "I", body)
        return Raw(number, 0.0, interfaces[0][0], body[4 : 4 + size])
    index, high, low, kept = struct.unpack_from(order + ("IIII" if kind == _ENHANCED else "HxxIII"), body)
    link, tick, offset = interfaces[index]
    if kept > len(body) - 20:
        raise IndexError
    return Raw(number, offset + (high << 32 | low) * tick, link, body[20 : 20 + kept])


# -- layers ----------------------------------------------------------------------------------------------------------
def _network(raw: Raw, port: int) -> Segment | None:
    """The segment of a packet; None for anything that is not of this port, or too short to tell."""
    data, link = raw.data, raw.link
    if link == 1:
        at = 12
        kind = int.from_bytes(data[at : at + 2], "big")
        while kind in _VLAN and at < 28:
            at += 4
            kind = int.from_bytes(data[at : at + 2], "big")
        data = data[at + 2 :]
    elif link == 113:
        kind, data = int.from_bytes(data[14:16], "big"), data[16:]
    elif link == 276:
        kind, data = int.from_bytes(data[:2], "big"), data[20:]
    elif link in (0, 108):  # the family number differs between systems: the version of IP tells
        kind, data = 0, data[4:]
    elif link in (12, 14, 101, 228, 229):
        kind = 0
    else:
        raise CaptureError(
            f"packet {raw.number}: link type {link} is not known; known are Ethernet (1), Linux cooked (113, 276), "
            "raw IP (12, 14, 101, 228, 229) and loopback (0, 108)"
        )
    version = data[0] >> 4 if data else 0
    if kind in (0, _IPV4) and version == 4:
        return _ipv4(raw, data, port)
    if kind in (0, _IPV6) and version == 6:
        return _ipv6(raw, data, port)
    return None


def _ipv4(raw: Raw, data: bytes, port: int) -> Segment | None:
    head = (data[0] & 0x0F) * 4
    if head < 20 or len(data) < head:
        return None
    total, _, place, _, protocol = struct.unpack_from(">HHHBB", data, 2)
    total = total or len(data)  # left to the network card
    return _transport(raw, protocol, data[12:16], data[16:20], data[head:total], total - head, place & 0x3FFF, port)


def _ipv6(raw: Raw, data: bytes, port: int) -> Segment | None:
    if len(data) < 40:
        return None
    size, protocol = struct.unpack_from(">HB", data, 4)
    end = 40 + size if size else len(data)
    at, place = 40, 0
    while protocol in _EXTENSIONS or protocol == _FRAGMENT:
        if len(data) < at + 8:
            return None
        if protocol == _FRAGMENT:
            place |= int.from_bytes(data[at + 2 : at + 4], "big") & 0xFFF9  # offset and "more"; 0: a whole datagram
            step = 8
        else:
            step = (data[at + 1] + 2) * 4 if protocol == 51 else (data[at + 1] + 1) * 8
        protocol, at = data[at], at + step
    place = place >> 3 | (place & 1) << 13
    return _transport(raw, protocol, data[8:24], data[24:40], data[at:end], end - at, place, port)


def _transport(
    raw: Raw, protocol: int, source: bytes, target: bytes, data: bytes, size: int, place: int, port: int
) -> Segment | None:
    """`place`: the fragment's offset in 8 bytes, and bit 13 where more follow."""
    if protocol not in (_TCP, _UDP) or place & 0x1FFF or len(data) < 8:  # a later fragment has no ports
        return None
    ports = struct.unpack_from(">HH", data)
    if port not in ports:
        return None
    if place:
        raise CaptureError(
            f"packet {raw.number}: a fragmented IP datagram of port {port}; fragments are not put together, "
            "capture on the other side of the link that fragments"
        )
    tcp = protocol == _TCP
    seq = ack = flags = 0
    head = 8
    if tcp:
        if len(data) < 20:
            return None
        seq, ack, offset, flags = struct.unpack_from(">IIBB", data, 4)
        head = (offset >> 4) * 4
        if head < 20:
            return None
    else:
        size = struct.unpack_from(">H", data, 4)[0] or size
    payload = data[head:size]
    who = (str(ip_address(source)), ports[0]), (str(ip_address(target)), ports[1])
    missing = max(0, size - head - len(payload))
    return Segment(raw.number, raw.time, tcp, *who, payload, missing, seq, ack if flags & ACK else -1, flags)
