"""What can be set, options, and what does not fit.

Any tag of the unit's own table can: the vendor's table is public (wiki.navtelecom.ru, developers/configuration), and
what READ tells proves a write. Intervals, distances and angles have no field of their own: the part of the table with
the track tag and the order of its values could not be read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tracker_codecs.checks import is_whole
from tracker_codecs.contract import Capability, Problem, Settings, Severity, Strength, Target, Value
from tracker_codecs.errors import LocalError
from tracker_codecs.families.navtelecom import frame as wire
from tracker_codecs.families.navtelecom.texts import Parameter, parameter

FIELD = "parameters"
#: Tags of one update: each takes three commands, and a dialogue is bounded.
MOST = 12
#: Names and passwords of access points, and keys: no settings of tracking, and nothing that a ledger should hold.
CREDENTIALS = frozenset({"TRANS:AP1", "TRANS:AP2", "TRANS:CRYPTO"})
_NO_TRACK = dict.fromkeys(
    ("tracking_interval", "tracking_distance", "tracking_angle"),
    Capability(None, "the tag of the track settings and the order of its values are not public"),
)
VARIANTS: Mapping[str, Mapping[str, Capability]] = {
    "tags": {FIELD: Capability(Strength.READ_BACK), **_NO_TRACK},
}
_END = 1 << 32


@dataclass(frozen=True, slots=True)
class Numbers:
    """NTCB numbers: of the server, and those that the unit may have, likeliest first."""

    server: int
    unit: tuple[int, ...]


def numbers(target: Target) -> Numbers:
    """The numbers that packets bear. Raises LocalError for an option that is no number of 32 bits.

    Options `server_number` (1, the factory setting) and `unit_number` (else what the unit's own answers said, 0, and
    the last eight digits of its IMEI).
    """
    server, unit = target.options.get("server_number"), target.options.get("unit_number")
    for name, value in (("server_number", server), ("unit_number", unit)):
        if value is not None and not is_whole(value, 0, _END - 1):
            raise LocalError("must be a whole number of 32 bits", parameter=name)
    server = 1 if server is None else server
    if unit is not None:
        return Numbers(int(server), (int(unit),))
    told, tail = target.known.get("unit_number", ""), target.device_id[-8:]
    likely = [int(text) for text in (told, "0", tail) if text.isascii() and text.isdecimal() and len(text) <= 10]
    return Numbers(int(server), tuple(dict.fromkeys(each for each in likely if each < _END)))


def parameters(value: Value) -> list[Parameter]:
    """The parameters of a profile's list. Raises LocalError for what is none, for too many, and for a tag twice."""
    if not isinstance(value, list) or not 0 < len(value) <= MOST:
        raise LocalError(f"must be a list of 1 to {MOST} parameters", parameter=FIELD)
    out: list[Parameter] = []
    for text in value:
        found = parameter(text)
        if found is None:
            raise LocalError(
                "a parameter is PAGE:TAG(first,second,...); an empty value stays as it is; one must not be empty",
                parameter=FIELD,
            )
        if found.name in CREDENTIALS:
            raise LocalError(f"{found.name} holds credentials; send it as a raw command", parameter=FIELD)
        if found.name in (each.name for each in out):
            raise LocalError(f"{found.name} stands twice", parameter=FIELD)
        if len(edit(found)) > wire.MAX_COMMAND:
            raise LocalError(
                f"{found.name} makes a command of more than {wire.MAX_COMMAND} characters", parameter=FIELD
            )
        out.append(found)
    return out


def edit(asked: Parameter) -> str:
    """The text that writes a parameter."""
    return f"*!EDIT {asked}"


def check(target: Target, wanted: Settings) -> list[Problem]:
    """See `Family.check`."""
    problems = []
    for name, value in wanted.items():
        try:
            parameters(value)
        except LocalError as error:
            problems.append(Problem(name, Severity.REFUSE, error.reason))
    return problems


def remembered(target: Target) -> Sequence[Parameter]:
    """The parameters of the last update: the only ones that are worth asking for."""
    found = [parameter(text) for text in target.known.get(FIELD, "").split(";")]
    return [each for each in found[:MOST] if each is not None]
