"""The trackers of the demo."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tracker_codecs.contract import NO_FAULTS, Faults, Transport


@dataclass(frozen=True, slots=True)
class Actor:
    """An emulated tracker. `has`: what it is set to at first; `asks`: what it is asked to become. `asleep`: it keeps
    its link down until a scene wakes it. `has` None: registered, and never emulated."""

    name: str
    model: str
    device_id: str
    has: Mapping[str, Any] | None
    asks: Mapping[str, Any]
    faults: Faults = NO_FAULTS
    asleep: bool = False
    link: Transport = Transport.TCP
    label: str = field(default="")


VAN = Actor(
    "van",
    "telfmb920",
    "490154203237518",
    has={"tracking_interval": 120, "tracking_distance": 500, "tracking_angle": 30},
    asks={
        "tracking_interval": 60,
        "tracking_distance": 100,
        "tracking_angle": 15,
        "on_stop_tracking_interval": 300,
        "sleep_mode": "disabled",
        "stop_detection": "ignition",
    },
)
PARCEL = Actor(
    "parcel",
    "gl300",
    "490154203237526",
    has={"type": "interval", "tracking_interval": 60},
    asks={
        "type": "interval",
        "tracking_interval": 30,
        "tracking_distance": 500,
        "tracking_angle": 30,
        "psm_interval": 300,
        "movement_detection": True,
        "non_movement_duration": 300,
    },
    asleep=True,
)
BIKE = Actor(
    "bike",
    "concox_x3",
    "490154203237534",
    has={"tracking_interval": 120},
    asks={"tracking_interval": 30, "tracking_distance": 100},
    faults=Faults(clamp={"tracking_interval": (60, 3600)}),
)
BOAT = Actor("boat", "arnavi_5", "490154203237542", has=None, asks={"tracking_interval": 60})
TRUCK = Actor(
    "truck",
    "telfm_mqtt",
    "490154203237559",
    has={"tracking_interval": 120},
    asks=dict(VAN.asks),
    link=Transport.MQTT,
)
RECEIVER = Actor(
    "receiver",
    "ublox_m8",
    "desk-1",
    has={"tracking_interval_ms": 1000},
    asks={"tracking_interval_ms": 200},
    link=Transport.SERIAL,
)
CAST = (VAN, PARCEL, BIKE, BOAT, TRUCK, RECEIVER)
