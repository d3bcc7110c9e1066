"""One device's dialogue as it happens: cut, redacted, written. Fed by links of the gateway, a proxy, or a capture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from tracker_codecs.contract import Transport
from tracker_codecs.family import Family

from tracker_gateway.recording.redact import Cutter, Redactor
from tracker_gateway.recording.tape import TapeError, TapeFile, encoded, encoding_of

#: Bytes that are kept until it is known who speaks.
MAX_OPENING = 8192
#: Pieces likewise.
MAX_PIECES = 256


@dataclass(frozen=True, slots=True)
class About:
    """What the head of a recording says. `source`: where the bytes come from, for people."""

    device_id: str
    model: str
    source: str
    date: str  # of the first byte, UTC
    options: Mapping[str, Any] = field(default_factory=dict)
    known: Mapping[str, str] = field(default_factory=dict)
    experimental: bool = False
    secrets_known: bool = True


class Kept(NamedTuple):
    """What is kept until the file begins: `who` said it (`device`, `gateway`), or what was asked for (`do`)."""

    who: str
    data: bytes
    channel: str
    time: float
    action: Mapping[str, Any] | None = None


class Script:
    """`began`: the time of the first byte, s; every later `now` counts from it. `path` is None until `identify`."""

    def __init__(
        self, family: Family, transport: Transport, redactor: Redactor, *, began: float, max_bytes: int
    ) -> None:
        self.family = family
        self.transport = transport
        self.redactor = redactor
        self._began = began
        self._max_bytes = max_bytes
        self._cutter = Cutter(family, transport)
        self._waiting: list[Kept] = []
        self._tape: TapeFile | None = None
        self._encoding = "hex"
        self.lost = 0  # pieces of the opening that were not kept
        self.full = False
        self.infers = False  # what the device was not owed, somebody must have asked for: an operator's command
        self._last = began
        self._own = ""
        self._whole = transport in (Transport.UDP, Transport.MQTT)

    @property
    def path(self) -> Path | None:
        """The file."""
        return None if self._tape is None else self._tape.path

    @property
    def device_ids(self) -> list[str]:
        """The ids that were heard lately."""
        return self._cutter.device_ids

    @property
    def waiting(self) -> bool:
        """Bytes are kept, and no file is open."""
        return bool(self._waiting)

    def device(self, data: bytes, channel: str, now: float) -> None:
        """The device said this. Raises TapeError, as all that follow."""
        pieces = self._cutter.device(data, channel)
        for each in self._cutter.device_ids:
            self.redactor.rename(each)
        if self._whole and self._own and self._cutter.device_ids[-1:] not in ([], [self._own]):
            return  # a datagram of another device that has this address now
        self._all("device", pieces, channel, now)

    def gateway(self, data: bytes, channel: str, now: float) -> None:
        """The gateway said this."""
        pieces = self._cutter.server(data, channel)
        for part in [pieces] if self._whole else [[piece] for piece in pieces]:
            if self.infers and not all([self._cutter.is_owed(piece) for piece in part]):
                shown = [self.redactor.piece(piece) for piece in part]
                if None not in shown:
                    self.do({"raw_hex": b"".join(each or b"" for each in shown).hex()}, now)
            self._all("gateway", part, channel, now)

    def _all(self, who: str, pieces: list[bytes], channel: str, now: float) -> None:
        whole = self._whole
        if self._tape is None:
            kept = sum(len(each.data) for each in self._waiting)
            for piece in [b"".join(pieces)] if whole and pieces else pieces:
                if kept + len(piece) > MAX_OPENING or len(self._waiting) == MAX_PIECES:
                    self.lost += 1
                    continue
                kept += len(piece)
                self._waiting.append(Kept(who, piece, channel, now))
            return
        if whole:
            fit = [self.redactor.piece(piece) for piece in pieces]
            if fit and None not in fit:
                self._add(self._said(who, b"".join(piece or b"" for piece in fit), channel, now))
            return
        for piece in pieces:
            found = self.redactor.piece(piece)
            if found is not None:
                self._add(self._said(who, found, channel, now))

    def _said(self, who: str, data: bytes, channel: str, now: float) -> dict[str, Any]:
        step: dict[str, Any] = {"at": self._at(now), who: encoded(data, self._encoding)}
        if channel:
            step["channel"] = self.redactor.text(channel)
        return step

    def _at(self, now: float) -> float:
        self._last = max(self._last, now)  # clocks of captures may jump back
        return round(self._last - self._began, 6)

    def _add(self, step: Mapping[str, Any]) -> None:
        if self._tape is not None and not self.full:
            self.full = not self._tape.append(step)

    def identify(self, about: About, directory: Path, *, wall: float) -> Path | None:
        """It is known who speaks: the file begins, with what was kept. None: nothing of it can be told.

        Raises TapeError, also where more was said before than is kept.
        """
        if self.lost:
            raise TapeError(f"more than {MAX_OPENING} bytes or {MAX_PIECES} frames came before it was known who speaks")
        self._own = about.device_id
        self.redactor.rename(about.device_id)
        fit = ((each, self._fit(each)) for each in self._waiting)
        opening = [each._replace(data=piece) for each, piece in fit if piece is not None]
        self._waiting.clear()
        if not opening:
            return None
        self._encoding = encoding_of(b"".join(each.data for each in opening))
        shown_id = self.redactor.id_of(about.device_id)
        head = {
            "kind": "dialogue",
            "family": self.family.name,
            "transport": self.transport.value,
            "device_id": shown_id,
            "model": about.model,
            "firmware": self.redactor.text(about.known.get("firmware", "")),
            "encoding": self._encoding,
            "options": self.redactor.options(about.options),
            "known": self.redactor.text(about.known),
            "experimental": about.experimental,
            "provenance": {
                "kind": "recording",
                "source": about.source,
                "model": about.model,
                "firmware": self.redactor.text(about.known.get("firmware", "")),
                "date": about.date,
                "redacted": ("secrets masked" if about.secrets_known else "no secret was known")
                + ("" if shown_id == about.device_id else "; device id made up"),
            },
        }
        first, *more = [
            self._said(each.who, each.data, each.channel, each.time) if each.action is None else self._done(each)
            for each in opening
        ]
        self._tape = TapeFile.create(directory, shown_id, head, [first], max_bytes=self._max_bytes, now=wall)
        for step in more:
            self._add(step)
        return self._tape.path

    def _done(self, asked: Kept) -> dict[str, Any]:
        return {"at": self._at(asked.time), "do": self.redactor.text(asked.action)}

    def _fit(self, kept: Kept) -> bytes | None:
        """A kept piece, redacted; datagrams of several frames are cut again."""
        data, channel = kept.data, kept.channel
        if not self._whole:
            return self.redactor.piece(data)
        fit = [self.redactor.piece(piece) for piece in Cutter(self.family, self.transport).device(data, channel)]
        return None if None in fit else b"".join(piece or b"" for piece in fit)

    def take(self) -> list[Kept]:
        """What is kept so far, to go on with elsewhere. Empties it."""
        kept, self._waiting = self._waiting, []
        return kept

    def do(self, action: Mapping[str, Any], now: float) -> None:
        """Somebody asks this of the gateway."""
        asked = Kept("do", b"", "", now, action)
        if self._tape is not None:
            self._add(self._done(asked))
        elif len(self._waiting) < MAX_PIECES:
            self._waiting.append(asked)

    def reconnect(self, now: float) -> None:
        """The device called again."""
        self._cutter = Cutter(self.family, self.transport)
        self._add({"at": self._at(now), "reconnect": True})

    def flush(self, now: float) -> None:
        """What is left of an unfinished frame is said too: the link is over."""
        rest = self._cutter.rest()
        if rest:
            self._all("device", [rest], "", now)

    def end(self, outcome: Mapping[str, Any] | None = None) -> None:
        """No more comes."""
        if self._tape is not None:
            tape, self._tape = self._tape, None
            tape.end(None if self.full else outcome)
