"""What every family asks before it does something: is this link, this variant, are these settings for it?"""

from __future__ import annotations

from collections.abc import Iterable

from tracker_codecs.contract import Family, Problem, Settings, Severity, Transport, Value
from tracker_codecs.errors import LocalError


def over(family: Family, transport: Transport) -> None:
    """Raises LocalError for a transport that the family does not use."""
    if transport not in family.transports:
        raise LocalError(f"{family.name} does not speak over {transport.value}", parameter="transport")


def known(family: Family, variant: str, transport: Transport) -> None:
    """Raises LocalError for a transport or a variant that the family has not."""
    over(family, transport)
    if variant not in family.variants:
        raise LocalError(f"codec {family.name} has no variant {variant!r}", parameter="variant")


def none_refused(problems: Iterable[Problem]) -> None:
    """Raises LocalError for the first setting that `check` refuses."""
    for problem in problems:
        if problem.severity is Severity.REFUSE:
            raise LocalError(problem.reason, parameter=problem.field)


def carried(settings: Settings, problems: Iterable[Problem]) -> dict[str, Value]:
    """The settings without those that have a problem: what is sent."""
    told = {problem.field for problem in problems}
    return {name: value for name, value in settings.items() if name not in told}
