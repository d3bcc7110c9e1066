"""What the tests of the family queclink share: its frames, settings to ask for, shorthands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from tracker_codecs.contract import (
    Emulator,
    Message,
    Outcome,
    Problem,
    Target,
    Transport,
)
from tracker_codecs.drive import Exchange, against_emulator
from tracker_codecs.families.queclink.emulator import QueclinkEmulator
from tracker_codecs.families.queclink.family import FAMILY

FIXTURE = yaml.safe_load(
    (Path(__file__).parents[2] / "firmware-fixtures" / "queclink" / "frames.yaml").read_text(encoding="utf-8")
)
CASES = {case["id"]: case for case in FIXTURE["cases"]}
IMEI = "135790246811220"
GL200 = {
    "type": "interval",
    "tracking_interval": 300,
    "tracking_distance": 100,
    "tracking_angle": 30,
    "psm_interval": 600,
    "movement_detection": False,
    "non_movement_duration": 420,
}
GL500 = {"type": "interval", "tracking_interval": 2, "wakeup_time": "10:00", "psm_interval": 8}
GT300 = {
    "tracking_interval": 900,
    "start_time": "0100",
    "end_time": "2300",
    "movement_detection": False,
    "min_speed": 10,
    "min_distance": 200,
}
GV = {
    "type": "interval",
    "tracking_interval": 30,
    "tracking_distance": 100,
    "tracking_angle": 30,
    "psm_mode": 0,
    "psm_interval": 900,
}
ASKED: dict[str, dict[str, Any]] = {"gl200": GL200, "gl500": GL500, "gv500": GV, "gv55lite": GV}


def raw(case: str) -> bytes:
    found = CASES[case]
    return bytes.fromhex(found["data"]) if found["encoding"] == "hex" else found["data"].encode("ascii")


def target(variant: str, **more: Any) -> Target:
    return Target(IMEI, variant=variant, serial=32, **more)


def applied(
    variant: str, asked: dict[str, Any], at: Target | None = None, **emulator: Any
) -> tuple[list[Exchange], Outcome, Any]:
    unit = FAMILY.emulator(IMEI, variant, **emulator)
    at = at or target(variant, options=emulator.get("options", {}))
    exchanges, outcome = against_emulator(FAMILY.apply(at, asked), unit, FAMILY.stream(at.transport))
    return exchanges, outcome, unit


def states(outcome: Outcome) -> dict[str, str]:
    return {name: found.state.value for name, found in outcome.fields.items()}


def sections(unit: Emulator) -> dict[str, list[str]]:
    assert isinstance(unit, QueclinkEmulator)
    return unit.sections


def messages(data: bytes, transport: Transport = Transport.TCP) -> list[Message]:
    events = list(FAMILY.stream(transport).feed(data))
    assert all(isinstance(event, Message) for event in events), events
    return [event for event in events if isinstance(event, Message)]


def problems(variant: str, asked: dict[str, Any], **more: Any) -> dict[str, Problem]:
    return {problem.field: problem for problem in FAMILY.check(target(variant, **more), asked)}
