"""What a transport offers the rest of the gateway: sessions, and the one listener that hears of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Protocol

from tracker_codecs.contract import Message, Transport
from tracker_codecs.family import Family

from tracker_gateway.store.nouns import Tracker


class Session(ABC):
    """An identified, registered tracker on a link. Made by a transport, used by deliveries."""

    __slots__ = (
        "conversation",
        "family",
        "last_heard",
        "link_options",
        "opened",
        "peer",
        "session_id",
        "tracker",
        "transport",
    )

    session_id: int  # unique in this process
    family: Family
    transport: Transport
    tracker: Tracker
    peer: str  # address or port or topic, cleaned, for people
    opened: float  # loop time, s
    last_heard: float  # loop time, s
    #: Codec options that the link knows (MQTT: topic prefix, `topic` of the last message ...). In a `Target` they lie
    #: below the model's and the tracker's own options.
    link_options: Mapping[str, Any]
    #: Whatever the listener keeps with the session while a command is in flight; None: nothing waits for a message.
    conversation: Any

    @property
    def known(self) -> Mapping[str, str]:
        """What the device's frames told of it on this link, for its `Target`."""
        return {}

    @abstractmethod
    def write(self, data: bytes, channel: str = "") -> bool:
        """Hand bytes to the link. False: the link is gone or its write buffer is full; nothing was written."""

    @abstractmethod
    def close(self, reason: str) -> None:
        """End the link (idempotent). `session_down` follows."""


class SessionListener(Protocol):
    """Implemented by the delivery engine. All calls are synchronous, cheap and come from the event loop."""

    def session_up(self, session: Session) -> None:
        """A registered tracker was identified; owed bytes of the identifying frame are written already."""

    def message(self, session: Session, message: Message) -> None:
        """Every message of a session, after its owed bytes were written. The tracker's window is open now."""

    def session_down(self, session: Session, reason: str) -> None:
        """The link is gone."""

    def contested(self, tracker: Tracker, contested: bool) -> None:
        """Two live links claim this device id (True), or only one is left (False). Hold deliveries while True."""
