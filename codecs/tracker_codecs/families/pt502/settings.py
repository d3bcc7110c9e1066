"""One command, and no answer that anybody published.

`#<command><arguments>` and CR LF. `#PTI<n>` is the interval of reports in a public test; that it counts seconds is
inferred. Commands for distance, angle and kind of report are not public, nor is any reply or query: what is sent stays
`written`. Sources: traccar/traccar Pt502ProtocolEncoder and its tests; Bofan PT502 manual (easymanua.ls, pages 15, 17).
"""

from __future__ import annotations

import re

from tracker_codecs import interval
from tracker_codecs.checks import whole_numbers
from tracker_codecs.contract import Capability, Kind, Match, Message, Strength, Target, Variants
from tracker_codecs.envelope import Envelope
from tracker_codecs.errors import LocalError

TIMEOUT = 15.0
MAX_COMMAND = 100
UNKNOWN = "no public text names the command"
_UNKNOWN = Capability(None, UNKNOWN)
VARIANTS: Variants = {
    "pt502": {
        interval.FIELD: Capability(Strength.WRITTEN, "that #PTI counts seconds is inferred; nothing answers it", True),
        "tracking_distance": _UNKNOWN,
        "tracking_angle": _UNKNOWN,
        "type": _UNKNOWN,
    }
}
#: Up to the digits that the number of #PTI was seen with.
check = whole_numbers({interval.FIELD: (1, 99999)}, "must be a whole number from {} to {}")
_SECRET = re.compile(r"#PWD(.+)", re.ASCII).fullmatch


def _line(text: str) -> str:
    return "#" + text.strip().removeprefix("#")


def _wrap(target: Target, line: str) -> bytes:
    if not 1 < len(line) <= MAX_COMMAND or not (line.isascii() and line.isprintable()):
        reason = f"a command is a line of 1 to {MAX_COMMAND - 1} printable ASCII characters"
        raise LocalError(reason, parameter="command")
    return line.encode("ascii") + b"\r\n"


def _secrets(target: Target, line: str) -> tuple[bytes, ...]:
    secret = _SECRET(line)
    return (secret[1].encode("ascii"),) if secret else ()


def _any_line(target: Target, line: str, message: Message) -> Match:
    return Match.DONE if message.kind in (Kind.OTHER, Kind.LOGIN) else Match.NO


#: A command with or without its `#`; a line that is no report answers.
RAW = Envelope(
    spelled=_line,
    wrap=_wrap,
    answers=_any_line,
    secrets=_secrets,
    expects="any line that is no report",
    timeout=TIMEOUT,
)
apply = interval.through(RAW, "#PTI{}", answered=False)
