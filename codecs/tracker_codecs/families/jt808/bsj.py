"""BSJ and Gosafe terminals, which take their settings as texts: variant `bsj`.

`<SPBSJ*P:<password>*C:<seconds>>` in a message 0x8300 sets the interval; C:0 is standby. The terminal answers 0x0001
with the serial of the message. The text is known from a BSJ-EG01; that KM-01/02 and G1C take it is not proven, and
letters mean other things in other models of the brand: experimental. Nothing public reads a value back or sets an
angle. Options: `password` (BSJGPS, as printed), `flag` (1; what stands before the text: another public generator
writes 0).
Sources: traccar/traccar, Jt808ProtocolEncoder and its test; the public "BSJ-EG01 Command Packet Generator"; public
front-end sources that list texts of this form.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from tracker_codecs.checks import is_whole, whole_numbers
from tracker_codecs.contract import Capability, Command, Datum, Dialogue, Problem, Settings, Strength, Target
from tracker_codecs.course import Course
from tracker_codecs.errors import LocalError
from tracker_codecs.families.jt808 import dialogue
from tracker_codecs.families.jt808 import frame as wire
from tracker_codecs.families.jt808.dialogue import FIELD, INTERVAL, Talk
from tracker_codecs.families.jt808.emulator import Jt808Emulator
from tracker_codecs.families.jt808.frame import Frame

VARIANT = "bsj"
CAPABILITIES: Mapping[str, Capability] = {
    FIELD: Capability(Strength.ACKNOWLEDGED, "nothing reads it back; known of one model", experimental=True),
    "tracking_angle": Capability(None, "no public command of these units carries the angle"),
}
#: Seconds, as in the profile; no other range is public.
RANGE = (1, 86400)
_within = whole_numbers({FIELD: RANGE}, "must be whole seconds, {} to {}")
_PASSWORD = re.compile(r"[0-9A-Za-z]{1,16}", re.ASCII)
_SECRETS = re.compile(r"(?<=\*P:)[0-9A-Za-z]{1,16}", re.ASCII)
_TEXT = re.compile(rb"<SPBSJ\*P:(\w{1,16})\*C:(\d{1,6})>", re.ASCII)


def why_not(target: Target, name: str) -> str:
    """Why a field is not carried."""
    kind = "public command of these units" if target.variant == VARIANT else "profile field of this variant"
    return f"no {kind} carries it"


def check(target: Target, wanted: Settings) -> list[Problem]:
    """The interval within its range. Raises LocalError for options that make no text."""
    _command(target, RANGE[0])
    return _within(target, wanted)


def _command(target: Target, seconds: int) -> tuple[Talk, Command]:
    given, flag = target.options.get("password", "BSJGPS"), target.options.get("flag", 1)
    password = "" if isinstance(given, bool | None) else str(given)
    if not _PASSWORD.fullmatch(password):
        raise LocalError("must be 1 to 16 letters and digits", parameter="password")
    if not is_whole(flag, 0, 1):
        raise LocalError("must be 0 or 1", parameter="flag")
    talk = Talk(target)
    text = f"<SPBSJ*P:{password}*C:{seconds}>"
    head = bytes((flag,)) if talk.version is None else bytes((flag, 1))
    command = talk.write(wire.TEXT, head + text.encode("ascii"), text, depends_on_read=False)
    return talk, replace(command, secrets=(password.encode("ascii"),))


def apply(target: Target, wanted: Settings) -> Dialogue:
    """The text, and its answer."""
    course = Course(wanted)
    talk, command = _command(target, int(wanted[FIELD]))
    yield from course.change(command, lambda reply: f"the tracker answers {reply.text}")
    course.known = talk.known
    return course.judged()


def raw(target: Target, text: str | bytes) -> Command:
    """An operator's own command as in the other variants; the password within a text is a secret."""
    command = dialogue.RAW(target, text)
    hidden = sorted(set(_SECRETS.findall(command.text)))
    return replace(command, secrets=tuple(each.encode("ascii") for each in hidden))


class BsjEmulator(Jt808Emulator):
    """A terminal that takes the text, option `password`. To one it does not obey it answers failure: an assumption."""

    def _obey(self, found: Frame) -> list[Datum]:
        if found.id != wire.TEXT or self.faults.silent or (found.version is not None) is not self._new:
            return super()._obey(found)
        text = _TEXT.fullmatch(found.body[2 if self._new else 1 :])
        right = text is not None and text[1].decode("ascii") == str(self.options.get("password", "BSJGPS"))
        return [self._answer(found, self._store({INTERVAL: int(text[2])}) if text and right else 1)]
