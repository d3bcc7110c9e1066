"""What every vendor's module offers: layouts of its payloads, what to ask and write, and an emulated radio unit."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from construct import Construct, ConstructError

from tracker_codecs.contract import Capability, Match, Problem, Settings, Severity, Strength, Value
from tracker_codecs.errors import PeerError
from tracker_codecs.families.lorawan.network import Event

#: What the radio's acknowledgement of a confirmed downlink proves.
RADIO_ACK = "the tracker's radio acknowledged the frame (LoRaWAN MAC); whether its application took it is not told"
READ = Capability(Strength.READ_BACK)
Answer = Callable[[Event], Match]
Uplinks = list[tuple[int, bytes]]


@dataclass(frozen=True, slots=True)
class Ask:
    """One downlink. `answer` decides on uplinks; None where the tracker answers nothing but its radio's ack."""

    payload: bytes
    text: str
    expects: str
    fields: tuple[str, ...] = ()
    answer: Answer | None = None
    confirmed: bool = False
    depends_on_read: bool = False


@dataclass(slots=True)
class Told:
    """What uplinks said: values in the profile's units, stored values that no profile value names, remarks."""

    values: dict[str, Value] = field(default_factory=dict)
    foreign: dict[str, str] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)


def parse(layout: Construct, data: bytes) -> Any:
    """The parsed layout. Raises PeerError where the bytes do not fit it."""
    try:
        return layout.parse(data)
    except ConstructError:
        raise PeerError(f"the payload {data[:16].hex()} does not fit its layout", discarded=data) from None


class Tokens:
    """Ack tokens of one dialogue: neighbouring revisions share none. `stride` tokens a revision, of `count`."""

    def __init__(self, serial: int, stride: int, count: int) -> None:
        self._next, self._count = serial // 32 * stride + serial % 32 // 16 * stride, count

    def __call__(self) -> int:
        """The next token."""
        token = self._next % self._count
        self._next += 1
        return token


class Unit(ABC):
    """An emulated tracker without its network server. `state` is what it really does, in profile fields."""

    def __init__(self, device: Device, settings: Settings, faults: Any) -> None:
        self.device = device
        self.state: dict[str, Value] = {**device.factory, **settings}
        self.faults = faults

    def store(self, name: str, value: Value) -> None:
        """Take a value, as far as the faults let it."""
        if name in self.faults.ignore or name in self.faults.refuse:
            return
        if name in self.faults.clamp:
            low, high = self.faults.clamp[name]
            value = type(value)(min(max(value, low), high))
        self.state[name] = value

    @abstractmethod
    def hear(self, f_port: int, payload: bytes) -> Uplinks:
        """What it sends after this downlink."""

    def report(self) -> Uplinks:
        """One documented telemetry uplink."""
        return [self.device.sample]


class Device(ABC):
    """One vendor's tracker. Stateless."""

    name: str
    fields: ClassVar[Mapping[str, Capability]]
    #: Downlink port; the option `f_port` overrides it where the tracker's own setting can.
    port: int
    uplink_port: int
    #: Tokens of a revision, and how many exist; 0 where the protocol has none.
    tokens: tuple[int, int] = (0, 1)
    #: Inclusive ranges the hardware takes, profile units.
    ranges: ClassVar[Mapping[str, tuple[int, int]]] = {}
    factory: ClassVar[Mapping[str, Value]] = {}
    #: A documented uplink, for the emulator's reports: port, payload.
    sample: tuple[int, bytes]

    def check(self, settings: Settings) -> list[Problem]:
        """Problems of known fields; values outside the range are refused."""
        out = []
        for name, value in settings.items():
            low, high = self.ranges.get(name, (value, value))
            if isinstance(value, bool) and name in self.ranges:
                out.append(Problem(name, Severity.REFUSE, "must be a number"))
            elif not isinstance(value, str) and not low <= value <= high and not self.special(name, value):
                out.append(Problem(name, Severity.REFUSE, f"the tracker takes {low} to {high}"))
        return out

    def special(self, name: str, value: Value) -> bool:
        """A value outside the range that has a meaning of its own."""
        return False

    def reads(self, names: Iterable[str], tokens: Tokens, before: bool) -> list[Ask]:
        """The queries for these fields; `before` the change they may ask for more. None where nothing can be asked."""
        return []

    @abstractmethod
    def writes(self, settings: Settings, had: Sequence[Event], tokens: Tokens) -> list[Ask]:
        """The downlinks that write these settings."""

    def second(self, settings: Settings, had: Sequence[Event]) -> list[Ask]:
        """Downlinks that could be made only after the first change was read back."""
        return []

    def told(self, events: Sequence[Event]) -> Told:
        """What the answers to `reads` (or an echo) say."""
        return Told()

    def acknowledged(self, ask: Ask, events: Sequence[Event]) -> tuple[set[str], dict[str, str]]:
        """Fields that the tracker itself acknowledged, and those that it refused, with its reason."""
        return set(), {}

    @abstractmethod
    def decode(self, f_port: int, payload: bytes) -> dict[str, Any]:
        """An uplink for people. Raises PeerError."""

    @abstractmethod
    def decode_down(self, payload: bytes) -> dict[str, Any]:
        """A downlink for people. Raises PeerError."""

    @abstractmethod
    def unit(self, settings: Settings, faults: Any) -> Unit:
        """An emulated tracker."""


def quiet(answer: Answer) -> Answer:
    """An answer that takes a payload which does not fit as no answer."""

    def decide(event: Event) -> Match:
        try:
            return answer(event)
        except PeerError:
            return Match.NO

    return decide
