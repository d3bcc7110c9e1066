"""Puts captured TCP connections together again: both directions in order, or cut where bytes are missing."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from tracker_gateway.recording.capture import FIN, RST, SYN, Segment

#: Bytes held of one connection behind a gap, before what is missing counts as lost.
MAX_HELD = 1 << 20
#: Segments likewise.
MAX_SEGMENTS = 2048


class Said(NamedTuple):
    """Bytes in their order. `time`: Unix time, s, of the packet that completed them."""

    device: bool
    data: bytes
    time: float


class _Side:
    """What one end says. `next`: the sequence number that comes now; `acked`: what the other end has by its word."""

    def __init__(self) -> None:
        self.next: int | None = None
        self.acked: int | None = None
        self.early: dict[int, bytes] = {}
        self.fin: int | None = None
        self.total = 0

    def behind(self) -> int:
        """Bytes that are missing before what was seen or acknowledged; 0: none."""
        if self.next is None:
            return 0
        gaps = [(seq - self.next) & 0xFFFFFFFF for seq in self.early]
        if gaps:
            return min(gaps)
        known = self.acked if self.fin is None else self.fin
        return 0 if known is None else max(0, _distance(self.next, known))

    def take(self, seq: int, data: bytes) -> bytes:
        """What is new and in order because of this segment; what comes too early is kept, the first copy of it."""
        if self.next is None:
            self.next = seq
        ahead = _distance(self.next, seq)
        if ahead > 0:
            if data and (seq not in self.early or len(self.early[seq]) < len(data)):
                self.early[seq] = data
            return b""
        out = data[-ahead:] if ahead else data
        self._moved(len(out))
        while ready := [each for each in self.early if _distance(self.next, each) <= 0]:
            for each in sorted(ready, key=lambda place: _distance(self.next or 0, place)):
                more = self.early.pop(each)[-_distance(self.next, each) :]
                out += more
                self._moved(len(more))
        return out

    def _moved(self, count: int) -> None:
        assert self.next is not None
        self.next = (self.next + count) & 0xFFFFFFFF
        self.total += count


def _distance(start: int, place: int) -> int:
    """From one sequence number to another, negative where it lies before (RFC 9293, arithmetic modulo 2^32)."""
    return ((place - start + 0x80000000) & 0xFFFFFFFF) - 0x80000000


class Connection:
    """One TCP connection. `say` gets its bytes in order; once `cut` tells why, nothing more comes."""

    def __init__(self, say: Callable[[Said], None]) -> None:
        self._say = say
        self._sides = {True: _Side(), False: _Side()}
        self._held: list[Said] = []
        self._held_bytes = 0
        self._begun = False
        self.cut = ""
        self.note = ""
        self.over = False

    def opens(self, segment: Segment, *, device: bool) -> bool:
        """A SYN that begins another connection between the same ends."""
        side = self._sides[device]
        again = bool(segment.flags & SYN) and self._begun
        return again and (side.next is not None and _distance(side.next, segment.seq + 1) != -side.total)

    def add(self, segment: Segment, *, device: bool) -> None:
        """A segment that the device (else the gateway) sent."""
        if self.cut:
            return
        side, other = self._sides[device], self._sides[not device]
        seq = segment.seq
        if segment.flags & SYN:
            seq = (seq + 1) & 0xFFFFFFFF
            if side.next is None:
                side.next = seq
        elif not self._begun:
            self.note = "the capture begins inside the connection"
        self._begun = True
        if segment.ack >= 0:
            if other.next is None:
                other.next = segment.ack
            if other.acked is None or _distance(other.acked, segment.ack) > 0:
                other.acked = segment.ack
        if segment.flags & FIN and not segment.missing:
            side.fin = (seq + len(segment.payload)) & 0xFFFFFFFF
        self._hold(Said(device, side.take(seq, segment.payload), segment.time))
        self._release()
        if segment.missing:  # the capture's snap length: the other end has these bytes, we never will
            place = (seq + len(segment.payload) + segment.missing) & 0xFFFFFFFF
            if side.acked is None or _distance(side.acked, place) > 0:
                side.acked = place
        if segment.flags & RST or all(each.fin is not None for each in self._sides.values()):
            self.over = True
        waiting = sum(len(data) for each in self._sides.values() for data in each.early.values())
        count = sum(len(each.early) for each in self._sides.values())
        if self._held_bytes + waiting > MAX_HELD or count + len(self._held) > MAX_SEGMENTS:
            self._lose()

    def end(self) -> None:
        """No more packets of it are in the capture."""
        if not self.cut and any(each.behind() for each in self._sides.values()):
            self._lose()

    def _hold(self, said: Said) -> None:
        if said.data:
            self._held.append(said)
            self._held_bytes += len(said.data)

    def _release(self) -> None:
        if any(each.behind() for each in self._sides.values()):
            return
        for said in self._held:
            self._say(said)
        self._held.clear()
        self._held_bytes = 0

    def _lose(self) -> None:
        device = max((True, False), key=lambda each: self._sides[each].behind())
        side = self._sides[device]
        missing = side.behind()
        # One byte that nothing followed is the end mark of a connection whose last packet is not in the capture.
        if missing > 1 or side.early or self._held:
            who = "device" if device else "gateway"
            self.cut = f"{missing} bytes of the {who} are missing after its first {side.total}; the dialogue ends there"
        self._held.clear()
        self._held_bytes = 0
