"""What the tests of the family gt06 share: its frames, an independent frame builder, settings to ask for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from tracker_codecs.contract import Message, Outcome, Problem, Target
from tracker_codecs.drive import Exchange, against_emulator
from tracker_codecs.families.gt06.emulator import Gt06Emulator
from tracker_codecs.families.gt06.family import FAMILY

_FIXTURES = Path(__file__).parents[2] / "firmware-fixtures" / "gt06"
FIXTURE = yaml.safe_load((_FIXTURES / "frames.yaml").read_text(encoding="utf-8"))
#: Answers of units of each platform.
PLATFORMS = yaml.safe_load((_FIXTURES / "platforms.yaml").read_text(encoding="utf-8"))
CASES = {case["id"]: case for case in FIXTURE["cases"]}
IMEI = "123456789012345"
GT06 = {
    "type": "interval_angle",
    "tracking_interval": 60,
    "tracking_distance": 250,
    "tracking_angle": 30,
    "psm_interval": 300,
}
#: Words that only tell when sent bare; POWERSAVE#, ALMCANCEL# and others act.
HARMLESS = {"VERSION#", "STATUS#", "HBT#", "TIMER#", "MODE#", "PARAM#", "REPORT#", "ANGLEREP#", "DISTANCE#"}
GT700 = {"type": "power_save", "tracking_interval": 5, "psm_interval": 6, "wakeup_time": "10:20"}
GT350 = {"tracking_interval": 60, "psm_interval": 600, "psm_mode": 1}
ASKED: dict[str, dict[str, Any]] = {
    "concoxgt06": GT06,
    "concox_distance_interval": {"tracking_interval": 60, "tracking_distance": 100},
    "concox_interval": {"tracking_interval": 60},
    "jimi_jc100": {"tracking_interval": 60},
    "concox_gt700": GT700,
    "concox_gt350": GT350,
    "concox_jv200": {"tracking_interval": 60},
    "concox_qbit": {"gps_tracking_interval": 60, "lbs_tracking_interval": 60, "mode": "gps"},
}
SERIAL = 0x40


def raw(case: str) -> bytes:
    found = CASES[case]
    return bytes.fromhex(found["data"]) if found["encoding"] == "hex" else found["data"].encode("ascii")


def crc(data: bytes) -> int:
    """CRC-16/X.25 bit by bit, as the vendor's appendix A computes it by table."""
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ 0x8408 if value & 1 else value >> 1
    return value ^ 0xFFFF


def short(number: int, content: bytes, serial: int) -> bytes:
    """78 78 frame by the layout of v1.8.1."""
    body = bytes((len(content) + 5, number)) + content + serial.to_bytes(2, "big")
    return b"\x78\x78" + body + crc(body).to_bytes(2, "big") + b"\r\n"


def long(number: int, content: bytes, serial: int) -> bytes:
    """79 79 frame."""
    body = (len(content) + 5).to_bytes(2, "big") + bytes((number,)) + content + serial.to_bytes(2, "big")
    return b"\x79\x79" + body + crc(body).to_bytes(2, "big") + b"\r\n"


def command(text: str, flag: int, serial: int, language: bytes = b"") -> bytes:
    """Command 0x80."""
    return short(0x80, bytes((len(text) + 4,)) + flag.to_bytes(4, "big") + text.encode() + language, serial)


def answer(text: str, flag: int, serial: int = 9) -> Message:
    """Answer 0x21 as the family's own stream hears it after a login."""
    stream = FAMILY.stream()
    (_, heard) = stream.feed(raw("login-doc") + long(0x21, flag.to_bytes(4, "big") + b"\x01" + text.encode(), serial))
    assert isinstance(heard, Message)
    return heard


def flag_in(payload: bytes) -> int:
    """The server flag of a command frame."""
    return int.from_bytes(payload[5:9], "big")


def texts(exchanges: list[Exchange]) -> list[str]:
    """The command texts, cut out of the bytes by the published layout."""
    return [e.command.payload[9 : 5 + e.command.payload[4]].decode() for e in exchanges]


def target(variant: str, **more: Any) -> Target:
    more.setdefault("serial", SERIAL)
    return Target(IMEI, variant=variant, **more)


def applied(
    variant: str, asked: dict[str, Any], at: Target | None = None, **emulator: Any
) -> tuple[list[Exchange], Outcome, Gt06Emulator]:
    unit = FAMILY.emulator(IMEI, variant, **emulator)
    assert isinstance(unit, Gt06Emulator)
    exchanges, outcome = against_emulator(FAMILY.apply(at or target(variant), asked), unit, FAMILY.stream())
    return exchanges, outcome, unit


def states(outcome: Outcome) -> dict[str, str]:
    return {name: found.state.value for name, found in outcome.fields.items()}


def problems(variant: str, asked: dict[str, Any], **more: Any) -> dict[str, Problem]:
    return {problem.field: problem for problem in FAMILY.check(target(variant, **more), asked)}
