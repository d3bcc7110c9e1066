"""An emulated unit: the one of `teltonika`, behind the MQTT envelope. It proves nothing about bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime

from tracker_codecs.contract import Datum, Message, Unit, Value, utc_now
from tracker_codecs.device import Device
from tracker_codecs.errors import PeerError
from tracker_codecs.families.teltonika import frame
from tracker_codecs.families.teltonika.emulator import TeltonikaEmulator
from tracker_codecs.families.teltonika_mqtt import wire


class TeltonikaMqttEmulator(Device):
    """One unit. Options: `data_topic`, `command_topic`, and those of the unit inside."""

    def begin(self) -> None:
        """The unit inside knows no topics."""
        options = {key: value for key, value in self.options.items() if key not in wire.TOPICS}
        self.unit = TeltonikaEmulator(
            Unit(self.device_id, self.variant, settings=self.held, faults=self.faults, options=options)
        )
        self._data = wire.topic(self.device_id, self.options, "data_topic")
        self._commands = wire.topic(self.device_id, self.options, "command_topic")
        self.unit.connect()

    @property
    def settings(self) -> dict[str, Value]:
        """See `Emulator.settings`."""
        return self.unit.settings

    def subscriptions(self) -> list[str]:
        """See `Emulator.subscriptions`."""
        return [self._commands]

    def login(self) -> list[Datum]:
        """Opens with a record: there is no login."""
        return self.report(utc_now())

    def report(self, now: datetime) -> list[Datum]:
        """See `Emulator.report`."""
        record = {"ts": int(now.timestamp() * 1000), "pr": 0, "latlng": "51.4463933,5.4541533"}
        record |= {"alt": 67, "ang": 347, "sat": 8, "sp": 0, "evt": 0, "239": 0, "240": 0}
        return [self._say({"state": {"reported": record}})]

    def _say(self, content: Mapping[str, object]) -> Datum:
        return Datum(json.dumps(content, separators=(",", ":")).encode("ascii"), self._data)

    def receive(self, data: bytes, channel: str = "") -> list[Datum]:
        """A command, handed to the unit inside; its texts become answers."""
        if channel != self._commands:
            return []
        try:
            found = wire.message_of(data, channel, from_device=False).data
        except PeerError:
            return []
        text = found["CMD"]
        if not 0 < len(text) <= wire.MAX_COMMAND or not text.isascii() or not text.isprintable():
            return []
        stream = frame.TeltonikaStream()
        heard = [event for datum in self.unit.receive(frame.build_text(text)) for event in stream.feed(datum.data)]
        texts = [e.data.text for e in heard if isinstance(e, Message) and isinstance(e.data, frame.Text)]
        return [self._say({"RSP": said}) for said in texts]
