"""An emulated phone with the app. It obeys as the sources of `dialogue` say; it proves nothing about bytes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from tracker_codecs import jsontext
from tracker_codecs.contract import Datum, Value, utc_now
from tracker_codecs.device import Device
from tracker_codecs.errors import PeerError
from tracker_codecs.families.owntracks import settings as keys
from tracker_codecs.families.owntracks import wire
from tracker_codecs.families.owntracks.settings import ANDROID, IOS

#: Defaults of the apps: MQTT.plist (iOS), DefaultsProvider (Android; `ping` is also its lowest value).
_FACTORY: dict[str, dict[str, Any]] = {
    IOS: {
        "monitoring": 1,
        "downgrade": 0,
        "adapt": 0,
        "locatorDisplacement": 200,
        "locatorInterval": 180,
        "ignoreInaccurateLocations": 0,
    },
    ANDROID: {
        "monitoring": 1,
        "locatorDisplacement": 500,
        "locatorInterval": 60,
        "moveModeLocatorInterval": 10,
        "ping": 15,
        "ignoreInaccurateLocations": 0,
        keys.PEG: False,
    },
}
#: Switches of the app, here on unless an option of the name is false.
_SWITCHES = ("cmd", "remoteConfiguration", "extendedData")


class OwnTracksEmulator(Device):
    """One phone. Options: `prefix`; `cmd`, `remoteConfiguration`, `extendedData` (switches of the app, here on).

    `configuration` is the app's whole configuration, settings or not.
    """

    def begin(self) -> None:
        """The app as it was installed, with the settings given."""
        self.base = wire.base_topic(self.device_id, self.options)
        switches = {name: self.options.get(name) is not False for name in _SWITCHES}
        self.configuration: dict[str, Any] = {"mode": 0, **_FACTORY[self.variant], **switches}
        self.configuration |= {"username": "jane", "password": "not-a-real-password", "host": "broker.example.org"}
        self.configuration |= keys.configuration(self.variant, self.held, {})
        del self.configuration["_type"]

    @property
    def settings(self) -> dict[str, Value]:
        """See `Emulator.settings`."""
        return keys.decode(self.variant, self.configuration)

    @property
    def report_interval(self) -> float:
        """Seconds: the interval of the mode; 300 where the operating system decides (iOS significant mode)."""
        moving = self.configuration["monitoring"] == keys.MODES["move"]
        if self.variant == ANDROID:
            return float(self.configuration["moveModeLocatorInterval" if moving else "locatorInterval"])
        return float(self.configuration["locatorInterval"]) if moving else 300.0

    def subscriptions(self) -> list[str]:
        """See `Emulator.subscriptions`."""
        return [f"{self.base}/cmd"]

    def login(self) -> list[Datum]:
        """A location, as by the user's button."""
        return [self._location(utc_now(), "u")]

    def report(self, now: datetime) -> list[Datum]:
        """See `Emulator.report`."""
        return [self._location(now, "t" if self.configuration["monitoring"] == 2 else "p")]

    def _location(self, now: datetime, trigger: str) -> Datum:
        moment = int(now.astimezone(UTC).timestamp())
        said: dict[str, Any] = {"_type": "location", "acc": 5, "alt": 84, "cog": 277, "lat": 48.85833, "lon": 2.29513}
        said |= {"t": trigger, "tid": self.device_id[-2:], "tst": moment, "created_at": moment, "vel": 0}
        if self.configuration["extendedData"]:
            said |= {"batt": 80, "bs": 1, "m": self.configuration["monitoring"]}
        return Datum(wire.compact(said), self.base)

    def receive(self, data: bytes, channel: str = "") -> list[Datum]:
        """Commands on exactly its own command topic; anything else is dropped without a word."""
        if channel != f"{self.base}/cmd" or self.faults.silent or not self.configuration["cmd"]:
            return []
        try:
            kind, content = wire.typed(jsontext.parse(data), data)
        except PeerError:
            return []
        action = content.get("action") if kind == "cmd" else None
        if action == "setConfiguration":
            self._configure(content.get("configuration"))
        elif action == "dump" and self.variant == IOS:
            inner = {"_type": "configuration", **self.configuration}
            return [Datum(wire.compact({"_type": "dump", "configuration": inner}), f"{self.base}/dump")]
        elif action == "status" and self.variant == ANDROID:
            said = {"_type": "status", "android": {"wifi": 1, "ps": 0, "bo": 1, "hib": 0, "loc": 0}, "_id": "a1b2c3d4"}
            return [Datum(wire.compact(said), f"{self.base}/status")]
        elif action == "reportLocation" and self.configuration["monitoring"] in (1, 2):
            return [self._location(utc_now(), "r")]
        return []

    def _configure(self, found: Any) -> None:
        if not isinstance(found, dict) or found.get("_type") != "configuration":
            return
        if not self.configuration["remoteConfiguration"]:
            return
        names = {key: name for name, (key, _, _) in keys.KEYS[self.variant].items()}
        for key, value in found.items():
            name = names.get(key, "")
            if key not in _FACTORY[self.variant] or name in self.faults.refuse | self.faults.ignore:
                continue
            self.configuration[key] = self.clamped(name, value)
