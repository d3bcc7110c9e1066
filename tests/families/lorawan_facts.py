"""What the tests of the family lorawan share: its frames, settings to ask for, shorthands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from tracker_codecs.contract import Emulator, Message, Outcome, Target, Transport
from tracker_codecs.drive import Exchange, against_emulator
from tracker_codecs.families.lorawan.family import FAMILY

FIXTURE = yaml.safe_load(
    (Path(__file__).parents[2] / "firmware-fixtures" / "lorawan" / "frames.yaml").read_text(encoding="utf-8")
)
CASES = {case["id"]: case for case in FIXTURE["cases"]}
EUI = "0101010101010101"
APPLICATION = "17c82e96-be03-4f38-aef3-f83d48582d97"
CHIRPSTACK = {"network": "chirpstack", "application": APPLICATION}
TTN = {"network": "ttn", "application": "app1", "tenant": "tenant1", "device": "dev1"}
NETWORKS = {"chirpstack": CHIRPSTACK, "ttn": TTN}
ASKED: dict[str, dict[str, Any]] = {
    "abeeway2": {
        "mode": "motion_tracking",
        "tracking_interval": 120,
        "heartbeat_interval": 3600,
        "periodic_position_interval": 900,
        "stop_detection_delay": 240,
        "gps_timeout": 60,
    },
    "abeeway3": {
        "tracking_interval": 120,
        "on_stop_tracking_interval": 7200,
        "heartbeat_interval": 1800,
        "stop_detection_delay": 60,
    },
    "sensecap_t1000": {
        "tracking_mode": "event",
        "tracking_interval": 30,
        "event_tracking_interval": 60,
        "heartbeat_interval": 720,
        "motion_tracking_interval": 10,
        "motion_threshold": 50,
    },
    "tektelic": {"core_tick": 120, "on_stop_tracking_interval": 9600, "tracking_interval": 240},
    "vega_lm1": {"on_stop_tracking_interval": 360, "tracking_interval": 15, "movement_alarm": True},
    "browan_tbol100": {"tracking_interval": 60, "on_stop_tracking_interval": 3600, "stop_detection_delay": 90},
    "milesight_at101": {
        "tracking_mode": "motion",
        "tracking_interval": 600,
        "motion_tracking_interval": 5,
        "gnss_timeout": 3,
        "positioning": "gnss",
    },
    "dragino_trackerd": {
        "tracking_interval": 600,
        "motion_tracking_interval": 300,
        "alarm_tracking_interval": 30,
        "motion_wake": True,
    },
    "dragino_lgt92": {"tracking_interval": 600, "heartbeat_interval": 7200},
}
READ_BACK = {
    variant: {name for name, found in fields.items() if found.best is not None and found.best.name == "READ_BACK"}
    for variant, fields in FAMILY.variants.items()
}


def payload(case: str) -> bytes:
    found = CASES[case]
    return bytes.fromhex(found["data"]) if found["encoding"] == "hex" else found["data"].encode("utf-8")


def target(variant: str, network: str = "chirpstack", serial: int = 32, **more: Any) -> Target:
    options = {**NETWORKS[network], **more.pop("options", {})}
    return Target(
        EUI, variant=variant, transport=Transport.MQTT, serial=serial, options=options, experimental=True, **more
    )


def applied(
    variant: str, asked: dict[str, Any], network: str = "chirpstack", at: Target | None = None, **emulator: Any
) -> tuple[list[Exchange], Outcome, Emulator]:
    options = {**NETWORKS[network], **emulator.pop("options", {})}
    unit = FAMILY.emulator(EUI, variant, options=options, **emulator)
    dialogue = FAMILY.apply(at or target(variant, network), asked)
    exchanges, outcome = against_emulator(dialogue, unit, FAMILY.stream(Transport.MQTT))
    return exchanges, outcome, unit


def states(outcome: Outcome) -> dict[str, str]:
    return {name: found.state.value for name, found in outcome.fields.items()}


def sent(exchanges: list[Exchange]) -> list[str]:
    """The application payloads of the commands, in hexadecimal digits."""
    out = []
    for exchange in exchanges:
        (message,) = FAMILY.server(exchange.command.payload, exchange.command.channel)
        assert isinstance(message, Message)
        out += [down["payload_hex"] for down in FAMILY.fields(message)["downlinks"]]
    return out
