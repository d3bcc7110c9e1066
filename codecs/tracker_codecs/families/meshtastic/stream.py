"""Cutting of a node's frames out of its log text. There is no checksum, so a frame must make sense to count.

Bytes outside frames are log text of the node and told line by line. Frames that carry keys (the security section,
channels) are emptied: nobody here needs them, and they must not get into a recording. Source: meshtastic/python
(stream_interface), meshtastic/firmware (StreamAPI).
"""

from __future__ import annotations

from collections.abc import Sequence

from tracker_codecs.contract import Event, Kind, Message, Stream
from tracker_codecs.errors import PeerError
from tracker_codecs.families.meshtastic import packets, proto
from tracker_codecs.families.meshtastic.packets import MAX_PAYLOAD, START, Said
from tracker_codecs.text import clean

#: Longest run of text told at once, in bytes.
MAX_TEXT = 256
#: Most that is ever kept: an unfinished frame, and the text in front of it.
MAX_FRAME = 4 + MAX_PAYLOAD + MAX_TEXT
_PRINTABLE = frozenset((*range(0x20, 0x7F), 0x09, 0x0D, 0x0A, 0x1B))
_SECURITY = 8
_KINDS = {"my_info": Kind.LOGIN, "config": Kind.REPLY, "config_complete_id": Kind.REPLY, "metadata": Kind.REPLY}
_PORTS = {packets.POSITION_APP: Kind.REPORT, packets.ROUTING_APP: Kind.REPLY, packets.ADMIN_APP: Kind.REPLY}
_READ_LATER = frozenset({"my_info", "metadata", "config"})
_ANSWERS = frozenset({packets.ROUTING_APP, packets.ADMIN_APP})


def recognise(first: bytes) -> bool | None:
    """See `Family.recognise`: a frame at once. Log text in front of it says nothing of its own."""
    if len(first) < 4:
        return None if START.startswith(first[:2]) else False
    return first.startswith(START) and first[2] << 8 | first[3] <= MAX_PAYLOAD


class MeshtasticStream(Stream):
    """One node's port. The node's number is its id; packets that it only passes on name nobody of ours."""

    __slots__ = ("_node", "_rest", "_text")

    def begin(self) -> None:
        """See `Stream.begin`."""
        self._node = 0
        self._rest = b""
        self._text = b""

    @property
    def buffered(self) -> int:
        """Bytes kept of an unfinished frame or line of text."""
        return len(self._rest) + len(self._text)

    def feed(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """Cut, identify, name; see `Stream.feed`."""
        buf = self._rest + data if self._rest else data
        events: list[Event] = []
        pos, end = 0, len(buf)
        while pos < end:
            start = buf.find(START, pos)
            if start != pos:
                stop = start if start > 0 else end - (buf[end - 1] == START[0])
                self._log(buf[pos:stop], events)
                pos = stop
                if start < 0:
                    break
                continue
            if end - pos < 4:
                break
            length = int.from_bytes(buf[pos + 2 : pos + 4], "big")
            if length > MAX_PAYLOAD:
                self._flush(events)
                events.append(PeerError("a length beyond 512", discarded=buf[pos : pos + 4]))
                pos += 2
                continue
            if end - pos < 4 + length:
                break
            self._flush(events)
            event = self._frame(buf[pos : pos + 4 + length])
            events.append(event)
            pos += 2 if isinstance(event, PeerError) else 4 + length
        self._rest = buf[pos:]
        return events

    def _frame(self, frame: bytes) -> Event:
        try:
            said = (packets.understand_client if self.server else packets.understand)(frame[4:])
            packet = said.packet
            if packet is not None and packet.port not in _ANSWERS and not (said.from_client or self.server):
                return self._packet(frame, said, packet)
            if said.variant == "my_info" and isinstance(said.value, bytes):
                self._node = proto.number(proto.parse(said.value), 1) & 0xFFFFFFFF
                self.device_id = packets.node_id(self._node) if self._node else None
            if said.variant in _READ_LATER or (packet and packet.port in _ANSWERS):
                packets.check(said)  # what answers a command must make sense to its last byte
            if self._secret(said):
                frame, said = packets.frame(b""), Said(f"{said.variant}, emptied", 0)
        except PeerError as error:
            return PeerError(error.reason, discarded=frame[:32])
        if said.from_client or self.server:
            return Message(Kind.OTHER, frame, data=said)
        if said.packet:
            return self._packet(frame, said, said.packet)
        return Message(_KINDS.get(said.variant, Kind.OTHER), frame, self.device_id, data=said)

    def _packet(self, frame: bytes, said: Said, packet: packets.Packet) -> Message:
        if packet.sender not in (0, self._node) or not self._node:
            return Message(Kind.OTHER, frame, data=said)  # heard on the mesh: not this node's
        return Message(_PORTS.get(packet.port, Kind.OTHER), frame, self.device_id, data=said)

    @staticmethod
    def _secret(said: Said) -> bool:
        if said.variant == "channel":
            return True
        if said.variant != "config" or not isinstance(said.value, bytes):
            return False
        return proto.part(proto.parse(said.value), _SECURITY) is not None

    # -- text -------------------------------------------------------------------------------------------------------
    def _log(self, data: bytes, events: list[Event]) -> None:
        while data:
            room = MAX_TEXT - len(self._text)
            if self.server and len(self._text) < len(packets.WAKE_UP):
                room = len(packets.WAKE_UP) - len(self._text)
            stop = data.find(b"\n", 0, room)
            take = stop + 1 if stop >= 0 else min(room, len(data))
            self._text += data[:take]
            data = data[take:]
            woken = self.server and self._text == packets.WAKE_UP
            if stop >= 0 or len(self._text) == MAX_TEXT or woken:
                self._flush(events)

    def _flush(self, events: list[Event]) -> None:
        text, self._text = self._text, b""
        if not text.strip(b"\r\n\0 "):
            return
        if self.server and text == packets.WAKE_UP:
            events.append(Message(Kind.OTHER, text, data=Said("wake_up", 0, from_client=True)))
        elif _PRINTABLE.issuperset(text):
            shown = clean(text.strip(), MAX_TEXT)
            events.append(Message(Kind.OTHER, text, self.device_id, text=shown, data=Said("text", 0)))
        else:
            events.append(PeerError("bytes that are neither frame nor text", discarded=text[:32]))
