"""Frames as they are kept for others: without what varies, or with another node number."""

from __future__ import annotations

from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.meshtastic import packets, proto
from tracker_codecs.families.meshtastic.proto import FIXED32, LEN, VARINT, Field

#: Of a MeshPacket: id, time of reception, signal, hops.
_VARYING = frozenset({6, 7, 8, 9, 12})


def _parsed(frame: bytes) -> list[Field] | None:
    if frame[:2] != packets.START:
        return None
    try:
        return proto.parse(frame[4:])
    except PeerError:
        return None


def normalised(frame: bytes) -> bytes:
    """The frame without its count, packet ids and times."""
    fields = _parsed(frame)
    if not fields:
        return frame
    out = []
    for field in fields:
        if field.number == 1 and field.wire == VARINT:
            continue
        if field.number in (1, 2) and isinstance(field.value, bytes):
            try:
                inner = [_without_request(p) for p in proto.parse(field.value) if p.number not in _VARYING]
            except PeerError:
                return frame
            out.append(field._replace(value=proto.build(inner)))
        else:
            out.append(field)
    return packets.frame(proto.build(out))


def _without_request(field: Field) -> Field:
    if field.number != 4 or not isinstance(field.value, bytes):
        return field
    decoded = [part for part in proto.parse(field.value) if (part.number, part.wire) != (6, FIXED32)]
    return field._replace(value=proto.build(decoded))


def renamed(frame: bytes, old: str, new: str) -> bytes:
    """The frame with node `old` called `new`, wherever it names it. Raises LocalError for ids that are no numbers."""
    try:
        was, becomes = int(old, 16), int(new, 16)
    except ValueError:
        was = becomes = 0
    if not (len(old) == len(new) == 8 and was and becomes):
        raise LocalError(packets.IDS.reason, parameter="device_id")
    fields = _parsed(frame)
    if fields is None:
        return frame.replace(old.encode(), new.encode())
    done = _inside(fields, was, becomes, old.encode(), new.encode(), 0)
    return frame if done == fields else packets.frame(proto.build(done))


def _inside(fields: list[Field], was: int, becomes: int, old: bytes, new: bytes, depth: int) -> list[Field]:
    """Numbers equal to the node's, and text that names it, in messages up to four deep."""
    out = []
    for field in fields:
        value = field.value
        if value == was and field.wire in (VARINT, FIXED32):
            value = becomes
        elif field.wire == LEN and isinstance(value, bytes):
            try:
                inner = proto.parse(value) if depth < 4 and value else []
                same = proto.build(inner) == value  # otherwise it is a text that only looks like a message
            except PeerError:
                same = False
            value = proto.build(_inside(inner, was, becomes, old, new, depth + 1)) if same else value.replace(old, new)
        out.append(field._replace(value=value))
    return out
