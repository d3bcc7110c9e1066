"""Checksums of text protocols, by name: the text that stands behind the body."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from fastcrc import crc16


def _xor(data: bytes) -> str:
    value = 0
    for byte in data:
        value ^= byte
    return f"{value:02X}"


#: Name -> the hexadecimal digits, in upper case, over everything from the start of the frame to the end of the body.
CHECKSUMS: Mapping[str, Callable[[bytes], str]] = {
    "sum8": lambda data: f"{sum(data) & 0xFF:02X}",
    "xor8": _xor,
    "crc16-ccitt": lambda data: f"{crc16.ibm_3740(data):04X}",
    "crc16-modbus": lambda data: f"{crc16.modbus(data):04X}",
}
