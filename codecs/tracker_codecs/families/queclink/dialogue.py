"""The conversations: read the sections, write fields into them, read them back. Also an operator's own command.

An empty field keeps the stored value; the number of fields is the unit's own. Sources: Cumulocity tracker agent
(partial commands on GL300, GL500); those of `talk` and `settings`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from tracker_codecs.answers import Matcher
from tracker_codecs.contract import (
    Command,
    Dialogue,
    Match,
    Outcome,
    Purpose,
    Settings,
    Strength,
    Target,
    Transport,
)
from tracker_codecs.errors import LocalError
from tracker_codecs.families.queclink import layout
from tracker_codecs.families.queclink import settings as registers
from tracker_codecs.families.queclink.talk import (
    SILENCE,
    TIMEOUT,
    Reading,
    Talk,
    acknowledged,
    answers_read,
    ours,
    password_of,
)


def sections_of(variant: str, names: Iterable[str]) -> dict[str, list[str]]:
    """Section -> the wanted fields in it, in the order of reading. The GL line's type and intervals need CFG too."""
    places = registers.PLACES[variant]
    out: dict[str, list[str]] = {}
    for section in registers.ORDER:
        found = [name for name in names if name in places and places[name][0] == section]
        if found:
            out[section] = found
    if variant == "gl200" and "FRI" in out:
        out["CFG"] = [name for name in out["FRI"] if name in ("type", "tracking_interval", "psm_interval")]
    return {section: out[section] for section in registers.ORDER if section in out}


def apply(target: Target, wanted: Settings) -> Dialogue:
    """See `Family.apply`."""
    variant, talk = target.variant, Talk(target, wanted)
    names = sections_of(variant, wanted)
    before = yield from talk.read(names, Purpose.READ)
    if before.silent:
        talk.unanswered = True
        return talk.judged()
    reason = before.refused or talk.stranger()
    if reason:
        return talk.refuse(reason)
    had = before.sections
    writes = registers.plan(variant, wanted, _nmd(talk, before), _gps(target, had))
    for write in writes:
        yield from talk.write(write, talk.count(write.section, had.get(write.section)))
    after = yield from talk.read(names, Purpose.READ_BACK)
    lost = _cleared(writes, had, after.sections)
    if lost:
        # This unit clears what an empty field should keep: give it back what it had, and look again.
        for write in lost:
            yield from talk.write(write, len(had[write.section]))
        after = yield from talk.read(names, Purpose.READ_BACK)
        left = [
            f"{write.section} {at}"
            for write in writes
            for back in _cleared([write], had, after.sections)
            for at in back.values
            if at not in write.values
        ]
        if left:
            talk.known["not_preserved"] = ", ".join(left)
    return _verdict(talk, had, after)


def _nmd(talk: Talk, before: Reading) -> int | None:
    """Present NMD mode: read; in a dry run what is known, else the other bits as 0."""
    values = before.sections.get("NMD")
    text = values[0] if values else talk.target.known.get("nmd_mode", "0") if before.assumed else ""
    return int(text, 16) if re.fullmatch("[0-9A-Fa-f]", text) else None


def _gps(target: Target, had: Mapping[str, list[str]]) -> str | None:
    cfg = had.get("CFG")
    return cfg[registers.GPS_ON - 1] if cfg else target.known.get("gps_on")


def _cleared(
    writes: Iterable[registers.Write], had: Mapping[str, list[str]], now: Mapping[str, list[str]]
) -> list[registers.Write]:
    """Writes that give back what got lost: fields that had a value, were left empty by us and are empty now.

    Only printable text goes back, and never the first field of CFG (it sets a new password).
    """
    out = []
    for write in writes:
        old, new = had.get(write.section, []), now.get(write.section, [])
        if not old or len(old) != len(new):
            continue
        back = {
            at: value
            for at, (value, present) in enumerate(zip(old, new, strict=True), 1)
            if value and not present and at not in write.values and (write.section, at) != ("CFG", 1)
            if re.fullmatch(r"[ -#%-+\--~]+", value)
        }
        if back:
            out.append(replace(write, values=write.values | back, depends_on_read=True, note="kept fields given back"))
    return out


def _verdict(talk: Talk, had: Mapping[str, list[str]], after: Reading) -> Outcome:
    # A section that came back with another number of fields than before is damaged: it tells nothing.
    sound = {
        section: values
        for section, values in after.sections.items()
        if section not in had or len(had[section]) == len(values)
    }
    told = registers.decode(talk.target.variant, sound)
    learn(talk, sound)
    sure = bool(after.sections) and talk.target.transport is not Transport.UDP
    if sure:
        talk.refused = dict.fromkeys(talk.silent, SILENCE) | talk.refused
    # A lost datagram looks like a refusal: there, only a later try can tell.
    talk.unanswered = after.silent or (bool(talk.silent) and not sure)
    return talk.judged(told.values, {name: f"read back: {value}" for name, value in told.foreign.items()})


def learn(talk: Talk, sections: Mapping[str, list[str]]) -> None:
    """Keeps what the next dialogue (or a dry run) can use."""
    for section, values in sections.items():
        talk.known[f"count_{section.lower()}"] = str(len(values))
    if "NMD" in sections and re.fullmatch("[0-9A-Fa-f]", sections["NMD"][0]):
        talk.known["nmd_mode"] = sections["NMD"][0].upper()
    if talk.target.variant == "gl200" and "CFG" in sections and re.fullmatch("[0-3]", sections["CFG"][4]):
        talk.known["gps_on"] = sections["CFG"][4]


def read(target: Target, wanted: Sequence[str]) -> Dialogue:
    """See `Family.read`."""
    talk = Talk(target)
    able = [name for name, found in registers.capabilities(target).items() if found.best is Strength.READ_BACK]
    names = sections_of(target.variant, [name for name in able if name in wanted])
    if not names:
        return Outcome({})
    reading = yield from talk.read(names, Purpose.READ)
    if talk.stranger():
        return talk.told()
    learn(talk, reading.sections)
    reported = {k: v for k, v in registers.decode(target.variant, reading.sections).values.items() if k in able}
    talk.unanswered = reading.silent
    return talk.told(reported)


def raw(target: Target, text: str | bytes) -> Command:
    """See `Family.raw`: `GTRTO,3,,,,,` gets envelope, password and serial; `AT+GT...` and bytes go as they are."""
    password = password_of(target)
    secrets: tuple[bytes, ...] = (password.encode("ascii"),)
    if isinstance(text, bytes):
        shown = "an operator's own bytes"
        return Command(text, shown, Purpose.RAW, "any reply", _any(target), timeout=TIMEOUT, secrets=secrets)
    body = text.strip().removesuffix("$")
    if not re.fullmatch(r"[ -#%-~]+", body):
        raise LocalError("must be printable ASCII, with no $ but at its end", parameter="command")
    serial = target.serial & 0xFFFF
    if not body.upper().startswith("AT+"):
        word, *values = body.split(",")
        body = layout.command_text(word.upper().removeprefix("GT"), password, values, serial)[:-1]
    parts = re.fullmatch(r"AT\+GT([A-Z0-9]{3})=(.*,([0-9A-Fa-f]{4}))", body)
    if parts is None:
        raise LocalError("must be GTxxx,<fields> or AT+GTxxx=<password>,<fields>,<serial>", parameter="command")
    word, serial = parts[1], int(parts[3], 16)
    used = parts[2].split(",", 1)[0]
    payload = f"{body}$" + ("\r\n" if target.transport is Transport.SERIAL else "")
    shown = body.replace(f"={used},", "=***,", 1)
    reading = re.fullmatch(r"2,([A-Z]{0,3})(?:,.*)?", parts[2].partition(",")[2]) if word == "RTO" else None
    match = answers_read(target, reading[1], serial) if reading else acknowledged(target, word, serial)
    if used and used != password:
        secrets = (*secrets, used.encode("ascii"))
    expects = f"+ACK:GT{word} with serial {serial:04X}"
    return Command(payload.encode("ascii"), f"{shown}$", Purpose.RAW, expects, match, timeout=TIMEOUT, secrets=secrets)


def _any(target: Target) -> Matcher:
    return lambda message: Match.DONE if ours(message, target) else Match.NO
