"""The serial port: `AT^GT_CM=<text command>` and CR LF, answered with the text that an SMS would bring.

No flags tell answers apart and log text stands between them, so a line counts as an answer only if it is one of the
known texts as a whole: a value that parses, the id, the version, or plain words that say yes or no. To a write they
must say nothing else (`GPS init ok` is the log's), and a line that ends with # is a command, ours. The form of the line
and the answers to IMEI and VERSION are those of public programs; no recorded answer to a timer command is public.
Sources: factory test programs for GT02F and sister units on GitHub (115200 8N1; TEST, IMEI, VERSION and their
answers); firmware sources of GT300S and GT370 there (`AT^GT_CM=` in front of a text command with its #).
"""

from __future__ import annotations

import re
from typing import Any

from tracker_codecs.contract import (
    Command,
    Dialogue,
    Event,
    Kind,
    Match,
    Message,
    Outcome,
    Purpose,
    Target,
    Verdict,
)
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.gt06 import texts
from tracker_codecs.families.gt06.frame import MAX_COMMAND, Answer
from tracker_codecs.lines import MAX_LINE, LineStream
from tracker_codecs.text import clean

PREFIX = "AT^GT_CM="
#: On a wire the answer comes at once.
TIMEOUT = 5.0
_LINE = re.compile(rb"[ -~]+[\r\n]*")
_PLAIN = re.compile(r"[A-Za-z][A-Za-z !.,]{0,63}", re.ASCII).fullmatch
_IMEI = re.compile(r"IMEI ?: ?(\d{15})[;. ]*", re.ASCII).fullmatch
_OWN = re.compile(r"IMEI ?: ?(\d{15})(?!\d)", re.ASCII).match
_VERSION = re.compile(r"\[VERSION\] ?([!-~]{1,64}).*", re.ASCII).fullmatch


def line(text: str) -> bytes:
    """A text command for the port. Raises LocalError for one that is no line of 1 to 200 printable ASCII characters."""
    if not 0 < len(text) <= MAX_COMMAND or not all(" " <= c <= "~" for c in text):
        raise LocalError(f"a command is 1 to {MAX_COMMAND} printable ASCII characters", parameter="command")
    return f"{'' if text.startswith('AT') else PREFIX}{text}\r\n".encode("ascii")


def is_line(frame: bytes) -> bool:
    """Whether this was cut from a serial port: all of it is text."""
    return _LINE.fullmatch(frame) is not None


class ConsoleStream(LineStream):
    """Lines of one unit's port."""

    __slots__ = ()

    def line(self, line: bytes, events: list[Event]) -> None:
        """See `LineStream.line`."""
        if line.strip(b"\r\n\0 \t"):
            events.append(self._understood(line.lstrip(b"\0 \t"), whole=line.endswith((b"\r", b"\n"))))

    def _understood(self, frame: bytes, *, whole: bool) -> Event:
        if not whole or not is_line(frame):
            return PeerError("bytes that are no line of text", discarded=frame[:64])
        text = frame.decode("ascii").strip()
        if self.server or not _answers(text):
            return Message(Kind.OTHER, frame, text=clean(text, MAX_LINE))
        own = _OWN(text)
        if own:
            self.device_id = own[1]
        return Message(Kind.REPLY, frame, self.device_id, text=clean(text), data=Answer(0, text))


def result_of(text: str, command: str) -> bool:
    """Whether a line is the bare yes or no to a write: alone, or behind `set`, `command` or the command's word."""
    word = re.escape(command.rstrip("#").partition(",")[0])
    words = rf"(?:(?:command|set|{word}(?: set)?) ?)?(?:ok|success|error|fail(?:ed)?|invalid|wrong)[!. ]*"
    return re.fullmatch(words, text, re.ASCII | re.IGNORECASE) is not None


def _answers(text: str) -> bool:
    if text.endswith("#"):
        return False
    said = _PLAIN(text) is not None and texts.verdict(text) is not texts.Verdict.UNKNOWN
    return said or bool(_IMEI(text) or _VERSION(text) or texts.explained(text))


def fields(message: Message) -> dict[str, Any]:
    """What a line says."""
    if message.kind is not Kind.REPLY:
        return {"message": "command" if message.text.startswith("AT") else "text", "text": message.text}
    told: dict[str, Any] = {"message": "answer", "text": message.text}
    if message.device_id:
        told["imei"] = message.device_id
    version = _VERSION(message.text)
    return told | ({"version": version[1]} if version else {}) | texts.explained(message.data.text)


def _ask(word: str, form: Any, expects: str) -> Command:
    def match(message: Message) -> Match:
        if message.kind is not Kind.REPLY:
            return Match.NO
        if form(message.text):
            return Match.DONE
        return Match.REFUSED if texts.verdict(message.text) is texts.Verdict.FAILED else Match.NO

    return Command(line(word), f"{PREFIX}{word}", Purpose.PROBE, expects, match, timeout=TIMEOUT)


def identify(target: Target) -> Dialogue:
    """See `Family.identify`: the IMEI, then the version. A unit that refuses the one is there, but nobody knows who."""
    reply = yield _ask("IMEI", _IMEI, "IMEI:<15 digits>")
    found = _IMEI(reply.text) if reply.ok else None
    if found is None:
        return Outcome({}, unanswered=reply.verdict is Verdict.TIMEOUT)
    known = {"device_id": found[1]}
    reply = yield _ask("VERSION", _VERSION, "[VERSION]<name>")
    version = _VERSION(reply.text) if reply.ok else None
    return Outcome({}, known={**known, "firmware": version[1]} if version else known)


def raw(text: str) -> Command:
    """An operator's own command: lines that may be log text are kept until one comes that is an answer."""
    payload = line(text)

    def match(message: Message) -> Match:
        if message.kind is not Kind.REPLY:
            return Match.NO if message.text.startswith("AT") else Match.PART
        return Match.REFUSED if texts.verdict(message.text) is texts.Verdict.FAILED else Match.DONE

    return Command(payload, text, Purpose.RAW, "a known answer text", match, timeout=TIMEOUT)
