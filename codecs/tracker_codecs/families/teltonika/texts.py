"""Command texts and what their answers say.

Answers carry no number: they are told apart by the ids (and values) they name. A parameter may hold `;` and `:` itself,
so an answer is split only in front of ids that were asked for or sent.
Sources: Teltonika wiki FMB_setparam, FMB_getparam, SMS/GPRS command - setparam and - getparam; texts captured from an
FTC887 in a public test suite; a public Android client for FM1000/FMA120 units (`New Val:`); FM5500 manual (old
`getver` answer, `Code Ver:`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

#: What `getver` is answered with: `Ver:...` on current units, `Code Ver:...` on old ones.
_VERSION = re.compile(r"\s*(code\s+)?ver:\s*(\S+)", re.IGNORECASE)
_HARDWARE = re.compile(r"\bHw:\s*([A-Za-z0-9_-]{2,20})", re.IGNORECASE)
_HEAD = re.compile(r"\s*param id:\s*([0-9]{1,6})\s+(new\s+)?(?:value|val|text):", re.IGNORECASE)
_NEW = re.compile(r"\s*new value\s+([0-9]{1,6}):", re.IGNORECASE)
_MISSING = re.compile(r"\s*param id:\s*([0-9]{1,6})\s+doesn.{0,10}exist", re.IGNORECASE)
_REFUSED = re.compile(
    r"\s*(?:warning:|error\b|invalid parameter|invalid format|unknown command|command (?:is )?(?:unknown|not found))",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"[0-9]{1,10}").fullmatch


def set_text(pairs: Mapping[str, str], blank: bool) -> str:
    """`setparam 1:2;3:4`, or `setparam 1 2` in the blank syntax (one id a command)."""
    if blank:
        ((key, value),) = pairs.items()
        return f"setparam {key} {value}"
    return "setparam " + ";".join(f"{key}:{value}" for key, value in pairs.items())


def get_text(ids: Sequence[str]) -> str:
    """`getparam 1;2`."""
    return "getparam " + ";".join(ids)


@dataclass(slots=True)
class Told:
    """What an answer tells: values by id (None: contradictory), ids that do not exist, or that it is a refusal.

    `written` is true of an answer that only a setparam gets.
    """

    values: dict[str, str] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)
    refused: bool = False
    written: bool = False


def parse(text: str, ids: Collection[str]) -> Told | None:
    """An answer about parameters, read with the ids that were asked or sent; None for any other text."""
    if found := _MISSING.match(text):
        return Told(missing={found[1]})
    if _REFUSED.match(text):
        return Told(refused=True)
    head, written = _HEAD.match(text), False
    if head:
        written = bool(head[2])
    else:
        head = _NEW.match(text)
        written = True
    if not head:
        return None
    told = Told(written=written)
    parts = re.split(rf";({'|'.join(map(re.escape, ids))}):", text[head.end() :]) if ids else [text[head.end() :]]
    keys = [head[1], *parts[1::2]]
    for key, value in zip(keys, parts[0::2], strict=True):
        if key in told.values:
            told.values[key] = ""  # said twice: damaged, no value
        else:
            told.values[key] = value.strip()
    told.values[keys[-1]] = told.values[keys[-1]].removesuffix(";").strip()
    return told


def number(text: str | None) -> int | None:
    """A whole number as a unit prints it; None for anything else."""
    return int(text) if text is not None and _NUMBER(text) else None


def same(said: str, sent: str) -> bool:
    """A value comes back as it was sent; numbers may be printed otherwise."""
    return said == sent or (number(said) is not None and number(said) == number(sent))


def version(text: str) -> tuple[str, str] | None:
    """Firmware and hardware name (empty where not told) of an answer to `getver`; None for another text."""
    found = _VERSION.match(text)
    if not found:
        return None
    hardware = _HARDWARE.search(text)
    return found[2], hardware[1].upper() if hardware else ""
