"""The emulated device of a template: it logs in and obeys as the file says."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from tracker_codecs.contract import Datum, Emulator, Faults, Kind, Settings, Value
from tracker_codecs.errors import PeerError
from tracker_codecs.template import values
from tracker_codecs.template.pattern import Pattern
from tracker_codecs.template.spec import CommandSpec, Spec
from tracker_codecs.template.stream import Wire


class TemplateEmulator(Emulator):
    """Says the first message of each kind. Settings begin at the smallest value the file takes."""

    def __init__(self, spec: Spec, wire: Wire, device_id: str, settings: Settings, faults: Faults) -> None:
        self.device_id = device_id
        self._spec = spec
        self._wire = wire
        self._faults = faults
        self._kept = b""
        self._texts: dict[str, str] = {}
        for name, setting in spec.settings.items():
            form = setting.forms[-1]
            least: Value = next(iter(setting.words), "") if setting.words else max(form.minimum, 1) * form.scale
            told = values.encode(setting, settings.get(name, least))
            self._texts[name] = next(iter(setting.words.values())) if told is None and setting.words else told or "0"

    @property
    def settings(self) -> dict[str, Value]:
        """See `Emulator.settings`."""
        return {name: values.decode(self._spec.settings[name], text) for name, text in self._texts.items()}

    def connect(self) -> list[Datum]:
        """The login; where the protocol has none, its first message that names the device."""
        self._kept = b""
        return self._say(Kind.LOGIN) or self._say(
            *(each for each, pattern, _ in self._wire.messages if "id" in pattern.places)
        )

    def heartbeat(self) -> list[Datum]:
        """See `Emulator.heartbeat`."""
        return self._say(Kind.HEARTBEAT)

    def report(self, now: datetime) -> list[Datum]:
        """A report without a position: the file does not say where one stands."""
        return self._say(Kind.REPORT)

    def _say(self, *kinds: Kind) -> list[Datum]:
        for kind, pattern, _ in self._wire.messages:
            if kind in kinds and set(pattern.places) <= {"id", *self._texts}:
                return [Datum(self._wire.seal_device(pattern.fill({"id": self.device_id, **self._texts})))]
        return []

    def receive(self, data: bytes, channel: str = "") -> list[Datum]:
        """See `Emulator.receive`."""
        frames, kept = self._wire.cut_server(self._kept + data)
        self._kept = kept[-self._wire.most :]
        said: list[Datum] = []
        for frame in frames:
            try:
                text, _ = self._wire.open(frame, server=True)
            except PeerError:
                continue
            if not self._faults.silent:
                said += [Datum(self._wire.seal_device(answer)) for answer in self._obey(text)]
        return said

    def _obey(self, text: str) -> list[str]:
        for command in self._spec.commands:
            if command.query:
                asked = Pattern(command.query).match(text)
                if asked is not None:
                    return [self._fill(command.answer, asked)]
            found = Pattern(command.write).match(text)
            if found is not None:
                return self._write(command, found)
        return []

    def _write(self, command: CommandSpec, found: Mapping[str, str]) -> list[str]:
        wanted = {name: text for name, text in found.items() if name in self._texts}
        if self._faults.refuse & wanted.keys():
            return [self._fill(command.refused, found)] if command.refused else []
        for name, text in wanted.items():
            if name not in self._faults.ignore:
                self._texts[name] = self._clamped(name, text)
        return [self._fill(command.acknowledged, found)] if command.acknowledged else []

    def _clamped(self, name: str, text: str) -> str:
        if name not in self._faults.clamp:
            return text
        low, high = self._faults.clamp[name]
        setting = self._spec.settings[name]
        value = values.decode(setting, text)
        kept = min(max(value, int(low)), int(high)) if isinstance(value, int) else value
        return values.encode(setting, kept) or text

    def _fill(self, text: str, found: Mapping[str, str]) -> str:
        return Pattern(text).fill({**self._texts, "id": self.device_id, **{k: v for k, v in found.items() if v}})
