"""Topics and payloads: one PUBLISH is one message, without length or checksum.

Unit to server `{"state":{"reported":{...}}}` (one record) or `{"RSP":"<text>"}`, both on its data topic, told apart by
key; or a binary codec 8 packet, where the unit is set so. Server to unit `{"CMD":"<text>"}`. The IMEI stands in the
topic only. Sources: Teltonika wiki Codec_JSON; github.com/openremote/fleet-management (topics, envelope,
recorded records).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tracker_codecs import jsontext
from tracker_codecs.contract import Event, Kind, Message, Stream, Value
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.teltonika import frame
from tracker_codecs.text import clean

MAX_FRAME = 65536
#: A command text is bounded as an SMS.
MAX_COMMAND = 160
#: No document names the topics: both are free settings of the unit. These follow a public layout.
TOPICS = {"data_topic": "{device_id}/data", "command_topic": "{device_id}/commands"}


def template(options: Mapping[str, Value], name: str) -> str:
    """Option `data_topic` or `command_topic`: levels, one of which is `{device_id}`.

    Raises LocalError for another number of places, wildcards, empty levels and unprintable characters.
    """
    text = str(options.get(name, TOPICS[name]))
    levels = text.split("/")
    others = [level for level in levels if level != "{device_id}"]
    good = len(others) == len(levels) - 1 and len(text) <= 200 and text.isprintable()
    if not good or not all(others) or set("".join(others)) & set("+#{}"):
        raise LocalError("must be topic levels without wildcards, one of them {device_id}", parameter=name)
    return text


def topic(device_id: str, options: Mapping[str, Value], name: str) -> str:
    """A topic of one unit. Raises LocalError for a device id that is no IMEI of 15 digits (so for any wildcard)."""
    if not _imei(device_id):
        raise LocalError("must be an IMEI of 15 digits", parameter="device_id")
    return template(options, name).replace("{device_id}", device_id)


def data_filter(options: Mapping[str, Value]) -> str:
    """Filter for the data topics of all units."""
    return template(options, "data_topic").replace("{device_id}", "+")


def _imei(level: str) -> bool:
    return len(level) == 15 and level.isascii() and level.isdigit()


def sender(channel: str) -> str | None:
    """The one IMEI among the levels of a topic; None where there is none, or two different ones."""
    found = {level for level in channel.split("/") if _imei(level)}
    return found.pop() if len(found) == 1 else None


def envelope(text: str) -> bytes:
    """`{"CMD":"<text>"}`. Raises LocalError for a text that is empty, over 160 characters or not printable ASCII."""
    if not 0 < len(text) <= MAX_COMMAND or not all(" " <= c <= "~" for c in text):
        raise LocalError(f"a command is 1 to {MAX_COMMAND} printable ASCII characters", parameter="command")
    return json.dumps({"CMD": text}, separators=(",", ":")).encode("ascii")


def message_of(data: bytes, channel: str, *, from_device: bool = True) -> Message:
    """The message of a JSON payload. Raises PeerError for anything that is none of the three objects."""
    found: Any = jsontext.parse(data)
    if not isinstance(found, dict):
        raise PeerError("no JSON object", discarded=data[:64])
    device = sender(channel)
    if isinstance(found.get("CMD"), str):
        # Our own command, where both topics are set equal: no sign of the unit.
        return Message(Kind.OTHER, data, data=found, channel=channel)
    if from_device and isinstance(found.get("RSP"), str):
        # The form in which the dialogues of `teltonika` know an answer; what is not latin-1 becomes `?`.
        text = frame.Text(frame.TEXT_12, 6, found["RSP"].encode("latin-1", "replace"))
        return Message(Kind.REPLY, data, device, text=clean(found["RSP"], 2000), data=text, channel=channel)
    state = found.get("state")
    if from_device and isinstance(state, dict) and isinstance(state.get("reported"), dict):
        return Message(Kind.REPORT, data, device, data=found, channel=channel)
    raise PeerError("neither a record (state) nor an answer (RSP)", discarded=data[:64])


class TeltonikaMqttStream(Stream):
    """What a broker passes on: whole payloads, so nothing is ever kept of one."""

    def feed(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """One payload of the topic `channel`."""
        try:
            if len(data) > MAX_FRAME:
                raise PeerError(f"payload of {len(data)} bytes, more than {MAX_FRAME}", discarded=data[:64])
            if data[:4] == frame.PREAMBLE:
                return self._binary(data, channel)
            if data.lstrip()[:1] != b"{":
                raise PeerError("neither JSON nor codec 8 (newer Teltonika lines send CBOR)", discarded=data[:64])
            return [message_of(data, channel)]
        except PeerError as fault:
            return [fault]

    def _binary(self, data: bytes, channel: str) -> Sequence[Event]:
        """A packet as on TCP; nothing is owed, since the broker took it. Answers in this form are not published."""
        stream = frame.TeltonikaStream()
        events = list(stream.feed(data))
        if stream.buffered:
            events.append(PeerError("the binary packet is cut short", discarded=data[:64]))
        for event in events:
            if isinstance(event, Message):
                event.device_id, event.owed, event.channel = sender(channel), b"", channel
        return events

    @property
    def buffered(self) -> int:
        """See `Stream.buffered`."""
        return 0


def from_server(data: bytes, channel: str) -> Sequence[Event]:
    """A command object."""
    try:
        return [message_of(data, channel, from_device=False)]
    except PeerError as fault:
        return [fault]


def topics(options: Mapping[str, Value]) -> Sequence[str]:
    """See `Family.topics`; option `data_topic` as for the units."""
    return [data_filter(options)]
