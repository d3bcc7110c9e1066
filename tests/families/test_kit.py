"""The shared steps of dialogues, matchers, checks and devices, each by itself."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from types import MappingProxyType

import pytest
from tracker_codecs.answers import is_ours, nothing, reply_of, says, told
from tracker_codecs.cells import moment, number
from tracker_codecs.checks import is_whole, whole_numbers
from tracker_codecs.contract import (
    Checksum,
    Command,
    Datum,
    Event,
    Faults,
    FieldState,
    Kind,
    Match,
    Message,
    Outcome,
    Purpose,
    Reply,
    Severity,
    Target,
    Transport,
    Unit,
    Verdict,
)
from tracker_codecs.course import Course, Step
from tracker_codecs.cutter import MORE, NO_FRAME, Cutter
from tracker_codecs.device import Device
from tracker_codecs.envelope import Envelope, no_reply, spoken
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.geo import from_minutes
from tracker_codecs.lines import typed, wired
from tracker_codecs.text import starred
from tracker_codecs.variants import by_variant

AT = Target("123", variant="v")


def said(text: str, device_id: str | None = "123", kind: Kind = Kind.REPLY) -> Message:
    return Message(kind, text.encode(), device_id, text=text)


def write(*fields: str) -> Command:
    return Command(b"w", "w", Purpose.WRITE, "ok", nothing, fields)


def run(step: Step[Reply], reply: Reply) -> None:
    next(step)
    with pytest.raises(StopIteration):
        step.send(reply)


YES, SILENT, DRY = Reply(Verdict.ANSWERED, (said("OK"),)), Reply(Verdict.TIMEOUT), Reply(Verdict.ASSUMED)
NO = Reply(Verdict.REFUSED, (said("ERR 5"),))


# -- course --
def states(outcome: Outcome) -> dict[str, str]:
    return {name: each.state.value for name, each in outcome.fields.items()}


@pytest.mark.parametrize(
    ("replies", "state", "unanswered"),
    [
        ((YES,), "acknowledged", False),
        ((NO,), "rejected", False),
        ((SILENT,), "written", True),
        ((DRY,), "written", False),
        ((YES, YES), "acknowledged", False),
        ((YES, SILENT), "written", True),
        ((SILENT, YES), "written", True),
        ((YES, NO), "rejected", False),
    ],
)
def test_a_field_is_acknowledged_when_each_of_its_commands_was(
    replies: tuple[Reply, ...], state: str, unanswered: bool
) -> None:
    course = Course({"a": 1})
    for reply in replies:
        run(course.change(write("a")), reply)
    outcome = course.judged()
    assert (states(outcome), outcome.unanswered) == ({"a": state}, unanswered)


def test_a_read_back_decides_and_its_absence_is_told() -> None:
    course = Course({"a": 1, "b": 2, "c": 3})
    run(course.change(write("a", "b", "c")), YES)
    course.unsupported["c"] = "needs d"
    outcome = course.judged({"a": 1, "b": 9})
    assert states(outcome) == {"a": "confirmed", "b": "mismatched", "c": "unsupported"}
    assert course.told({"a": 1}).reported == {"a": 1}


@pytest.mark.parametrize(
    ("reply", "reported", "state"),
    [(YES, 1, "acknowledged"), (SILENT, 1, "acknowledged"), (YES, 9, "mismatched"), (NO, 1, "rejected")],
)
def test_what_is_stored_and_not_known_to_be_in_force_is_never_confirmed(
    reply: Reply, reported: int, state: str
) -> None:
    course = Course({"a": 1})
    run(course.change(write("a")), reply)
    course.unproved["a"] = "stored; in mode 2 it does not count"
    outcome = course.judged({"a": reported})
    assert states(outcome) == {"a": state}
    assert set(outcome.stored) == set(course.told({"a": 1}).stored) == {"a"}
    if state == "acknowledged":
        assert "mode 2" in outcome.fields["a"].reason


def test_what_is_left_alone_is_refused_with_its_reason() -> None:
    outcome = Course({"a": 1, "b": 2}).refuse("in another mode")
    assert {each.reason for each in outcome.fields.values()} == {"in another mode"}
    assert {each.state for each in outcome.fields.values()} == {FieldState.REJECTED}
    course = Course({"a": 1})
    run(course.change(write("a")), NO)
    assert course.refused == {"a": "the unit answers ERR 5"}
    run(course.ask(write()), SILENT)
    assert course.unanswered


# -- answers --
def test_matchers_are_narrow() -> None:
    match = reply_of(AT, says("OK", no="ERR"))
    for text, found in (("OK", Match.DONE), ("ERR 1", Match.REFUSED), ("OK ", Match.NO), ("", Match.NO)):
        assert match(said(text)) is found
    assert match(said("OK", "124")) is Match.NO
    assert match(said("OK", None)) is Match.NO
    assert match(said("OK", kind=Kind.REPORT)) is Match.NO
    damaged = said("OK")
    damaged.checksum = Checksum.BAD
    assert match(damaged) is Match.NO
    assert Envelope()(AT, b"x").match(damaged) is Match.NO
    assert reply_of(AT, unnamed=True)(said("x", None)) is Match.DONE
    assert is_ours(Target("", transport=Transport.SERIAL), said("x", None))
    assert [told(lambda text: text == "7" or None)(said(text)) for text in ("7", "8")] == [Match.DONE, Match.NO]
    assert says("OK", no=lambda text: text.endswith("!"))(said("what!")) is Match.REFUSED
    assert nothing(said("OK")) is Match.NO


# -- checks, geo, cells, text --
def test_whole_numbers() -> None:
    assert [is_whole(value, 1, 5) for value in (1, 5, 0, 6, True, 2.0, "3", None)] == [True, True, *[False] * 6]
    check = whole_numbers({"a": (1, 5)}, "{} to {} s")
    (problem,) = check(AT, {"a": 6, "other": "x"})
    assert (problem.field, problem.severity, problem.reason) == ("a", Severity.REFUSE, "1 to 5 s")


@pytest.mark.parametrize(
    ("text", "half", "degrees"),
    [
        ("5546.5883", "N", 55.776472),
        ("03737.2000", "W", -37.62),
        ("0000.0000", "S", 0.0),
        ("5560.0000", "N", None),
        ("055", "N", 0.916667),
        ("55", "N", None),
        ("5546.5883", "X", None),
        ("5546,5", "N", None),
        ("\u0665\u0665\u0664\u0666", "N", None),
    ],
)
def test_degrees_and_minutes(text: str, half: str, degrees: float | None) -> None:
    assert from_minutes(text, half) == degrees


@pytest.mark.parametrize(
    ("text", "value"),
    [("-12.5", -12.5), ("007", 7.0), ("999999999", 999999999.0), ("1234567890", None), ("1.", None), ("", None)]
    + [(text, None) for text in ("nan", "1e5", "+1", " 1", "1\n", "\u0661")],
)
def test_a_number_in_a_cell(text: str, value: float | None) -> None:
    assert number(text) == value


def test_a_time_in_a_cell() -> None:
    assert moment("240229235959", "%y%m%d%H%M%S") == "2024-02-29T23:59:59"
    assert moment("290224235959", "%d%m%y%H%M%S") == "2024-02-29T23:59:59"
    assert [moment(text, "%y%m%d%H%M%S") for text in ("230229235959", "240101246000", "", "x")] == [None] * 4


def test_secrets_are_starred_but_not_inside_numbers() -> None:
    assert starred("PW123456,0000,10000,x", [b"123456", b"0000"]) == "PW***,***,10000,x"
    assert starred("ab" + b"s3".hex(), [b"s3"]) == "ab***"
    assert Command(b"", "***,0000", Purpose.RAW, "", nothing, secrets=(b"0000",)).text == "***,0000"


# -- envelope, variants, lines --
def test_an_envelope_takes_texts_and_bytes() -> None:
    raw = Envelope(spelled=str.strip, wrap=lambda at, text: f"<{text}>".encode(), answers=no_reply, timeout=5.0)
    assert (raw(AT, " a ").payload, raw(AT, " a ").text, raw(AT, b"\x01").text) == (b"<a>", "a", "01")
    assert raw(AT, "a").match(said("OK")) is Match.NO
    with pytest.raises(LocalError, match="give bytes"):
        Envelope()(AT, "a")
    own = spoken(lambda at, text: write(), expects="a reply")
    assert (own(AT, "x").payload, own(AT, b"x").payload, own(AT, b"x").expects) == (b"w", b"x", "a reply")


def test_variants_go_their_own_ways() -> None:
    chosen = by_variant(lambda at, number: number, {"v": lambda at, number: -number})
    assert (chosen(AT, 3), chosen(Target("1", variant="w"), 3)) == (-3, 3)


class Framed(Cutter):
    """`(x)` with one letter."""

    starts = re.compile(rb"\(")
    between = b"\r\n"

    def frame(self, buf: bytes, pos: int, events: list[Event]) -> int:
        if buf[pos] != 0x28:
            return NO_FRAME
        if len(buf) - pos < 3:
            return MORE
        if buf[pos + 2] != 0x29:
            return NO_FRAME
        events.append(Message(Kind.OTHER if self.server else Kind.REPORT, buf[pos : pos + 3]))
        return pos + 3


class Console(Framed):
    """Another one, for a port."""


def test_a_cutter_tells_a_run_of_garbage_once_at_any_split() -> None:
    data = b"zz(a)\r\n(b)q\r\nq(c)"
    for size in (1, 2, 5, len(data)):
        stream = Framed()
        events = [each for at in range(0, len(data), size) for each in stream.feed(data[at : at + size])]
        kinds = ["E" if isinstance(each, PeerError) else each.frame.decode() for each in events]
        assert kinds == ["E", "(a)", "(b)", "E", "(c)"]
    datagram = Framed(Transport.UDP)
    assert [type(each) for each in datagram.feed(b"(a)(b")] == [Message, PeerError]
    assert datagram.buffered == 0


def test_a_port_and_a_link_have_streams_of_their_own() -> None:
    stream = wired(Console, Framed)
    assert type(stream(Transport.SERIAL, lambda: datetime.now(UTC))) is Console
    assert type(stream(Transport.TCP, lambda: datetime.now(UTC))) is Framed
    server = typed(Console, lambda data, channel: [], begins=b"(")
    assert (len(server(b"(a)", "")), server(b"AT", "")) == (1, [])


# -- device --
class Hearing(Device):
    """Acknowledges `(a)` in silence, answers `(b)` by what it obeys."""

    factory = MappingProxyType({"n": 5})
    ears = Framed

    def login(self) -> list[Datum]:
        return [Datum(b"hello")]

    def acknowledged(self, message: Message) -> bool:
        return message.frame == b"(a)"

    def hear(self, message: Message) -> list[Datum]:
        return [Datum(b"yes" if self.obey("n", 50) else b"no")]


@pytest.mark.parametrize(
    ("faults", "answer", "kept"),
    [
        (Faults(), [b"yes"], 50),
        (Faults(clamp={"n": (0, 20)}), [b"yes"], 20),
        (Faults(ignore=frozenset({"n"})), [b"yes"], 5),
        (Faults(refuse=frozenset({"n"})), [b"no"], 5),
        (Faults(silent=True), [], 5),
    ],
)
def test_a_device_obeys_by_its_faults(faults: Faults, answer: list[bytes], kept: int) -> None:
    device = Hearing(Unit("123", "v", settings={"unknown": 1}, faults=faults))
    assert [each.data for each in device.connect()] == [b"hello"]
    said_ = [each.data for part in (b"(a", b")(", b"b)") for each in device.receive(part)]
    assert (said_, device.settings) == (answer, {"n": kept})
    device.receive(b"(")
    device.connect()  # what was half heard is forgotten
    assert device.receive(b"a)") == []
