"""What every vendor's module offers: a device's data sheet, what to ask and write, and an emulated radio unit."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from construct import Construct, ConstructError

from tracker_codecs.checks import is_whole
from tracker_codecs.contract import Capability, Faults, Match, Problem, Settings, Severity, Strength, Value
from tracker_codecs.errors import PeerError
from tracker_codecs.families.lorawan.network import Event

#: What the radio's acknowledgement of a confirmed downlink proves.
RADIO_ACK = "the tracker's radio acknowledged the frame (LoRaWAN MAC); whether its application took it is not told"
READ = Capability(Strength.READ_BACK)
#: What an uplink means to a question or a write. Raises PeerError for a payload that does not fit: no answer.
Answer = Callable[[Event], Match]
Uplinks = list[tuple[int, bytes]]


@dataclass(frozen=True, slots=True)
class Setting:
    """A profile field as one tracker has it, in the profile's units.

    `key` is what its own protocol calls it: an id, a register, a command. It takes one of `choices`, or what lies
    within the inclusive `bounds`; with `off` also 0, which means something of its own. `able`: see `Device.able`.
    """

    factory: Value
    key: Any = None
    bounds: tuple[int, int] | None = None
    choices: tuple[str, ...] = ()
    off: bool = False
    able: Capability | None = None

    def unfit(self, value: Value) -> str:
        """Why the hardware does not take this value; empty where it does."""
        if self.choices:
            return "" if value in self.choices else f"must be one of {', '.join(self.choices)}"
        if self.bounds is None:
            return ""
        if isinstance(value, bool):
            return "must be a number"
        low, high = self.bounds
        return "" if is_whole(value, low, high) or (self.off and value == 0) else f"the tracker takes {low} to {high}"


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


def by_radio(payload: bytes, text: str, fields: tuple[str, ...] = (), *, depends_on_read: bool = False) -> Ask:
    """A downlink that no uplink answers: the radio's acknowledgement tells at least that the frame came in."""
    expects = "acknowledgement of the tracker's radio"
    return Ask(payload, text, expects, fields, confirmed=True, depends_on_read=depends_on_read)


def holding(port: int, understand: Callable[[bytes], Any], keys: Iterable[Any] = ()) -> Answer:
    """The answer is one uplink on this port that can be understood and holds all of these keys."""
    wanted = set(keys)

    def answer(event: Event) -> Match:
        return Match.DONE if event.f_port == port and wanted <= understand(event.payload).keys() else Match.NO

    return answer


def collecting(keys: Iterable[Any], found: Callable[[Event], Iterable[Any]]) -> Answer:
    """Every key must be answered, over as many uplinks as it takes; `found` names those that one answers."""
    still_open = set(keys)

    def answer(event: Event) -> Match:
        here = still_open.intersection(found(event))
        still_open.difference_update(here)
        return Match.NO if not here else Match.PART if still_open else Match.DONE

    return answer


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


@dataclass(slots=True)
class Run:
    """One dialogue as a device sees it: whether nothing was asked yet, and the uplinks that told something so far.

    Ack tokens: neighbouring revisions share none. `tokens` as in `Device.tokens`.
    """

    serial: int
    tokens: tuple[int, int]
    first: bool = True
    had: Sequence[Event] = ()
    _drawn: int = 0

    def token(self) -> int:
        """The next token."""
        stride, count = self.tokens
        token = self.serial // 32 * stride + self.serial % 32 // 16 * stride + self._drawn
        self._drawn += 1
        return token % count


class Unit(ABC):
    """An emulated tracker without its network server. `state` is what it really does, in profile fields."""

    def __init__(self, device: Device, settings: Settings, faults: Faults) -> None:
        self.device = device
        self.state: dict[str, Value] = {name: each.factory for name, each in device.settings.items()}
        self.state |= settings
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
        """What it sends after this downlink. PeerError for one that it does not understand: nothing."""

    def report(self) -> Uplinks:
        """One documented telemetry uplink."""
        return [self.device.sample]


class Device(ABC):
    """One vendor's tracker: its data sheet, and what is said to it. Stateless."""

    name: str
    #: Downlink port; the option `f_port` overrides it where the tracker's own setting can.
    port: int
    uplink_port: int
    settings: ClassVar[Mapping[str, Setting]]
    #: What is known of its settings in the end, where the setting itself does not say.
    able: ClassVar[Capability] = READ
    #: Tokens of a revision, and how many exist; 0 where the protocol has none.
    tokens: ClassVar[tuple[int, int]] = (0, 1)
    #: Whether the acknowledgement of its radio is the best answer to a write that there is.
    radio_answers: ClassVar[bool] = False
    #: Seconds in the unit of its intervals.
    interval_unit: ClassVar[float] = 1.0
    #: A documented uplink, for the emulator's reports: port, payload.
    sample: ClassVar[tuple[int, bytes]]
    #: The emulated tracker.
    unit: ClassVar[type[Unit]]

    @property
    def fields(self) -> dict[str, Capability]:
        """The profile fields it can carry."""
        return {name: each.able or self.able for name, each in self.settings.items()}

    def check(self, settings: Settings) -> list[Problem]:
        """Problems of its fields; values that the hardware does not take are refused."""
        found = {name: self.settings[name].unfit(value) for name, value in settings.items()}
        return [Problem(name, Severity.REFUSE, reason) for name, reason in found.items() if reason]

    def reads(self, names: Collection[str], run: Run) -> list[Ask]:
        """The queries for these fields, and what else a change must know. None where nothing can be asked."""
        return []

    @abstractmethod
    def writes(self, settings: Settings, run: Run) -> list[Ask]:
        """The downlinks that write these settings."""

    def second(self, settings: Settings, run: Run) -> list[Ask]:
        """Downlinks that could be made only after the first change was read back."""
        return []

    def told(self, uplinks: Iterable[Event]) -> Told:
        """What the answers to `reads` (or echoes) say. Raises PeerError."""
        out = Told()
        for event in uplinks:
            self.understand(event.payload, out)
        return out

    def understand(self, payload: bytes, out: Told) -> None:  # noqa: B027  # LGT-92 is never asked
        """Adds what one of them says. Raises PeerError."""

    def acknowledged(self, ask: Ask, uplinks: Sequence[Event]) -> tuple[set[str], dict[str, str]]:
        """Fields that the tracker itself acknowledged, and those that it refused, with its reason."""
        return set(), {}

    @abstractmethod
    def decode(self, f_port: int, payload: bytes) -> dict[str, Any]:
        """An uplink for people. Raises PeerError."""

    @abstractmethod
    def decode_down(self, payload: bytes) -> dict[str, Any]:
        """A downlink for people. Raises PeerError."""
