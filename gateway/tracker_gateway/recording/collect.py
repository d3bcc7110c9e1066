"""Dialogues of devices that this process does not serve: between them and another gateway, or out of a capture."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from tracker_codecs.contract import Transport
from tracker_codecs.errors import LocalError
from tracker_codecs.family import Family
from tracker_profiles import models
from tracker_profiles.errors import UnknownName

from tracker_gateway.recording.dialogue import MAX_FILE
from tracker_gateway.recording.redact import Redactor
from tracker_gateway.recording.script import MAX_OPENING, About, Script
from tracker_gateway.recording.tape import TapeError


def model_for(family: Family, code: str | None) -> tuple[str, str]:
    """A model for replays and a remark: the one that was named, else the first of the family. Raises LocalError."""
    if code is not None:
        try:
            found = models.get(code)
        except UnknownName as error:
            raise LocalError(str(error), parameter="model") from None
        if found.codec != family.name:
            raise LocalError(f"{code} speaks {found.codec or 'nothing known'}, not {family.name}", parameter="model")
        return code, ""
    known = (each.code for each in models.all_models().values() if each.codec == family.name)
    return next(known, ""), "; the model is not known, the one here is any of the family"


class Collector:
    """Makes one dialogue file for each device that is heard. `tell` is given lines for people.

    Nobody here knows the devices' passwords: `mask` names texts to be masked.
    """

    def __init__(
        self,
        family: Family,
        transport: Transport,
        folder: Path,
        tell: Callable[[str], None],
        *,
        source: str,
        model: str | None = None,
        redact_ids: bool = False,
        mask: Sequence[str] = (),
    ) -> None:
        if transport not in family.transports:
            raise LocalError(f"{family.name} does not speak over {transport.value}", parameter="transport")
        self.family = family
        self.transport = transport
        self.folder = folder
        self.tell = tell
        self.model, remark = model_for(family, model)
        self.source = source + remark
        self.written: list[Path] = []
        self.steps = 0
        self.mask = [each.encode() for each in mask]
        self._salt = secrets.token_bytes(16) if redact_ids else None

    def talk(self, peer: str, began: float, wall: float) -> Talk:
        """With one device. `began`: the clock of its first byte; `wall`: the same in Unix time; both in s."""
        redactor = Redactor(self.family, salt=self._salt, secrets=self.mask)
        script = Script(self.family, self.transport, redactor, began=began, max_bytes=MAX_FILE)
        script.infers = True
        return Talk(self, script, peer, wall)


class Talk:
    """One device's dialogue. Says once, through the collector, why nothing more is written."""

    def __init__(self, collector: Collector, script: Script, peer: str, wall: float) -> None:
        self._collector = collector
        self._script: Script | None = script
        self._peer = peer
        self._wall = wall
        self._heard = False

    def device(self, data: bytes, now: float) -> None:
        """The device said this."""
        self._heard = True
        self._safely(lambda script: script.device(data, "", now))

    def gateway(self, data: bytes, now: float) -> None:
        """The gateway said this."""
        self._safely(lambda script: script.gateway(data, "", now))

    def end(self, now: float, reason: str = "") -> None:
        """No more comes; why, where it was cut off."""
        if self._script is not None:
            self._safely(lambda script: script.flush(now))
        script, self._script = self._script, None
        if script is None:
            return
        name = script.path.name if script.path else self._peer
        if script.path is None and self._heard:
            reason = reason or "no device id was told: no file"
        if reason:
            self._collector.tell(f"{name}: {reason}")
        if script.redactor.dropped:
            self._collector.tell(f"{name}: {script.redactor.dropped} pieces left out, they tell the device id")
        script.end()

    def _safely(self, call: Callable[[Script], None]) -> None:
        script = self._script
        if script is None:
            return
        try:
            call(script)
            self._collector.steps += 1
            if script.path is None and script.device_ids:
                self._begin(script)
            if script.full:
                raise TapeError(f"the file is full ({MAX_FILE} bytes)")
        except TapeError as error:
            self._collector.tell(f"{self._peer}: {error}")
            self._script = None
            script.end()
        if script.lost and self._script is not None:
            self._collector.tell(
                f"{self._peer}: no device id within {MAX_OPENING} bytes; is this {self._collector.family.name}?"
            )
            self._script = None

    def _begin(self, script: Script) -> None:
        collector = self._collector
        about = About(
            device_id=script.device_ids[0],
            model=collector.model,
            source=collector.source,
            secrets_known=bool(collector.mask),
            date=f"{datetime.fromtimestamp(self._wall, UTC):%Y-%m-%d}",
        )
        path = script.identify(about, collector.folder, wall=self._wall)
        if path is None:
            raise TapeError("its first bytes cannot be told without the device id")
        collector.written.append(path)
