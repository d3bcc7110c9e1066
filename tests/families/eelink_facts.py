"""What the tests of Eelink share: the cases, a unit to talk to, dialogues with given answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from tracker_codecs.contract import (
    Message,
    Outcome,
    Target,
    Transport,
)
from tracker_codecs.drive import Exchange, against_emulator, collect
from tracker_codecs.families.eelink.family import FAMILY

FIXTURE = Path(__file__).parents[2] / "firmware-fixtures" / "eelink" / "frames.yaml"
CASES = {case["id"]: case for case in yaml.safe_load(FIXTURE.read_text("utf-8"))["cases"]}
FRAMES = {name: case for name, case in CASES.items() if case["layer"] == "frame"}
DEVICE = [name for name, case in FRAMES.items() if case["direction"] == "device_to_server"]
SERVER = [name for name, case in FRAMES.items() if case["direction"] == "server_to_device"]
IMEI = "354188048612829"  # of the recorded version 1 login
COLLECT = {
    "tracking_interval": 120,
    "tracking_distance": 200,
    "tracking_angle": 40,
    "active_tracking_interval": 30,
}
ASKED = {**COLLECT, "gps_working_mode": "auto", "gsm_working_mode": "always_on"}


def raw(name: str) -> bytes:
    return bytes.fromhex(CASES[name]["data"])


def link(name: str) -> Transport:
    return Transport(CASES[name].get("transport", "tcp"))


def one(data: bytes, transport: Transport = Transport.TCP) -> Message:
    (event,) = FAMILY.stream(transport).feed(data)
    assert isinstance(event, Message), event
    return event


def answer(uid: int, text: str, imei: str = IMEI) -> Message:
    """An answer by the layout of the recorded one, behind a login."""
    content = b"\x01" + uid.to_bytes(4, "big") + text.encode("ascii")
    login = b"gg\x01\0\x0c\0\1" + bytes.fromhex("0" + imei) + b"\x01\x20"
    _, event = FAMILY.stream().feed(login + b"gg\x80" + (len(content) + 2).to_bytes(2, "big") + b"\0\0" + content)
    assert isinstance(event, Message)
    return event


def target(variant: str = "v2", **more: Any) -> Target:
    return Target(IMEI, variant=variant, serial=0x1001, **more)


def applied(
    asked: dict[str, Any] | None = None, at: Target | None = None, **unit: Any
) -> tuple[list[Exchange], Outcome, Any]:
    at = at or target(experimental=True)
    device = FAMILY.emulator(IMEI, at.variant, transport=at.transport, **unit)
    return *against_emulator(FAMILY.apply(at, asked or ASKED), device, FAMILY.stream(at.transport)), device


def sent(exchanges: list[Exchange]) -> list[str]:
    return [each.command.text for each in exchanges]


def states(outcome: Outcome) -> set[str]:
    return {found.state.value for found in outcome.fields.values()}


def spoken(answers: list[str | None], asked: dict[str, Any], at: Target | None = None) -> tuple[list[str], Outcome]:
    """The commands of a dialogue that hears these texts in order (None: silence)."""
    dialogue = FAMILY.apply(at or target(), asked)
    said: list[str] = []
    try:
        command = next(dialogue)
        for text in answers:
            said.append(command.text)
            (heard,) = FAMILY.server(command.payload)
            assert isinstance(heard, Message)
            command = dialogue.send(collect(command, [] if text is None else [answer(heard.data.uid, text)]))
    except StopIteration as stop:
        return said, stop.value
    raise AssertionError(f"more is asked than was answered: {command.text}")
