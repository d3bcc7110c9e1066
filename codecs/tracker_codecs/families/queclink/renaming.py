"""Another device id in a recorded frame, for redaction: texts, HEX format and the new binary format."""

from __future__ import annotations

import re

from tracker_codecs.errors import LocalError
from tracker_codecs.families.queclink import frame as cut


def rename(frame: bytes, old: str, new: str) -> bytes:
    """See `Family.rename`. Text frames have no checksum; that of HEX frames is put right, as is that of new binary
    frames where it was right before (its kind is not certain).

    Raises LocalError where the lengths differ, or a new id of 15 is not decimal.
    """
    if len(old) != len(new) or not (old.isascii() and new.isascii()):
        raise LocalError("must be ASCII and as long as before", parameter="device_id")
    out = frame.replace(old.encode(), new.encode())
    if len(old) != 15 or not old.isdigit():
        return out
    if not new.isdigit():
        raise LocalError("must be 15 digits", parameter="device_id")
    if frame[:4] in cut.HEX_LENGTH and frame[4:5] != b":" and len(frame) > 10:
        out = out.replace(_pairs(old), _pairs(new))
        if out != frame:
            out = out[:-4] + cut.hex_checksum(out).to_bytes(2, "big") + out[-2:]
    elif frame[1:2] == b"\0" and len(frame) > 10:
        right = cut.binary_checksum(frame) == frame[-2]
        out = out.replace(bytes.fromhex("0" + old), bytes.fromhex("0" + new))
        if right:
            out = out[:-2] + bytes((cut.binary_checksum(out),)) + out[-1:]
    return out


def _pairs(digits: str) -> bytes:
    """Two decimal digits a byte, the last one alone: the id of HEX frames."""
    return bytes(int(digits[at : at + 2]) for at in range(0, 15, 2))


_SERIAL = re.compile(rb"(AT\+GT(?!TRI|SFR|HBD)[A-Z0-9]{3}=[^$\0]*,)[0-9A-Fa-f]{4}(?=\$)")
_TIMED = re.compile(rb"(AT\+GT(?:TRI|SFR)=[^$\0]*,)[0-9]{14}")
_TAIL = re.compile(rb"(\+(?:RESP|BUFF|ACK|NACK):GT[^$\0]*,)[0-9]{14},[0-9A-Fa-f]{4}(?=[$\0])")


def normalised(frame: bytes) -> bytes:
    """Serial numbers of commands, send times and counts of device frames are blanked."""
    frame = _SERIAL.sub(rb"\g<1>****", frame)
    frame = _TIMED.sub(rb"\g<1>" + b"*" * 14, frame)
    return _TAIL.sub(rb"\g<1>" + b"*" * 14 + b",****", frame)
