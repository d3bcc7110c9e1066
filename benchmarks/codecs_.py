"""S9: what a small frame costs each codec, against a `struct` unpack and a `construct` parse in the same run."""

from __future__ import annotations

import struct
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

import construct
import yaml
from tracker_codecs import registry
from tracker_codecs.contract import Kind, Message, Transport
from tracker_codecs.errors import PeerError
from tracker_codecs.family import Family
from tracker_gateway.cli.device_ids import sample
from tracker_profiles import models

from benchmarks.bench import Result

FIXTURES = Path(__file__).parent.parent / "firmware-fixtures"
#: A frame of more bytes than this is not small; no more frames of a family are measured.
SMALL, MOST = 160, 20
#: What devices say unasked. An answer to a command comes once in a while and may cost more.
UNASKED = frozenset({Kind.LOGIN, Kind.HEARTBEAT, Kind.REPORT})
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def microseconds(call: Callable[[], Any], rounds: int = 7) -> float:
    """The least time of a call over some rounds."""
    count, best = 1, float("inf")
    while True:
        began = perf_counter()
        for _ in range(count):
            call()
        took = perf_counter() - began
        if took > 0.01:
            break
        count *= 4
    for _ in range(rounds):
        began = perf_counter()
        for _ in range(count):
            call()
        best = min(best, perf_counter() - began)
    return best / count * 1e6


def frames(family: str) -> list[tuple[bytes, str]]:
    """Small frames of devices among the family's fixtures, with the topic they came on, if it is known."""
    found = []
    for path in sorted((FIXTURES / family).glob("*.yaml")):
        document = yaml.load(path.read_text("utf-8"), Loader=_LOADER)
        for case in document.get("cases", []):
            if case.get("direction") != "device_to_server" or case.get("layer", "frame") != "frame":
                continue
            text = str(case["data"])
            try:
                data = bytes.fromhex(text) if case.get("encoding") == "hex" else text.encode("latin-1")
            except ValueError:
                continue
            if len(data) <= SMALL:
                means = case["means"] if isinstance(case.get("means"), dict) else {}
                found.append((data, str(case.get("topic") or case.get("channel") or means.get("topic") or "")))
    return found[:: 1 + len(found) // MOST]


def emulated(family: Family, transport: Transport) -> list[tuple[bytes, str]]:
    """What emulated devices say, for a family whose fixtures hold nothing small that is said unasked."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    said: list[tuple[bytes, str]] = []
    for variant in family.variants:
        model = next(
            each for each in models.all_models().values() if (each.codec, each.variant) == (family.name, variant)
        )
        options = {**family.needed_options, **model.options}
        unit = family.emulator(sample(model.id_type), variant, transport=transport, options=options)
        said += [(datum.data, datum.channel) for datum in (*unit.connect(), *unit.report(now))]
    return said


def costs(
    family: Family, transport: Transport, given: list[tuple[bytes, str]], kinds: frozenset[Kind] = UNASKED
) -> tuple[list[float], list[float]]:
    """Microseconds of each frame: cut (only of these kinds), and cut and decoded."""
    hot, full = [], []
    for data, channel in given:
        stream = family.stream(transport)
        message = next((each for each in stream.feed(data, channel) if isinstance(each, Message)), None)
        if message is None or stream.buffered:
            continue
        cut = microseconds(lambda s=stream, d=data, c=channel: s.feed(d, c), 3)  # type: ignore[misc]
        if message.kind in kinds:
            hot.append(cut)
        with suppress(PeerError):
            family.fields(message)
            full.append(cut + microseconds(lambda m=message: family.fields(m), 3))  # type: ignore[misc]
    return hot, full


def measure() -> list[Result]:
    """Hot path (cut, checksum, who, owed) and full decode of every family: the median over its small fixture frames."""
    plain = struct.Struct(">BBHIIHHBBHH")
    block = bytes(range(plain.size))
    layout = construct.Struct(
        "a" / construct.Int8ub, "b" / construct.Int8ub, "c" / construct.Int16ub, "d" / construct.Int32ub,
        "e" / construct.Int32ub, "f" / construct.Int16ub, "g" / construct.Int16ub, "h" / construct.Int8ub,
        "i" / construct.Int8ub, "j" / construct.Int16ub, "k" / construct.Int16ub,
    )  # fmt: skip
    unpack, parse = microseconds(lambda: plain.unpack(block)), microseconds(lambda: layout.parse(block))
    results = [
        Result("S9 floor: struct.unpack of 11 fields", unpack, "us"),
        Result("S9 floor: construct.parse of 11 fields", parse, "us"),
    ]
    for family in registry.all_families():
        transport = next(each for each in Transport if each in family.transports)
        hot, full = costs(family, transport, frames(family.name))
        if not hot:
            hot, decoded = costs(family, transport, emulated(family, transport), kinds=frozenset(Kind))
            full += decoded
        for name, times, most in (("hot path", hot, 6.0), ("full decode", full, 25.0)):
            if times:
                middle = sorted(times)[len(times) // 2]
                more = {"frames": len(times), "worst": round(max(times), 1)}
                results.append(
                    Result(
                        f"S9 {family.name}, {name}",
                        middle,
                        "us",
                        f"<= {most:g}",
                        middle <= most,
                        parse,
                        "construct",
                        more,
                    )
                )
    return results
