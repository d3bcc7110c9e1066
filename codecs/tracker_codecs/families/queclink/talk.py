"""One conversation with a @Track unit: envelope, command numbers, matching of answers, reading of sections.

Each section is read by `AT+GTRTO=<password>,2,<section>,,,,,<serial>$`, answered by an acknowledgement with our serial
and then by `+RESP:GTALS`; units that know no GTALS are asked for everything (GTALL). Sources: GL300 @Tracker Air
Interface Protocol R1.02; real GTALS and GTALL reports; jaayesta/queclink-parser (NACK).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from tracker_codecs.answers import Matcher
from tracker_codecs.contract import (
    Command,
    Kind,
    Match,
    Message,
    Purpose,
    Reply,
    Settings,
    Target,
    Transport,
    Verdict,
)
from tracker_codecs.course import Course, Step
from tracker_codecs.errors import LocalError
from tracker_codecs.families.queclink import layout
from tracker_codecs.families.queclink import settings as registers
from tracker_codecs.families.queclink.messages import NACK_CAUSES, answer, hex_answer

#: Default password of each variant's name-giving model; a model's or tracker's option `password` goes before.
PASSWORDS = {"gl200": "gl200", "gl500": "gl500", "gt300": "gt300", "gv500": "gv500", "gv55lite": "gv55L"}
TIMEOUT = 30.0
_PASSWORD = re.compile(r"[0-9A-Za-z]{4,20}").fullmatch
#: A section longer or shorter than this is no reading.
_LEAST, _MOST = 5, 48
#: What the unit does in place of a refusal.
SILENCE = "no answer to the command, though the unit answered after it: older units refuse by silence"


def password_of(target: Target) -> str:
    """Option `password`, else the default of the variant. Raises LocalError for one that no unit can have."""
    password = str(target.options.get("password") or PASSWORDS[target.variant])
    if not _PASSWORD(password):
        raise LocalError("must be 4 to 20 letters and digits", parameter="password")
    return password


def ours(message: Message, target: Target) -> bool:
    """The message is a reply of this unit."""
    return message.kind is Kind.REPLY and message.device_id in (None, target.device_id)


def acknowledged(target: Target, word: str, serial: int, sub: str = "") -> Matcher:
    """The acknowledgement of command `word` with this serial (of HEX format units too), or its refusal."""
    wanted = f"{serial & 0xFFFF:04X}"

    def match(message: Message) -> Match:
        if not ours(message, target):
            return Match.NO
        if hex_answer(message) == (word, wanted):
            return Match.DONE
        found = answer(message)
        if found is None or (found.word, found.serial, found.device_id) != (word, wanted, target.device_id):
            return Match.NO
        if found.kind == "NACK":
            return Match.REFUSED
        return Match.DONE if found.kind == "ACK" and (not sub or found.extra in (sub, "")) else Match.NO

    return match


def answers_read(target: Target, section: str, serial: int) -> Matcher:
    """Matcher of a reading: our acknowledgement, then the report of this section (empty: of everything).

    The report carries no serial, so it counts only after the acknowledgement and with no older send time.
    """
    first = acknowledged(target, "RTO", serial, "READ")
    seen: list[str] = []  # send time of our acknowledgement, once it came

    def matched(message: Message) -> Match:
        result = first(message)
        found = answer(message)
        if result is Match.DONE:
            seen[:] = [found.send_time if found else ""]
            return Match.PART
        if result is not Match.NO or not seen or found is None or not ours(message, target):
            return result
        fits = (found.kind, found.word) == (("ALS", section) if section else ("ALL", ""))
        same = found.device_id == target.device_id and found.send_time >= seen[0]
        return Match.DONE if fits and same else Match.NO

    return matched


def refusal(reply: Reply) -> str:
    """The cause that a refusing unit gave, in words."""
    found = answer(reply.messages[-1]) if reply.messages else None
    cause = (found.extra.lstrip("0") or "0") if found else ""
    return f"refused by the unit: {NACK_CAUSES.get(cause, 'cause ' + cause)}"


@dataclass(slots=True)
class Reading:
    """What a reading gave: the sections (none where nothing readable came), or why there is nothing."""

    sections: dict[str, list[str]] = field(default_factory=dict)
    silent: bool = False
    refused: str = ""
    assumed: bool = False


class Talk(Course):
    """The course of one conversation, with its command numbers, the way of reading, what was learned.

    `silent` are the fields of a write that got no answer.
    """

    __slots__ = ("password", "silent", "step", "target", "unreadable", "version")

    def __init__(self, target: Target, wanted: Settings | None = None) -> None:
        super().__init__(wanted)
        self.target, self.password = target, password_of(target)
        self.step = 0
        self.silent: set[str] = set()
        self.unreadable = False
        self.version = ""

    def command(
        self,
        word: str,
        values: Sequence[str],
        purpose: Purpose,
        match: Callable[[int], Matcher],
        fields: Iterable[str],
        expects: str,
        note: str = "",
        depends_on_read: bool = False,
    ) -> Command:
        """A command in its envelope; on a serial port the line ends with CR LF after the `$`.

        Its number is derived from the revision, and never shared between two commands.
        """
        serial = (self.target.serial + self.step) & 0xFFFF
        self.step += 1
        text = layout.command_text(word, self.password, values, serial)
        end = "\r\n" if self.target.transport is Transport.SERIAL else ""
        shown = layout.command_text(word, "***", values, serial)
        return Command(
            payload=(text + end).encode("ascii"),
            text=f"{shown} ({note})" if note else shown,
            purpose=purpose,
            expects=f"{expects} with serial {serial:04X}",
            match=match(serial),
            fields=tuple(fields),
            timeout=TIMEOUT,
            secrets=(self.password.encode("ascii"),),
            depends_on_read=depends_on_read,
        )

    # -- reading ----------------------------------------------------------------------------------------------------
    def read(self, names: Mapping[str, list[str]], purpose: Purpose) -> Step[Reading]:
        """The sections, with the fields each is read for: by GTALS; by one GTALL where the unit only acknowledges."""
        found: dict[str, list[str]] = {}
        for section, fields in names.items():
            if self.known.get("read", self.target.known.get("read")) == "all" or self.unreadable:
                break
            reply = yield self._ask(section, purpose, fields)
            reading = self._first(reply)
            if reading.silent or reading.refused:
                return reading
            if reading.assumed:
                continue
            values = self._values(reply)
            if values is not None:
                found[section] = values
                self.known["read"] = "als"
            elif reply.verdict is Verdict.TIMEOUT:
                self.known["read"] = "all"
                break
        else:
            return Reading(found, assumed=reply.assumed)
        if self.unreadable:
            return Reading()
        reply = yield self._ask("", purpose, itertools.chain.from_iterable(names.values()))
        reading = self._first(reply)
        if reply.ok:
            whole = answer(reply.messages[-1])
            parts = layout.split_sections(whole.values) if whole else {}
            found |= {section: parts[section] for section in names if section in parts}
            if self.target.variant == "gl500" and "GBC" in found:  # this report drops trailing reserved fields
                found["GBC"] += [""] * (self.count("GBC") - len(found["GBC"]))
        elif not (reading.silent or reading.refused or reading.assumed):
            self.unreadable = True
            self.known["read"] = ""
        reading.sections = {} if reading.assumed else {k: v for k, v in found.items() if _LEAST <= len(v) <= _MOST}
        return reading

    def _ask(self, section: str, purpose: Purpose, names: Iterable[str]) -> Command:
        expects = f"+ACK:GTRTO READ, then {'+RESP:GTALS ' + section if section else '+RESP:GTALL'},"
        match = partial(answers_read, self.target, section)
        return self.command("RTO", ["2", section, "", "", "", ""], purpose, match, names, expects)

    def _first(self, reply: Reply) -> Reading:
        """Sorts out a reply that gave no reading, and remembers the protocol version of the unit."""
        for message in reply.messages:
            found = answer(message)
            if found and found.version:
                self.version = self.known["version"] = found.version
        if reply.verdict is Verdict.REFUSED:
            return Reading(refused=refusal(reply))
        return Reading(silent=reply.verdict is Verdict.TIMEOUT and not reply.messages, assumed=reply.assumed)

    @staticmethod
    def _values(reply: Reply) -> list[str] | None:
        found = answer(reply.messages[-1]) if reply.ok else None
        return list(found.values) if found and _LEAST <= len(found.values) <= _MOST else None

    def count(self, section: str, values: Sequence[str] | None = None) -> int:
        """Fields of a section's command: the unit's own count, else what is known of it, else the documented one.

        Options `count_fri`, `count_cfg`, `count_nmd`, `count_gbc` tell the count of a model.
        """
        if values:
            return len(values)
        told = self.target.known.get(f"count_{section.lower()}", self.target.options.get(f"count_{section.lower()}"))
        try:
            count = int(told) if told is not None else 0
        except ValueError:
            count = 0
        return count if _LEAST <= count <= _MOST else layout.COUNTS[self.target.variant][section]

    def stranger(self) -> str:
        """Why these tables must not be used on the unit that answered; empty when nothing speaks against it."""
        variant = layout.VERSIONS.get(self.version[:2].upper(), self.target.variant) if self.version else ""
        if variant in ("", self.target.variant):
            return ""
        return f"the unit's protocol version {self.version} belongs to {variant}, not to {self.target.variant}"

    def write(self, write: registers.Write, count: int) -> Step[None]:
        """One section's command; notes what became of its fields."""
        command = self.command(
            write.section,
            layout.sparse(count, write.values),
            Purpose.WRITE,
            partial(acknowledged, self.target, write.section),
            write.fields,
            f"+ACK:GT{write.section}",
            write.note,
            write.depends_on_read,
        )
        reply = yield from self.change(command, refusal)
        if reply.verdict is Verdict.TIMEOUT:
            self.silent.update(write.fields)
