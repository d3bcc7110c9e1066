"""R8: random and mutated bytes into every codec: messages or PeerErrors, the same in any split, within the bound."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from time import perf_counter

from tracker_codecs import registry
from tracker_codecs.contract import Event, Message, Transport
from tracker_codecs.errors import PeerError
from tracker_codecs.family import Family

from benchmarks.bench import Result
from benchmarks.codecs_ import emulated, frames

#: Inputs a family; R8_INPUTS in the environment gives another number.
INPUTS = 1_000_000
#: Frames that a server sends: not only devices' bytes come in, and what is fed again must not break a codec either.
_STREAMED = (Transport.TCP, Transport.SERIAL)


def inputs(chance: random.Random, bases: list[tuple[bytes, str]], count: int) -> Iterator[tuple[bytes, str]]:
    """Bytes with the topic they come on: random ones, and frames that are hurt, cut, joined or doubled."""
    for _ in range(count):
        kind = chance.randrange(6)
        base, channel = chance.choice(bases) if bases else (b"", "")
        if kind == 0 or not base:
            yield chance.randbytes(chance.randrange(1, 80)), channel
            continue
        data = bytearray(base)
        if kind == 1:
            data += chance.choice(bases)[0]
        elif kind == 2:
            data[chance.randrange(len(data)) :] = b""
        elif kind == 3:
            at = chance.randrange(len(data))
            data[at:at] = chance.randbytes(chance.randrange(1, 9))
        for _ in range(chance.randrange(1, 5) if data else 0):
            data[chance.randrange(len(data))] = chance.choice((0, 255, 127, 128, chance.randrange(256)))
        yield bytes(data), channel


def _fed(family: Family, transport: Transport, data: bytes, channel: str, split: int) -> list[Event]:
    stream = family.stream(transport)
    pieces = [data[at : at + split] for at in range(0, len(data), split)] if split else [data]
    events = [event for piece in pieces for event in stream.feed(piece, channel)]
    if stream.buffered > family.limits.max_frame:
        raise AssertionError(f"{stream.buffered} bytes are kept, {family.limits.max_frame} are allowed")
    return events


def _told(events: list[Event]) -> list[object]:
    """What is compared. Owed bytes may carry the time."""
    return [(each.kind, each.frame, each.device_id) if isinstance(each, Message) else each.reason for each in events]


def one(family: Family, transport: Transport, data: bytes, channel: str, split: int) -> None:
    """One input. Raises whatever must not be raised, AssertionError for what must not be."""
    events = _fed(family, transport, data, channel, 0)
    for event in events:
        if isinstance(event, Message):
            try:
                family.fields(event)
            except PeerError:
                continue
    if split and transport in _STREAMED and _told(_fed(family, transport, data, channel, split)) != _told(events):
        raise AssertionError(f"in pieces of {split} it says something else")


def measure() -> list[Result]:
    """Every family on every link it has."""
    count = int(os.environ.get("R8_INPUTS", INPUTS))
    results = []
    for family in registry.all_families():
        began, failed = perf_counter(), 0
        for transport in sorted(family.transports):
            chance = random.Random(8)
            bases = frames(family.name) or emulated(family, transport)
            for number, (data, channel) in enumerate(inputs(chance, bases, count // len(family.transports))):
                split = (1, 3, 11)[number % 12 // 4] if number % 4 == 0 else 0
                try:
                    one(family, transport, data, channel, split)
                except Exception as error:
                    failed += 1
                    if failed <= 3:
                        print(f"{family.name} {transport.value} {data.hex()}: {type(error).__name__}: {error}")
        rate = {"inputs": f"{count:,}", "a_second": round(count / (perf_counter() - began))}
        results.append(Result(f"R8 {family.name}: failures", failed, "", "0", failed == 0, more=rate))
    return results
