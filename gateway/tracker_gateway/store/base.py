"""What the gateway keeps, and the interface of whatever keeps it. No SQL and no database's types pass this line."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from asyncio import Future
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tracker_codecs.contract import FieldOutcome, Settings, Value

from tracker_gateway.store.nouns import DeliveryState, Desired, Key, Right, Tracker, UnknownDevice

#: Deliveries kept for each tracker, the newest included.
KEEP_DELIVERIES = 200
#: Exchanges kept for each delivery; a tracker that is tried for weeks loses the oldest ones.
KEEP_EXCHANGES = 200
#: Raw commands kept for each tracker.
KEEP_RAW = 200
#: Unregistered device ids kept; beyond it the one not heard of for longest goes.
KEEP_UNKNOWN = 10_000


class StoreError(Exception):
    """The store refused or failed; the text says what is wrong, where, and what to do."""


class StoreUnavailable(StoreError):
    """It cannot write for now (disk full, read-only, locked, I/O error): nothing was kept, try again later."""


class NotStored(StoreError):
    """The thing named is not (or no longer) in the store."""


class Reported(NamedTuple):
    """What the tracker itself said of one setting, and when (Unix time, s)."""

    value: Value
    time: float


@dataclass(frozen=True, slots=True)
class Delivery:
    """Bringing one desired revision to one tracker. Times are Unix seconds.

    `final`: nothing will change it any more. `unsure`: the tracker may have the settings already, read first.
    `attempts` counts the dialogues begun, over all contacts. `fields` has an outcome for every setting asked for.
    """

    tracker_id: int
    revision: int
    state: DeliveryState
    changed: float
    expires: float
    final: bool = False
    unsure: bool = False
    attempts: int = 0
    detail: str = ""
    fields: Mapping[str, FieldOutcome] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Twin:
    """Desired and reported of one tracker. `known`: facts its codec learned. `reread`: when a re-read was asked for
    that is still owed (Unix time, s), 0 for none."""

    tracker_id: int
    desired: Desired | None = None
    delivery: Delivery | None = None
    reported: Mapping[str, Reported] = field(default_factory=dict)
    known: Mapping[str, str] = field(default_factory=dict)
    reread: float = 0.0


@dataclass(frozen=True, slots=True)
class Exchange:
    """One entry of the evidence ledger: a command and what came of it.

    `written` and `reply` are bytes as they went over the link, passwords replaced by `*` (`masked`). `seq` counts from
    1 within a revision and is given by the store.
    """

    revision: int
    attempt: int
    purpose: str
    fields: tuple[str, ...]
    written: bytes
    text: str
    expects: str
    verdict: str
    reply: bytes
    reply_text: str
    sent: float
    ended: float
    masked: bool = False
    seq: int = 0


@dataclass(frozen=True, slots=True)
class RawCommand:
    """An operator's own command. `reliable`: it waits for the next contact, else it is sent at once or not at all."""

    command_id: int
    tracker_id: int
    command: str | bytes
    reliable: bool
    author: str
    state: DeliveryState
    created: float
    changed: float
    expires: float
    final: bool = False
    detail: str = ""
    reply: bytes = b""
    reply_text: str = ""


def secret_digest(secret: str) -> bytes:
    """What is kept of a key's secret. A plain SHA-256 is enough: the secret is 256 random bits."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).digest()  # a header may hold any byte


class Store(ABC):
    """Everything that must survive a power cut. One object a process; several processes may share what is behind it.

    A method that changes something returns once the change is on disk. All raise StoreError.
    """

    #: Where it is, for people.
    name: str

    @abstractmethod
    async def close(self) -> None:
        """Finish what was begun and let go. Idempotent."""

    @abstractmethod
    async def claim(self) -> None:
        """Become the one process that works on deliveries, until `close`. Raises StoreError where another one is.

        An embedded store has one such process; a shared one divides the trackers among its nodes.
        """

    @abstractmethod
    def problem(self) -> str:
        """Why the last write failed; empty while all is well."""

    # -- trackers -----------------------------------------------------------------------------------------------------
    @abstractmethod
    async def add_tracker(
        self,
        *,
        device_id: str,
        model: str,
        owner: str = "",
        label: str = "",
        clone: bool = False,
        options: Mapping[str, Any] | None = None,
        experimental: bool = False,
    ) -> Tracker:
        """Register a tracker; its device id leaves the unknown ones. Raises StoreError for a taken device id."""

    @abstractmethod
    async def list_trackers(self, owner: str | None = None) -> list[Tracker]:
        """All trackers, or those of one owner, by id."""

    @abstractmethod
    async def get_tracker(self, tracker_id: int) -> Tracker | None:
        """One tracker."""

    @abstractmethod
    async def change_tracker(self, tracker_id: int, **fields: Any) -> Tracker:
        """Change fields of `Tracker` other than `tracker_id` and `created`.

        A new model or device id forgets what was reported and learned. Raises NotStored, StoreError.
        """

    @abstractmethod
    async def remove_tracker(self, tracker_id: int) -> bool:
        """Forget a tracker and all that was kept of it; whether there was one. Its id is never given again."""

    # -- unregistered devices -----------------------------------------------------------------------------------------
    @abstractmethod
    async def note_unknown(self, device: UnknownDevice) -> None:
        """Count a device id that called in; `first_seen` of an earlier note stays, `times` is added."""

    @abstractmethod
    async def list_unknown(self) -> list[UnknownDevice]:
        """Those that called in, last heard first."""

    @abstractmethod
    async def forget_unknown(self, device_id: str) -> bool:
        """Take one off the list; whether it was there."""

    # -- keys ---------------------------------------------------------------------------------------------------------
    @abstractmethod
    async def add_key(self, *, owner: str, label: str, rights: Iterable[Right]) -> tuple[Key, str]:
        """A new key and its secret (64 hexadecimal characters, 256 random bits), which is not kept and never shown
        again."""

    @abstractmethod
    async def list_keys(self) -> list[Key]:
        """All keys, revoked ones too, by id."""

    @abstractmethod
    async def revoke_key(self, key_id: int) -> bool:
        """End a key; whether there was a live one."""

    @abstractmethod
    async def find_key(self, secret: str) -> Key | None:
        """The live key of this secret."""

    @abstractmethod
    async def live_keys(self) -> dict[bytes, Key]:
        """The live keys by `secret_digest`, for a cache."""

    # -- changes by other processes -----------------------------------------------------------------------------------
    @abstractmethod
    async def change_counter(self) -> int:
        """Grows with every change to trackers or keys, whoever made it."""

    @abstractmethod
    async def changed_trackers(self, since: int) -> set[int]:
        """Ids of the trackers added, changed or removed after this value of the counter. 0 stands for the keys."""

    # -- desired, deliveries, twin ------------------------------------------------------------------------------------
    @abstractmethod
    async def accept(
        self,
        tracker_id: int,
        settings: Settings,
        *,
        author: str,
        now: float,
        expires: float,
        fields: Mapping[str, FieldOutcome],
    ) -> Twin:
        """Keep a desired revision (the next one) with a queued delivery; an open delivery before it is superseded.

        All in one: after it, both are on disk. Raises NotStored for a tracker that is gone.
        """

    @abstractmethod
    def save(
        self,
        tracker_id: int,
        *,
        delivery: Delivery | None = None,
        exchanges: Sequence[Exchange] = (),
        reported: Mapping[str, Reported] | None = None,
        known: Mapping[str, str] | None = None,
        reread: float | None = None,
    ) -> Future[None]:
        """Keep what happened, in the order of the calls; the future tells when it is on disk.

        A delivery that is final in the store stays as it is. `reported` and `known` are merged into what is there.
        """

    @abstractmethod
    async def twin(self, tracker_id: int) -> Twin:
        """Newest desired revision, its delivery, and what is reported and known. Empty for a tracker without any."""

    @abstractmethod
    async def ask_reread(self, tracker_id: int, asked: float) -> Twin:
        """Keep that a re-read was asked for; the twin after it, and after every `save` called for before it."""

    @abstractmethod
    async def pending(self) -> list[Twin]:
        """Every twin that has an open delivery or is owed a re-read."""

    @abstractmethod
    async def all_known(self) -> dict[int, dict[str, str]]:
        """What codecs learned, of the trackers of which anything is known."""

    @abstractmethod
    async def ledger(self, tracker_id: int, revision: int) -> list[Exchange]:
        """The exchanges of one revision, oldest first."""

    @abstractmethod
    async def history(self, tracker_id: int, *, limit: int, before: int | None) -> list[tuple[Desired, Delivery]]:
        """Deliveries, newest first, of revisions below `before`."""

    # -- raw commands -------------------------------------------------------------------------------------------------
    @abstractmethod
    async def add_raw(
        self, tracker_id: int, command: str | bytes, *, reliable: bool, author: str, now: float, expires: float
    ) -> RawCommand:
        """Keep a raw command, queued. Raises NotStored for a tracker that is gone."""

    @abstractmethod
    def save_raw(self, command: RawCommand) -> Future[None]:
        """Keep what became of it; one that is final in the store stays as it is."""

    @abstractmethod
    async def pending_raw(self) -> list[RawCommand]:
        """The open ones, oldest first."""

    @abstractmethod
    async def get_raw(self, command_ids: Collection[int]) -> list[RawCommand]:
        """Those of these ids that are kept."""
