"""Frames of GPS watches: `[<maker>*<id>*<length>*<content>]`, of some with an index before the length.

Two maker letters (3G, SG, CS, ZJ ...), 10 to 15 digits of id, length as four hexadecimal digits: bytes of the content
as sent. Content is `<word>[,...]`; within binary content `}` `[` `]` `,` `*` are sent as 7D 01 to 7D 05, so a frame
ends at the first `]`. The length of a recorded frame may be wrong (a redacted one is), so it is shown, not believed.
Owed, with the unit's own letters and index: LK, AL, TKQ and TKQ2 are said back by their word, INIT gets `INIT,1`.
There is no checksum.
Sources: traccar/traccar WatchFrameDecoder, WatchProtocolDecoder, WatchProtocolEncoder and their tests (recorded frames,
answers); 4P-Touch server protocol (public text on GitHub: UPLOAD and TS with their answers). The vendor prints lengths
in capitals, as units send them, Traccar in small letters: here capitals.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from tracker_codecs.contract import Kind, Message
from tracker_codecs.delimited import DelimitedStream
from tracker_codecs.text import clean

#: Longest frame taken, in bytes: positions with cells and Wi-Fi have some 400; pictures above this are given up.
MAX_FRAME = 8192
_FRAME = re.compile(
    rb"\[([0-9A-Za-z]{2})\*(\d{10,15})\*(?:([0-9A-Fa-f]{4})\*)?([0-9A-Fa-f]{4})\*(([0-9A-Za-z_]{1,24})(?:,[^\]]*)?)\]",
    re.ASCII | re.DOTALL,
)
_START = re.compile(rb"\[(?:[0-9A-Za-z]{2}(?:\*\d{0,15})?|[0-9A-Za-z]?)", re.ASCII)
#: Words by which units answer commands, as far as they are public.
_REPLIES = frozenset(
    b"UPLOAD TS CR RESET POWEROFF SOS SOS1 SOS2 SOS3 SOSSMS LOWBAT REMOVE SILENCETIME REMIND PHB PHB2 MESSAGE LZ FLOWER"
    b" CENTER SLAVE PW CALL MONITOR APN VERNO FIND FACTORY".split()
)
_POSITION = re.compile(
    r"(?P<date>\d{6}),(?P<time>\d{6}),(?P<fix>[AV]), *(?P<latitude>-?\d{1,3}\.\d{1,12}),(?P<ns>[NS]), *"
    r"(?P<longitude>-?\d{1,3}\.\d{1,12}),(?P<ew>[EW])?,(?P<speed_kmh>\d+\.?\d*),(?P<course>\d+\.?\d*),(?P<altitude_m>-?\d+\.?\d*),(?P<satellites>\d+),"
    r"(?P<signal>\d+),(?P<battery>\d+),(?P<steps>\d+),\d+,(?P<status_hex>[0-9A-Fa-f]+)(?:,.*)?",
    re.ASCII,
)
_STATUS = re.compile(r"(?:^|[;\s])(\w[\w ]*):([^;]*)(?=;|$)", re.ASCII)
_UPLOAD = re.compile(r"(?:^|[;\s])upload: *(\d{1,6})[sS]? *(?:;|$)", re.ASCII)
#: The password in the status text; it is starred at once, so that no ledger holds it.
_SECRET = re.compile(rb"(\bpw:)([^;\]]*)", re.ASCII | re.IGNORECASE)


class Said(NamedTuple):
    """A frame in its parts: `number` is the index, `rest` follows the word, `right` is whether its length is."""

    maker: str
    number: str
    word: str
    rest: str
    right: bool


def build(maker: str, device_id: str, content: str, index: str = "") -> bytes:
    """The frame around this content, which must hold nothing that needs an escape."""
    number = f"{index}*" if index else ""
    return f"[{maker}*{device_id}*{number}{len(content):04X}*{content}]".encode("ascii")


class WatchStream(DelimitedStream):
    """Cuts one direction of a link. `server`: the bytes are those of a server."""

    __slots__ = ("_index", "_maker")
    first, last, most = b"[", b"]", MAX_FRAME

    def begin(self) -> None:
        """See `Stream.begin`."""
        self._maker = self._index = b""

    @property
    def known(self) -> dict[str, str]:
        """Maker's letters and index of the unit's frames, for ours."""
        found = {"maker": self._maker.decode(), "index": self._index.decode()}
        return found if self._maker else {}

    def understand(self, frame: bytes) -> Message | None:
        """See `DelimitedStream`."""
        found = _FRAME.fullmatch(frame)
        return None if found is None else self._message(frame, found)

    def _message(self, frame: bytes, found: re.Match[bytes]) -> Message:
        if found[6] == b"TS":
            frame = _SECRET.sub(lambda secret: secret[1] + b"*" * len(secret[2]), frame)
            found = _FRAME.fullmatch(frame) or found
        maker, name, index, length, content, word = found.groups()
        device_id = name.decode()
        rest = content[len(word) + 1 :].decode("latin-1")
        right = int(length, 16) == len(content)
        said = Said(maker.decode(), index.decode() if index else "", word.decode(), rest, right)
        if self.server:
            return Message(Kind.OTHER, frame, device_id, data=said)
        self.device_id, self._maker, self._index = device_id, maker, index or b""
        kind, owed = Kind.OTHER, b""
        if word == b"LK":
            kind, owed = Kind.HEARTBEAT, b"LK"
        elif word[:2] == b"UD" or word[:2] == b"WT":
            kind = Kind.REPORT
        elif word[:2] == b"AL":
            kind, owed = Kind.REPORT, b"AL"
        elif word == b"INIT":
            kind, owed = Kind.LOGIN, b"INIT,1"
        elif word == b"TKQ" or word == b"TKQ2":
            owed = word
        elif word in _REPLIES:
            kind = Kind.REPLY
        if owed:
            number = index + b"*" if index else b""
            owed = b"[%b*%b*%b%04X*%b]" % (maker, name, number, len(owed), owed)
        text = clean(f"{said.word},{rest}" if rest else said.word) if kind is Kind.REPLY else ""
        return Message(kind, frame, device_id, owed, text=text, data=said)


def recognise(first: bytes) -> bool | None:
    """See `Family.recognise`: a bracket, two letters, an id and a length, between stars."""
    first = first.lstrip(b"\r\n")
    if not first:
        return None
    if re.match(rb"\[[0-9A-Za-z]{2}\*\d{10,15}\*[0-9A-Fa-f]{4}\*", first, re.ASCII):
        return True
    if len(first) >= 25:
        return False
    part = re.fullmatch(rb"\[[0-9A-Za-z]{2}\*\d{10,15}\*[0-9A-Fa-f]{0,4}", first, re.ASCII)
    return None if part or _START.fullmatch(first) else False


def interval(text: str) -> int | None:
    """Seconds between uploads, as the status text tells them (`upload:600` or `upload:600S`); None if it does not."""
    found = _UPLOAD.search(text)
    return int(found[1]) if found else None


def fields(message: Message) -> dict[str, Any]:
    """Everything known of a frame of either direction."""
    said: Said = message.data
    found: dict[str, Any] = {
        "message": said.word,
        "maker": said.maker,
        "device_id": message.device_id,
        "length_right": said.right,
    }
    if said.number:
        found["index"] = said.number
    if said.word == "TS":
        told = {clean(name): clean(value) for name, value in _STATUS.findall(said.rest)}
        return {**found, "status": told}
    place = _POSITION.fullmatch(said.rest) if message.kind is Kind.REPORT else None
    if place is None:
        return {**found, "arguments": [clean(each) for each in said.rest[:2000].split(",")] if said.rest else []}
    cells = {name: value for name, value in place.groupdict().items() if name not in ("ns", "ew")}
    latitude, longitude = float(place["latitude"]), float(place["longitude"])
    return {
        **found,
        **cells,
        "latitude": -abs(latitude) if place["ns"] == "S" else latitude,
        "longitude": -abs(longitude) if place["ew"] == "W" else longitude,
    }
