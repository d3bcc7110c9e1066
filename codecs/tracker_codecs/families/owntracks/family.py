"""The family object: what `tracker_codecs.contract.Family` asks, gathered from the other modules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tracker_codecs import jsontext
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
    Settings,
    Stream,
    Target,
    Transport,
    Value,
    utc_now,
)
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.owntracks import dialogue, messages, wire
from tracker_codecs.families.owntracks import settings as keys
from tracker_codecs.families.owntracks.emulator import OwnTracksEmulator


class OwnTracks(Family):
    """OwnTracks apps over MQTT. `device_id` is `<user>/<device>`; option `prefix` is what stands before it in topics.

    The user must allow commands and remote configuration in the app. The HTTP form is decoded, never served. Encrypted
    messages are told as unreadable.
    """

    name = "owntracks"
    title = "OwnTracks for iOS and Android"
    transports = frozenset({Transport.MQTT})
    default_port = 8883
    #: A phone in significant mode that does not move says nothing for hours.
    limits = Limits(max_frame=wire.MAX_FRAME, idle=86400.0, reply_timeout=dialogue.TIMEOUT)
    acknowledgement_proves = (
        "nothing: no app answers setConfiguration. iOS shows the stored settings in a dump; Android shows the mode "
        "in a location that was asked for, and nothing else"
    )
    sources = (
        "OwnTracks booklet: tech/json, tech/mqtt, features/remoteconfig, features/location (owntracks.org/booklet)",
        "github.com/owntracks/ios OwnTracksAppDelegate.m, Settings.m, MQTT.plist, CHANGELOG",
        "github.com/owntracks/android MessageProcessor, Preferences, DefaultsProvider, ParserTest and its fixtures",
        "github.com/owntracks/recorder recorder.c, README, doc/HOOKS, doc/STORE",
    )
    variants = keys.VARIANTS

    def stream(self, transport: Transport = Transport.MQTT, clock: Clock = utc_now) -> Stream:
        """See `Family.stream`. Raises LocalError for a transport the family does not use."""
        self._mqtt(transport)
        return wire.OwnTracksStream()

    def _mqtt(self, transport: Transport) -> None:
        if transport not in self.transports:
            raise LocalError(f"{self.name} does not speak over {transport.value}", parameter="transport")

    def recognise(self, first: bytes) -> bool | None:
        """Never: the apps open no connection to us, the broker does the talking."""
        return False

    def fields(self, message: Message) -> dict[str, Any]:
        """See `Family.fields`."""
        return messages.fields(message.frame, message.device_id)

    def server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """A command or a configuration; also the array of them that answers an HTTP report."""
        try:
            found = jsontext.parse(data)
            if not isinstance(found, list):
                return [wire.message_of(data, channel, found, from_device=False)]
            return [wire.message_of(wire.compact(item), channel, item, from_device=False) for item in found]
        except PeerError as fault:
            return [fault]

    def check(self, target: Target, settings: Settings) -> list[Problem]:
        """See `Family.check`."""
        self.capabilities(target)
        return keys.check(target, settings)

    def apply(self, target: Target, settings: Settings) -> Dialogue:
        """See `Family.apply`; LocalError also for a device id or prefix that is no plain topic."""
        self.capabilities(target)
        _, carried = keys.accepted(target, settings)  # refuses at once, not when the first command is asked for
        keys.configuration(target.variant, carried, target.options)
        wire.base_topic(target.device_id, target.options)
        return dialogue.apply(target, settings)

    def read(self, target: Target, wanted: Sequence[str]) -> Dialogue:
        """See `Family.read`."""
        self.capabilities(target)
        wire.base_topic(target.device_id, target.options)
        return dialogue.read(target, wanted)

    def raw(self, target: Target, text: str | bytes) -> Command:
        """See `Family.raw`."""
        self.capabilities(target)
        return dialogue.raw(target, text)

    def emulator(
        self,
        device_id: str,
        variant: str,
        *,
        transport: Transport = Transport.MQTT,
        settings: Settings | None = None,
        faults: Faults = NO_FAULTS,
        options: Mapping[str, Value] | None = None,
    ) -> Emulator:
        """See `Family.emulator` and `OwnTracksEmulator`."""
        self.capabilities(Target(device_id, variant=variant))
        self._mqtt(transport)
        return OwnTracksEmulator(device_id, variant, settings or {}, faults, options or {})

    def topics(self, options: Mapping[str, Value]) -> Sequence[str]:
        """See `Family.topics`; option `prefix` as for the devices."""
        return wire.filters(options)


FAMILY = OwnTracks()
