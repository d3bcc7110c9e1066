"""`decode`: what the bytes of a tracker or server mean."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from tracker_gateway.cli.output import Negative, as_json, reports_errors

if TYPE_CHECKING:
    from tracker_codecs.contract import Event, Message, Transport
    from tracker_codecs.family import Family

_DROPPED = re.compile(r"0[xX]|[\s,:;]+")
_ESCAPE = re.compile(rb"\\(?:x([0-9a-fA-F]{2})|([rnt0\\]))")
_PLAIN = {b"r": b"\r", b"n": b"\n", b"t": b"\t", b"0": b"\0", b"\\": b"\\"}

TRANSPORTS = ("tcp", "udp", "mqtt", "serial")
#: Bytes that are tried as one piece with what follows, at most.
_MAX_KEPT = 1 << 20


@click.command()
@click.option("--codec", required=True, metavar="FAMILY", help="The codec family, such as teltonika.")
@click.option(
    "--from",
    "origin",
    type=click.Choice(["device", "server"]),
    default="device",
    show_default=True,
    help="Who sent the bytes.",
)
@click.option(
    "--encoding",
    type=click.Choice(["hex", "ascii"]),
    default="hex",
    show_default=True,
    help="How DATA is written. Hexadecimal digits may stand with spaces, commas, colons or 0x; text may have "
    "\\r, \\n and \\xNN.",
)
@click.option(
    "--transport",
    type=click.Choice(TRANSPORTS),
    help="tcp where the family speaks it. On udp and mqtt every DATA is a datagram of its own.",
)
@click.option("--channel", default="", metavar="TOPIC", help="The MQTT topic the bytes came on.")
@click.argument("data", nargs=-1)
@reports_errors
def decode(codec: str, origin: str, encoding: str, transport: str | None, channel: str, data: tuple[str, ...]) -> None:
    """Say what bytes mean: one JSON object for each frame.

    DATA are pieces of one conversation, in order; without DATA, the lines of standard input are. Bytes that are no
    frame give {"error": {"fault": "peer", "reason": ...}}, and exit code 1 at the end.

    \b
    Examples:
      tracker-gateway decode --codec teltonika 000F333536333037303432343431303133
      tracker-gateway decode --codec queclink --encoding ascii < recording.txt
    """
    from tracker_codecs import registry
    from tracker_codecs.contract import Transport

    family = registry.get(codec)
    link = link_of(family, transport)
    pieces = _pieces(data, encoding)
    whole = link in (Transport.UDP, Transport.MQTT)
    if origin == "server":
        events = _from_server(family, pieces, channel, whole)
    else:
        events = _from_device(family, link, pieces, channel, whole, finish=encoding == "ascii")
    good = True
    for shown in _describe(family, events):
        good = good and "error" not in shown
        click.echo(as_json(shown))
        sys.stdout.flush()
    if not good:
        raise Negative


def link_of(family: Family, transport: str | None) -> Transport:
    """The link asked for, or the family's first. Raises a usage error for one it does not speak."""
    from tracker_codecs.contract import Transport

    if transport is None:
        return next(each for each in Transport if each in family.transports)
    if transport not in family.transports:
        offered = ", ".join(sorted(each.value for each in family.transports))
        raise click.UsageError(f"codec {family.name} does not speak {transport}; it speaks {offered}")
    return Transport(transport)


def _pieces(data: Sequence[str], encoding: str) -> Iterator[bytes]:
    if data:
        for index, text in enumerate(data, 1):
            yield _bytes_of(text.encode("utf-8", "surrogateescape"), encoding, f"DATA {index}")
        return
    for number, line in enumerate(sys.stdin.buffer, 1):
        if line.strip():
            yield _bytes_of(line.rstrip(b"\r\n"), encoding, f"line {number}")


def _bytes_of(text: bytes, encoding: str, where: str) -> bytes:
    if encoding == "ascii":
        return _ESCAPE.sub(lambda found: bytes.fromhex(found[1].decode()) if found[1] else _PLAIN[found[2]], text)
    digits = _DROPPED.sub("", text.decode("latin-1"))
    try:
        return bytes.fromhex(digits)
    except ValueError:
        odd = "an odd number of hexadecimal digits" if re.fullmatch("[0-9a-fA-F]*", digits) else "not hexadecimal"
        raise click.UsageError(f"{where} is {odd}; for text say --encoding ascii") from None


def _from_device(
    family: Family, link: Transport, pieces: Iterable[bytes], channel: str, whole: bool, *, finish: bool
) -> Iterator[Event]:
    """One conversation. A piece that is complete in itself ends whatever was left unfinished before it.

    `finish`: lines of text lost their line end; it is given back where the protocol waits for it.
    """
    from tracker_codecs.contract import Message

    stream = family.stream(link)
    device_id: str | None = None
    for piece in pieces:
        unfinished = stream.buffered
        if unfinished:
            fresh = family.stream(link)
            found = list(fresh.feed(piece, channel))
            if found and not fresh.buffered and all(isinstance(event, Message) for event in found):
                yield _unfinished(unfinished)
                stream = fresh
            else:
                found = list(stream.feed(piece, channel))
        else:
            found = list(stream.feed(piece, channel))
        if finish and not whole and stream.buffered:
            found += stream.feed(b"\r\n", channel)
        for event in found:
            if isinstance(event, Message):
                device_id = event.device_id or device_id
                event.device_id = device_id
            yield event
    if stream.buffered:
        yield _unfinished(stream.buffered)


def _unfinished(count: int) -> Event:
    from tracker_codecs.errors import PeerError

    return PeerError(f"the frame is not complete: {count} bytes left over")


def _from_server(family: Family, pieces: Iterable[bytes], channel: str, whole: bool) -> Iterator[Event]:
    """Frames of the other direction; a piece that makes no sense alone is tried together with what follows it."""
    kept = b""
    for piece in pieces:
        together = family.server(kept + piece, channel)
        if whole or not _has_error(together):
            yield from together
            kept = b""
            continue
        alone = family.server(piece, channel) if kept else together
        if not _has_error(alone):
            yield from family.server(kept, channel)
            yield from alone
            kept = b""
            continue
        kept += piece
        if len(kept) > _MAX_KEPT:
            yield from together
            kept = b""
    if kept:
        yield from family.server(kept, channel)


def _has_error(events: Iterable[Event]) -> bool:
    from tracker_codecs.errors import PeerError

    return any(isinstance(event, PeerError) for event in events)


def _describe(family: Family, events: Iterable[Event]) -> Iterator[dict[str, Any]]:
    from tracker_codecs.errors import PeerError

    for event in events:
        yield _fault(event) if isinstance(event, PeerError) else _frame(family, event)


def _frame(family: Family, message: Message) -> dict[str, Any]:
    from tracker_codecs.errors import PeerError

    shown: dict[str, Any] = {
        "kind": message.kind.value,
        "device_id": message.device_id,
        "reply_owed": message.owed.hex() or None,
    }
    try:
        fields = family.fields(message)
    except PeerError as error:
        return {**shown, "fields": {}, "checksum": message.checksum.value, **_fault(error)}
    return {**shown, "fields": fields, "checksum": message.checksum.value}


def _fault(error: Any) -> dict[str, Any]:
    return {"error": {"fault": "peer", "reason": error.reason}}
