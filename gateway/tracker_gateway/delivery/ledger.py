"""The evidence ledger: what is kept of an exchange, and how it is told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from tracker_codecs.contract import Command, Purpose, Reply, Verdict
from tracker_codecs.text import MAX_TEXT, clean

from tracker_gateway.store import Delivery, Exchange
from tracker_gateway.store.nouns import Desired

#: Bytes of a reply that are kept.
MAX_REPLY = 4096
_READS = (Purpose.READ_BACK.value, Purpose.READ.value)


def mask(data: bytes, secrets: Iterable[bytes]) -> tuple[bytes, bool]:
    """The bytes with every secret starred out, at equal length, and whether there was one."""
    masked = data
    for secret in sorted(secrets, key=len, reverse=True):
        if secret:
            masked = masked.replace(secret, b"*" * len(secret))
    return masked, masked != data


def mask_text(text: str, secrets: Iterable[bytes]) -> str:
    """The same for the text form; bytes that an operator gave are shown in hexadecimal digits."""
    for secret in sorted(secrets, key=len, reverse=True):
        if secret:
            text = text.replace(secret.decode("latin-1"), "*" * len(secret))
            text = text.replace(secret.hex(), "*" * 2 * len(secret))
    return text


def shown(text: str, secrets: Iterable[bytes] = ()) -> str:
    """A codec's words, fit to be kept and told: without secrets, printable, of bounded length."""
    text = mask_text(text, secrets)
    return text if len(text) <= MAX_TEXT and text.isprintable() else clean(text)


def entry(command: Command, reply: Reply, *, revision: int, attempt: int, sent: float, ended: float) -> Exchange:
    """What is kept of an exchange. `sent`, `ended`: Unix time, s."""
    written, masked = mask(command.payload, command.secrets)
    heard, heard_masked = mask(b"".join(message.frame for message in reply.messages), command.secrets)
    return Exchange(
        revision=revision,
        attempt=attempt,
        purpose=command.purpose.value,
        fields=tuple(command.fields),
        written=written,
        text=clean(mask_text(command.text, command.secrets)),
        expects=clean(mask_text(command.expects, command.secrets)),
        verdict=reply.verdict.value,
        reply=heard[:MAX_REPLY],
        reply_text=clean(mask_text(reply.text, command.secrets)),
        sent=sent,
        ended=ended,
        masked=masked or heard_masked,
    )


def when(time: float) -> str:
    """Unix time as ISO 8601 in UTC, to the millisecond."""
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def describe_command(command: Command) -> dict[str, Any]:
    """A command of a dry run."""
    written, masked = mask(command.payload, command.secrets)
    told: dict[str, Any] = {
        "hex": written.hex(),
        "text": clean(mask_text(command.text, command.secrets)),
        "purpose": command.purpose.value,
        "expects": clean(mask_text(command.expects, command.secrets)),
        "fields": list(command.fields),
        "depends_on_read": command.depends_on_read,
    }
    if command.channel:
        told["channel"] = command.channel
    if masked:
        told["masked"] = True
    return told


def describe_exchange(exchange: Exchange) -> dict[str, Any]:
    """An entry of the ledger as JSON; bytes are hexadecimal."""
    told: dict[str, Any] = {
        "seq": exchange.seq,
        "revision": exchange.revision,
        "attempt": exchange.attempt,
        "purpose": exchange.purpose,
        "fields": list(exchange.fields),
        "hex": exchange.written.hex(),
        "text": exchange.text,
        "expects": exchange.expects,
        "verdict": exchange.verdict,
        "reply_hex": exchange.reply.hex(),
        "reply": exchange.reply_text,
        "sent_at": when(exchange.sent),
        "ended_at": when(exchange.ended),
    }
    if exchange.masked:
        told["masked"] = True
    return told


def evidence(desired: Desired, delivery: Delivery, exchanges: Sequence[Exchange]) -> dict[str, Any]:
    """Field by field: desired value, bytes written, acknowledgement, read-back, decoded value, verdict, times."""
    told = {}
    for name, value in desired.settings.items():
        outcome = delivery.fields.get(name)
        about: dict[str, Any] = {"desired": value}
        for exchange in exchanges:  # oldest first: the newest of each kind stays
            if name not in exchange.fields:
                continue
            if exchange.purpose == Purpose.WRITE:
                about["written"] = exchange.written.hex()
                about["written_at"] = when(exchange.sent)
                about.pop("read_back", None)
                about.pop("read_back_at", None)
                _or_drop(about, "acknowledgement", exchange)
            elif exchange.purpose in _READS and exchange.verdict == Verdict.ANSWERED:
                _or_drop(about, "read_back", exchange)
        if outcome is not None:
            about["reported"] = outcome.reported
            about["state"] = outcome.state.value
            about["strength"] = None if outcome.strength is None else outcome.strength.name.lower()
            about["reason"] = outcome.reason
        told[name] = about
    return told


def _or_drop(about: dict[str, Any], what: str, exchange: Exchange) -> None:
    if exchange.reply:
        about[what] = exchange.reply.hex()
        about[f"{what}_at"] = when(exchange.ended)
    else:
        about.pop(what, None)
        about.pop(f"{what}_at", None)
