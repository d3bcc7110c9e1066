"""An open serial port as a link: whatever comes is its device's; noise and silence are no reason to close it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import structlog
from tracker_codecs.contract import Message, Target
from tracker_codecs.errors import PeerError
from tracker_codecs.text import clean

from tracker_gateway.store.nouns import Tracker
from tracker_gateway.transports.link import LINGER, Link
from tracker_gateway.transports.port import Port
from tracker_gateway.transports.room import Room
from tracker_gateway.transports.talk import Talk

log = structlog.stdlib.get_logger("tracker_gateway.serial")


class SerialLink(Link):
    """An open port. Messages that name nobody are its device's; `over` is set when it must be closed."""

    __slots__ = ("_free", "_port", "_said", "echoes", "good", "heard", "over", "talk")

    def __init__(self, room: Room, port: Port, device_id: str, options: Mapping[str, Any], *, free: bool) -> None:
        super().__init__(room)
        self._port = port
        self._free = free
        self._said = b""
        self.claimed = device_id
        self.peer = self.source = port.path
        self.link_options = options
        self.over = asyncio.Event()
        self.talk: Talk | None = None
        self.heard = self.good = self.echoes = 0  # bytes, frames, frames that are what was written

    # -- the port -----------------------------------------------------------------------------------------------------
    def came(self, data: bytes) -> None:
        """Bytes came in."""
        if not self.ending:
            self.heard += len(data)
            self.contain(self.take, data)

    def lost(self, reason: str) -> None:
        """The port went by itself."""
        if not self.ending:
            self.ending = reason
            self.room.stats.closes["peer"] += 1
        self.disconnect(now=True)

    def send(self, data: bytes) -> None:
        """Bytes that are owed. A device that does not take what it is owed is let go."""
        if self._put(data):
            if self.tape is not None:
                self.tape.owed(data)
        elif not self.ending:
            self.end("slow", "does not take what is sent to it")

    def write(self, data: bytes, channel: str = "") -> bool:
        """See Session."""
        taken = self._put(data)
        if taken and self.tape is not None:
            self.tape.command(data)
        return taken

    def _put(self, data: bytes) -> bool:
        if self.ending or not self._port.write(data):
            return False
        self._said = data
        self.room.stats.bytes_out += len(data)
        return True

    def disconnect(self, *, now: bool) -> None:
        """Have it closed: after what is written, or `now`."""
        if now:
            self._port.abort()
        if self.talk is not None:
            self.talk.fail(self.ending)
        self.over.set()

    # -- Link ---------------------------------------------------------------------------------------------------------
    def check(self, now: float) -> None:
        """Only a frame that does not end: what is buffered of it is given up, the port stays open."""
        if self.ending:
            if now - self.ended > LINGER:
                self.disconnect(now=True)
        elif not self.stream.buffered:
            self._partial_at = -1
        elif self._partial_at != self._frames:
            self._partial_at = self._frames
            self._partial_since = now
        elif now - self._partial_since > self.room.shared.config.frame_timeout:
            self.room.stats.peer_errors += 1
            self._afresh()

    def other_device(self, message: Message) -> None:
        """A frame names another id: a chip's own, where ours is just a name for the unit; else another device."""
        if self._free:
            self._tell([message])
        else:
            self.end("identity", self.stranger(message.device_id or ""))

    def stranger(self, told: str) -> str:
        """Why the device that says so is not ours; empty when it may be."""
        if self._free or not told or told.casefold() == (self.claimed or "").casefold():
            return ""
        return f"the device on {self.peer} is {clean(told, 64)}; configured for this port is {self.claimed}"

    @property
    def garbled(self) -> bool:
        """Nothing but errors for some time."""
        return self._errors >= self.room.shared.config.max_errors

    def welcome(self, tracker: Tracker, target: Target) -> None:
        """The device answered (or cannot be asked): the session is up."""
        shared = self.room.shared
        if shared.live.full(tracker):
            self.end("contested", "too many links claim this device id")
            return
        self.tracker = tracker
        self.session_id = shared.live.next_id()
        self.opened = self.last_heard = shared.clock()
        if self.tape is not None:
            self.tape = self.tape.identified(self)
        self.stream.bind(target)
        shared.guard.known(self.source)
        self.identified = True
        self.room.stats.sessions += 1
        shared.live.up(self)

    def _stranger(self, message: Message) -> None:
        """A message before the session: the answer to our question, or the device's own talk."""
        self.good += 1
        self._errors = 0
        if message.frame == self._said:
            self.echoes += 1
        if message.owed:
            self.send(message.owed)
        if self.talk is not None:
            self.talk.hear(message)

    def _wrong(self, error: PeerError) -> None:
        """Noise on the wire, or the wrong rate: told, never a reason to close a port."""
        self.room.stats.peer_errors += 1
        self._errors += 1
        if self.room.shared.sparing.allow(self.source):
            reason, kept = clean(error.reason), error.discarded[:32]
            log.info("not understood", reason=reason, discarded=kept, family=self.family.name, port=self.peer)
        if error.fatal:
            self._afresh()

    def _afresh(self) -> None:
        self.stream = self.family.stream(self.transport)
        if self.identified:
            self.stream.bind(self.room.shared.register.target(self.tracker))
