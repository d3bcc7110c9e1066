"""Families whose variants go different ways: functions that choose by the variant."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Concatenate, ParamSpec, Protocol, TypeVar


class OfVariant(Protocol):
    """A target, or the unit that an emulator is made of."""

    @property
    def variant(self) -> str:
        """The family's variant."""


S = TypeVar("S", bound=OfVariant)
P = ParamSpec("P")
T = TypeVar("T")


def by_variant(
    usual: Callable[Concatenate[S, P], T], special: Mapping[str, Callable[Concatenate[S, P], T]]
) -> Callable[Concatenate[S, P], T]:
    """A function of a declaration that is another one for some variants; its first argument names the variant."""

    def chosen(subject: S, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return special.get(subject.variant, usual)(subject, *args, **kwargs)

    return chosen
