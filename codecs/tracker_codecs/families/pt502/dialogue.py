"""The conversation: one command, and no answer that anybody published.

`#<command><arguments>` and CR LF. `#PTI<n>` is the interval of reports in a public test; that it counts seconds is
inferred. Commands for distance, angle and kind of report are not public, nor is any reply or query: what is sent stays
`written`. Sources: traccar/traccar Pt502ProtocolEncoder and its tests; Bofan PT502 manual (easymanua.ls, pages 15, 17).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from tracker_codecs.contract import (
    Capability,
    Command,
    Dialogue,
    Kind,
    Match,
    Message,
    Problem,
    Purpose,
    Settings,
    Severity,
    Strength,
    Target,
    Value,
)
from tracker_codecs.errors import LocalError
from tracker_codecs.judge import judge

#: Seconds to wait after a command that nothing answers.
PAUSE = 1.0
TIMEOUT = 15.0
MAX_COMMAND = 100
INTERVAL = "tracking_interval"
_UNKNOWN = Capability(None, "no public text names the command")
VARIANTS: Mapping[str, Mapping[str, Capability]] = {
    "pt502": {
        INTERVAL: Capability(Strength.WRITTEN, "that #PTI counts seconds is inferred; nothing answers it", True),
        "tracking_distance": _UNKNOWN,
        "tracking_angle": _UNKNOWN,
        "type": _UNKNOWN,
    }
}
#: Digits that the number of #PTI was seen with, as a bound.
_MOST = 99999


def check(target: Target, able: Mapping[str, Capability], settings: Settings) -> list[Problem]:
    """See `Family.check`."""
    problems = []
    for name, value in settings.items():
        capability = able.get(name, _UNKNOWN)
        if capability.best is None:
            problems.append(Problem(name, Severity.UNSUPPORTED, capability.reason))
        elif not target.experimental:
            reason = f"known with low confidence only ({capability.reason}): needs the experimental switch"
            problems.append(Problem(name, Severity.UNSUPPORTED, reason))
        elif not _fits(value):
            problems.append(Problem(name, Severity.REFUSE, f"must be a whole number from 1 to {_MOST}"))
    return problems


def _fits(value: Value) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _MOST


def _nothing(message: Message) -> Match:
    return Match.NO


def apply(wanted: Settings, problems: Sequence[Problem]) -> Dialogue:
    """See `Family.apply`."""
    written = [name for name in wanted if name not in {problem.field for problem in problems}]
    if written:
        line = f"#PTI{wanted[INTERVAL]}"
        payload = line.encode("ascii") + b"\r\n"
        yield Command(payload, line, Purpose.WRITE, "nothing: no reply is public", _nothing, (INTERVAL,), PAUSE)
    return judge(wanted, reported={}, problems=problems, written=written)


_SECRET = re.compile(r"#PWD(.+)", re.ASCII).fullmatch


def raw(text: str | bytes) -> Command:
    """See `Family.raw`: a command with or without its `#`; bytes go as they are. A line that is no report answers.

    Raises LocalError for a text that is no line of printable ASCII.
    """
    if isinstance(text, bytes):
        if not text:
            raise LocalError("there is nothing to send", parameter="command")
        return Command(text, text.hex(), Purpose.RAW, "any line that is no report", _any, timeout=TIMEOUT)
    line = "#" + text.strip().removeprefix("#")
    if not 1 < len(line) <= MAX_COMMAND or not (line.isascii() and line.isprintable()):
        reason = f"a command is a line of 1 to {MAX_COMMAND - 1} printable ASCII characters"
        raise LocalError(reason, parameter="command")
    secret = _SECRET(line)
    secrets = (secret[1].encode("ascii"),) if secret else ()
    shown = "#PWD***" if secret else line
    payload = line.encode("ascii") + b"\r\n"
    return Command(payload, shown, Purpose.RAW, "any line that is no report", _any, timeout=TIMEOUT, secrets=secrets)


def _any(message: Message) -> Match:
    return Match.DONE if message.kind in (Kind.OTHER, Kind.LOGIN) else Match.NO
