"""The conversations. No message carries a number and no app answers `setConfiguration`.

iOS: dump (is it there, does it take settings?), setConfiguration, wait for the reconnect that follows, dump, compare.
Android: setConfiguration, then `reportLocation`, whose answer tells the mode (key `m`), or `status`, which tells only
that commands arrive. Sources: booklet features/remoteconfig; github.com/owntracks/ios OwnTracksAppDelegate.m;
github.com/owntracks/android MessageProcessor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tracker_codecs import jsontext
from tracker_codecs.answers import Matcher, nothing
from tracker_codecs.contract import Command, Dialogue, Match, Message, Purpose, Reply, Settings, Target, Value, Verdict
from tracker_codecs.course import Course
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.owntracks import settings as keys
from tracker_codecs.families.owntracks import wire
from tracker_codecs.families.owntracks.settings import ANDROID, IOS
from tracker_codecs.text import clean

#: Seconds for an answer of a phone that is awake; one that sleeps is met at its next contact.
TIMEOUT = 60.0
#: Seconds given to the reconnect of iOS (about 1 to 10) before the dump is asked for.
SETTLE = 15.0
#: Keys that may cut the device off for good: never sent, not even for an operator.
FORBIDDEN = wire.SECRET | {"mode", "url", "port", "host", "clientId", "deviceId", "pubTopicBase"}
SWITCHED_OFF = (
    "the user has not switched on remote configuration in the app (Settings, remoteConfiguration; off by default)"
)


def _ours(message: Message, target: Target) -> bool:
    return message.device_id == target.device_id and isinstance(message.data, dict)


def _of_type(target: Target, *kinds: str) -> Matcher:
    def matched(message: Message) -> Match:
        return Match.DONE if _ours(message, target) and message.data.get("_type") in kinds else Match.NO

    return matched


def _asked_location(target: Target) -> Matcher:
    """A location that answers reportLocation (`t` = r) and was made after this moment: older ones may be repeats.

    `created_at` (else `tst`) counts whole seconds.
    """
    since = int(target.now().timestamp())

    def matched(message: Message) -> Match:
        if not _ours(message, target) or message.data.get("_type") != "location" or message.data.get("t") != "r":
            return Match.NO
        made = message.data.get("created_at", message.data.get("tst"))
        return Match.DONE if wire.number(made) and made >= since else Match.NO

    return matched


class Talk(Course):
    """One conversation. Raises LocalError for a device id or a prefix that is no topic."""

    def __init__(self, target: Target, wanted: Settings | None = None) -> None:
        super().__init__(wanted)
        self.target = target
        #: The device's command topic.
        self.channel = wire.base_topic(target.device_id, target.options) + "/cmd"

    def command(
        self,
        content: Mapping[str, Any],
        purpose: Purpose,
        expects: str,
        match: Matcher,
        fields: Sequence[str] = (),
        timeout: float = TIMEOUT,
    ) -> Command:
        """A `cmd` message."""
        payload = wire.compact({"_type": "cmd", **content})
        text = payload.decode("ascii")
        return Command(payload, text, purpose, expects, match, tuple(fields), timeout=timeout, channel=self.channel)

    def write(self, content: Mapping[str, Any], timeout: float, then: str = "") -> Command:
        """The settings, which the app does not answer."""
        expects = "nothing: the app does not answer this command" + then
        return self.command(content, Purpose.WRITE, expects, nothing, tuple(self.wanted), timeout)

    def dump(self, purpose: Purpose, fields: Sequence[str]) -> Command:
        """iOS: the whole configuration."""
        match = _of_type(self.target, "dump", "configuration")
        return self.command({"action": "dump"}, purpose, "the configuration on /dump", match, fields)

    def location(self, purpose: Purpose) -> Command:
        """A location, which tells the mode and no other setting."""
        expects = "a location with t = r, whose m is the mode"
        match = _asked_location(self.target)
        return self.command({"action": "reportLocation"}, purpose, expects, match, ("monitoring_mode",))


def configuration_of(reply: Reply) -> dict[str, Any]:
    """Configuration of a dump, wrapped or (as the documentation says) bare; {} where there is none."""
    found = reply.messages[-1].data if reply.ok and reply.messages else {}
    inner = found.get("configuration") if found.get("_type") == "dump" else found
    return inner if isinstance(inner, dict) and inner.get("_type") == "configuration" else {}


def _mode_of(reply: Reply) -> dict[str, Value]:
    """The mode that an asked-for location tells."""
    return keys.decode(ANDROID, {"monitoring": reply.messages[-1].data.get("m")}) if reply.ok else {}


def apply(target: Target, wanted: Settings) -> Dialogue:
    """See `Family.apply`; LocalError at once for a prefix that is no plain topic."""
    settings = keys.configuration(target.variant, wanted, target.options)
    content = {"action": "setConfiguration", "configuration": settings}
    talk = Talk(target, wanted)
    return _ios(talk, content) if target.variant == IOS else _android(talk, content)


def _ios(talk: Talk, content: Mapping[str, Any]) -> Dialogue:
    names = tuple(talk.wanted)
    reply = yield from talk.ask(talk.dump(Purpose.READ, names))
    if talk.unanswered:
        return talk.judged()
    found = configuration_of(reply)
    if found.get("remoteConfiguration") is False:
        return talk.refuse(SWITCHED_OFF)
    before = keys.decode(IOS, found)
    yield from talk.change(talk.write(content, SETTLE, ", it reconnects"))
    reply = yield talk.dump(Purpose.READ_BACK, names)
    reported = keys.decode(IOS, configuration_of(reply))
    if any(reported.get(name) == before.get(name) != value for name, value in talk.wanted.items() if name in reported):
        # The state before the write: a repeated PUBLISH of the first dump, or the app was slow. Look once more.
        again = yield talk.dump(Purpose.READ_BACK, names)
        if again.ok:
            reply, reported = again, keys.decode(IOS, configuration_of(again))
    talk.unanswered = reply.verdict is Verdict.TIMEOUT
    return talk.judged(reported)


def _android(talk: Talk, content: Mapping[str, Any]) -> Dialogue:
    """The mode is told by an asked-for location where the app answers one; else only the presence of the phone."""
    yield from talk.change(talk.write(content, 1.0))
    reported: dict[str, Value] = {}
    if talk.wanted.get("monitoring_mode") in ("significant", "move"):
        reply = yield talk.location(Purpose.READ_BACK)
        reported = _mode_of(reply)
    else:
        match = _of_type(talk.target, "status")
        reply = yield talk.command({"action": "status"}, Purpose.PROBE, "a status on /status", match)
    talk.known = _status_known(reply)
    talk.unanswered = reply.verdict is Verdict.TIMEOUT
    return talk.judged(reported)


def _status_known(reply: Reply) -> dict[str, str]:
    """Why an interval may not be kept: power saving and permissions as the Android app tells them."""
    found = reply.messages[-1].data.get("android") if reply.ok and reply.messages else None
    if not isinstance(found, dict):
        return {}
    return {
        f"status_{key}": clean(str(found[key]), 40) for key in ("ps", "bo", "hib", "loc", "version") if key in found
    }


def read(target: Target, wanted: Sequence[str]) -> Dialogue:
    """iOS: one dump. Android: the mode, by an asked-for location; nothing is asked for other fields."""
    return _read(Talk(target), wanted)


def _read(talk: Talk, wanted: Sequence[str]) -> Dialogue:
    if talk.target.variant == IOS:
        reply = yield from talk.ask(talk.dump(Purpose.READ, wanted))
        return talk.told(keys.decode(IOS, configuration_of(reply)))
    if "monitoring_mode" not in wanted:
        return talk.told()
    reply = yield from talk.ask(talk.location(Purpose.READ))
    return talk.told(_mode_of(reply))


def raw(target: Target, text: str | bytes) -> Command:
    """An operator's command: an action name (`status`), a whole `cmd` object as text, or bytes, which go as they are.

    Raises LocalError for text that is neither, and for keys that could cut the phone off.
    """
    talk = Talk(target)
    if isinstance(text, bytes):
        match = _of_type(target, "dump", "configuration", "status")
        return Command(text, f"{len(text)} bytes", Purpose.RAW, "any reply", match, channel=talk.channel)
    if text.isascii() and text.isalnum():
        content: dict[str, Any] = {"_type": "cmd", "action": text}
    else:
        try:
            kind, content = wire.typed(jsontext.parse(text.encode("utf-8", "replace")), b"")
        except PeerError as fault:
            raise LocalError(f"neither an action name nor a JSON object: {fault.reason}", parameter="text") from None
        inner = content.get("configuration")
        bad = sorted(FORBIDDEN & (set(inner) if isinstance(inner, dict) else set()))
        if kind != "cmd" or bad:
            why = f"{', '.join(bad)} may cut the phone off" if bad else "_type must be cmd"
            raise LocalError(why, parameter="text")
    if target.variant == ANDROID and content.get("action") == "dump":
        raise LocalError("the Android app knows no dump and drops the whole message", parameter="text")
    body = {key: value for key, value in content.items() if key != "_type"}
    match = {
        "dump": _of_type(target, "dump", "configuration"),
        "status": _of_type(target, "status"),
        "reportLocation": _asked_location(target),
    }.get(str(content.get("action")), nothing)
    return talk.command(body, Purpose.RAW, "its answer, where the action has one", match)
