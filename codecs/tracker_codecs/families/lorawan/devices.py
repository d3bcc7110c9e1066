"""The devices by variant, and the device as one tracker's options have it."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy

from tracker_codecs.checks import is_whole
from tracker_codecs.contract import Target
from tracker_codecs.errors import LocalError
from tracker_codecs.families.lorawan.abeeway2 import Abeeway2
from tracker_codecs.families.lorawan.abeeway3 import Abeeway3
from tracker_codecs.families.lorawan.device import Device
from tracker_codecs.families.lorawan.dragino import Lgt92, TrackerD
from tracker_codecs.families.lorawan.milesight import MilesightAt101
from tracker_codecs.families.lorawan.sensecap import SenseCap
from tracker_codecs.families.lorawan.small import BrowanTbol100, VegaLm1
from tracker_codecs.families.lorawan.tektelic import Tektelic

_ALL = (Abeeway2, Abeeway3, SenseCap, Tektelic, VegaLm1, BrowanTbol100, MilesightAt101, TrackerD, Lgt92)
DEVICES: Mapping[str, Device] = {device.name: device() for device in _ALL}


def device_of(target: Target) -> Device:
    """The device; option `f_port` is the tracker's own port setting. Raises LocalError for a port out of 1..223."""
    device = DEVICES[target.variant]
    port = target.options.get("f_port")
    if port is None:
        return device
    if not is_whole(port, 1, 223):
        raise LocalError("must be a port from 1 to 223", parameter="f_port")
    own = copy(device)
    if own.uplink_port == own.port:
        own.uplink_port = port
    own.port = port
    return own
