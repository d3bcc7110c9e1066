"""Sentences of Laipac units: cutting, and what they say. Both directions alike: `$<TYPE>,<fields>*XX` CR LF.

XX is the XOR of the characters between `$` and `*`, in upper-case hexadecimal. The first field is the unit's id.
What is owed: an ECHK comes back as it is. An AVRMC whose status is a small letter wants `$EAVACK,<event>,<its XX>`; one
that tells an alarm wants `$AVCFG,<password>,<letter>` too.
Sources: traccar/traccar LaipacProtocolDecoder (older revisions hold two of the alarm answers as constants),
LaipacProtocolEncoder and their tests.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from tracker_codecs.cells import moment, number
from tracker_codecs.contract import Checksum, Datum, Event, Kind, Limits, Message, Target
from tracker_codecs.cutter import MORE, NO_FRAME, Cutter
from tracker_codecs.device import Device
from tracker_codecs.envelope import Envelope, no_reply
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.family import Family
from tracker_codecs.geo import from_minutes
from tracker_codecs.nmea import checksum
from tracker_codecs.text import clean

#: Longest sentence taken, in bytes with its line end; recorded ones have at most 120.
MAX_FRAME = 255
#: The password that units are sold with.
PASSWORD = "00000000"
_BODY = re.compile(rb"\$([A-Z]{3,8})((?:,[ -#%-)+-~]*)?)\*([0-9A-F]{2})\r?\n")
_OPENING = re.compile(rb"\$(?:[A-Z]{0,8}|[A-Z]{3,8},[ -#%-)+-~]*(?:\*[0-9A-F]{0,2}\r?)?)\Z")
_START = re.compile(rb"\$")
_ID = re.compile(rb"[0-9A-Za-z_-]{4,15}")
_PASSWORD = re.compile(r"[0-9A-Za-z]{1,16}", re.ASCII)
_KINDS = {b"AVSYS": Kind.LOGIN, b"EAVSYS": Kind.LOGIN, b"ECHK": Kind.HEARTBEAT, b"AVRMC": Kind.REPORT}
_FIRST = (b"$AVSYS,", b"$EAVSYS,", b"$ECHK,", b"$AVRMC,")
#: Event of an alarm -> the letter that answers it.
_ALARMS = {b"3": b"d", b"S": b"t", b"T": b"t", b"X": b"x", b"4": b"x", b"Y": b"y", b"Z": b"z", b"M": b"m"}


def sentence(body: bytes) -> bytes:
    """The sentence that carries this body. Raises LocalError for one that is too long."""
    if len(body) > MAX_FRAME - 6:
        raise LocalError(f"a sentence has at most {MAX_FRAME} characters", parameter="command")
    return b"$%b*%02X\r\n" % (body, checksum(body))


def password_of(target: Target) -> str:
    """Option `password`, else that of the factory. Raises LocalError for one that does not fit a sentence."""
    password = str(target.options.get("password", PASSWORD))
    if not _PASSWORD.fullmatch(password):
        raise LocalError("a password is 1 to 16 letters or digits", parameter="password")
    return password


def recognise(first: bytes) -> bool | None:
    """See `Family.recognise`: one of the four sentences that a unit sends, with its comma."""
    if first.startswith(_FIRST):
        return True
    return None if any(each.startswith(first) for each in _FIRST) else False


class LaipacStream(Cutter):
    """Cuts what a unit says, or a server (`server`). A sentence with a wrong checksum is given up."""

    __slots__ = ("_password",)
    starts = _START
    between = b"\r\n"

    def begin(self) -> None:
        """See `Stream.begin`."""
        self._password = PASSWORD.encode("ascii")  # empty: none that fits a sentence

    def bind(self, target: Target) -> None:
        """Answers to alarms carry the unit's password from now on; where that fits no sentence, there are none."""
        try:
            self._password = password_of(target).encode("ascii")
        except LocalError:
            self._password = b""

    def frame(self, buf: bytes, pos: int, events: list[Event]) -> int:
        """See `Cutter.frame`."""
        found = _BODY.match(buf, pos, pos + MAX_FRAME)
        if found is None:
            return MORE if len(buf) - pos < MAX_FRAME and _OPENING.match(buf, pos) else NO_FRAME
        message = self._message(found)
        if message is None:
            return NO_FRAME
        events.append(message)
        return found.end()

    def _message(self, found: re.Match[bytes]) -> Message | None:
        frame, (kind, rest, told) = found[0], found.groups()
        body = kind + rest
        if checksum(body) != int(told, 16):
            return None
        if self.server:
            return Message(Kind.OTHER, frame, checksum=Checksum.OK, data="server")
        what = _KINDS.get(kind, Kind.OTHER)
        cells = rest.split(b",")
        if what is not Kind.OTHER and len(cells) > 1 and _ID.fullmatch(cells[1]):
            self.device_id = cells[1].decode("ascii")
        owed = b""
        if what is Kind.HEARTBEAT:
            owed = b"$%b*%b\r\n" % (body, told)
        elif what is Kind.REPORT and len(cells) > 11:
            if cells[3].islower():
                owed = sentence(b"EAVACK,%b,%b" % (cells[11], told))
            if cells[11] in _ALARMS and self._password:
                owed += sentence(b"AVCFG,%b,%b" % (self._password, _ALARMS[cells[11]]))
        return Message(what, frame, self.device_id, owed, Checksum.OK)


def fields(message: Message) -> dict[str, Any]:
    """Everything known of a sentence. Raises PeerError for a position that is none.

    Speed is told in km/h, the battery in V, the mileage and the ADCs in the unit's own measure.
    """
    found = _BODY.fullmatch(message.frame)
    assert found is not None, "the stream has seen it"
    name, cells = found[1].decode("ascii"), clean(found[2], MAX_FRAME).split(",")[1:]
    told: dict[str, Any] = {"message": name}
    if message.data == "server" or message.kind is Kind.OTHER:
        return {**told, "values": cells}
    names = {
        "AVSYS": ("device_id", "firmware", "serial", "memory"),
        "EAVSYS": ("device_id", "iccid", "phone", "owner", "firmware"),
        "ECHK": ("device_id", "number"),
    }
    if name in names:
        return {**told, **dict(zip(names[name], cells, strict=False))}
    if len(cells) < 16:
        raise PeerError("a position with too few fields", discarded=message.frame[:64])
    told |= {"device_id": cells[0], "status": cells[2], "valid": cells[2] not in "Vv", "event": cells[10]}
    told |= {
        "time": moment(cells[9] + cells[1], "%d%m%y%H%M%S"),
        "latitude": from_minutes(cells[3], cells[4]),
        "longitude": from_minutes(cells[5], cells[6]),
    }
    knots, battery = number(cells[7]), number(cells[11])
    told |= {"speed_kmh": None if knots is None else round(knots * 1.852, 3), "course": number(cells[8])}
    told["battery"] = battery if battery is None or "." in cells[11] else battery / 1000
    told |= {"mileage": number(cells[12]), "gps": cells[13], "adc": cells[14:16]}
    if len(cells) > 17:
        told["cell"] = cells[16:18]
    return told


_COMMAND = re.compile(r"[A-Z]{3,8}(?:,[ -#%-)+-~]{0,200})?", re.ASCII)
#: Word of a command -> which of its fields is the password.
_PASSWORD_AT = {"AVREQ": 0, "AVCFG": 0, "AVRESET": 1}


class LaipacEmulator(Device):
    """A unit that stands still, in the form of recorded sentences."""

    def login(self) -> list[Datum]:
        """AVSYS."""
        return [self._say(f"AVSYS,{self.device_id},V1.50,SN0000103,32768")]

    def heartbeat(self) -> list[Datum]:
        """ECHK."""
        return [self._say(f"ECHK,{self.device_id},0")]

    def report(self, now: datetime) -> list[Datum]:
        """AVRMC that wants an acknowledgement."""
        place = "a,4351.0542,N,07923.5445,W,0.29,78.66"
        return [self._say(f"AVRMC,{self.device_id},{now:%H%M%S},{place},{now:%d%m%y},0,3.727,17,1,0,0")]

    def _say(self, body: str) -> Datum:
        return Datum(sentence(body.encode("ascii")))


def from_server(data: bytes, channel: str) -> Sequence[Event]:
    """Commands and acknowledgements."""
    return LaipacStream(server=True).feed(data[: 64 * MAX_FRAME])


def wrap(target: Target, text: str) -> bytes:
    """A body such as `AVREQ,00000000,1`, which gets its `$`, checksum and line end.

    The password is part of the body, as the command wants it. Raises LocalError for a text that is no such body.
    """
    if not _COMMAND.fullmatch(text):
        raise LocalError("a command is a word in capitals, then its fields after commas", parameter="command")
    return sentence(text.encode("ascii"))


def secrets(target: Target, text: str) -> tuple[bytes, ...]:
    """The password of the record, where the command holds it, and whatever stands in a password's place."""
    password, (word, *cells) = password_of(target), text.split(",")
    if not text:  # bytes, which may hold it
        return (password.encode("ascii"),)
    at = _PASSWORD_AT.get(word)
    told = {cell for index, cell in enumerate(cells) if cell == password or index == at}
    return tuple(cell.encode("ascii") for cell in sorted(told - {"", "?"}))


def renamed(frame: bytes, old: str, new: str) -> bytes:
    """See `Family.rename`."""
    if old.encode() not in frame or not frame.startswith(b"$"):
        return frame
    return sentence(frame[1 : frame.rindex(b"*")].replace(old.encode(), new.encode()))


FAMILY = Family(
    name="laipac",
    title="Laipac S911 Lola, 911BL and StarFinder",
    sources=("github.com/traccar/traccar: LaipacProtocolDecoder, LaipacProtocolEncoder and their tests",),
    default_port=5048,
    limits=Limits(max_frame=MAX_FRAME),
    unsupported=(
        "the letters and arguments of Laipac's $AVCFG that set interval and distance are not public; its reports, "
        "what is owed to them and the framing of commands are"
    ),
    stream=LaipacStream,
    server=from_server,
    recognise=recognise,
    fields=fields,
    rename=renamed,
    raw=Envelope(
        wrap=wrap,
        answers=no_reply,
        secrets=secrets,
        expects="nothing: what answers a command is not public",
    ),
    emulator=LaipacEmulator,
)
