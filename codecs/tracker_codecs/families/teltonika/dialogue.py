"""The conversations: find out the dialect, read what the change depends on, write, read back.

Sources of the order and of the send period: Teltonika wiki (setparam, getparam, data acquisition parameters).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from tracker_codecs.contract import Dialogue, Outcome, Purpose, Settings, Target, Value, Verdict
from tracker_codecs.course import Step
from tracker_codecs.families.teltonika import settings as params
from tracker_codecs.families.teltonika.talk import SILENCE, Reading, Talk
from tracker_codecs.families.teltonika.texts import number

#: Factory send period on the home network, seconds: what a dry run assumes. Those of other networks are 0.
SEND_PERIOD = 120


def _talk(target: Target, wanted: Settings | None = None) -> Talk:
    dialect = target.known.get("dialect", "")
    if dialect not in params.DIALECTS:
        dialect = params.DIALECT_OF[target.variant]
    return Talk(target, dialect, wanted)


def _open(talk: Talk) -> Step[str]:
    """Which dialect the unit speaks. Gives why it must be left alone, or empty; "silent" when it does not answer."""
    known = talk.target.known
    reply, probed = None, False
    if known.get("getver") != "no":
        reply = yield from talk.version()
        if reply.assumed:
            return ""
    hardware = talk.known.get("hardware", known.get("hardware", ""))
    found = params.dialect_of_hardware(hardware) if hardware else None
    if found == "":
        return f"the unit says it is {hardware}, whose reporting parameters are not published"
    if found:
        talk.dialect = found
    elif talk.table.probe:
        probed = True
        # No hardware name: the dialect shows in which of the two home intervals exists.
        for dialect in (talk.dialect, "fmb" if talk.dialect == "old_fm" else "old_fm"):
            talk.dialect = dialect
            seen = yield from talk.read([talk.table.probe], Purpose.PROBE, ())
            if seen.assumed:
                return ""
            if seen.silent:
                return "silent"
            if seen.values:
                break
        else:
            return "the unit has neither parameter 10050 nor 1550"
    if reply is not None and (reply.verdict is Verdict.REFUSED or (probed and not reply.ok)):
        talk.known["getver"] = "no"
    talk.known["dialect"] = talk.dialect
    return ""


def _places(talk: Talk, names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Field -> its parameters in the dialect in use; fields without any are refused."""
    out = {}
    for name in names:
        places = talk.table.places.get(name, ())
        risky = talk.dialect == "fm6" and set(places) <= talk.table.unread and not talk.target.experimental
        if places and not risky:
            out[name] = places
        else:
            talk.refused[name] = f"not written: the unit speaks the dialect {talk.dialect}, where no parameter is known"
    return out


def _movement(talk: Talk, places: dict[str, tuple[str, ...]], purpose: Purpose) -> Step[Reading]:
    """Which movement source parameter the unit has: 138 (mask), else 100 (number)."""
    reading = Reading()
    if talk.dialect != "fmb" or "stop_detection" not in places:
        return reading
    first = talk.target.known.get("movement", params.MOVEMENT_MASK)
    both = (params.MOVEMENT_MASK, params.MOVEMENT_ENUM)
    for key in both if first != params.MOVEMENT_ENUM else reversed(both):
        reading = yield from talk.read([key], purpose, ["stop_detection"])
        if reading.silent:
            return reading
        if reading.assumed or reading.values:
            places["stop_detection"] = (key,)
            if reading.values:
                talk.known["movement"] = key
            return reading
    del places["stop_detection"]
    talk.refused["stop_detection"] = "not written: the unit has neither parameter 138 nor 100"
    return reading


def apply(target: Target, wanted: Settings) -> Dialogue:
    """See `Family.apply`."""
    talk = _talk(target, wanted)
    reason = yield from _open(talk)
    if reason:
        talk.unanswered = reason == "silent"
        return talk.judged() if talk.unanswered else talk.refuse(reason)
    places = _places(talk, wanted)
    movement = yield from _movement(talk, places, Purpose.READ)
    before = movement if movement.silent else (yield from _before(talk, places, wanted))
    if before.silent:
        talk.unanswered = True
        return talk.judged()
    yield from _write(talk, places, wanted, before)
    if talk.silent:  # an answer that comes late must not pass for a reading
        fence = yield from talk.version()
        if fence.verdict is Verdict.TIMEOUT and talk.known.get("getver", target.known.get("getver")) != "no":
            talk.acknowledged.clear()  # without the fence, no answer is sure: it was written
            talk.refused.clear()
            talk.unanswered = True
            return talk.judged()
    after = yield from _read_back(talk, places, Purpose.READ_BACK)
    return _verdict(talk, places, after)


def _before(talk: Talk, places: dict[str, tuple[str, ...]], carried: Mapping[str, Value]) -> Step[Reading]:
    """Reads the send periods, and parameters that stand in no vendor list: those are used only where they exist."""
    table = talk.table
    unread = [key for name in places for key in places[name] if key in table.unread]
    send = [key for name in table.send if name in places for key in table.send[name]] if talk.options.follow else []
    out = Reading()
    for keys, names in ((unread, list(places)), (send, [name for name in table.send if name in carried])):
        if keys and not out.silent:
            found = yield from talk.read(keys, Purpose.READ, names)
            out.values |= found.values
            out.silent, out.assumed = found.silent, out.assumed or found.assumed
    if out.assumed or out.silent:
        return out
    for name in list(places):
        kept = tuple(key for key in places[name] if key not in table.unread or number(out.values.get(key)) is not None)
        places[name] = kept
        if not kept:
            del places[name]
            talk.refused[name] = "not written: the unit has no such parameter, or it holds more than a single number"
    return out


def _write(
    talk: Talk, places: Mapping[str, tuple[str, ...]], carried: Mapping[str, Value], before: Reading
) -> Step[None]:
    """Home, roaming and unknown networks, then the system parameters, then the send periods."""
    fields = {key: name for name, keys in places.items() for key in keys}
    for network in range(3):
        pairs = {}
        for name in params.TRACKING:
            if network < len(places.get(name, ())):
                key = places[name][network]
                pairs[key] = params.encode(name, carried[name], key)
        if pairs:
            yield from talk.write(pairs, fields)
    for name in params.SYSTEM:
        if name in places:
            (key,) = places[name]
            depends = name == "stop_detection" and talk.dialect == "fmb"
            yield from talk.write({key: params.encode(name, carried[name], key)}, fields, depends_on_read=depends)
    send = {}
    for name, keys in talk.table.send.items():
        for at, key in enumerate(keys if name in places and talk.options.follow else ()):
            held = (SEND_PERIOD if at == 0 else 0) if before.assumed else number(before.values.get(key))
            if held is not None and held > carried[name] > 0:
                send[key] = str(carried[name])
    if send:
        yield from talk.write(send, {}, depends_on_read=True)


def _read_back(talk: Talk, places: Mapping[str, tuple[str, ...]], purpose: Purpose) -> Step[Reading]:
    keys = [key for keys in places.values() for key in keys]
    if not keys:
        return Reading()
    return (yield from talk.read(keys, purpose, list(places)))


def _told(places: Mapping[str, tuple[str, ...]], after: Reading) -> tuple[dict[str, Value], dict[str, str]]:
    """Profile values that were read, and reasons where what is stored has no name in the profile.

    A field is told only when every parameter of it was read or does not exist.
    """
    reported, foreign = {}, {}
    for name, keys in places.items():
        stored = {key: after.values[key] for key in keys if key in after.values}
        if set(keys) - set(stored) - after.missing:
            continue
        value, reason = params.decode(name, stored)
        if value is not None:
            reported[name] = value
        elif reason:
            foreign[name] = reason
    return reported, foreign


def _verdict(talk: Talk, places: Mapping[str, tuple[str, ...]], after: Reading) -> Outcome:
    reported, foreign = _told(places, after)
    lacking = {name for name in talk.silent if reported.get(name) != talk.wanted[name] and name not in talk.refused}
    if talk.table.blank and after.values:
        # No refusal of these units is documented: they may well stay silent.
        talk.refused |= dict.fromkeys(lacking, SILENCE)
        lacking = set()
    talk.acknowledged -= talk.silent
    talk.unanswered = after.silent or bool(lacking)
    return talk.judged(reported, foreign)


def read(target: Target, wanted: Sequence[str]) -> Dialogue:
    """See `Family.read`."""
    names = [name for name in params.capabilities(target) if name in wanted]
    talk = _talk(target)
    reason = yield from _open(talk)
    if reason:
        talk.unanswered = reason == "silent"
        return talk.told()
    places = _places(talk, names)
    movement = yield from _movement(talk, places, Purpose.READ)
    if movement.silent:
        talk.unanswered = True
        return talk.told()
    if movement.values:
        places.pop("stop_detection", None)
    found = yield from _read_back(talk, places, Purpose.READ)
    found.values |= movement.values
    if movement.values:
        places["stop_detection"] = tuple(movement.values)
    talk.unanswered = found.silent
    return talk.told(_told(places, found)[0])
