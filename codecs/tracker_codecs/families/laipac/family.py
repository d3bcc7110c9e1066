"""The Laipac family as the gateway sees it, and a believable unit."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from tracker_codecs.contract import (
    Clock,
    Datum,
    Emulator,
    Event,
    Faults,
    Limits,
    Match,
    Message,
    Settings,
    Stream,
    Target,
    Transport,
    Value,
)
from tracker_codecs.errors import LocalError
from tracker_codecs.families.laipac import frame as wire
from tracker_codecs.session_only import SessionOnlyEmulator, SessionOnlyFamily

_COMMAND = re.compile(r"[A-Z]{3,8}(?:,[ -#%-)+-~]{0,200})?", re.ASCII)
#: Word of a command -> which of its fields is the password.
_PASSWORD_AT = {"AVREQ": 0, "AVCFG": 0, "AVRESET": 1}


class Laipac(SessionOnlyFamily):
    """Laipac S911 units; see `frame`."""

    name = "laipac"
    title = "Laipac S911 Lola, 911BL and StarFinder"
    default_port = 5048
    limits = Limits(max_frame=wire.MAX_FRAME, idle=600.0, reply_timeout=30.0)
    reason = (
        "the letters and arguments of Laipac's $AVCFG that set interval and distance are not public; its reports, what "
        "is owed to them and the framing of commands are"
    )
    expects = "nothing: what answers a command is not public"
    sources = ("github.com/traccar/traccar: LaipacProtocolDecoder, LaipacProtocolEncoder and their tests",)

    def decoder(self, transport: Transport, clock: Clock) -> Stream:
        """See `Family.stream`."""
        return wire.LaipacStream()

    def recognise(self, first: bytes) -> bool | None:
        """One of the sentences of a unit."""
        return wire.recognise(first)

    def fields(self, message: Message) -> dict[str, Any]:
        """Everything known of a sentence of either direction."""
        return wire.fields(message)

    def server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """Commands and acknowledgements."""
        return wire.LaipacStream(server=True).feed(data[: 64 * wire.MAX_FRAME])

    def envelope(self, target: Target, text: str) -> bytes:
        """A body such as `AVREQ,00000000,1`, which gets its `$`, checksum and line end.

        The password is part of the body, as the command wants it. Raises LocalError for a text that is no such body.
        """
        if not _COMMAND.fullmatch(text):
            raise LocalError("a command is a word in capitals, then its fields after commas", parameter="command")
        return wire.sentence(text.encode("ascii"))

    def secrets(self, target: Target, text: str) -> tuple[bytes, ...]:
        """The password of the record, where the command holds it, and whatever stands in a password's place."""
        password, (word, *cells) = wire.password_of(target), text.split(",")
        if not text:  # bytes, which may hold it
            return (password.encode("ascii"),)
        at = _PASSWORD_AT.get(word)
        told = {cell for index, cell in enumerate(cells) if cell == password or index == at}
        return tuple(cell.encode("ascii") for cell in sorted(told - {"", "?"}))

    def answers(self, target: Target, text: str, message: Message) -> Match:
        """Nothing does: answers are not public."""
        return Match.NO

    def unit(
        self,
        device_id: str,
        variant: str,
        transport: Transport,
        settings: Settings,
        faults: Faults,
        options: Mapping[str, Value],
    ) -> Emulator:
        """A unit that tells its firmware first."""
        return LaipacEmulator(device_id, settings)

    def rename(self, frame: bytes, old: str, new: str) -> bytes:
        """See `Family.rename`."""
        if old.encode() not in frame or not frame.startswith(b"$"):
            return frame
        return wire.sentence(frame[1 : frame.rindex(b"*")].replace(old.encode(), new.encode()))


class LaipacEmulator(SessionOnlyEmulator):
    """A unit that stands still, in the form of recorded sentences."""

    def connect(self) -> list[Datum]:
        """AVSYS."""
        return [self._say(f"AVSYS,{self.device_id},V1.50,SN0000103,32768")]

    def heartbeat(self) -> list[Datum]:
        """ECHK."""
        return [self._say(f"ECHK,{self.device_id},0")]

    def report(self, now: datetime) -> list[Datum]:
        """AVRMC that wants an acknowledgement."""
        place = "a,4351.0542,N,07923.5445,W,0.29,78.66"
        return [self._say(f"AVRMC,{self.device_id},{now:%H%M%S},{place},{now:%d%m%y},0,3.727,17,1,0,0")]

    def _say(self, body: str) -> Datum:
        return Datum(wire.sentence(body.encode("ascii")))


FAMILY = Laipac()
