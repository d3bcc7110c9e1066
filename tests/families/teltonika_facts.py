"""What the tests of the family teltonika share: its frames, settings to ask for, shorthands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from tracker_codecs.contract import Message, Outcome, Problem, Target, Transport
from tracker_codecs.drive import Exchange, against_emulator
from tracker_codecs.families.teltonika.family import FAMILY

FIXTURE = yaml.safe_load(
    (Path(__file__).parents[2] / "firmware-fixtures" / "teltonika" / "frames.yaml").read_text(encoding="utf-8")
)
CASES = {case["id"]: case for case in FIXTURE["cases"]}
IMEI = "352093081452251"
TELFM = {
    "tracking_angle": 30,
    "tracking_distance": 100,
    "tracking_interval": 60,
    "on_stop_tracking_interval": 180,
    "sleep_mode": "disabled",
    "stop_detection": "ignition",
}
TELFM5X = {
    "sleep_mode": "disabled",
    "sleep_timeout": 300,
    "tracking_angle": 25,
    "tracking_distance": 50,
    "tracking_interval": 30,
}
ASKED: dict[str, dict[str, Any]] = {"fmb": TELFM, "old_fm": TELFM, "fm6": TELFM5X, "fmx640": TELFM5X}


def raw(case: str) -> bytes:
    found = CASES[case]
    return bytes.fromhex(found["data"]) if found["encoding"] == "hex" else found["data"].encode("ascii")


def target(variant: str, **more: Any) -> Target:
    return Target(IMEI, variant=variant, **more)


def applied(
    variant: str, asked: dict[str, Any] | None = None, at: Target | None = None, **emulator: Any
) -> tuple[list[Exchange], Outcome, Any]:
    unit = FAMILY.emulator(IMEI, variant, **emulator)
    dialogue = FAMILY.apply(at or target(variant), ASKED[variant] if asked is None else asked)
    exchanges, outcome = against_emulator(dialogue, unit, FAMILY.stream())
    return exchanges, outcome, unit


def states(outcome: Outcome) -> dict[str, str]:
    return {name: found.state.value for name, found in outcome.fields.items()}


def sent(exchanges: list[Exchange]) -> list[str]:
    return [exchange.command.text for exchange in exchanges]


def seen(events: Any) -> list[Any]:
    return [e if isinstance(e, Message) else (e.reason, e.discarded, e.fatal) for e in events]


def one(data: bytes, transport: Transport = Transport.TCP) -> Message:
    (event,) = FAMILY.stream(transport).feed(data)
    assert isinstance(event, Message), event
    return event


def problems(variant: str, asked: dict[str, Any], **more: Any) -> dict[str, Problem]:
    return {problem.field: problem for problem in FAMILY.check(target(variant, **more), asked)}


def reply(text: str, envelope: int = 0x0C, imei: str = "") -> Message:
    """A reply frame made here, by the layout of the vendor's examples and a bitwise CRC-16/IBM."""
    content = (bytes.fromhex("0" + imei) if imei else b"") + text.encode("latin-1")
    body = bytes((envelope, 1, 6)) + len(content).to_bytes(4, "big") + content + b"\1"
    crc = 0
    for byte in body:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return one(bytes(4) + len(body).to_bytes(4, "big") + body + crc.to_bytes(4, "big"))
