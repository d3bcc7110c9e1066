"""The use cases, as the HTTP shim and the command line see them. `service.gateway.Gateway` implements this."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol

from tracker_codecs.contract import Settings

from tracker_gateway.store.nouns import Key, Tracker

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class FieldError:
    """One wrong parameter: dotted path and what is wrong with it."""

    parameter: str
    error: str


class ApiError(Exception):
    """A refusal with a code of the public table (201, 208, 214, 219, 7 ...). `http.errors` knows texts and statuses."""

    def __init__(self, code: int, detail: str = "", errors: Sequence[FieldError] = ()) -> None:
        super().__init__(detail or f"code {code}")
        self.code = code
        #: Said beside the table's text, for people; never contains secrets.
        self.detail = detail
        self.errors = tuple(errors)


class Happening(Protocol):
    """Something that happened to a tracker: `kind` `delivery`, `reported`, `drift`, `raw`, `session`, `contested`."""

    @property
    def kind(self) -> str:
        """What sort of thing."""

    @property
    def tracker_id(self) -> int:
        """To whom."""

    @property
    def time(self) -> float:
        """Unix time, s."""

    @property
    def data(self) -> Mapping[str, Any]:
        """The particulars, as JSON values."""


class Watch(Protocol):
    """What happens from now on, as an async iterator; a `with` statement ends it."""

    def __enter__(self) -> Watch: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...
    def __aiter__(self) -> Watch: ...
    def __anext__(self) -> Awaitable[Happening]: ...


class Service(Protocol):
    """Every method that takes a `Tracker` assumes that the caller resolved it with `tracker()` (rights, existence).

    Order of checks inside update, cancel, reread, raw_command: blocked 208 -> clone 219 (not for reads) -> model can be
    set at all, else 214 -> values 7.
    """

    async def authenticate(self, secret: str) -> Key:
        """The live key of this secret. Raises ApiError 4 for an unknown or revoked one."""

    def tracker(self, key: Key, tracker_id: int) -> Tracker:
        """The tracker if it exists and belongs to the key's owner. Raises ApiError 201 otherwise."""

    def trackers(self, key: Key) -> Sequence[Tracker]:
        """All trackers the key may see, by id."""

    async def read(self, tracker: Tracker) -> Json:
        """`{"value": {...}, "sync": {...}}`. Raises 208, 214."""

    async def update(self, tracker: Tracker, settings: Settings, *, author: str, wait: float = 0.0) -> Json:
        """Durably accept a desired revision; `{"sync": {...}}`, after at most `wait` s. Raises 208, 219, 214, 7."""

    async def dry_run(self, tracker: Tracker, settings: Settings) -> Json:
        """`{"dry_run": {"revision": N, "commands": [{"hex", "text", "purpose", "expects", "fields",
        "depends_on_read"}], "fields": {...}}}`; stores nothing."""

    async def status(self, tracker: Tracker) -> Json:
        """`{"sync": {...}, "ledger": [...]}`: the evidence ledger of the newest revision."""

    async def history(self, tracker: Tracker, *, limit: int, before: int | None) -> Json:
        """`{"list": [...]}`: deliveries, newest first, below revision `before`."""

    async def cancel(self, tracker: Tracker) -> Json:
        """End the open delivery; `{"sync": {...}}`."""

    async def reread(self, tracker: Tracker, *, wait: float = 0.0) -> Json:
        """Ask the tracker for its settings at the next contact; `{"sync": {...}}`."""

    async def raw_command(
        self, tracker: Tracker, command: str | bytes, *, reliable: bool, wait: float = 0.0, author: str
    ) -> Json:
        """Send an operator's own command: now (`reliable` False: the tracker must be connected, else a
        refusal with code 213), or at the next contact. `{"id": N, "state": ..., "reply": ...}`."""

    def watch(self, tracker: Tracker | None = None) -> Watch:
        """What happens to a tracker, or to all of them."""

    def describe(self, tracker: Tracker) -> Json:
        """Register data and live state of a tracker (connected, transport, last contact, contested)."""

    def list_models(self) -> Sequence[Json]:
        """Every model: code, vendor, name, track_control, id_type, pushable, codec, experimental."""

    def health(self) -> Json:
        """`{"status": "ok" | "degraded", ...}` with one entry a listener and for the store."""

    def metrics(self) -> bytes:
        """Prometheus text."""
