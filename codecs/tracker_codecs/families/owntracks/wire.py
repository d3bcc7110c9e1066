"""Topics and JSON objects of OwnTracks: one object a PUBLISH, mandatory key `_type`, UTF-8, no checksum.

A device's base topic is `<prefix>/<user>/<device>`; `device_id` here is `<user>/<device>`. Messages of some types
travel one level below it. Sources: OwnTracks booklet tech/json and tech/mqtt; github.com/owntracks/recorder (dump
wrapper).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from tracker_codecs import jsontext
from tracker_codecs.contract import Event, Ids, Kind, Message, Stream, Value
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.text import clean

#: Longest payload read, in bytes. A dump holds all regions of the phone; anything above is no message of the app.
MAX_FRAME = 65536
DEFAULT_PREFIX = "owntracks"
#: Most characters of `<user>/<device>`.
MAX_ID = 128
#: User names may hold any printable character but these three; `base_topic` looks at each.
IDS = Ids(
    rf"(?=.{{3,{MAX_ID}}}\Z)[^+#/]+/[^+#/]+",
    "must be <user>/<device>, two topic levels without wildcards (+ #) and control characters",
)
#: Level below the base topic on which a type travels; the others travel on the base topic itself.
LEVELS = {
    "transition": "event",
    "waypoint": "waypoint",
    "waypoints": "waypoints",
    "dump": "dump",
    "configuration": "dump",
    "status": "status",
    "steps": "step",
    "beacon": "beacon",
    "card": "info",
}
#: Levels subscribed to: what is used here, and what shows that the phone is awake.
HEARD = ("", "/event", "/waypoint", "/waypoints", "/dump", "/status")
#: Keys of a configuration that are nobody's business: a dump carries them in clear.
SECRET = frozenset(
    {"username", "password", "encryptionKey", "passphrase", "opencageApiKey", "tlsClientCrtPassword", "tlsClientCrt"}
)
MASK = "***"


# -- topics ----------------------------------------------------------------------------------------------------------
def _level(text: str) -> bool:
    return bool(text) and text.isprintable() and not set(text) & set("+#/")


def prefix_of(options: Mapping[str, Value]) -> str:
    """Option `prefix`: the levels before user and device, `owntracks` unless told.

    Raises LocalError for empty levels, wildcards and unprintable characters.
    """
    prefix = str(options.get("prefix", DEFAULT_PREFIX))
    if not all(map(_level, prefix.split("/"))) or len(prefix) > MAX_ID:
        raise LocalError("must be topic levels without wildcards, as owntracks or fleet/owntracks", parameter="prefix")
    return prefix


def base_topic(device_id: str, options: Mapping[str, Value]) -> str:
    """Base topic of a device. Raises LocalError for an id that is not `<user>/<device>` or holds a wildcard."""
    levels = device_id.split("/")
    if len(levels) != 2 or not all(map(_level, levels)) or len(device_id) > MAX_ID:
        raise LocalError(IDS.reason, parameter="device_id")
    return f"{prefix_of(options)}/{device_id}"


def filters(options: Mapping[str, Value]) -> list[str]:
    """Topic filters for every device below the prefix; `/cmd`, where commands go, is not among them."""
    prefix = prefix_of(options)
    return [f"{prefix}/+/+{level}" for level in HEARD]


@lru_cache(maxsize=4096)
def sender(topic: str, kind: str) -> str | None:
    """`<user>/<device>` of a topic on which a message of this type came; None where the topic names nobody."""
    levels = topic.split("/")
    own = LEVELS.get(kind)
    if own is not None:
        if levels[-1] != own:
            return None
        levels.pop()
    elif kind == "encrypted" and len(levels) > 3 and levels[-1] in LEVELS.values():
        levels.pop()
    found = levels[-2:]
    name = "/".join(found)
    return name if len(levels) > 2 and all(map(_level, found)) and len(name) <= MAX_ID else None


# -- objects ---------------------------------------------------------------------------------------------------------
def typed(found: Any, data: bytes) -> tuple[str, dict[str, Any]]:
    """Type and content of a parsed object. Raises PeerError for anything without a textual `_type`."""
    kind = found.get("_type") if isinstance(found, dict) else None
    if not isinstance(kind, str) or not isinstance(found, dict):
        raise PeerError("no OwnTracks message: no _type", discarded=data[:64])
    return kind, found


def compact(value: Any) -> bytes:
    """JSON without blanks, ASCII only, key order kept."""
    return json.dumps(value, separators=(",", ":")).encode("ascii")


def redacted(value: Any) -> Any:
    """The value with every filled secret, at any depth, replaced by `***`."""
    if isinstance(value, dict):
        return {k: MASK if k in SECRET and v not in ("", None) else redacted(v) for k, v in value.items()}
    return [redacted(item) for item in value] if isinstance(value, list) else value


def message_of(data: bytes, channel: str, found: Any, *, from_device: bool) -> Message:
    """The message of a parsed object. Configurations lose their secrets here, so that no log or store meets them."""
    kind, content = typed(found, data)
    if kind in ("dump", "configuration", "cmd"):
        try:
            content = redacted(content)
            data = compact(content)
        except RecursionError:
            raise PeerError("JSON nested too deep", discarded=data[:64]) from None
    topic = channel or str(content.get("topic", ""))
    # A will is published by the broker and a command by a server: neither shows that the phone is there.
    device = sender(topic, kind) if from_device and kind not in ("lwt", "cmd") else None
    role = Kind.OTHER
    if from_device:
        if kind == "location" and usable(content):
            role = Kind.REPORT
        elif kind in ("dump", "configuration", "status"):
            role = Kind.REPLY
    text = data.decode("ascii", "backslashreplace") if role is Kind.REPLY else ""
    return Message(role, data, device, text=clean(text, 2000), data=content, channel=channel)


def number(value: Any) -> bool:
    """The JSON value is a number (a boolean is none)."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def usable(location: Mapping[str, Any]) -> bool:
    """Whether a location tells time and place."""
    return all(number(location.get(key)) for key in ("tst", "lat", "lon"))


class OwnTracksStream(Stream):
    """What a broker passes on, or a server sends (`server`): whole payloads, so nothing is ever kept of one."""

    __slots__ = ()

    def feed(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """One payload of the topic `channel`; without a topic the key `topic` (HTTP form) names the sender.

        Of a server: a command or a configuration; also the array of them that answers an HTTP report.
        """
        try:
            found = jsontext.parse(data)
            if self.server and isinstance(found, list):
                return [message_of(compact(item), channel, item, from_device=False) for item in found]
            return [message_of(data, channel, found, from_device=not self.server)]
        except PeerError as fault:
            return [fault]

    @property
    def buffered(self) -> int:
        """See `Stream.buffered`."""
        return 0
