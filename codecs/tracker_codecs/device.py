"""An emulated device: what all of them have. It proves no bytes; it answers as firmware does, with its faults."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

from tracker_codecs.contract import Datum, Emulator, Message, Stream, Transport, Unit, Value


class Device(Emulator):
    """One unit on one link, with its settings, its faults and its ears. A subclass gives `report`, `login`, `hear`.

    `held` are its true settings by profile field, from `factory` or as they were given. What the server sends is
    cut by `ears` (the family's stream, in the server's direction) and comes to `hear`, message by message; or, where
    `line_end` is set instead, to `hear_line`. A silent unit does not hear commands.
    """

    #: Factory settings by profile field, in the profile's units. Empty: whatever was given is kept.
    factory: ClassVar[Mapping[str, Value]] = {}
    #: The stream class of the family, which is made anew for each link, in the server's direction.
    ears: ClassVar[type[Stream] | None] = None
    #: How lines of commands end, where nothing more is needed to cut them.
    line_end: ClassVar[bytes] = b""
    #: Longest unfinished line kept, in bytes.
    longest: ClassVar[int] = 4096

    def __init__(self, unit: Unit) -> None:
        self.device_id, self.variant, self.transport = unit.device_id, unit.variant, unit.transport
        self.faults, self.options = unit.faults, unit.options
        given = {name: value for name, value in unit.settings.items() if not self.factory or name in self.factory}
        self.held: dict[str, Value] = {**self.factory, **given}
        self._open_ears()
        self.begin()

    def begin(self) -> None:
        """State of its own: counters, registers. Called once, when everything else is there."""

    def _open_ears(self) -> None:
        ears = type(self).ears
        self._partial = b""
        self._ears = ears(self.transport, server=True) if ears else None

    @property
    def settings(self) -> dict[str, Value]:
        """See `Emulator.settings`."""
        return dict(self.held)

    # -- what it says -----------------------------------------------------------------------------------------------
    def connect(self) -> list[Datum]:
        """A new link: what was half heard is forgotten, and it logs in."""
        self._open_ears()
        return self.login()

    def login(self) -> list[Datum]:
        """Its first words on a link. Default: none."""
        return []

    def report(self, now: datetime) -> list[Datum]:
        """See `Emulator.report`. Default: it has none."""
        return []

    # -- what it hears ----------------------------------------------------------------------------------------------
    def receive(self, data: bytes, channel: str = "") -> list[Datum]:
        """See `Emulator.receive`."""
        if self._ears is not None:
            heard = [event for event in self._ears.feed(data, channel) if isinstance(event, Message)]
            asked = [message for message in heard if not self.acknowledged(message)]
            return [] if self.faults.silent else [datum for message in asked for datum in self.hear(message)]
        if not self.line_end:
            return []
        *lines, rest = (self._partial + data).split(self.line_end)
        self._partial = rest[-self.longest :]
        return [] if self.faults.silent else [datum for line in lines for datum in self.hear_line(line)]

    def acknowledged(self, message: Message) -> bool:
        """Whether this is what the server owed, and taken as such: even a unit that is silent to commands hears it."""
        return False

    def hear(self, message: Message) -> list[Datum]:
        """What it says to a command of the server. Default: nothing."""
        return []

    def hear_line(self, line: bytes) -> list[Datum]:
        """What it says to a line of the server, which comes without its end. Default: nothing."""
        return []

    # -- what it does -----------------------------------------------------------------------------------------------
    def refuses(self, *names: str) -> bool:
        """Whether it says no to a change of any of these fields."""
        return not self.faults.refuse.isdisjoint(names)

    def obey(self, name: str, value: Value) -> bool:
        """Takes a value as its faults allow: stored, clamped, or ignored. False: it refuses."""
        if name in self.faults.refuse:
            return False
        if name not in self.faults.ignore:
            self.held[name] = self.clamped(name, value)
        return True

    def clamped(self, name: str, value: Value) -> Value:
        """The nearest value that it takes for this field, in the profile's units."""
        bounds = self.faults.clamp.get(name)
        if bounds is None or not isinstance(value, int | float) or isinstance(value, bool):
            return value
        return type(value)(min(max(value, bounds[0]), bounds[1]))

    @property
    def datagrams(self) -> bool:
        """Whether its link keeps no connection."""
        return self.transport is Transport.UDP
