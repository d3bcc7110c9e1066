"""Ruptela packets: cutting of a link, building of commands. All integers are big endian.

A device says: length u16, IMEI u64, command u8, payload, CRC; the length counts IMEI, command and payload. A server
says: length u16, command u8 (100 above the device's), payload, CRC; no IMEI. The CRC is CRC-16/KERMIT over all but the
length.
A command 7 answers a text sent with 108; records, trouble codes, identification and heartbeat are owed one byte 01.
Sources: traccar/traccar Ruptela decoder, encoder and their tests (recorded packets; 1 and 68 share the answer 100).
"""

from __future__ import annotations

import re
from typing import ClassVar

from fastcrc import crc16

from tracker_codecs.contract import Checksum, Event, Kind, Message
from tracker_codecs.cutter import MORE, NO_FRAME, Cutter
from tracker_codecs.errors import LocalError
from tracker_codecs.text import clean

RECORDS, SMS_ANSWER, TROUBLE, IDENTIFICATION, HEARTBEAT, FILES, EXTENDED = 1, 7, 9, 15, 16, 37, 68
SMS = 108
#: What is known of a device's commands, with the name for people.
NAMES = {
    RECORDS: "data",
    2: "configuration_answer",
    3: "version_answer",
    4: "firmware_answer",
    5: "connection_answer",
    6: "odometer_answer",
    SMS_ANSWER: "sms_via_gprs_answer",
    TROUBLE: "dtc",
    IDENTIFICATION: "identification",
    HEARTBEAT: "heartbeat",
    17: "set_io_answer",
    FILES: "file_part",
    EXTENDED: "data_extended",
}
SERVER_NAMES = {
    100: "server_ack",
    102: "command_configuration",
    103: "command_version",
    104: "command_firmware",
    105: "command_connection",
    106: "command_odometer",
    SMS: "command_sms_via_gprs",
    109: "server_ack",
    115: "server_ack",
    116: "server_ack",
    117: "command_set_io",
    137: "command_files",
}
_KINDS = {RECORDS: Kind.REPORT, EXTENDED: Kind.REPORT, IDENTIFICATION: Kind.LOGIN, HEARTBEAT: Kind.HEARTBEAT}
_KINDS |= dict.fromkeys((2, 3, 4, 5, 6, SMS_ANSWER, 17), Kind.REPLY)
#: Recorded packets declare up to 1020 bytes.
MAX_LENGTH = 2047
MAX_FRAME = MAX_LENGTH + 4
#: A command text has the bounds of the short message that it could be.
MAX_TEXT = 160
#: A record of command 1 without any values.
LEAST_RECORD = 27
_LEAST_IMEI, _IMEI_END = 10**12, 10**15

crc = crc16.kermit


def seal(body: bytes) -> bytes:
    """A packet around what its checksum covers."""
    return len(body).to_bytes(2, "big") + body + crc(body).to_bytes(2, "big")


def from_device(imei: str, command: int, payload: bytes) -> bytes:
    """A packet as a device makes it."""
    return seal(int(imei).to_bytes(8, "big") + bytes((command,)) + payload)


def build_text(text: str) -> bytes:
    """Command 108 around a command text with its password.

    Raises LocalError for text that is empty, longer than 160 characters or not printable ASCII.
    """
    if not 0 < len(text) <= MAX_TEXT or not all(" " <= c <= "~" for c in text):
        raise LocalError(f"a command is 1 to {MAX_TEXT} printable ASCII characters", parameter="command")
    return seal(bytes((SMS,)) + text.encode("ascii"))


_OWED = {
    command: seal(bytes((100 + answer, 1)))
    for command, answer in {
        RECORDS: RECORDS - 1,
        EXTENDED: RECORDS - 1,
        TROUBLE: TROUBLE,
        IDENTIFICATION: IDENTIFICATION,
        HEARTBEAT: HEARTBEAT,
    }.items()
}


class RuptelaStream(Cutter):
    """Cuts one direction of a TCP link. `server` is true for what a server sends.

    Recovery: after a byte that starts no packet, or a wrong checksum, every byte is tried as a start; what is taken
    then must be of a known command and have a right checksum. One PeerError is given for a run of garbage.
    """

    __slots__ = ()
    starts: ClassVar[re.Pattern[bytes]] = re.compile(b"")  # every byte is tried

    def frame(self, buf: bytes, pos: int, events: list[Event]) -> int:
        """See `Cutter.frame`."""
        if len(buf) - pos < (3 if self.server else 11):
            return MORE
        total = self._measure(buf, pos)
        if len(buf) - pos < total:
            return MORE
        frame = buf[pos : pos + total]
        if not total or crc(frame[2:-2]) != frame[-2] << 8 | frame[-1]:
            return NO_FRAME
        events.append(self._packet(frame))
        return pos + total

    def _measure(self, data: bytes, pos: int) -> int:
        """Size of the packet that starts here; 0 where none can."""
        length = data[pos] << 8 | data[pos + 1]
        if length > MAX_LENGTH:
            return 0
        if self.server:
            return length + 4 if length and data[pos + 2] in SERVER_NAMES else 0
        if length < 9:
            return 0
        imei = int.from_bytes(data[pos + 2 : pos + 10], "big")
        if not _LEAST_IMEI <= imei < _IMEI_END or (self._skipping and data[pos + 10] not in NAMES):
            return 0
        return length + 4

    def _packet(self, frame: bytes) -> Message:
        if self.server:
            return Message(Kind.OTHER, frame, checksum=Checksum.OK)
        device = self.device_id = f"{int.from_bytes(frame[2:10], 'big'):015d}"
        command = frame[10]
        text = clean(frame[11:-2]) if command == SMS_ANSWER else ""
        kind = _KINDS.get(command, Kind.OTHER)
        return Message(kind, frame, device, _OWED.get(command, b""), Checksum.OK, text, command)


def recognise(first: bytes) -> bool | None:
    """See `Family.recognise`: a possible length, an IMEI as a number, a known command, no more records than fit."""
    if first and first[0] > MAX_LENGTH >> 8:
        return False
    if len(first) >= 4 and (first[2] or first[3] > _IMEI_END >> 48):
        return False
    if len(first) < 11:
        return None
    length = int.from_bytes(first[:2], "big")
    imei = int.from_bytes(first[2:10], "big")
    if not (9 <= length <= MAX_LENGTH and _LEAST_IMEI <= imei < _IMEI_END and first[10] in NAMES):
        return False
    if first[10] not in (RECORDS, EXTENDED):
        return True
    return None if len(first) < 13 else 11 + first[12] * LEAST_RECORD <= length
