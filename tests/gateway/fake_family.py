"""A codec family for tests: lines of text, a read-back, numbered commands, two settings and one it cannot carry.

Device to server: `login ID`, `beat`, `report N`, `ok SERIAL`, `no SERIAL NAME`,
`value SERIAL interval=60 distance=100`.
Server to device: `hi` (owed to a login), `got N` (owed to a report), `set SERIAL interval=60 distance=100`,
`get SERIAL`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from tracker_codecs import registry
from tracker_codecs.answers import Matcher, reply_of
from tracker_codecs.contract import (
    Capability,
    Checksum,
    Command,
    Datum,
    Dialogue,
    Event,
    Kind,
    Limits,
    Match,
    Message,
    Outcome,
    Problem,
    Purpose,
    Settings,
    Severity,
    Stream,
    Strength,
    Target,
    Transport,
)
from tracker_codecs.course import Course
from tracker_codecs.device import Device
from tracker_codecs.envelope import Envelope
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.family import Family
from tracker_codecs.text import clean
from tracker_profiles import directories

MAX_FRAME = 256
WIRE = {"tracking_interval": "interval", "tracking_distance": "distance"}
PROFILE = {name: field for field, name in WIRE.items()}
KINDS = {
    "login": Kind.LOGIN,
    "beat": Kind.HEARTBEAT,
    "report": Kind.REPORT,
    "ok": Kind.REPLY,
    "no": Kind.REPLY,
    "value": Kind.REPLY,
}
#: A model of this family: profile albatross_s6 (tracking_interval 30.. s, tracking_distance 50.. m, both required).
MODEL = "fake_tracker"
#: One whose profile (arknav_x8) has a tracking_angle too, which the family cannot carry.
ANGLE_MODEL = "fake_angle_tracker"

_MODELS = f"""
codec: fake
vendor: Fake
id_type: imei
models:
  {MODEL}: {{name: Fake tracker, profile: albatross_s6, variant: plain}}
  {ANGLE_MODEL}: {{name: Fake tracker with an angle, profile: arknav_x8, variant: plain}}
"""


def _values(words: Sequence[str]) -> dict[str, int]:
    found = {}
    for word in words:
        name, _, value = word.partition("=")
        if name not in PROFILE or not value.isdigit():
            raise PeerError(f"not a setting: {clean(word)}")
        found[PROFILE[name]] = int(value)
    return found


class FakeStream(Stream):
    """Cuts lines."""

    def begin(self) -> None:
        self._kept = b""

    @property
    def buffered(self) -> int:
        return len(self._kept)

    def feed(self, data: bytes, channel: str = "") -> Sequence[Event]:
        events: list[Event] = []
        *lines, self._kept = (self._kept + data).split(b"\n")
        for line in lines:
            events.append(self._line(line + b"\n"))
        if len(self._kept) >= MAX_FRAME:
            events.append(PeerError("line too long", discarded=self._kept, fatal=True))
            self._kept = b""
        return events

    def _line(self, frame: bytes) -> Event:
        words = frame.decode("latin-1").split()
        kind = KINDS.get(words[0]) if words else None
        if kind is None:
            return PeerError(f"not a line of this protocol: {clean(frame)}", discarded=frame)
        owed = b""
        if kind is Kind.LOGIN:
            if len(words) != 2 or not words[1].isalnum():
                return PeerError("login without a device id", discarded=frame)
            self.device_id = words[1]
            owed = b"hi\n"
        elif kind is Kind.REPORT:
            owed = f"got {words[1] if len(words) > 1 else 0}\n".encode("latin-1")
        text = " ".join(words) if kind is Kind.REPLY else ""
        return Message(kind, frame, self.device_id, owed, Checksum.NONE, text)


class FakeEmulator(Device):
    """Keeps its settings in a dict; answers by its faults."""

    line_end = b"\n"

    def begin(self) -> None:
        self.held = {"tracking_interval": 600, "tracking_distance": 1000, **self.held}
        self._reports = 0
        self.received: list[bytes] = []

    def login(self) -> list[Datum]:
        return [Datum(f"login {self.device_id}\n".encode())]

    def receive(self, data: bytes, channel: str = "") -> list[Datum]:
        """Silent or not, it remembers what came."""
        *lines, self._partial = (self._partial + data).split(b"\n")
        return [Datum(answer) for line in lines for answer in self._obey(line)]

    def _obey(self, line: bytes) -> list[bytes]:
        verb, *words = line.decode("latin-1").split() or [""]
        if verb not in ("set", "get") or not words:
            return []
        self.received.append(line)
        serial = words[0]
        if self.faults.silent:
            return []
        if verb == "get":
            told = " ".join(f"{wire}={self.held[field]}" for field, wire in WIRE.items())
            return [f"value {serial} {told}\n".encode()]
        wanted = _values(words[1:])
        refused = sorted(self.faults.refuse & wanted.keys())
        if refused:
            return [f"no {serial} {WIRE[refused[0]]}\n".encode()]
        for field, value in wanted.items():
            self.obey(field, value)
        return [f"ok {serial}\n".encode()]

    def report(self, now: datetime) -> list[Datum]:
        self._reports += 1
        return [Datum(f"report {self._reports}\n".encode())]

    def heartbeat(self) -> list[Datum]:
        return [Datum(b"beat\n")]


def _numbered(target: Target, serial: str, done: str) -> Matcher:
    def means(message: Message) -> Match:
        words = message.text.split()
        if len(words) < 2 or words[1] != serial:
            return Match.NO
        if words[0] == "no":
            return Match.REFUSED
        return Match.DONE if words[0] == done else Match.NO

    return reply_of(target, means, unnamed=True)


def _recognise(first: bytes) -> bool | None:
    if len(first) < 5:
        return None if b"login"[: len(first)] == first else False
    return first[:5] == b"login"


def _fields(message: Message) -> dict[str, Any]:
    words = message.frame.decode("latin-1").split()
    if words[0] == "value":
        return {"serial": int(words[1]), **_values(words[2:])}
    return {"words": words}


def _server(data: bytes, channel: str) -> Sequence[Event]:
    events: list[Event] = []
    for line in data.splitlines(keepends=True):
        if line.split()[:1] and line.split()[0] in (b"set", b"get", b"hi", b"got"):
            events.append(Message(Kind.OTHER, line))
        else:
            events.append(PeerError(f"not a line of this protocol: {clean(line)}", discarded=line))
    return events


def _check(target: Target, settings: Settings) -> list[Problem]:
    if settings.get("tracking_distance", 0) % 10:
        return [Problem("tracking_distance", Severity.REFUSE, "only multiples of 10 m")]
    return []


def _apply(target: Target, wanted: Settings) -> Dialogue:
    course = Course(wanted)
    words = " ".join(f"{WIRE[name]}={value}" for name, value in wanted.items())
    serial = str(target.serial * 2)
    text = f"set {serial} {words}"
    match = _numbered(target, serial, "ok")
    yield from course.change(
        Command(f"{text}\n".encode(), text, Purpose.WRITE, f"ok {serial}", match, tuple(wanted), timeout=2.0),
        lambda reply: reply.text,
    )
    found = yield from _read(target, list(wanted))
    course.unanswered = found.unanswered
    return course.judged({name: value for name, value in found.reported.items() if name in wanted})


def _read(target: Target, wanted: Sequence[str]) -> Dialogue:
    serial = str(target.serial * 2 + 1)
    reply = yield Command(
        f"get {serial}\n".encode(),
        f"get {serial}",
        Purpose.READ_BACK,
        f"value {serial} ...",
        _numbered(target, serial, "value"),
        tuple(wanted),
        timeout=2.0,
    )
    if not reply.ok:
        return Outcome({}, unanswered=not reply.messages and not reply.assumed)
    return Outcome({}, reported=_values(reply.text.split()[2:]))


def _wrap(target: Target, text: str) -> bytes:
    if not text.isprintable() or not text.isascii():
        raise LocalError("a command is one line of ASCII", parameter="command")
    return f"{text}\n".encode()


def _any_reply(target: Target, text: str, message: Message) -> Match:
    return Match.DONE if message.kind is Kind.REPLY else Match.NO


FAMILY = Family(
    name="fake",
    title="A text protocol for tests",
    sources=("made up",),
    transports=frozenset({Transport.TCP, Transport.UDP}),
    limits=Limits(max_frame=MAX_FRAME, idle=60.0, reply_timeout=2.0),
    acknowledgement_proves="stored",
    variants={
        "plain": {
            "tracking_interval": Capability(Strength.READ_BACK),
            "tracking_distance": Capability(Strength.READ_BACK),
            "tracking_angle": Capability(None, "the protocol has no angle"),
        }
    },
    unsupported="the protocol has no such setting",
    stream=FakeStream,
    server=_server,
    recognise=_recognise,
    fields=_fields,
    check=_check,
    apply=_apply,
    read=_read,
    raw=Envelope(wrap=_wrap, answers=_any_reply, expects="any answer", timeout=2.0),
    emulator=FakeEmulator,
)


@cache
def install() -> Family:
    """Registers the family and its models, once a process."""
    registry.register(FAMILY)
    folder = Path(tempfile.mkdtemp(prefix="fake-models-"))
    (folder / "models").mkdir()
    (folder / "models" / "fake.yaml").write_text(_MODELS)
    directories.add_directory(folder)
    return FAMILY
