"""The conversations. No message carries a number and no app answers `setConfiguration`.

iOS: dump (is it there, does it take settings?), setConfiguration, wait for the reconnect that follows, dump, compare.
Android: setConfiguration, then `reportLocation`, whose answer tells the mode (key `m`), or `status`, which tells only
that commands arrive. Sources: booklet features/remoteconfig; github.com/owntracks/ios OwnTracksAppDelegate.m;
github.com/owntracks/android MessageProcessor.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tracker_codecs import jsontext
from tracker_codecs.contract import (
    Command,
    Dialogue,
    Match,
    Message,
    Outcome,
    Purpose,
    Reply,
    Settings,
    Target,
    Value,
    Verdict,
)
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.owntracks import settings as keys
from tracker_codecs.families.owntracks import wire
from tracker_codecs.families.owntracks.settings import ANDROID, IOS
from tracker_codecs.judge import judge
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
Matcher = Callable[[Message], Match]


def _ours(message: Message, target: Target) -> bool:
    return message.device_id == target.device_id and isinstance(message.data, dict)


def _of_type(target: Target, *kinds: str) -> Matcher:
    def matched(message: Message) -> Match:
        return Match.DONE if _ours(message, target) and message.data.get("_type") in kinds else Match.NO

    return matched


def _never(_: Message) -> Match:
    return Match.NO


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


def command(
    target: Target,
    content: dict[str, Any],
    purpose: Purpose,
    expects: str,
    match: Matcher,
    fields: Sequence[str] = (),
    timeout: float = TIMEOUT,
) -> Command:
    """A `cmd` message on the device's command topic. Raises LocalError for a device id that is no topic."""
    payload = wire.compact({"_type": "cmd", **content})
    channel = wire.base_topic(target.device_id, target.options) + "/cmd"
    return Command(
        payload, payload.decode("ascii"), purpose, expects, match, tuple(fields), timeout=timeout, channel=channel
    )


def _dump(target: Target, purpose: Purpose, fields: Sequence[str]) -> Command:
    return command(
        target,
        {"action": "dump"},
        purpose,
        "the configuration on /dump",
        _of_type(target, "dump", "configuration"),
        fields,
    )


def configuration_of(reply: Reply) -> dict[str, Any]:
    """Configuration of a dump, wrapped or (as the documentation says) bare; {} where there is none."""
    found = reply.messages[-1].data if reply.ok and reply.messages else {}
    inner = found.get("configuration") if found.get("_type") == "dump" else found
    return inner if isinstance(inner, dict) and inner.get("_type") == "configuration" else {}


def apply(target: Target, settings: Settings) -> Dialogue:
    """See `Family.apply`; the settings were checked before."""
    problems, carried = keys.accepted(target, settings)
    if not carried:
        return judge(settings, reported={}, problems=problems)
    content = {
        "action": "setConfiguration",
        "configuration": keys.configuration(target.variant, carried, target.options),
    }
    before: dict[str, Value] = {}
    if target.variant == IOS:
        reply = yield _dump(target, Purpose.READ, tuple(carried))
        if reply.verdict is Verdict.TIMEOUT:
            return judge(settings, reported={}, problems=problems, unanswered=True)
        found = configuration_of(reply)
        if found.get("remoteConfiguration") is False:
            refused = dict.fromkeys(carried, SWITCHED_OFF)
            return judge(settings, reported={}, problems=problems, refused=refused)
        before = keys.decode(IOS, found)
    yield command(
        target,
        content,
        Purpose.WRITE,
        "nothing: the app does not answer this command" + (", it reconnects" if target.variant == IOS else ""),
        _never,
        tuple(carried),
        timeout=SETTLE if target.variant == IOS else 1.0,
    )
    if target.variant == ANDROID:
        return (yield from _android(target, settings, carried, problems))
    reply = yield _dump(target, Purpose.READ_BACK, tuple(carried))
    reported = keys.decode(IOS, configuration_of(reply))
    if any(reported.get(name) == before.get(name) != value for name, value in carried.items() if name in reported):
        # The state before the write: a repeated PUBLISH of the first dump, or the app was slow. Look once more.
        again = yield _dump(target, Purpose.READ_BACK, tuple(carried))
        if again.ok:
            reply, reported = again, keys.decode(IOS, configuration_of(again))
    silent = reply.verdict is Verdict.TIMEOUT
    return judge(settings, reported=reported, problems=problems, written=carried, unanswered=silent)


def _android(target: Target, settings: Settings, carried: Settings, problems: Any) -> Dialogue:
    """The mode is told by an asked-for location where the app answers one; else only the presence of the phone."""
    reported: dict[str, Value] = {}
    if carried.get("monitoring_mode") in ("significant", "move"):
        reply = yield command(
            target,
            {"action": "reportLocation"},
            Purpose.READ_BACK,
            "a location with t = r, whose m is the mode",
            _asked_location(target),
            ("monitoring_mode",),
        )
        mode = reply.messages[-1].data.get("m") if reply.ok and reply.messages else None
        if isinstance(mode, int) and not isinstance(mode, bool) and mode in keys.MODE_NAMES:
            reported["monitoring_mode"] = keys.MODE_NAMES[mode]
    else:
        reply = yield _status(target, Purpose.PROBE)
    return judge(
        settings,
        reported=reported,
        problems=problems,
        written=carried,
        known=_status_known(reply),
        unanswered=reply.verdict is Verdict.TIMEOUT,
    )


def _status(target: Target, purpose: Purpose) -> Command:
    return command(target, {"action": "status"}, purpose, "a status on /status", _of_type(target, "status"))


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
    names = [name for name in wanted if name in keys.KEYS[target.variant]]
    if target.variant == IOS and names:
        reply = yield _dump(target, Purpose.READ, names)
        return Outcome({}, keys.decode(IOS, configuration_of(reply)), unanswered=reply.verdict is Verdict.TIMEOUT)
    if target.variant == ANDROID and "monitoring_mode" in names:
        reply = yield command(
            target,
            {"action": "reportLocation"},
            Purpose.READ,
            "a location with t = r, whose m is the mode",
            _asked_location(target),
            ("monitoring_mode",),
        )
        told = keys.decode(ANDROID, {"monitoring": reply.messages[-1].data.get("m")}) if reply.ok else {}
        return Outcome({}, told, unanswered=reply.verdict is Verdict.TIMEOUT)
    return Outcome({})


def raw(target: Target, text: str | bytes) -> Command:
    """An operator's command: an action name (`status`), a whole `cmd` object as text, or bytes, which go as they are.

    Raises LocalError for text that is neither, and for keys that could cut the phone off.
    """
    channel = wire.base_topic(target.device_id, target.options) + "/cmd"
    if isinstance(text, bytes):
        return Command(
            text,
            f"{len(text)} bytes",
            Purpose.RAW,
            "any reply",
            _reply(target),
            channel=channel,
        )
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
    }.get(str(content.get("action")), _never)
    return command(target, body, Purpose.RAW, "its answer, where the action has one", match)


def _reply(target: Target) -> Matcher:
    return _of_type(target, "dump", "configuration", "status")
