"""Packet captures as dialogues: one for each TCP connection, and for each device that sends datagrams."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

from tracker_codecs.contract import Message, Transport

from tracker_gateway.recording.capture import SYN, Segment
from tracker_gateway.recording.collect import Collector, Talk
from tracker_gateway.recording.flows import Connection, Said

#: Connections or devices followed at the same time; the one that was silent longest ends for a new one.
MAX_FLOWS = 300

End = tuple[str, int]


@dataclass
class _Flow:
    talk: Talk
    connection: Connection | None
    last: float


class Importer:
    """`port` is the gateway's. Feed it segments in the order of the capture, then `end`."""

    def __init__(self, collector: Collector, port: int) -> None:
        self._collector = collector
        self._port = port
        self._tcp = collector.transport is Transport.TCP
        self._flows: OrderedDict[object, _Flow] = OrderedDict()
        self._devices: OrderedDict[End, str] = OrderedDict()
        self.seen = 0
        self.others = 0  # of the port, but over the other transport

    def run(self, segments: Iterable[Segment]) -> None:
        """All of a capture. Raises CaptureError; what came before it is written."""
        try:
            for segment in segments:
                self.add(segment)
        finally:
            self.end()

    def add(self, segment: Segment) -> None:
        """One segment of the port."""
        if segment.tcp is not self._tcp:
            self.others += 1
            return
        self.seen += 1
        device = segment.target[1] == self._port
        if device and segment.source[1] == self._port and self._known(segment):
            device = False
        ends = (segment.source, segment.target) if device else (segment.target, segment.source)
        if self._tcp:
            self._add_tcp(ends, segment, device)
        elif segment.missing:
            self._collector.tell(f"packet {segment.number}: the capture has only a part of this datagram; left out")
        elif segment.payload:
            self._add_datagram(ends[0], segment, device)

    def _known(self, segment: Segment) -> bool:
        """Both ends use the port: who spoke first is the device."""
        return (segment.target, segment.source) in self._flows or segment.target in self._devices

    def _add_tcp(self, ends: tuple[End, End], segment: Segment, device: bool) -> None:
        flow = self._flows.get(ends)
        if flow is not None and device and flow.connection is not None and flow.connection.opens(segment, device=True):
            self._close(self._flows.pop(ends))
            flow = None
        if flow is None:
            if not segment.payload and not segment.flags & SYN:
                return
            flow = self._open(ends, "{}:{}".format(*ends[0]), segment.time)
        connection = flow.connection
        assert connection is not None
        flow.last = segment.time
        self._flows.move_to_end(ends)
        connection.add(segment, device=device)
        if connection.cut:
            flow.talk.end(segment.time, connection.cut)

    def _add_datagram(self, client: End, segment: Segment, device: bool) -> None:
        if device:
            events = self._collector.family.stream(Transport.UDP).feed(segment.payload)
            told = (each.device_id for each in events if isinstance(each, Message) and each.device_id)
            named = next(told, self._devices.get(client, ""))
            if named:
                self._devices[client] = named
                self._devices.move_to_end(client)
                if len(self._devices) > 10 * MAX_FLOWS:
                    self._devices.popitem(last=False)
        key = self._devices.get(client) or client
        flow = self._flows.get(key) or self._open(key, "{}:{}".format(*client), segment.time)
        flow.last = segment.time
        self._flows.move_to_end(key)
        (flow.talk.device if device else flow.talk.gateway)(segment.payload, segment.time)

    def _open(self, key: object, peer: str, time: float) -> _Flow:
        if len(self._flows) == MAX_FLOWS:
            _, oldest = self._flows.popitem(last=False)
            self._close(oldest)
        talk = self._collector.talk(peer, time, time)

        def say(said: Said) -> None:
            (talk.device if said.device else talk.gateway)(said.data, said.time)

        flow = self._flows[key] = _Flow(talk, Connection(say) if self._tcp else None, time)
        return flow

    def _close(self, flow: _Flow) -> None:
        reason = ""
        if flow.connection is not None:
            flow.connection.end()
            reason = flow.connection.cut or flow.connection.note
        flow.talk.end(flow.last, reason)

    def end(self) -> None:
        """The capture is over."""
        while self._flows:
            self._close(self._flows.popitem(last=False)[1])
