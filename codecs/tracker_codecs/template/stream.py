"""Frames of a template family: cut, named, and what is owed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from tracker_codecs.contract import Checksum, Clock, Event, Kind, Message, Stream, Transport, utc_now
from tracker_codecs.errors import PeerError
from tracker_codecs.template.checksums import CHECKSUMS
from tracker_codecs.template.pattern import Pattern
from tracker_codecs.template.spec import Heard, Spec
from tracker_codecs.text import clean


class Wire:
    """The frames of a file: bytes to text and back."""

    def __init__(self, spec: Spec) -> None:
        self.start = spec.frame.start.encode("latin-1")
        self.end = spec.frame.end.encode("latin-1")
        self.ignore = spec.frame.ignore.encode("latin-1")
        self.most = spec.frame.max_length
        self._sum = CHECKSUMS.get(spec.frame.checksum)
        self._digits = len(self._sum(b"")) if self._sum else 0
        frame = spec.frame
        start, end = frame.server_start, frame.server_end
        self.server_start = self.start if start is None else start.encode("latin-1")
        self.server_end = self.end if end is None else end.encode("latin-1")
        self.messages = [
            (Kind(each.kind), Pattern(each.text, end=frame.end, device_id=spec.device_id.pattern), self._owed(each))
            for each in spec.messages
        ]

    def _owed(self, heard: Heard) -> Callable[[Mapping[str, str]], bytes]:
        if not heard.owed:
            return lambda _: b""
        pattern = Pattern(heard.owed)
        if heard.raw:
            return lambda values: pattern.fill(values).encode("latin-1")
        return lambda values: self.seal(pattern.fill(values))

    def seal(self, text: str) -> bytes:
        """A frame of the server around this text."""
        return self._sealed(self.server_start, text, self.server_end)

    def seal_device(self, text: str) -> bytes:
        """A frame of the device around this text."""
        return self._sealed(self.start, text, self.end)

    def _sealed(self, start: bytes, text: str, end: bytes) -> bytes:
        body = start + text.encode("latin-1")
        return body + (self._sum(body).encode() if self._sum else b"") + end

    def open(self, frame: bytes, *, server: bool = False) -> tuple[str, Checksum]:
        """The text of a frame, and whether its checksum is right. Raises PeerError."""
        start, end = (self.server_start, self.server_end) if server else (self.start, self.end)
        body = frame[: len(frame) - len(end)]
        if not body.startswith(start):
            raise PeerError(f"does not begin with {clean(start)}", discarded=frame[:64])
        if self._sum is None:
            return body[len(start) :].decode("latin-1"), Checksum.NONE
        body, told = body[: -self._digits], body[-self._digits :]
        state = Checksum.OK if told.upper() == self._sum(body).encode() else Checksum.BAD
        return body[len(start) :].decode("latin-1"), state

    def cut_server(self, data: bytes) -> tuple[list[bytes], bytes]:
        """The server's frames in these bytes, and what is left; all of it is one where they end with nothing."""
        if not self.server_end:
            return [data] if data else [], b""
        *frames, rest = data.split(self.server_end)
        return [frame.lstrip(self.ignore) + self.server_end for frame in frames], rest


class TemplateStream(Stream):
    """See `Stream`. A frame that no message of the file fits is `other`."""

    __slots__ = ("_kept", "_wire")

    def __init__(self, wire: Wire, transport: Transport = Transport.TCP, clock: Clock = utc_now) -> None:
        self._wire = wire
        self._kept = b""
        super().__init__(transport, clock)

    @property
    def buffered(self) -> int:
        """Bytes of an unfinished frame."""
        return len(self._kept)

    def feed(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """Cut at the frame's end; what comes before a start is told as garbage."""
        wire = self._wire
        buffer = self._kept + data
        events: list[Event] = []
        while True:
            at = buffer.find(wire.end, 0, wire.most)
            if at >= 0:
                frame, buffer = buffer[: at + len(wire.end)].lstrip(wire.ignore), buffer[at + len(wire.end) :]
                self._frame(frame, events)
            elif len(buffer) >= wire.most:
                events.append(PeerError(f"no end within {wire.most} bytes", discarded=buffer[:64], fatal=True))
                buffer = buffer[wire.most :]
            else:
                break
        self._kept = buffer
        return events

    def _frame(self, frame: bytes, events: list[Event]) -> None:
        wire = self._wire
        begin = frame.rfind(wire.start) if wire.start else 0
        if begin > 0:
            events.append(PeerError("bytes before the start of a frame", discarded=frame[:begin][:64]))
            frame = frame[begin:]
        try:
            text, checksum = wire.open(frame)
        except PeerError as error:
            events.append(error)
            return
        if checksum is Checksum.BAD:
            events.append(Message(Kind.OTHER, frame, self.device_id, checksum=checksum))
            return
        events.append(self._named(frame, text, checksum))

    def _named(self, frame: bytes, text: str, checksum: Checksum) -> Message:
        for kind, pattern, owed in self._wire.messages:
            found = pattern.match(text)
            if found is None:
                continue
            self.device_id = found.get("id", self.device_id)
            values = _known(found, self.device_id)
            answer = owed(values) if "id" in values else b""
            told = clean(text) if kind is Kind.REPLY else ""
            return Message(kind, frame, self.device_id, answer, checksum, told, data=text)
        return Message(Kind.OTHER, frame, self.device_id, checksum=checksum, data=text)


def _known(found: Mapping[str, str], device_id: str | None) -> dict[str, str]:
    values = {name: value for name, value in found.items() if value is not None}
    return {**values, "id": device_id} if device_id else values
