"""What links over TCP and over datagrams have in common: who is there, what is owed, what is wrong."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import structlog
from tracker_codecs.contract import Checksum, Event, Kind, Message, Stream
from tracker_codecs.errors import PeerError
from tracker_codecs.text import clean

from tracker_gateway.sessions.session import Session
from tracker_gateway.store.nouns import Tracker
from tracker_gateway.transports.room import Room, Tape

#: Messages without a device id that a link may send before it is identified.
MAX_ANONYMOUS = 100
#: Seconds that a closed link gets to take its last bytes.
LINGER = 5.0

log = structlog.stdlib.get_logger("tracker_gateway.links")
A = TypeVar("A")


class Link(Session):
    """A transport connection, and once its tracker is identified the session on it.

    `tracker`, `session_id` and `opened` exist from the identification on. `connected` is when the link came up,
    `claimed` the device id it said, `ending` why it is being closed.
    """

    __slots__ = (
        "_anonymous",
        "_errors",
        "_frames",
        "_partial_at",
        "_partial_since",
        "claimed",
        "connected",
        "ended",
        "ending",
        "held",
        "identified",
        "room",
        "source",
        "stream",
        "tape",
    )

    room: Room
    stream: Stream
    claimed: str | None
    tape: Tape | None

    def __init__(self, room: Room) -> None:
        self.room = room
        self.family = room.family
        self.transport = room.transport
        self.stream = room.family.stream(room.transport)
        self.conversation = None
        self.link_options = {}
        self.peer = ""
        self.source = ""
        self.connected = self.last_heard = room.shared.clock()
        tap = room.shared.tap
        self.tape = None if tap is None else tap.tape(room.family, room.transport)
        self.identified = False
        self.held = False
        self.claimed = None
        self.ending = ""
        self.ended = 0.0
        self._errors = 0
        self._anonymous = 0
        self._frames = 0
        self._partial_at = -1
        self._partial_since = 0.0

    @property
    def known(self) -> Mapping[str, str]:
        """See Session."""
        return self.stream.known

    # -- for the transport --------------------------------------------------------------------------------------------
    @abstractmethod
    def send(self, data: bytes) -> None:
        """Bytes that are owed, to whoever spoke last."""

    @abstractmethod
    def disconnect(self, *, now: bool) -> None:
        """End the transport: after what is written, or `now`."""

    def contain(self, call: Callable[[A], None], argument: A) -> None:
        """Do something with this link so that a failure ends this link and no other."""
        try:
            call(argument)
        except Exception as error:
            # The one broad net: codecs may come from third parties, and no bytes of one tracker may ever end the
            # service of the others. The link is closed, counted and logged with its traceback.
            self.room.stats.failures += 1
            if self.room.shared.sparing.allow(self.source):
                log.error("link failed", family=self.family.name, peer=self.peer, exc_info=True)
            self.end("failure", f"failed: {type(error).__name__}")

    def take(self, data: bytes) -> None:
        """Bytes came in. Answers what is owed, in order, then tells the listener."""
        room = self.room
        stats = room.stats
        self.last_heard = room.shared.clock()
        stats.bytes_in += len(data)
        if self.tape is not None:
            self.tape.device(data)
        events = self.stream.feed(data)
        count = len(events)
        stats.frames += count
        self._frames += count
        if count == 1 and self.identified:
            message = events[0]
            if isinstance(message, Message) and message.device_id == self.claimed:
                self._errors = 0
                if message.owed:
                    self.send(message.owed)
                room.shared.listener.message(self, message)
                return
        if count:
            self.handle(events)

    def handle(self, events: Sequence[Event]) -> None:
        """The events of one chunk, in order; what runs of messages owe is written in one piece."""
        run: list[Message] = []
        for event in events:
            if self.ending:
                return
            if isinstance(event, Message):
                if self.identified and (event.device_id is None or event.device_id == self.claimed):
                    run.append(event)
                    continue
                self._tell(run)
                if self.identified and event.checksum is Checksum.BAD:
                    self._wrong(PeerError("a damaged frame that names another device", discarded=event.frame[:64]))
                elif self.identified:
                    self.other_device(event)
                elif not self.ending:
                    self._stranger(event)
            else:
                self._tell(run)
                self._wrong(event)
        self._tell(run)

    def check(self, now: float) -> None:
        """Deadlines; called every second or so. `now` is the loop's time."""
        config = self.room.shared.config
        if self.ending:
            if now - self.ended > LINGER:
                self.disconnect(now=True)
        elif not self.identified and not self.held and now - self.connected > config.identify_timeout:
            self.end("identify", "did not say who it is in time")
        elif now - self.last_heard > self.room.idle_timeout:
            self.end("idle", "silent for too long")
        elif self.stream.buffered:
            # Costs the hot path nothing: the same unfinished frame is there as long as no frame was counted.
            if self._partial_at != self._frames:
                self._partial_at = self._frames
                self._partial_since = now
            elif now - self._partial_since > config.frame_timeout:
                self.end("frame", "did not finish a frame in time")
        else:
            self._partial_at = -1

    def end(self, cause: str, reason: str) -> None:
        """Close the link: `cause` is one word for the counters, `reason` for people. Only the first call counts."""
        if self.ending:
            return
        self.ending = reason
        self.ended = self.room.shared.clock()
        self.room.stats.closes[cause] += 1
        self.disconnect(now=False)

    def gone(self, reason: str) -> None:
        """The transport is gone: give back what the link held."""
        shared = self.room.shared
        if self.tape is not None:
            self.tape.gone()
            self.tape = None
        if not self.ending:
            self.ending = reason
            self.room.stats.closes["peer"] += 1
        if self.identified:
            self.identified = False
            self.room.stats.sessions -= 1
            shared.live.down(self, self.ending)
        elif self.held:
            self._release()
        else:
            shared.guard.known(self.source)
        shared.guard.gone()
        self.room.stats.links -= 1

    # -- Session ------------------------------------------------------------------------------------------------------
    def close(self, reason: str) -> None:
        """See Session."""
        self.end("gateway", reason)

    # -- who is there -------------------------------------------------------------------------------------------------
    def other_device(self, message: Message) -> None:
        """A message names another device than the one that was identified."""
        self.end("identity", "the device id changed on the link")

    def sendable(self, reply: bytes, message: Message) -> bool:
        """May this be said to somebody who is not ours?"""
        return bool(reply)

    def identify(self, tracker: Tracker, message: Message) -> None:
        """This is a registered tracker: answer what is owed, then the session is up."""
        shared = self.room.shared
        if shared.live.full(tracker):
            self.end("contested", "too many links claim this device id")
            return
        self.tracker = tracker
        self.claimed = message.device_id
        self.session_id = shared.live.next_id()
        self.opened = self.last_heard
        if self.tape is not None:
            self.tape = self.tape.identified(self)
        self.stream.bind(shared.register.target(tracker))
        if message.owed:
            self.send(message.owed)
        if self.held:
            self._release()
        else:
            shared.guard.known(self.source)
        self.identified = True
        self.room.stats.sessions += 1
        self._errors = 0
        shared.live.up(self)
        if not self.ending:
            shared.listener.message(self, message)

    def _stranger(self, message: Message) -> None:
        """A message on a link whose tracker is not known yet."""
        if message.checksum is Checksum.BAD:
            return
        if message.device_id is None:
            if self.held:
                self._answer(message.owed, message)
                return
            self._anonymous += 1
            if self._anonymous > MAX_ANONYMOUS:
                self.end("identify", "sent too much before it said who it is")
            return
        tracker = self.room.shared.register.by_device(message.device_id, self.family.name)
        if tracker is None or tracker.blocked:
            self._refuse(message, tracker)
        else:
            self.identify(tracker, message)

    def _refuse(self, message: Message, tracker: Tracker | None) -> None:
        """Not ours, or blocked: what the family says to such a device, and nothing more."""
        shared = self.room.shared
        if self.held and message.kind is not Kind.LOGIN:
            self._answer(message.owed, message)
            return
        self.room.stats.unregistered += 1
        device_id = clean(message.device_id or "", 64)
        if tracker is None and shared.lists_unknown:
            shared.unknown.note(device_id, self.family.name, self.transport.value, self.peer)
        cause = "unregistered" if tracker is None else "blocked"
        if shared.sparing.allow(self.source):
            log.info("refused", cause=cause, device_id=device_id, family=self.family.name, peer=self.peer)
        self._answer(self.family.refuse(message), message)
        if self.held:
            return
        if self.family.hold_unregistered and shared.guard.hold():
            self.held = True
            self.room.stats.held += 1
            shared.guard.known(self.source)
        else:
            self.end(cause, f"the device is {cause}")

    def _answer(self, reply: bytes, message: Message) -> None:
        if self.sendable(reply, message):
            self.send(reply)

    def _release(self) -> None:
        self.held = False
        self.room.stats.held -= 1
        self.room.shared.guard.release()

    # -- what came ----------------------------------------------------------------------------------------------------
    def _tell(self, run: list[Message]) -> None:
        """Write what these messages of the session owe, then hand them on. Empties the list."""
        if not run or self.ending:
            return
        self._errors = 0
        owed = b"".join([message.owed for message in run])
        if owed:
            self.send(owed)
        listener = self.room.shared.listener
        for message in run:
            if self.ending:
                break
            listener.message(self, message)
        run.clear()

    def _wrong(self, error: PeerError) -> None:
        """The device sent something its protocol does not allow."""
        shared = self.room.shared
        self.room.stats.peer_errors += 1
        self._errors += 1
        if shared.sparing.allow(self.source):
            log.info(
                "not understood",
                reason=clean(error.reason),
                discarded=error.discarded[:32],
                family=self.family.name,
                peer=self.peer,
            )
        if error.fatal:
            self.end("errors", f"cannot be read any further: {clean(error.reason)}")
        elif self._errors >= shared.config.max_errors:
            self.end("errors", "too many errors without a good frame")
