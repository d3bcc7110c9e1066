"""The family object: what `tracker_codecs.contract.Family` asks, gathered from the other modules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
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
    Settings,
    Stream,
    Target,
    Transport,
    Value,
    utc_now,
)
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.teltonika import settings as params
from tracker_codecs.families.teltonika import talk
from tracker_codecs.families.teltonika.family import FAMILY as TELTONIKA
from tracker_codecs.families.teltonika.frame import PREAMBLE
from tracker_codecs.families.teltonika_mqtt import dialogue, messages, wire
from tracker_codecs.families.teltonika_mqtt.emulator import TeltonikaMqttEmulator


class TeltonikaMqtt(Family):
    """FMB, FMC, FMM and FMT units set to MQTT with a plain (not Shadow) topic; see the package's modules."""

    name = "teltonika-mqtt"
    title = "Teltonika over MQTT (Codec JSON)"
    transports = frozenset({Transport.MQTT})
    default_port = 8883
    limits = Limits(max_frame=wire.MAX_FRAME, idle=7200.0, reply_timeout=dialogue.TIMEOUT)
    acknowledgement_proves = (
        "the text was parsed: every id came back with the value sent; only the read-back shows more"
    )
    sources = (
        "Teltonika wiki: Codec_JSON, FMT100 Getting Started with AWS IoT Core, FMB_setparam, FMB_getparam",
        "github.com/openremote/fleet-management: Teltonika MQTT handler, its tests, recorded records",
        "texts captured over GPRS from an FTC887, firmware 3.7.0 (public parser tests)",
    )
    variants: Mapping[str, Any] = {"fmb": params.VARIANTS["fmb"]}

    def stream(self, transport: Transport = Transport.MQTT, clock: Clock = utc_now) -> Stream:
        """See `Family.stream`. Raises LocalError for a transport the family does not use."""
        self._mqtt(transport)
        return wire.TeltonikaMqttStream()

    def _mqtt(self, transport: Transport) -> None:
        if transport not in self.transports:
            raise LocalError(f"{self.name} does not speak over {transport.value}", parameter="transport")

    def recognise(self, first: bytes) -> bool | None:
        """Never: units connect to the broker, not to us."""
        return False

    def fields(self, message: Message) -> dict[str, Any]:
        """See `Family.fields`; binary packets are told as by `teltonika`."""
        if message.frame[:4] == PREAMBLE:
            return TELTONIKA.fields(message)
        return messages.fields(message)

    def server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """A command object."""
        try:
            return [wire.message_of(data, channel, from_device=False)]
        except PeerError as fault:
            return [fault]

    def _ready(self, target: Target) -> Target:
        self.capabilities(target)
        wire.topic(target.device_id, target.options, "command_topic")
        return dialogue.inner(target)

    def check(self, target: Target, settings: Settings) -> list[Problem]:
        """See `Family.check`."""
        self.capabilities(target)
        return params.check(dialogue.inner(target), settings)

    def apply(self, target: Target, settings: Settings) -> Dialogue:
        """See `Family.apply`; LocalError also for a device id or topic option that is no topic."""
        return dialogue.wrapped(target, TELTONIKA.apply(self._ready(target), settings))

    def read(self, target: Target, wanted: Sequence[str]) -> Dialogue:
        """See `Family.read`."""
        return dialogue.wrapped(target, TELTONIKA.read(self._ready(target), wanted))

    def raw(self, target: Target, text: str | bytes) -> Command:
        """See `Family.raw`: text goes into the envelope, bytes go as they are."""
        command = talk.raw(self._ready(target), text)
        if isinstance(text, str):
            return dialogue.command_of(target, command)
        return replace(command, channel=wire.topic(target.device_id, target.options, "command_topic"))

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
        """See `Family.emulator` and `TeltonikaMqttEmulator`."""
        self.capabilities(Target(device_id, variant=variant))
        self._mqtt(transport)
        topics = {key: value for key, value in (options or {}).items() if key in wire.TOPICS}
        rest = {key: value for key, value in (options or {}).items() if key not in wire.TOPICS}
        unit = TELTONIKA.emulator(device_id, variant, settings=settings, faults=faults, options=rest)
        return TeltonikaMqttEmulator(device_id, unit, topics)

    def topics(self, options: Mapping[str, Value]) -> Sequence[str]:
        """See `Family.topics`; option `data_topic` as for the units."""
        return [wire.data_filter(options)]


FAMILY = TeltonikaMqtt()
