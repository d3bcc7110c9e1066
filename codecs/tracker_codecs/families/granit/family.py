"""The Granit family as the gateway sees it: `BB+BBMD=<seconds>` in the envelope of its TCP commands.

A public server sends this text by SMS only, and older releases of it wrote the number in braces; over TCP it is an
experiment. `OK` accepts; a line that begins with ERROR refuses. Answers carry no number, so an `OK` that comes late
could be taken for that to the next command: one is under way at a time.
Sources: traccar/traccar, GranitProtocolDecoder, GranitProtocolSmsEncoder and their tests.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from tracker_codecs.contract import (
    Capability,
    Clock,
    Command,
    Emulator,
    Event,
    Faults,
    Kind,
    Limits,
    Match,
    Message,
    Purpose,
    Settings,
    Stream,
    Strength,
    Target,
    Transport,
    Value,
)
from tracker_codecs.errors import LocalError
from tracker_codecs.families.granit import frame as wire
from tracker_codecs.families.granit import messages
from tracker_codecs.families.granit.emulator import GranitEmulator
from tracker_codecs.interval_only import FIELD, IntervalOnlyFamily

_TEXT = re.compile(r"BB\+[A-Z0-9]{2,8}(?:=[ -)+-}]{1,200})?", re.ASCII)
_WHY = "nothing reads it back, and that it is taken over TCP is not proven"


class Granit(IntervalOnlyFamily):
    """Granit Navigator units over TCP; see the module."""

    name = "granit"
    title = "Granit Navigator"
    default_port = 5113
    limits = Limits(max_frame=wire.MAX_FRAME, idle=600.0, reply_timeout=30.0)
    acknowledgement_proves = "OK: the unit took the command; whether it keeps the interval is not told"
    sources = (
        "github.com/traccar/traccar: GranitFrameDecoder, GranitProtocolDecoder and their tests",
        "github.com/traccar/traccar: GranitProtocolSmsEncoder, two generations",
    )
    variants: Mapping[str, Mapping[str, Capability]] = {
        "navigator": {FIELD: Capability(Strength.ACKNOWLEDGED, _WHY, experimental=True)}
    }
    reason = "no public command of these units carries it"
    expects = "OK"
    #: No range is public; a day is ours.
    low, high = 1, 86400

    def decoder(self, transport: Transport, clock: Clock) -> Stream:
        """See `SessionOnlyFamily`."""
        return wire.GranitStream()

    def recognise(self, first: bytes) -> bool | None:
        """A binary frame of the device."""
        return wire.recognise(first)

    def fields(self, message: Message) -> dict[str, Any]:
        """Everything known of a frame of either direction."""
        return messages.fields(message)

    def server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """What a server sends: receipts and commands."""
        return wire.GranitStream(server=True).feed(data)

    def command(self, target: Target, seconds: int) -> Command:
        """`BB+BBMD=<seconds>`."""
        text = f"BB+BBMD={seconds}"

        def match(message: Message) -> Match:
            return self.answers(target, text, message)

        return Command(self.envelope(target, text), text, Purpose.WRITE, self.expects, match, (FIELD,), timeout=30.0)

    def envelope(self, target: Target, text: str) -> bytes:
        """A line with its XOR. Raises LocalError for a text that does not begin with `BB+`, or holds `*` or `~`."""
        if not _TEXT.fullmatch(text):
            raise LocalError("a command is BB+, a word and perhaps =value, without * and ~", parameter="command")
        return wire.sealed(text.encode("ascii"))

    def answers(self, target: Target, text: str, message: Message) -> Match:
        """`OK`, `+IDNT: ...` to BB+IDNT, a position to BB+RRCD; ERROR refuses."""
        if message.device_id != target.device_id:
            return Match.NO
        if message.kind is Kind.REPLY and message.text.startswith("ERROR"):
            return Match.REFUSED
        if text == "BB+RRCD":
            return Match.DONE if message.data and message.data[0] == wire.NOW else Match.NO
        right = message.text.startswith("+IDNT") if text == "BB+IDNT" else message.text == "OK"
        if not text:
            right = bool(message.text)
        return Match.DONE if message.kind is Kind.REPLY and right else Match.NO

    def unit(
        self,
        device_id: str,
        variant: str,
        transport: Transport,
        settings: Settings,
        faults: Faults,
        options: Mapping[str, Value],
    ) -> Emulator:
        """See the emulator."""
        return GranitEmulator(device_id, settings, faults)

    def rename(self, frame: bytes, old: str, new: str) -> bytes:
        """The id of a binary frame; its XOR is put right."""
        return wire.renamed(frame, old, new)


FAMILY = Granit()
