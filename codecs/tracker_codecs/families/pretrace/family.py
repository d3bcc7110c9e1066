"""The Pretrace family as the gateway sees it: `D221<seconds>,<seconds>,,`, which nothing answers.

A public server puts the interval into the first two of four values and leaves the others empty; what tells them apart
is not public, nor is an answer: experimental.
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
    Settings,
    Stream,
    Strength,
    Target,
    Transport,
    Value,
)
from tracker_codecs.errors import LocalError
from tracker_codecs.families.pretrace import frame as wire
from tracker_codecs.families.pretrace.emulator import PretraceEmulator
from tracker_codecs.interval_only import FIELD, IntervalOnlyFamily, unanswered

_TEXT = re.compile(r"D\d{3}[ -'*-\]_-~]{0,200}", re.ASCII)


class Pretrace(IntervalOnlyFamily):
    """Pretrace units over TCP; see the module."""

    name = "pretrace"
    title = "Pretrace"
    default_port = 5133
    limits = Limits(max_frame=wire.MAX_FRAME, idle=600.0, reply_timeout=30.0)
    acknowledgement_proves = "nothing: no answer to D221 is public; only that it was sent"
    sources = ("github.com/traccar/traccar: PretraceProtocolDecoder, PretraceProtocolEncoder and their tests",)
    variants: Mapping[str, Mapping[str, Capability]] = {
        "standard": {FIELD: Capability(Strength.WRITTEN, "no answer to D221 is public", experimental=True)}
    }
    reason = "no public command of these units carries it"
    expects = "a frame of the unit that is no position"
    #: No range is public; a day is ours.
    low, high = 1, 86400

    def decoder(self, transport: Transport, clock: Clock) -> Stream:
        """See `SessionOnlyFamily`."""
        return wire.PretraceStream()

    def recognise(self, first: bytes) -> bool | None:
        """A frame of the device."""
        return wire.recognise(first)

    def fields(self, message: Message) -> dict[str, Any]:
        """Everything known of a frame of either direction."""
        return wire.fields(message)

    def server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """What a server sends: commands."""
        return wire.from_server(data)

    def command(self, target: Target, seconds: int) -> Command:
        """`D221` with the interval twice."""
        text = f"D221{seconds},{seconds},,"
        return unanswered(self.envelope(target, text), text)

    def envelope(self, target: Target, text: str) -> bytes:
        """A frame with the IMEI. Raises LocalError for a text that is no command, or that holds `(`, `)` or `^`."""
        if not _TEXT.fullmatch(text):
            raise LocalError("a command is D, three digits and values, without (, ) and ^", parameter="command")
        if not re.fullmatch(r"\d{15}", target.device_id, re.ASCII):
            raise LocalError("must be an IMEI of 15 digits", parameter="device_id")
        return wire.build(target.device_id, text)

    def answers(self, target: Target, text: str, message: Message) -> Match:
        """To an operator's own command: any sound frame that is no position."""
        mine = message.kind is Kind.OTHER and message.device_id == target.device_id
        return Match.DONE if mine else Match.NO

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
        return PretraceEmulator(device_id, settings, faults)

    def rename(self, frame: bytes, old: str, new: str) -> bytes:
        """The IMEI of a frame; its XOR is put right."""
        mine = b"(" + old.encode("ascii")
        return wire.build(new, frame[16:-4].decode("latin-1")) if frame.startswith(mine) else frame


FAMILY = Pretrace()
