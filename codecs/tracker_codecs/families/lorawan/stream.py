"""The incoming side of a broker connection: one MQTT payload a call, every tracker named by its DevEUI."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import TypeVar

from tracker_codecs.contract import Event as StreamEvent
from tracker_codecs.contract import Kind, Message, Stream, Target
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.lorawan import network
from tracker_codecs.families.lorawan.device import Device
from tracker_codecs.families.lorawan.devices import device_of

#: Trackers remembered a broker: their model, their last uplink, their name on The Things Stack.
MAX_DEVICES = 65536
T = TypeVar("T")
_KINDS = {"up": Kind.REPORT, "join": Kind.LOGIN}


class _Memory(OrderedDict[str, T]):
    """Forgets the entry that was not written for the longest time."""

    def keep(self, key: str, value: T) -> None:
        """Remember."""
        self[key] = value
        self.move_to_end(key)
        if len(self) > MAX_DEVICES:
            self.popitem(last=False)


class LorawanStream(Stream):
    """See `Stream`. An uplink that comes twice (QoS 1) is no second report and answers nothing."""

    __slots__ = ("_devices", "_last", "_names")

    def begin(self) -> None:
        """See `Stream.begin`."""
        self._devices: _Memory[Device] = _Memory()
        self._last: _Memory[tuple[int, int | None, bytes]] = _Memory()
        self._names: _Memory[str] = _Memory()

    @property
    def buffered(self) -> int:
        """Nothing: payloads stand alone."""
        return 0

    def bind(self, target: Target) -> None:
        """From now on the payloads of this tracker can be decoded."""
        try:
            self._devices.keep(target.device_id.lower(), device_of(target))
        except (KeyError, LocalError):  # a wrong option or variant costs the decoding, not the link
            self._devices.pop(target.device_id.lower(), None)

    def feed(self, data: bytes, channel: str = "") -> Sequence[StreamEvent]:
        """See `Stream.feed`."""
        try:
            event = network.parse(data, channel)
            if not event.dev_eui:
                event.dev_eui = self._names.get(self._place(event, channel), "")
                if not event.dev_eui:
                    raise PeerError("the message has no DevEUI, and no earlier one named this device")
        except PeerError as error:
            return [error]
        if event.network == network.TTN:
            self._names.keep(self._place(event, channel), event.dev_eui)
        device = self._devices.get(event.dev_eui)
        event.decode = device.decode if device else None
        kind = _KINDS.get(event.kind, Kind.OTHER)
        if event.kind == "join":
            self._last.pop(event.dev_eui, None)
        elif event.kind == "up":
            now = (event.f_cnt, event.f_port, event.payload)
            if self._last.get(event.dev_eui) == now:
                event.resent, kind = True, Kind.OTHER
            self._last.keep(event.dev_eui, now)
        return [Message(kind, data, event.dev_eui, text=event.reason, data=event, channel=channel)]

    @staticmethod
    def _place(event: network.Event, channel: str) -> str:
        return channel.split("/devices/", 1)[0] + "/" + event.name
