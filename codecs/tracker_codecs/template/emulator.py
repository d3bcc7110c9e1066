"""The emulated device of a template: it logs in and obeys as the file says."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from tracker_codecs.contract import Datum, Kind, Unit, Value
from tracker_codecs.device import Device
from tracker_codecs.errors import PeerError
from tracker_codecs.template import values
from tracker_codecs.template.pattern import Pattern
from tracker_codecs.template.spec import CommandSpec, Spec
from tracker_codecs.template.stream import Wire


class TemplateDevice(Device):
    """Says the first message of each kind. Settings begin at the smallest value the file takes."""

    def __init__(self, spec: Spec, wire: Wire, unit: Unit) -> None:
        self._spec = spec
        self._wire = wire
        super().__init__(unit)

    def begin(self) -> None:
        """`_texts` are the settings as the device writes them."""
        self._texts: dict[str, str] = {}
        for name, setting in self._spec.settings.items():
            form = setting.forms[-1]
            least: Value = next(iter(setting.words), "") if setting.words else max(form.minimum, 1) * form.scale
            told = values.encode(setting, self.held.get(name, least))
            self._texts[name] = next(iter(setting.words.values())) if told is None and setting.words else told or "0"

    @property
    def settings(self) -> dict[str, Value]:
        """See `Emulator.settings`."""
        return {name: values.decode(self._spec.settings[name], text) for name, text in self._texts.items()}

    def login(self) -> list[Datum]:
        """The login; where the protocol has none, its first message that names the device."""
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
        """See `Emulator.receive`: frames of the server, as the file cuts them."""
        frames, kept = self._wire.cut_server(self._partial + data)
        self._partial = kept[-self._wire.most :]
        said: list[Datum] = []
        for frame in frames:
            try:
                text, _ = self._wire.open(frame, server=True)
            except PeerError:
                continue
            if not self.faults.silent:
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
        if self.refuses(*wanted):
            return [self._fill(command.refused, found)] if command.refused else []
        for name, text in wanted.items():
            if name not in self.faults.ignore:
                setting = self._spec.settings[name]
                kept = values.encode(setting, self.clamped(name, values.decode(setting, text)))
                self._texts[name] = text if name not in self.faults.clamp else kept or text
        return [self._fill(command.acknowledged, found)] if command.acknowledged else []

    def _fill(self, text: str, found: Mapping[str, str]) -> str:
        return Pattern(text).fill({**self._texts, "id": self.device_id, **{k: v for k, v in found.items() if v}})
