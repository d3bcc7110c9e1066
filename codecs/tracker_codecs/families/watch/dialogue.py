"""One field: `UPLOAD,<seconds>`, answered by its word; then `TS`, whose text tells `upload:<seconds>`.

The vendor prints both commands with their answers. Which units answer TS, and which give the interval in it, depends on
the firmware: a unit that does not stays acknowledged. The interval holds while the watch moves; at rest it sleeps and
sends LK only. No range is printed; 10 s to 65535 s are ours, 0 is never sent. The answer to UPLOAD carries no value and
no number. Commands carry the maker letters of the unit (option `maker`, else 3G) and, where its frames have one, an
index (option `index`, four digits; a public server sends 0001).
Sources: 4P-Touch server protocol, part II 2 (UPLOAD) and 14 (TS); traccar/traccar WatchProtocolEncoder and its test;
public watch simulator on GitHub (TS of firmware G29_BASE_V1.00, `upload:30S`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from tracker_codecs.checks import whole_numbers
from tracker_codecs.contract import (
    Capability,
    Command,
    Dialogue,
    Match,
    Message,
    Purpose,
    Reply,
    Settings,
    Strength,
    Target,
    Value,
)
from tracker_codecs.course import Course
from tracker_codecs.envelope import spoken
from tracker_codecs.errors import LocalError
from tracker_codecs.families.watch import frame as wire

TIMEOUT = 30.0
INTERVAL = "tracking_interval"
VARIANTS: Mapping[str, Mapping[str, Capability]] = {
    "standard": {INTERVAL: Capability(Strength.READ_BACK, "read back where the firmware's TS tells it")}
}
#: Seconds, both ends included.
LOW, HIGH = 10, 65535
_RAW = re.compile(r"([A-Za-z][0-9A-Za-z_]{0,23})(?:,[ -)+-Z\\^-|~]{0,400})?", re.ASCII)
_SECRET = re.compile(r"PW,(.+)", re.ASCII | re.IGNORECASE)


check = whole_numbers({INTERVAL: (LOW, HIGH)}, "must be whole seconds, {} to {}")


def _option(target: Target, name: str, default: str, form: str, told: str) -> str:
    value = target.options.get(name, target.known.get(name, default))
    if not isinstance(value, str) or not re.fullmatch(form, value, re.ASCII):
        raise LocalError(told, parameter=name)
    return value


def _command(
    target: Target, text: str, purpose: Purpose, fields: Sequence[str], rests: Sequence[str] | None = None
) -> Command:
    """A command in its frame; `rests`: what may follow the word in the answer, None for anything."""
    if not re.fullmatch(r"\d{10,15}", target.device_id, re.ASCII):
        raise LocalError("must be 10 to 15 digits", parameter="device_id")
    word = text.partition(",")[0]
    maker = _option(
        target, "maker", "3G", "[0-9A-Za-z]{2}", "must be the two letters that the unit's frames begin with"
    )
    index = _option(target, "index", "", "(?:[0-9A-Fa-f]{4})?", "must be four hexadecimal digits")

    payload = wire.build(maker, target.device_id, text, index)

    def match(message: Message) -> Match:
        said = message.data
        if message.device_id != target.device_id or not isinstance(said, wire.Said) or said.word != word:
            return Match.NO
        if message.frame == payload:  # our own bytes, from a link that echoes
            return Match.NO
        return Match.DONE if rests is None or said.rest in rests else Match.NO

    secret = _SECRET.fullmatch(text)
    shown = "PW,***" if secret else text
    secrets = (secret[1].encode("ascii"),) if secret else ()
    return Command(payload, shown, purpose, f"{word} said back", match, tuple(fields), TIMEOUT, secrets=secrets)


def _told(reply: Reply) -> dict[str, Value]:
    seconds = wire.interval(reply.messages[-1].data.rest) if reply.ok else None
    return {} if seconds is None else {INTERVAL: seconds}


def apply(target: Target, wanted: Settings) -> Dialogue:
    """See `Family.apply`: write, then ask."""
    seconds = str(int(wanted[INTERVAL]))
    course = Course(wanted)
    yield from course.change(_command(target, f"UPLOAD,{seconds}", Purpose.WRITE, [INTERVAL], ("", seconds)))
    again = yield _command(target, "TS", Purpose.READ_BACK, [INTERVAL])
    reported = _told(again)
    course.unanswered = course.unanswered and not reported
    return course.judged(reported)


def read(target: Target, wanted: Sequence[str]) -> Dialogue:
    """See `Family.read`: TS."""
    course = Course()
    reply = yield from course.ask(_command(target, "TS", Purpose.READ, wanted))
    return course.told(_told(reply))


def _own(target: Target, text: str) -> Command:
    """`CR` or `LOWBAT,0`, put into a frame.

    Raises LocalError for a text that holds what would have to be escaped (brackets, `*`, `}`).
    """
    line = text.strip()
    if not _RAW.fullmatch(line):
        raise LocalError("a command is a word and its arguments, without [ ] * and }", parameter="command")
    return _command(target, line, Purpose.RAW, ())


raw = spoken(_own, expects="a reply", timeout=TIMEOUT)
