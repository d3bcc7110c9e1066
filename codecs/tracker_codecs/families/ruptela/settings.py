"""What can be set, options, and what does not fit.

Only IO elements can: `setcfg`, which carries intervals, distances and angles, is named in the vendor's quick start
"Device configuration via SMS" (2015/11, 2019/02), but its parameter numbers are in no text that could be read.
Ranges of an element's values are not public either: what a unit makes of them shows in the read-back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tracker_codecs.contract import Capability, Problem, Settings, Severity, Strength, Target, Value
from tracker_codecs.errors import LocalError
from tracker_codecs.families.ruptela import frame as wire
from tracker_codecs.families.ruptela.texts import Element, element

FIELD = "io_parameters"
#: Elements of one update: with write and read-back it must stay a dialogue of bearable length.
MOST = 16
_NO_SETCFG = dict.fromkeys(
    ("tracking_interval", "tracking_distance", "tracking_angle"),
    Capability(None, "the parameter numbers of setcfg, which carries it, are not public"),
)
VARIANTS: Mapping[str, Mapping[str, Capability]] = {
    "io": {FIELD: Capability(Strength.READ_BACK), **_NO_SETCFG},
    "session": {FIELD: Capability(None, "setioparam is printed for FM Eco4, Pro4 and Plug4 only"), **_NO_SETCFG},
}


def password(target: Target) -> str:
    """The SMS password; empty where none is set. Raises LocalError for one that would not survive in a command."""
    found = target.options.get("password", "")
    if not isinstance(found, str) or len(found) > 64 or not all("!" <= c <= "~" for c in found):
        raise LocalError("must be at most 64 printable ASCII characters without blanks", parameter="password")
    return found


def elements(value: Value) -> list[Element]:
    """The elements of a profile's list. Raises LocalError for what is none, for too many, and for one place twice."""
    if not isinstance(value, list) or not 0 < len(value) <= MOST:
        raise LocalError(f"must be a list of 1 to {MOST} elements", parameter=FIELD)
    out: list[Element] = []
    for text in value:
        found = element(text)
        if found is None:
            raise LocalError(
                "an element is id=N,profile=1-4,enable=0|1 and any of level, delta, average, eventon, include, "
                "priority, switch and edge, each once, with a whole number",
                parameter=FIELD,
            )
        if not found.enable and found.values:
            raise LocalError("a disabled element has no other values: they cannot be read back", parameter=FIELD)
        if found.place in (each.place for each in out):
            raise LocalError(f"element {found.id} of profile {found.profile} stands twice", parameter=FIELD)
        out.append(found)
    return out


def set_command(secret: str, asked: Element) -> str:
    """The text that sets an element."""
    return f"{secret} setioparam {asked}"


def check(target: Target, wanted: Settings) -> list[Problem]:
    """See `Family.check`."""
    secret = password(target)
    return [
        Problem(name, Severity.REFUSE, reason) for name, value in wanted.items() if (reason := _misfit(secret, value))
    ]


def _misfit(secret: str, value: Value) -> str:
    """Why a list cannot be sent; empty where it can."""
    try:
        found = elements(value)
    except LocalError as error:
        return error.reason
    if any(len(set_command(secret, each)) > wire.MAX_TEXT for each in found):
        return f"an element with its command and password is longer than {wire.MAX_TEXT} characters"
    return ""


def remembered(target: Target) -> Sequence[Element]:
    """The elements of the last update: the only ones that are worth asking for."""
    found = [element(text) for text in target.known.get(FIELD, "").split(";")]
    return [each for each in found[:MOST] if each is not None]
