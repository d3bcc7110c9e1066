"""Settings as the unit's table holds them: `PAGE:TAG(first,second,...)`, commands that write and read one, the answers.

`*!EDIT PAGE:TAG(a,,b)` writes without a restart and leaves alone what is empty; `*!READ PAGE:TAG` tells all values. A
value `!` erases and `&` begins a bit mask: how those are read back is not public, so neither is taken here.
Sources: wiki.navtelecom.ru, developers/configuration and devices/commands/standard_cmd; a public integration plan for
protocol 6.2 (READ, EDIT and EDITS, their answers).
"""

from __future__ import annotations

import re
from typing import NamedTuple

_NAME = r"[A-Z0-9_]{1,16}"
_VALUE = r"[A-Za-z0-9 ._:/@+=?#%*-]{0,64}"
_PARAMETER = re.compile(rf"({_NAME}):({_NAME})\(((?:{_VALUE},){{0,31}}{_VALUE})\)", re.ASCII).fullmatch
_TOLD = re.compile(r"\s*([^:(),]+):([^:(),]+)\(([^()]*)\)\s*", re.ASCII).fullmatch


class Parameter(NamedTuple):
    """One tag of a page and its values in order; empty ones are left as they are."""

    page: str
    tag: str
    values: tuple[str, ...]

    def __str__(self) -> str:
        """As the profile and the command write it."""
        return f"{self.name}({','.join(self.values)})"

    @property
    def name(self) -> str:
        """As READ takes it."""
        return f"{self.page}:{self.tag}"


def parameter(text: object) -> Parameter | None:
    """A parameter of the profile; None where the text is none, or would change nothing."""
    found = _PARAMETER(text) if isinstance(text, str) else None
    if found is None or not found[3].strip(","):
        return None
    return Parameter(found[1], found[2], tuple(found[3].split(",")))


def shaped(asked: Parameter, told: Parameter) -> Parameter:
    """What a unit told, but for the values that were left alone. Both must have the same number of values."""
    return asked._replace(
        values=tuple(have if want else "" for want, have in zip(asked.values, told.values, strict=True))
    )


def read_answer(text: str, name: str) -> Parameter | bool | None:
    """What an answer to READ of this name tells; False: it is no success; None: another text."""
    if text.startswith("*Z"):
        return False
    verb, _, rest = text.partition(" ")
    if verb != "*@READ":
        return None
    status, _, told = rest.partition(",")
    if status != "OK":
        return False
    found = _TOLD(told)
    if found is None or f"{found[1]}:{found[2]}" != name:
        return None
    return Parameter(found[1], found[2], tuple(found[3].split(",")))


def verb_answer(text: str, command: str) -> bool | None:
    """Whether an answer to a command such as `*!EDIT ...` says OK; None for any other text."""
    if text.startswith("*Z"):
        return False
    verb, _, rest = text.partition(" ")
    if verb != "*@" + command.partition(" ")[0].removeprefix("*!"):
        return None
    return rest.partition(",")[0].strip() == "OK"


def version(text: str) -> dict[str, str] | None:
    """Model and firmware of an answer to `*?V` (`*#V:S-2651:01.00.72:13.05.20:RU`); None for any other text."""
    parts = text.split(":")
    if len(parts) < 3 or parts[0] != "*#V":
        return None
    return {"hardware": parts[1][:32], "firmware": parts[2][:32]}
