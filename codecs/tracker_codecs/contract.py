"""The words of the contract between a codec and whoever drives it (gateway, emulator, command line, test).

A codec is sans-IO: one value, `tracker_codecs.family.Family`. Words are those of docs/architecture.md.

- `Family.stream()` cuts and understands the bytes of one link.
- `Family.check()` tells, before anything is sent, which settings this model cannot take and why.
- `Family.apply()` and `Family.read()` are dialogues: generators that yield `Command`s, are sent `Reply`s and return
  an `Outcome`. They do no I/O and know no time.
- `Family.emulator()` is a believable device for demo, load and end-to-end tests.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntEnum, StrEnum
from typing import Any, NamedTuple

from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.text import starred

#: A JSON value of a setting: int, float, bool, str or a list of str.
Value = Any
Settings = Mapping[str, Value]
Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The default clock of a stream (only used for bytes that must carry the time)."""
    return datetime.now(UTC)


class Transport(StrEnum):
    """How bytes travel."""

    TCP = "tcp"
    UDP = "udp"
    MQTT = "mqtt"
    SERIAL = "serial"


class Kind(StrEnum):
    """What a message is."""

    LOGIN = "login"
    HEARTBEAT = "heartbeat"
    REPORT = "report"
    REPLY = "reply"
    OTHER = "other"


class Checksum(StrEnum):
    """Whether a frame's checksum was right; NONE where the protocol has none."""

    OK = "ok"
    BAD = "bad"
    NONE = "none"


class Message:
    """One frame and the four things the hot path needs of it. The rest is decoded by `Family.fields` when asked.

    `owed` are the bytes the server owes in answer (sent to `owed_channel` on MQTT). `device_id` is who sent it,
    as far as this frame or the stream before it tells. `text` is the reply text of a `REPLY`, if it is text.
    `data` may hold whatever the codec wants to keep from cutting the frame.
    """

    __slots__ = ("channel", "checksum", "data", "device_id", "frame", "kind", "owed", "owed_channel", "text")

    def __init__(
        self,
        kind: Kind,
        frame: bytes,
        device_id: str | None = None,
        owed: bytes = b"",
        checksum: Checksum = Checksum.NONE,
        text: str = "",
        data: Any = None,
        channel: str = "",
        owed_channel: str = "",
    ) -> None:
        self.kind = kind
        self.frame = frame
        self.device_id = device_id
        self.owed = owed
        self.checksum = checksum
        self.text = text
        self.data = data
        self.channel = channel
        self.owed_channel = owed_channel

    def __repr__(self) -> str:
        return f"Message({self.kind.value}, device_id={self.device_id!r}, frame={self.frame[:24].hex()})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Message):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__slots__ if name != "data")

    __hash__ = None  # type: ignore[assignment]  # mutable; compared by value in tests


Event = Message | PeerError


class Strength(IntEnum):
    """How strong the evidence for a setting is, weakest first."""

    ACCEPTED = 1  # on our disk
    WRITTEN = 2  # handed to the link
    ACKNOWLEDGED = 3  # the tracker (not a network server) answered yes
    READ_BACK = 4  # the tracker said the value itself
    OBSERVED = 5  # its reports keep to the value


class Match(StrEnum):
    """What a message means to the open command."""

    NO = "no"  # not an answer to it
    PART = "part"  # a part of the answer, more must come
    DONE = "done"  # the (last part of the) answer
    REFUSED = "refused"  # the tracker says no


class Verdict(StrEnum):
    """What became of a command: sent into the dialogue with the reply."""

    ANSWERED = "answered"
    REFUSED = "refused"
    TIMEOUT = "timeout"  # nothing (or only a part) came in time, though the link was up
    ASSUMED = "assumed"  # nobody is there (dry run): carry on as if accepted; nothing can be read


class Purpose(StrEnum):
    """Why a command is sent."""

    PROBE = "probe"  # who are you, which dialect
    READ = "read"  # before the change
    WRITE = "write"
    READ_BACK = "read_back"  # after the change
    RAW = "raw"  # an operator's own command


@dataclass(frozen=True, slots=True)
class Command:
    """One message to the tracker, with what will count as its acknowledgement.

    `payload` are the exact bytes for the link (`channel` = MQTT topic, empty on other links). `text` is the same for
    people. `expects` says in words what acknowledges it and `match` decides it. `fields` names the settings it writes
    or reads. `timeout` is in seconds. `secrets` are byte strings inside payload (passwords) that must not be shown.
    `depends_on_read` is true where the bytes carry values that were read from the tracker. `known` are facts to be kept
    as it is written, whatever becomes of the dialogue: what is deleted here, to be made again later.
    """

    payload: bytes
    text: str
    purpose: Purpose
    expects: str
    match: Callable[[Message], Match]
    fields: tuple[str, ...] = ()
    timeout: float = 30.0
    channel: str = ""
    secrets: tuple[bytes, ...] = ()
    depends_on_read: bool = False
    known: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Stars the secrets out of what is shown, where the family has not done it in their places."""
        if self.secrets and "***" not in self.text:
            object.__setattr__(self, "text", starred(self.text, self.secrets))


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back for a command. `messages` holds every part in order; empty for TIMEOUT and ASSUMED."""

    verdict: Verdict
    messages: tuple[Message, ...] = ()

    @property
    def ok(self) -> bool:
        """The tracker answered and did not refuse."""
        return self.verdict is Verdict.ANSWERED

    @property
    def assumed(self) -> bool:
        """A dry run: no tracker behind it."""
        return self.verdict is Verdict.ASSUMED

    @property
    def text(self) -> str:
        """Reply text of the last message, or empty."""
        return self.messages[-1].text if self.messages else ""


class FieldState(StrEnum):
    """Verdict on one setting at the end of a dialogue."""

    CONFIRMED = "confirmed"  # read back (or observed) and equal
    ACKNOWLEDGED = "acknowledged"  # the tracker said yes; no read-back exists or none came
    WRITTEN = "written"  # sent, no answer that proves anything
    MISMATCHED = "mismatched"  # read back, and different (clamped, rounded, ignored)
    REJECTED = "rejected"  # the tracker refused it
    UNSUPPORTED = "unsupported"  # this model cannot carry it, or not with the other settings asked for
    UNKNOWN = "unknown"  # the dialogue ended before anything was known


@dataclass(frozen=True, slots=True)
class FieldOutcome:
    """One setting at the end of a dialogue. Values are in the profile's own units."""

    state: FieldState
    desired: Value = None
    reported: Value = None  # what the tracker itself says, None where it said nothing
    strength: Strength | None = None
    reason: str = ""  # for people; required for MISMATCHED (if known), REJECTED, UNSUPPORTED, UNKNOWN


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a dialogue found.

    `reported` holds every profile field the tracker told, asked for or not; `stored` names those of them that are only
    stored, or not known to be in force: they confirm nothing. `known` are facts worth keeping for the
    next dialogue (dialect, firmware, sections read): str -> str, merged into `Target.known` by the driver.
    `unanswered` is true when a needed answer never came: the driver tries again later.
    """

    fields: Mapping[str, FieldOutcome]
    reported: Mapping[str, Value] = field(default_factory=dict)
    known: Mapping[str, str] = field(default_factory=dict)
    unanswered: bool = False
    stored: frozenset[str] = frozenset()


Dialogue = Generator[Command, Reply, Outcome]


@dataclass(frozen=True, slots=True)
class Target:
    """A tracker as its codec sees it.

    `variant` and `options` come from the model (and, for options such as `password`, from the tracker's record).
    `known` is what earlier dialogues learned, and what the stream of the present link heard. `serial` seeds command
    numbers: the driver derives it from the desired revision, so that a dry run and the real run write equal bytes and a
    late answer to an older revision never matches. `now` is the dialogue's wall clock, for the few protocols whose
    commands carry the time.
    """

    device_id: str
    model: str = ""
    variant: str = ""
    transport: Transport = Transport.TCP
    options: Mapping[str, Value] = field(default_factory=dict)
    known: Mapping[str, str] = field(default_factory=dict)
    serial: int = 1
    experimental: bool = False  # the operator switched experimental facts on for this model
    now: Clock = utc_now


class Severity(StrEnum):
    """REFUSE: changing the value of this very field, within its profile, would help: the update is refused (code 7).

    UNSUPPORTED: no value of this field would be carried (by this model, or beside the other settings as asked): the
    update is accepted and the field is told as unsupported. One rule for all families.
    """

    REFUSE = "refuse"
    UNSUPPORTED = "unsupported"


@dataclass(frozen=True, slots=True)
class Problem:
    """One setting that will not reach the tracker as asked, known before anything is sent."""

    field: str
    severity: Severity
    reason: str


@dataclass(frozen=True, slots=True)
class Capability:
    """What a variant can do with one profile field: `best` evidence it can reach, or None with the `reason`.

    `experimental`: known with low confidence only; works when the operator switched experimental on for the model.
    """

    best: Strength | None
    reason: str = ""
    experimental: bool = False


#: Variant -> the profile fields that it can carry.
Variants = Mapping[str, Mapping[str, Capability]]


class Carried(dict[str, Value]):
    """What a dialogue is to bring about: settings without those that cannot be carried. `asked` holds them all."""

    __slots__ = ("asked",)

    def __init__(self, asked: Settings, dropped: Collection[str] = ()) -> None:
        super().__init__({name: value for name, value in asked.items() if name not in dropped})
        self.asked = asked


@dataclass(frozen=True, slots=True)
class Ids:
    """The device ids of a family: a regular expression that fits the whole id, and in words what is wrong with others.

    `most`: the largest one, where ids are numbers. Before a unit on a serial port is known its id is empty; that is not
    asked here.
    """

    pattern: str = "[!-~]{1,64}"
    reason: str = "a device id is 1 to 64 printable ASCII characters without blanks"
    most: int | None = None

    def admit(self, device_id: str) -> None:
        """Raises LocalError for an id that does not fit."""
        fits = re.fullmatch(self.pattern, device_id, re.ASCII)
        if not fits or (self.most is not None and int(device_id) > self.most):
            raise LocalError(self.reason, parameter="device_id")


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a family. `idle` seconds of silence after which a TCP link counts as dead."""

    max_frame: int
    idle: float = 600.0
    reply_timeout: float = 30.0


@dataclass(frozen=True, slots=True)
class SerialForm:
    """How a family's serial port is opened. `baudrates`: the factory rate first, then others worth trying, in bit/s.

    `parity` is N, E or O; 8 data bits always. `eol` ends a typed command line (for text families; for people).
    """

    baudrates: tuple[int, ...] = (115200,)
    parity: str = "N"
    stopbits: int = 1
    eol: bytes = b"\r\n"


class Datum(NamedTuple):
    """Bytes on a link; `channel` is the MQTT topic, empty elsewhere."""

    data: bytes
    channel: str = ""


class Stream(ABC):
    """The incoming side of one link: a connection, a datagram source, a serial port, or a broker. Sans-IO.

    On a broker one stream serves every device, so each message names its own `device_id`.

    Same events for one chunk as for single bytes. Garbage yields `PeerError` events and the stream resynchronises;
    `buffered` never exceeds the family's `Limits.max_frame`. `feed` itself raises nothing.

    Made with the transport, the clock (for owed bytes that carry the time), and `server=True` for the other direction:
    what a server sends to a device.
    """

    __slots__ = ("clock", "device_id", "server", "transport")

    def __init__(self, transport: Transport = Transport.TCP, clock: Clock = utc_now, *, server: bool = False) -> None:
        self.transport, self.clock, self.server = transport, clock, server
        self.device_id: str | None = None
        self.begin()

    def begin(self) -> None:  # noqa: B027  # most streams need nothing of their own
        """A stream's own state. Called once, when everything else is there."""

    @classmethod
    def from_server(cls, data: bytes, channel: str = "") -> Sequence[Event]:
        """The events of bytes that a server sends: a family's `server`, where its stream knows both directions."""
        return cls(server=True).feed(data, channel)

    @abstractmethod
    def feed(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """Take bytes as they came (one datagram or one MQTT payload a call there); give what they mean, in order."""

    @property
    @abstractmethod
    def buffered(self) -> int:
        """Bytes kept of an unfinished frame."""

    @property
    def known(self) -> Mapping[str, str]:
        """Facts for `Target.known` that this device's frames told: dialect, header, prefix. Not on a broker."""
        return {}

    def bind(self, target: Target) -> None:  # noqa: B027  # most families need nothing of it
        """Told once the device is known and registered: options such as SACK may change what is owed from now on."""


class Faults(NamedTuple):
    """How an emulated device misbehaves, by profile field name. Ranges are in the profile's units."""

    clamp: Mapping[str, tuple[float, float]] = {}  # acknowledges, stores the nearest value in range
    refuse: frozenset[str] = frozenset()  # answers no, where the family has a no; else stays silent
    ignore: frozenset[str] = frozenset()  # acknowledges, stores nothing
    silent: bool = False  # never answers commands


#: A device that behaves.
NO_FAULTS = Faults()


@dataclass(frozen=True, slots=True)
class Unit:
    """What a family's emulator is made of; see `Family.emulator`."""

    device_id: str
    variant: str = ""
    transport: Transport = Transport.TCP
    settings: Settings = field(default_factory=dict)
    faults: Faults = NO_FAULTS
    options: Mapping[str, Value] = field(default_factory=dict)


class Emulator(ABC):
    """A believable device. Sans-IO: the driver moves the bytes and the time.

    `settings` is the device's true state in profile field names and units: what it really does.
    """

    device_id: str

    @property
    @abstractmethod
    def settings(self) -> dict[str, Value]:
        """The true settings, by profile field, in the profile's units."""

    @abstractmethod
    def connect(self) -> list[Datum]:
        """What it says when its link comes up (login, hello), reset of any per-link state."""

    @abstractmethod
    def receive(self, data: bytes, channel: str = "") -> list[Datum]:
        """What it says to bytes from the server; [] for owed replies. Accepts any split on stream links."""

    @abstractmethod
    def report(self, now: datetime) -> list[Datum]:
        """A position report taken at `now` (UTC)."""

    def heartbeat(self) -> list[Datum]:
        """Its keep-alive, where the family has one."""
        return []

    def subscriptions(self) -> list[str]:
        """MQTT topics it listens to."""
        return []

    @property
    def report_interval(self) -> float:
        """Seconds between reports by its present settings."""
        value = self.settings.get("tracking_interval", 30)
        return float(value) if isinstance(value, int | float) else 30.0
