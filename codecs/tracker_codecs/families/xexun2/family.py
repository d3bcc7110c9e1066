"""The Xexun family as the gateway sees it: `tracking_send` in a frame of type 0007, and its answer.

The text takes the interval in seconds twice; what tells the two apart is not public, so both are equal. The unit
answers with type 0007 (pull request 4912 of traccar/traccar); what the answer holds is not public. One that carries the
command's index and speaks neither of an error nor of a failure acknowledges. Whether units repeat the index is not
public either: an answer under another index could be one to an older command, so it proves nothing and the setting ends
as written. So does the command given back to the byte: nobody tells whether that is an answer or an echo of the link.
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
from tracker_codecs.families.xexun2 import frame as wire
from tracker_codecs.families.xexun2 import messages
from tracker_codecs.families.xexun2.emulator import Xexun2Emulator
from tracker_codecs.interval_only import FIELD, IntervalOnlyFamily

_TEXT = re.compile(r"[ -~]{1,500}", re.ASCII)


class Xexun2(IntervalOnlyFamily):
    """Xexun units of protocol version 2 over TCP; see the module."""

    name = "xexun2"
    title = "Xexun, protocol version 2"
    default_port = 5233
    limits = Limits(max_frame=wire.MAX_FRAME, idle=600.0, reply_timeout=30.0)
    acknowledgement_proves = "the unit answered the command without an error; that it keeps the interval is not told"
    sources = (
        "github.com/traccar/traccar: Xexun2FrameDecoder, Xexun2ProtocolDecoder, Xexun2ProtocolEncoder and their tests",
        "github.com/traccar/traccar, pull request 4912: answers of type 0007 must not be answered",
    )
    variants: Mapping[str, Mapping[str, Capability]] = {
        "v2": {FIELD: Capability(Strength.ACKNOWLEDGED, "no public command reads it back")}
    }
    reason = "no public command of these units carries it"
    expects = "a frame of type 0007 with the command's index"
    #: No range is public; a day is ours.
    low, high = 1, 86400

    def decoder(self, transport: Transport, clock: Clock) -> Stream:
        """See `SessionOnlyFamily`."""
        return wire.Xexun2Stream()

    def recognise(self, first: bytes) -> bool | None:
        """A frame of the device."""
        return wire.recognise(first)

    def fields(self, message: Message) -> dict[str, Any]:
        """Everything known of a frame of either direction."""
        return messages.fields(message)

    def server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """What a server sends: receipts and commands."""
        return wire.Xexun2Stream(server=True).feed(data)

    def command(self, target: Target, seconds: int) -> Command:
        """`tracking_send=<seconds>,<seconds>`."""
        text = f"tracking_send={seconds},{seconds}"

        def match(message: Message) -> Match:
            return self.answers(target, text, message)

        return Command(self.envelope(target, text), text, Purpose.WRITE, self.expects, match, (FIELD,), timeout=30.0)

    def envelope(self, target: Target, text: str) -> bytes:
        """A frame of type 0007. Raises LocalError for a text that is no printable ASCII, at most 500 characters."""
        if not _TEXT.fullmatch(text):
            raise LocalError("a command is printable ASCII, at most 500 characters", parameter="command")
        if not re.fullmatch(r"\d{15}", target.device_id, re.ASCII):
            raise LocalError("must be an IMEI of 15 digits", parameter="device_id")
        return wire.build(wire.COMMAND, target.serial & 0xFFFF, wire.bcd(target.device_id), text.encode("ascii"))

    def answers(self, target: Target, text: str, message: Message) -> Match:
        """An answer under the command's index decides; one under another index, or the command itself, as a link that
        echoes would give it back, is kept in mind only.
        """
        if message.kind is not Kind.REPLY or message.device_id != target.device_id:
            return Match.NO
        if text and (message.data[1] != target.serial & 0xFFFF or message.frame == self.envelope(target, text)):
            return Match.PART
        said = message.data[2].lower()
        return Match.REFUSED if b"error" in said or b"fail" in said else Match.DONE

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
        return Xexun2Emulator(device_id, settings, faults)

    def rename(self, frame: bytes, old: str, new: str) -> bytes:
        """The IMEI of a frame."""
        return wire.renamed(frame, old, new)


FAMILY = Xexun2()
