"""One call of the table, as dispatch and description both read it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from tracker_gateway.http.handlers import Answer, Call
from tracker_gateway.http.params import Param
from tracker_gateway.store.nouns import Right

Handler = Callable[[Call], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Route:
    """One call. `authenticated` calls need a hash; where a `tracker_id` is given, the tracker gets resolved."""

    path: str
    summary: str
    handler: Handler
    params: tuple[Param, ...] = ()
    answer: Mapping[str, str] = field(default_factory=dict)  # top-level members of a successful answer -> what they are
    right: Right | None = None
    authenticated: bool = True
    methods: tuple[str, ...] = ("GET", "POST")
    media_type: str = "application/json"
