"""What the tests of the family jt808 share: its frames, and a frame builder by the standard's text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from tracker_codecs.contract import Message
from tracker_codecs.families.jt808.family import FAMILY

FIXTURE = yaml.safe_load(
    (Path(__file__).parents[2] / "firmware-fixtures" / "jt808" / "frames.yaml").read_text(encoding="utf-8")
)
CASES: dict[str, Any] = {case["id"]: case for case in FIXTURE["cases"]}


def raw(case: str) -> bytes:
    """The bytes of a case."""
    found = CASES[case]
    return bytes.fromhex(found["data"]) if found["encoding"] == "hex" else str(found["data"]).encode("ascii")


def framed(ident: int, phone: str, serial: int, body: bytes, version: int | None = None) -> bytes:
    """A frame byte by byte: header of 2013, or with a version byte that of 2019."""
    head = ident.to_bytes(2, "big") + (len(body) | (0 if version is None else 0x4000)).to_bytes(2, "big")
    head += b"" if version is None else bytes((version,))
    data = head + bytes.fromhex(phone) + serial.to_bytes(2, "big") + body
    check = 0
    for byte in data:
        check ^= byte
    escapes = {0x7E: b"\x7d\x02", 0x7D: b"\x7d\x01"}
    return b"\x7e" + b"".join(escapes.get(byte, bytes((byte,))) for byte in (*data, check)) + b"\x7e"


def one(data: bytes) -> Message:
    """The one message of these bytes."""
    (event,) = FAMILY.stream().feed(data)
    assert isinstance(event, Message)
    return event
