"""One field: `*KW,000,002,<password>,<seconds>#`, answered by a datagram 8009 that carries a position and no verdict.

002 is the vendor's function number of the interval (by text message `A<password>,002,<seconds>`), its range 15 to
64800 s; 0 stops reports and is never sent. The factory password is 000000. The answer's arrival counts as a yes; it
carries no number, so a late answer to an older command cannot be told apart. Nothing can be read.
Sources: traccar/traccar NoranProtocolEncoder and its test; NR100 manual p. 3 (manualshive 1700494: 002, range).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from tracker_codecs.answers import reply_of
from tracker_codecs.checks import whole_numbers
from tracker_codecs.contract import Capability, Command, Dialogue, Purpose, Settings, Strength, Target, Variants
from tracker_codecs.course import Course
from tracker_codecs.envelope import spoken
from tracker_codecs.errors import LocalError
from tracker_codecs.families.noran import frame as wire

TIMEOUT = 30.0
INTERVAL = "tracking_interval"
VARIANTS: Variants = {"standard": {INTERVAL: Capability(Strength.ACKNOWLEDGED)}}
#: Seconds, both ends included.
LOW, HIGH = 15, 64800
_FORM = re.compile(r"\*KW,\d{3},\d{3},(\d{6}),[!-\"$-)+-~]{1,30}#", re.ASCII)
check = whole_numbers({INTERVAL: (LOW, HIGH)}, "must be whole seconds, {} to {}")


def _command(target: Target, text: str, purpose: Purpose, fields: Sequence[str]) -> Command:
    found = _FORM.fullmatch(text)
    if found is None:
        raise LocalError("a command has the form *KW,000,002,000000,60#", parameter="command")

    return Command(
        payload=wire.build(text),
        text=f"{text[: found.start(1)]}***{text[found.end(1) :]}",
        purpose=purpose,
        expects="a datagram 8009",
        match=reply_of(target),
        fields=tuple(fields),
        timeout=TIMEOUT,
        secrets=(found[1].encode("ascii"),),
    )


def apply(target: Target, wanted: Settings) -> Dialogue:
    """See `Family.apply`."""
    password = str(target.options.get("password", "000000"))
    if not re.fullmatch(r"\d{6}", password, re.ASCII):
        raise LocalError("must be six digits", parameter="password")
    course = Course(wanted)
    text = f"*KW,000,002,{password},{int(wanted[INTERVAL])}#"
    yield from course.change(_command(target, text, Purpose.WRITE, [INTERVAL]))
    return course.judged()


def _spoken(target: Target, text: str) -> Command:
    """`*KW,000,007,000000,0#`, put into a datagram. Raises LocalError for a text of another form."""
    return _command(target, text.strip(), Purpose.RAW, ())


RAW = spoken(_spoken, expects="a datagram 8009", timeout=TIMEOUT)
