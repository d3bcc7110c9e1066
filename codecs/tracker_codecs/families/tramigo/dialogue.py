"""The conversation: `FIND,X,Y,Z,A`, its answer, then `STATUS`, whose answer lists the reports of the one who asks.

X minutes on a trip, Y kilometres, Z minutes when parked, A degrees. The answer `<unit>: Find, reporting is turned on,
...` acknowledges. A sender without the right authority gets no answer at all. The list was recorded as `Status
(5,2.0,720,30)`; that FIND stands there as `Find (...)` follows from the other reports of the manual. With the option
`report: status` the newer STATUS report is set and read instead; the order of its values is that of the recorded list.
That units take these texts on their TCP link, as they take `gprs,ack,...`, is not proven: experimental.
Sources: Tramigo T23 manual (manualshive 1148737, pages 16, 18, 30, 34), T23 commands (manualzilla 5672567); the
recorded answer to STATUS in traccar/traccar's TramigoProtocolDecoderTest.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from tracker_codecs.answers import reply_of
from tracker_codecs.contract import (
    Capability,
    Command,
    Dialogue,
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
from tracker_codecs.course import Course
from tracker_codecs.envelope import spoken
from tracker_codecs.errors import LocalError

TIMEOUT = 60.0
#: In the order of the command, with the ranges of the T23 manual, in minutes, km, minutes and degrees.
RANGES = {
    "tracking_interval": (1, 10080),
    "tracking_distance": (0.5, 20),
    "on_stop_tracking_interval": (1, 10080),
    "tracking_angle": (20, 180),
}
_CAN = Capability(Strength.READ_BACK, "that units take commands on their TCP link is not proven", experimental=True)
VARIANTS: Mapping[str, Mapping[str, Capability]] = {
    "minutes": {
        **dict.fromkeys(RANGES, _CAN),
        "sleep_mode": Capability(None, "the names of the parameters of sleep are not public"),
    },
    "session": {},
}
_NO_SECONDS = "no public command sets an interval in seconds, and distance and angle go out with the interval"
_NO_CONSOLE = "units that tell an IMEI speak protocol 04, whose layout of commands is not public"
_LISTED = r" \((\d{1,5}),(\d{1,5}(?:\.\d{1,2})?),(\d{1,5}),(\d{1,3})\)"
_RAW = re.compile(r"[A-Za-z][ -~]{0,149}", re.ASCII)


def report_of(target: Target) -> str:
    """`Find` or `Status`. Raises LocalError for another option."""
    word = str(target.options.get("report", "find")).lower()
    if word not in ("find", "status"):
        raise LocalError("must be find or status", parameter="report")
    return word.capitalize()


def why_not(target: Target, name: str) -> str:
    """Why a field is not carried."""
    if target.variant != "minutes":
        return _NO_SECONDS
    return _NO_CONSOLE if len(target.device_id) == 15 else "no public command of these units carries it"


def capabilities(target: Target) -> Mapping[str, Capability]:
    """See `Family.capabilities`: units that are known by their IMEI have no console."""
    return {} if len(target.device_id) == 15 else VARIANTS[target.variant]


def check(target: Target, wanted: Settings) -> list[Problem]:
    """See `Family.check`: all four values go out in one command."""
    problems = []
    missing = [name for name in RANGES if name not in wanted]
    for name, value in wanted.items():
        if not _sound(name, value):
            low, high = RANGES[name]
            kind = "in tenths" if name == "tracking_distance" else "a whole number"
            problems.append(Problem(name, Severity.REFUSE, f"must be {kind}, {low} to {high}"))
        elif missing:
            reason = f"goes out in one command with {', '.join(missing)}, which must be given too"
            problems.append(Problem(name, Severity.UNSUPPORTED, reason))
    return problems


def _sound(name: str, value: Value) -> bool:
    low, high = RANGES[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        return False
    return round(value, 1) == value if name == "tracking_distance" else isinstance(value, int)


def _command(target: Target, text: str, purpose: Purpose, expects: str, judged: Callable[[str], Match]) -> Command:
    def means(message: Message) -> Match:
        return judged(str(message.data).partition(": ")[2])

    match = reply_of(target, means)
    fields = () if purpose is Purpose.RAW else tuple(RANGES)
    return Command(text.encode("ascii"), text, purpose, expects, match, fields, TIMEOUT)


def _write(target: Target, word: str, carried: Mapping[str, Value]) -> Command:
    def judged(said: str) -> Match:
        if said.startswith(f"{word}, reporting is turned on, "):
            return Match.DONE
        return Match.REFUSED if said.startswith(f"{word}, reporting is turned off, ") else Match.NO

    text = ",".join([word.upper(), *(f"{carried[name]:g}" for name in RANGES)])
    return _command(target, text, Purpose.WRITE, f"{word}, reporting is turned on", judged)


def _ask(target: Target, purpose: Purpose) -> Command:
    def judged(said: str) -> Match:
        return Match.DONE if said.startswith("Status, GPS: ") else Match.NO

    return _command(target, "STATUS", purpose, "Status, and the list of reports", judged)


def _told(word: str, text: str) -> dict[str, Value]:
    found = re.search(r"\breports: (?:.*, )?" + word + _LISTED, text, re.ASCII)
    if found is None:
        return {}
    trip, distance, parked, angle = found.groups()
    return dict(zip(RANGES, (int(trip), float(distance), int(parked), int(angle)), strict=True))


def apply(target: Target, wanted: Settings) -> Dialogue:
    """See `Family.apply`."""
    word = report_of(target)
    course = Course(wanted)
    yield from course.change(_write(target, word, wanted), lambda reply: f"the tracker answers: {reply.text}")
    again = yield _ask(target, Purpose.READ_BACK)
    reported = _told(word, str(again.messages[-1].data)) if again.ok else {}
    if again.ok and not reported and word == "Status":
        return course.refuse("the tracker lists no such report of ours")
    course.unanswered = course.unanswered and not reported
    return course.judged(reported)


def read(target: Target, wanted: Sequence[str]) -> Dialogue:
    """See `Family.read`."""
    course = Course()
    reply = yield from course.ask(_ask(target, Purpose.READ))
    reported = _told(report_of(target), str(reply.messages[-1].data)) if reply.ok else {}
    return course.told({name: reported[name] for name in wanted if name in reported})


def _spoken(target: Target, text: str) -> Command:
    """A text as it is. Raises LocalError for one that does not begin with a letter or is no printable ASCII."""
    if not _RAW.fullmatch(text):
        raise LocalError("a command is 1 to 150 printable characters, a letter first", parameter="command")
    return _command(target, text, Purpose.RAW, "any answer", lambda _: Match.DONE)


RAW = spoken(_spoken, expects="any answer", timeout=TIMEOUT)
