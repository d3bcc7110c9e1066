"""Which profile field stands where, in which range, and which settings exclude each other.

One rule decides about trouble. REFUSE: another value of that very field would be carried (out of the unit's range, no
multiple of its step). UNSUPPORTED: no value of it would have an effect, because the unit has no such field or because
the other settings leave it unused:

- gl200: `psm_interval` unless `type` is power_save (the unit has one pair of intervals), `tracking_interval` when it
  is; `tracking_distance` unless `type` is distance; `tracking_angle` when `type` is power_save (corner reports need
  the GPS on).
- gv500, gv55lite: `tracking_interval` when `type` is distance, `tracking_distance` when it is interval;
  `psm_interval` when `psm_mode` is 1 (the fixed report is suspended at rest).
- gl500: `type` always.
- gt300: everything without the experimental switch; GTSFR fields without the option `sfr_keep`.

Convention for gl200 `power_save` (no @Track mode has that name): mode 1 with the GPS off after each fix (CFG field 5 =
1); interval and distance need it on (0 or 2: an unsuitable value becomes 2, because distance mode silently does nothing
without).

Sources: GL300 @Tracker Air Interface Protocol R1.02 (fields and ranges of FRI, NMD, CFG); TRACGV500MAPAN001 R1.00 as
quoted by a public parser (FRI and CFG of the GV line, ranges); GV200 @Track protocol (power saving mode and IGF
interval); Cumulocity tracker agent (GBC 13); a real GTALL report of a GL500 (GBC 7, 8); GL100 @Track Air Interface
Protocol (GTTRI, GTSFR).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from tracker_codecs.contract import Capability, Problem, Settings, Severity, Strength, Target, Value

_READ = Capability(Strength.READ_BACK)
_CONVENTION = Capability(Strength.READ_BACK, "power_save is a convention: mode 1 with the GPS off after each fix")
_NO_TYPE = Capability(None, "the position of the working mode in the GL500's GTGBC is not public")
_OLD = Capability(Strength.ACKNOWLEDGED, "by analogy with the GL100; no GT300 command text is public", True)
_NO_SFR = Capability(
    None,
    "GTSFR also carries six other arguments that cannot be read: the option sfr_keep must give them (experimental)",
    True,
)
_GV = dict.fromkeys(
    ("type", "tracking_interval", "tracking_distance", "tracking_angle", "psm_mode", "psm_interval"), _READ
)
VARIANTS: Mapping[str, Mapping[str, Capability]] = {
    "gl200": {
        "type": _CONVENTION,
        **dict.fromkeys(("tracking_interval", "tracking_distance", "tracking_angle", "psm_interval"), _READ),
        **dict.fromkeys(("movement_detection", "non_movement_duration"), _READ),
    },
    "gl500": {"type": _NO_TYPE, **dict.fromkeys(("tracking_interval", "wakeup_time", "psm_interval"), _READ)},
    "gt300": {
        **dict.fromkeys(("tracking_interval", "start_time", "end_time"), _OLD),
        **dict.fromkeys(("movement_detection", "min_speed", "min_distance"), _NO_SFR),
    },
    "gv500": _GV,
    "gv55lite": _GV,
}

#: Field -> (section, positions) of what carries it; the emulator's faults go by this table too.
_FRI_GV = {
    "type": ("FRI", (1,)),
    "tracking_interval": ("FRI", (8,)),
    "tracking_distance": ("FRI", (9,)),
    "tracking_angle": ("FRI", (12,)),
    "psm_mode": ("CFG", (8,)),
    "psm_interval": ("FRI", (13,)),
}
PLACES: Mapping[str, Mapping[str, tuple[str, tuple[int, ...]]]] = {
    "gl200": {
        "type": ("FRI", (1,)),
        "tracking_interval": ("FRI", (7, 8)),
        "tracking_distance": ("FRI", (12,)),
        "tracking_angle": ("FRI", (18,)),
        "psm_interval": ("FRI", (7, 8)),
        "movement_detection": ("NMD", (1,)),
        "non_movement_duration": ("NMD", (2,)),
    },
    "gl500": {"tracking_interval": ("GBC", (13,)), "wakeup_time": ("GBC", (7,)), "psm_interval": ("GBC", (8,))},
    "gt300": {
        "start_time": ("TRI", (1,)),
        "end_time": ("TRI", (2,)),
        "tracking_interval": ("TRI", (3, 4)),
        "movement_detection": ("SFR", (5,)),
        "min_speed": ("SFR", (6,)),
        "min_distance": ("SFR", (7,)),
    },
    "gv500": _FRI_GV,
    "gv55lite": _FRI_GV,
}
#: The order in which sections are read and written.
ORDER = ("FRI", "GBC", "CFG", "NMD")
#: Position of "GPS on need" in the GL line's CFG.
GPS_ON = 5

#: Ranges in profile units. GL distances and GL500 minutes have no public range beyond the field's width.
RANGES: Mapping[str, Mapping[str, tuple[int, int]]] = {
    "gl200": {
        **dict.fromkeys(("tracking_interval", "psm_interval"), (5, 86400)),
        "tracking_distance": (1, 65535),
        "tracking_angle": (0, 180),
        "non_movement_duration": (15, 3825),
    },
    "gl500": {"tracking_interval": (1, 65535), "psm_interval": (1, 24)},
    "gt300": {"tracking_interval": (5, 86400), "min_speed": (0, 999), "min_distance": (1, 9099)},
    "gv500": {
        "tracking_interval": (5, 86400),
        "tracking_distance": (50, 65535),
        "tracking_angle": (0, 180),
        "psm_mode": (0, 2),
        "psm_interval": (1, 86400),
    },
}
_STEPS = {("gl200", "non_movement_duration"): 15}
_WAKEUPS = (1, 2, 3, 4, 6, 8, 12, 24)
_MODES = {"interval": "1", "power_save": "1", "distance": "2"}
_CLOCK = re.compile(r"([01][0-9]|2[0-3])([0-5][0-9])").fullmatch
_NUMBER = re.compile(r"[0-9]{1,6}").fullmatch
_MASK = re.compile(r"[0-9A-Fa-f]").fullmatch


def ranges(target: Target) -> Mapping[str, tuple[int, int]]:
    """Ranges of this unit. The GV500MAP text allows a send interval from 1 s (option `interval_min`)."""
    found = dict(RANGES["gv500" if target.variant == "gv55lite" else target.variant])
    least = target.options.get("interval_min")
    if isinstance(least, int) and not isinstance(least, bool) and "tracking_interval" in found:
        found["tracking_interval"] = (least, found["tracking_interval"][1])
    return found


def sfr_keep(target: Target) -> list[str] | None:
    """Option `sfr_keep`: GTSFR fields 1-4, 8 and 9 as six small numbers separated by commas; None when not given."""
    parts = str(target.options.get("sfr_keep", "")).split(",")
    return [part.strip() for part in parts] if len(parts) == 6 and all(map(_NUMBER, map(str.strip, parts))) else None


def capabilities(target: Target) -> dict[str, Capability]:
    """See `Family.capabilities`."""
    found = dict(VARIANTS[target.variant])
    if target.variant == "gt300" and sfr_keep(target):
        found |= dict.fromkeys(("movement_detection", "min_speed", "min_distance"), _OLD)
    return found


def _unused(variant: str, settings: Settings) -> dict[str, str]:
    """Fields without effect beside the other settings, with the reason."""
    kind = settings.get("type")
    out: dict[str, str] = {}
    if variant == "gl200":
        if kind == "power_save":
            out["tracking_interval"] = "the unit has one interval, which psm_interval takes when type is power_save"
            out["tracking_angle"] = "not used when type is power_save: corner reports need the GPS on"
        else:
            out["psm_interval"] = "the unit has one interval, which tracking_interval takes unless type is power_save"
        if kind not in (None, "distance"):
            out["tracking_distance"] = f"not used when type is {kind}"
    if variant in ("gv500", "gv55lite"):
        if kind == "distance":
            out["tracking_interval"] = "not used when type is distance"
        if kind == "interval":
            out["tracking_distance"] = "not used when type is interval"
        if settings.get("psm_mode") == 1:
            out["psm_interval"] = "no effect when psm_mode is 1: the unit suspends its reports at rest"
    return out


def check(target: Target, wanted: Settings) -> list[Problem]:
    """See `Family.check` and the rule at the top."""
    unused, bounds = _unused(target.variant, wanted), ranges(target)
    problems: list[Problem] = []
    for name, value in wanted.items():
        if name in unused:
            problems.append(Problem(name, Severity.UNSUPPORTED, unused[name]))
        elif reason := _unfit(target.variant, name, value, bounds):
            problems.append(Problem(name, Severity.REFUSE, reason))
    return problems


def _unfit(variant: str, name: str, value: Value, bounds: Mapping[str, tuple[int, int]]) -> str:
    """Why the unit cannot hold this value of the field; empty when it can."""
    if name == "type":
        return "" if value in _MODES else f"the unit has no {value!r}"
    if name == "movement_detection":
        return "" if isinstance(value, bool) else "must be true or false"
    if name in ("wakeup_time", "start_time", "end_time"):
        text = value.replace(":", "", 1) if isinstance(value, str) and name == "wakeup_time" else value
        return "" if isinstance(text, str) and _CLOCK(text) else "must be a time of day"
    if not isinstance(value, int) or isinstance(value, bool):
        return "must be a whole number"
    low, high = bounds[name]
    if not low <= value <= high:
        return f"the unit takes {low} to {high}"
    step = _STEPS.get((variant, name), 1)
    if value % step:
        return f"the unit counts in steps of {step}"
    if variant == "gl500" and name == "psm_interval" and value not in _WAKEUPS:
        return f"the unit takes {', '.join(map(str, _WAKEUPS))}"
    return ""


# -- to the unit -----------------------------------------------------------------------------------------------------
@dataclass(slots=True)
class Write:
    """One section to write: positions (from 1) with their text, and the profile fields that this carries."""

    section: str
    values: dict[int, str] = field(default_factory=dict)
    fields: list[str] = field(default_factory=list)
    depends_on_read: bool = False
    note: str = ""


def nmd_mode(wanted: bool, present: int) -> int:
    """NMD field 1: bit 0 suspends the fixed report at rest, bit 3 (rest intervals instead) would win over it."""
    return (present | 1) & ~8 if wanted else present & ~1


def plan(variant: str, settings: Settings, nmd: int | None, gps: str | None) -> list[Write]:
    """Sections to write for these (supported) settings; FRI before the others.

    `nmd` is the present NMD mode, None when it could not be read: then `movement_detection` is left out. `gps` is the
    present "GPS on need", None when not known.
    """
    writes: dict[str, Write] = {}
    for name, value in settings.items():
        section, positions = PLACES[variant][name]
        write = writes.setdefault(section, Write(section))
        if name == "movement_detection" and variant == "gl200":
            if nmd is None:
                continue
            write.values[1] = f"{nmd_mode(value, nmd):X}"
            write.depends_on_read = True
        else:
            text = _text(variant, name, value)
            write.values |= dict.fromkeys(positions, text)
        write.fields.append(name)
    if variant == "gl200" and "type" in settings:
        saving = settings["type"] == "power_save"
        value = "1" if saving else gps if gps in ("0", "2") else "2"
        why = "off after each fix: power_save" if saving else "the type needs the GPS on"
        note = f"GPS on need = {value} ({why})"
        writes["CFG"] = Write("CFG", {GPS_ON: value}, ["type"], depends_on_read=not saving, note=note)
    return [writes[section] for section in ORDER if section in writes and writes[section].values]


def _text(variant: str, name: str, value: Value) -> str:
    if name == "type":
        return _MODES[value]
    if name == "wakeup_time":
        return str(value).replace(":", "", 1)
    return str(value // _STEPS.get((variant, name), 1))


# -- from the unit ---------------------------------------------------------------------------------------------------
@dataclass(slots=True)
class Told:
    """What sections say: profile values, and fields whose stored value no profile value names, with the reason."""

    values: dict[str, Value] = field(default_factory=dict)
    foreign: dict[str, str] = field(default_factory=dict)


def decode(variant: str, sections: Mapping[str, list[str]]) -> Told:
    """Profile fields that these sections tell. A value that does not parse exactly is not told at all."""
    told = Told()
    for name, (section, positions) in PLACES[variant].items():
        if section not in sections or name in ("type", "movement_detection"):
            continue
        texts = [sections[section][position - 1] for position in positions if position <= len(sections[section])]
        if len(texts) == len(positions):
            _field(variant, name, texts, told)
    if variant == "gl200":
        _gl200(sections, told)
    elif "FRI" in sections and variant in ("gv500", "gv55lite"):
        mode = sections["FRI"][0]
        if mode in ("1", "2"):
            told.values["type"] = "interval" if mode == "1" else "distance"
        elif _NUMBER(mode):
            told.foreign["type"] = f"the unit is in fixed report mode {int(mode)}"
    return told


def _field(variant: str, name: str, texts: list[str], told: Told) -> None:
    if name == "wakeup_time":
        found = _CLOCK(texts[0])
        if found:
            told.values[name] = f"{found[1]}:{found[2]}"
        return
    if not all(map(_NUMBER, texts)):
        return
    values = {int(text) for text in texts}
    if len(values) > 1:
        told.foreign[name] = f"the unit checks every {int(texts[0])} s and sends every {int(texts[1])} s"
    else:
        told.values[name] = values.pop() * _STEPS.get((variant, name), 1)


def _gl200(sections: Mapping[str, list[str]], told: Told) -> None:
    """Mode and "GPS on need" together make the type; the intervals belong to the field that the type uses."""
    nmd, fri, cfg = sections.get("NMD"), sections.get("FRI"), sections.get("CFG")
    if nmd and _MASK(nmd[0]):
        bits = int(nmd[0], 16)
        told.values["movement_detection"] = bool(bits & 1) and not bits & 8
    if not fri:
        return
    mode, gps = fri[0], cfg[GPS_ON - 1] if cfg and len(cfg) >= GPS_ON else ""
    known = gps in ("0", "1", "2", "3")
    kind = ""
    if mode == "2" and gps in ("0", "2"):
        kind = "distance"
    elif mode == "2" and known:
        told.foreign["type"] = f"distance mode is stored, but does nothing while GPS on need is {gps}"
    elif mode == "1" and gps == "3":
        told.foreign["type"] = "the GPS is never on"
    elif mode == "1" and known:
        kind = "power_save" if gps == "1" else "interval"
    elif _NUMBER(mode) and mode not in ("1", "2"):
        told.foreign["type"] = f"the unit is in fixed report mode {int(mode)}"
    if kind:
        told.values["type"] = kind
    if mode == "1" and not known:  # whose interval it is cannot be told
        unused = ["tracking_interval", "psm_interval"]
    else:
        unused = ["tracking_interval" if kind == "power_save" else "psm_interval"]
        told.foreign[unused[0]] = f"the unit's interval serves type {kind}" if kind else "the unit is in another type"
    for name in unused:
        told.values.pop(name, None)
