"""The Dragino AT family as the gateway sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tracker_codecs.contract import (
    NO_FAULTS,
    Clock,
    Command,
    Dialogue,
    Emulator,
    Event,
    Family,
    Faults,
    Limits,
    Message,
    Problem,
    SerialForm,
    Settings,
    Stream,
    Target,
    Transport,
    Value,
    utc_now,
)
from tracker_codecs.errors import LocalError
from tracker_codecs.families.dragino_at import dialogue
from tracker_codecs.families.dragino_at import settings as values
from tracker_codecs.families.dragino_at.emulator import DraginoEmulator
from tracker_codecs.families.dragino_at.stream import MAX_LINE, RESULTS, DraginoStream


class DraginoAt(Family):
    """Dragino trackers on their serial console; see the package's modules."""

    name = "dragino-at"
    title = "Dragino TrackerD and LGT-92 over their serial console"
    transports = frozenset({Transport.SERIAL})
    limits = Limits(max_frame=MAX_LINE, idle=3600.0, reply_timeout=dialogue.TIMEOUT)
    #: TrackerD; the LGT-92 speaks at 9600.
    serial = SerialForm(baudrates=(115200, 9600))
    acknowledgement_proves = (
        "stored: the whole configuration is written to the EEPROM before OK is printed, so it outlives power-off (but "
        "not a change of the firmware's version, nor a factory reset)"
    )
    sources = (
        "github.com/dragino/TrackerD: at.h, at.cpp, TrackerD.ino",
        "public field notes on a TrackerD with firmware 1.4.6 and 1.4.8 (list of AT commands, traps of the port)",
        "Dragino LGT92 AT Commands v1.5.3 (vdocuments.net), list of commands",
    )
    variants = values.VARIANTS

    def stream(self, transport: Transport = Transport.SERIAL, clock: Clock = utc_now) -> Stream:
        """See `Family.stream`."""
        return DraginoStream()

    def recognise(self, first: bytes) -> bool | None:
        """The line that a TrackerD starts with; other log text names no family."""
        start = first.lstrip(b"\r\n")[:8]
        if len(start) < 8:
            return None if b"TrackerD".startswith(start) else False
        return start == b"TrackerD"

    def fields(self, message: Message) -> dict[str, Any]:
        """Results, values, and commands of the host."""
        text = message.text
        if text in RESULTS:
            return {"message": "result", "ok": text == "OK", "result": text}
        word, equals, value = text.removeprefix("AT+").partition("=")
        if not text.startswith("AT+") or not equals:
            return {"message": "line", "text": text}
        found: dict[str, Any] = {"message": "read" if value == "?" else "write", "command": word}
        if value.isdigit():
            found["interval_ms" if word in ("TDC", "MTDC", "ATDC") else "value"] = int(value)
        return found

    def server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """Lines that a host sends."""
        return DraginoStream(from_host=True).feed(data)

    def check(self, target: Target, settings: Settings) -> list[Problem]:
        """See `Family.check`."""
        self.capabilities(target)
        return values.check(target, settings)

    def apply(self, target: Target, settings: Settings) -> Dialogue:
        """See `Family.apply`."""
        self.capabilities(target)
        dialogue.accepted(target, settings)  # refuses at once, not when the first command is asked for
        return dialogue.apply(target, settings)

    def read(self, target: Target, wanted: Sequence[str]) -> Dialogue:
        """See `Family.read`."""
        self.capabilities(target)
        return dialogue.read(target, wanted)

    def identify(self, target: Target) -> Dialogue:
        """See `Family.identify`."""
        return dialogue.identify()

    def raw(self, target: Target, text: str | bytes) -> Command:
        """See `Family.raw`."""
        return dialogue.raw(text)

    def emulator(
        self,
        device_id: str,
        variant: str,
        *,
        transport: Transport = Transport.SERIAL,
        settings: Settings | None = None,
        faults: Faults = NO_FAULTS,
        options: Mapping[str, Value] | None = None,
    ) -> Emulator:
        """See `Family.emulator`. Raises LocalError for a device id that is no EUI."""
        self.capabilities(Target(device_id, variant=variant))
        try:
            bytes.fromhex(device_id[:16].rjust(16, "0"))
        except ValueError:
            raise LocalError("must be a device EUI: sixteen hex digits", parameter="device_id") from None
        return DraginoEmulator(device_id, variant, settings or {}, faults, options or {})

    def rename(self, frame: bytes, old: str, new: str) -> bytes:
        """The device EUI replaced, as the console prints it: in pairs of digits."""
        if len(old) != 16 or len(new) != 16:
            return frame
        was, becomes = (" ".join(one[at : at + 2] for at in range(0, 16, 2)).encode() for one in (old, new))
        return frame.replace(was, becomes).replace(old.encode(), new.encode())


FAMILY = DraginoAt()
