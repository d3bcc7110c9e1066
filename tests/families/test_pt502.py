"""Bofan PT502: recorded lines, wrapped lines and photos, the one command that is known, and what stays unknown."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from tracker_codecs.contract import Faults, FieldState, Kind, Message, Outcome, Severity, Strength, Target, Verdict
from tracker_codecs.drive import against_emulator, against_nobody, collect
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.pt502.family import FAMILY

FIXTURE = yaml.safe_load(
    (Path(__file__).parents[2] / "firmware-fixtures" / "pt502" / "frames.yaml").read_text(encoding="utf-8")
)
CASES = {case["id"]: case for case in FIXTURE["cases"]}
HEARD = [name for name, case in CASES.items() if case["direction"] == "device_to_server"]
SENT = [name for name in CASES if name not in HEARD]
ID = "865328026243864"


def raw(case: str) -> bytes:
    return str(CASES[case]["data"]).encode("ascii")


def target(**more: Any) -> Target:
    return Target(ID, "bofan_pt521", "pt502", **{"experimental": True, **more})


def one(data: bytes) -> Message:
    (message,) = FAMILY.stream().feed(data)
    assert isinstance(message, Message)
    return message


@pytest.mark.parametrize("case", HEARD)
def test_recorded_line(case: str) -> None:
    message, means = one(raw(case)), dict(CASES[case]["means"])
    told = FAMILY.fields(message)
    assert message.kind is (Kind.LOGIN if means.pop("type") == "login_like" else Kind.REPORT)
    assert message.owed == b""
    assert message.device_id == means["device_id"]
    for key, value in means.items():
        assert told[key] == (pytest.approx(value, abs=1e-5) if isinstance(value, float) else value), key


def test_the_rest_of_a_recorded_report() -> None:
    told = FAMILY.fields(one(raw("harsh-acceleration")))
    assert (told["speed_kmh"], told["heading"], told["mode"]) == (61.82, 81.79, "A")
    assert (told["inputs_outputs"], told["analog_inputs"], told["odometer"], told["state"]) == (
        "00010,00000",
        "270,0,0,0",
        "19948900",
        "fa4",
    )


@pytest.mark.parametrize("end", [b"\r\n", b"\r", b"\n"])
def test_every_end_of_a_line(end: bytes) -> None:
    line = raw("pos-1").rstrip() + end
    events = FAMILY.stream().feed(line * 2)
    assert [getattr(event, "device_id", None) for event in events] == ["216769295715"] * 2


@pytest.mark.parametrize("case", SENT)
def test_command_of_a_public_test(case: str) -> None:
    (message,) = FAMILY.server(raw(case))
    assert isinstance(message, Message)
    means = CASES[case]["means"]
    told = FAMILY.fields(message)
    argument = next(str(value) for key, value in means.items() if key not in ("type", "command"))
    assert (told["message"], told["command"], told["argument"]) == ("command", means["command"], argument)
    assert FAMILY.raw(target(), means["command"] + argument).payload == raw(case)


def test_a_wrapped_line_and_a_photo() -> None:
    """BF FB, an unknown byte, a length from BF to the line end, which counts for photos only."""
    line = raw("pos-1")
    wrapped = b"\xbf\xfb\x01\xff\xff" + line
    photo = b"$PHD0,12:\xff\xd8$POS\r\n\x00"
    photo = b"\xbf\xfb\x01" + (5 + len(photo) + 2).to_bytes(2, "little") + photo + b"\r\n"
    stream = FAMILY.stream()
    first, second, third = stream.feed(wrapped + photo + line)
    for event in (first, second, third):
        assert isinstance(event, Message)
        assert event.device_id == "216769295715"
    assert isinstance(first, Message)
    assert isinstance(second, Message)
    assert FAMILY.fields(first)["latitude"] == pytest.approx(-32.96956, abs=1e-5)
    assert (second.kind, second.frame, FAMILY.fields(second)["message"]) == (Kind.OTHER, photo, "photo_part")
    assert FAMILY.recognise(wrapped) is True


def test_lengths_of_photos_are_bounded() -> None:
    for length in (0, 10, 4097, 0xFFFF):
        stream = FAMILY.stream()
        (error, *rest) = stream.feed(b"\xbf\xfb\x01" + length.to_bytes(2, "little") + b"$PHD0" + b"x" * 600 + b"\r\n")
        assert isinstance(error, PeerError)
        assert stream.buffered == 0
        assert not any(isinstance(event, Message) and event.device_id for event in rest)


def test_a_line_cut_off_does_not_hide_the_next() -> None:
    events = FAMILY.stream().feed(raw("pos-1")[:40] + raw("no-fix"))
    assert [type(event) for event in events] == [PeerError, Message]
    assert isinstance(events[1], Message)
    assert events[1].device_id == "718005258"


def test_other_lines_are_kept_as_text_and_short_reports_are_told() -> None:
    message = one(b"$RPO,ok\r\n")
    assert (message.kind, message.text, message.device_id) == (Kind.OTHER, "$RPO,ok", None)
    with pytest.raises(PeerError):
        FAMILY.fields(one(raw("pos-1").replace(b",100915,,,A/", b"/")))


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        (b",100915,", b",109915,", "time"),
        (b",100915,", b",,", "time"),
        (b"215.88", b"x", "heading"),
        (b"0.00", b"", "speed_kmh"),
        (b"3258.1738", b"", "latitude"),
        (b"02755.4350", b"02760.4350", "longitude"),
    ],
)
def test_an_odd_field_costs_itself_only(old: bytes, new: bytes, name: str) -> None:
    whole, odd = FAMILY.fields(one(raw("pos-1"))), FAMILY.fields(one(raw("pos-1").replace(old, new)))
    assert odd[name] is None
    assert {**odd, name: whole[name]} == whole


def test_a_report_without_a_course() -> None:
    """A line of the public decoder's test (traccar/traccar Pt502ProtocolDecoderTest)."""
    line = b"$POS,6120,233326.000,V,0935.1201,N,06914.6933,W,0.00,,151112,,,A/00000,00000/0/0/\r\n"
    told = FAMILY.fields(one(line))
    assert (told["heading"], told["valid"], told["time"]) == (None, False, "2012-11-15T23:33:26")
    assert (told["latitude"], told["longitude"], told["speed_kmh"]) == (9.585335, -69.244888, 0.0)


@hypothesis_settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from([*map(raw, HEARD), b"\xbf\xfb\x01\x20\x00", b"$PHD1,2", b"\r", b"\n", b"$", b"\0", b"x"]))
)
def test_split_anywhere_alike(parts: list[bytes]) -> None:
    data = b"".join(parts)
    whole, single = FAMILY.stream(), FAMILY.stream()
    events = [event for at in range(len(data)) for event in single.feed(data[at : at + 1])]

    def seen(found: Any) -> list[Any]:
        return [event if isinstance(event, Message) else event.reason for event in found]

    assert seen(whole.feed(data)) == seen(events)
    assert whole.buffered == single.buffered <= FAMILY.limits.max_frame


def test_recognition() -> None:
    for case in HEARD:
        assert FAMILY.recognise(raw(case)) is True
        assert not any(FAMILY.recognise(raw(case)[:at]) is False for at in range(40))
    for no in (
        b"GET / HTTP/1.1",
        b"$GPRMC,1",
        b"$POS,abc",
        b"$POS,123456,x",
        b"#PTI1\r\n",
        b"\xbf\x00",
        b"$FUS1,",
        b"$A1",
    ):
        assert FAMILY.recognise(no) is False


# -- settings ---------------------------------------------------------------------------------------------------------
def test_the_interval_is_written_and_nothing_more_is_claimed() -> None:
    """The command of a public test, `#PTI300`; the unit of its number is inferred."""
    asked = {"tracking_interval": 300}
    unit = FAMILY.emulator(ID, "pt502")
    (exchange,), outcome = against_emulator(FAMILY.apply(target(), asked), unit, FAMILY.stream())
    assert exchange.command.payload == raw("cmd-pti")
    assert exchange.reply.verdict is Verdict.TIMEOUT
    found = outcome.fields["tracking_interval"]
    assert (found.state, found.strength, outcome.unanswered) == (FieldState.WRITTEN, Strength.WRITTEN, False)
    assert unit.settings == asked
    (dry,), _ = against_nobody(FAMILY.apply(target(), asked))
    assert dry.command.payload == raw("cmd-pti")


@pytest.mark.parametrize(
    "fault",
    [
        Faults(silent=True),
        Faults(ignore=frozenset({"tracking_interval"})),
        Faults(refuse=frozenset({"tracking_interval"})),
        Faults(clamp={"tracking_interval": (60, 90)}),
    ],
)
def test_a_unit_that_does_something_else_is_never_confirmed(fault: Faults) -> None:
    unit = FAMILY.emulator(ID, "pt502", faults=fault)
    _, outcome = against_emulator(FAMILY.apply(target(), {"tracking_interval": 20}), unit, FAMILY.stream())
    assert unit.settings["tracking_interval"] != 20
    assert outcome.fields["tracking_interval"].state is FieldState.WRITTEN
    assert outcome.reported == {}


def test_no_line_counts_as_an_answer_to_the_interval() -> None:
    command = next(FAMILY.apply(target(), {"tracking_interval": 20}))
    heard = [event for case in HEARD for event in FAMILY.stream().feed(raw(case))]
    heard += FAMILY.stream().feed(b"$PTI,ok\r\n$PTI20\r\n")
    assert collect(command, [event for event in heard if isinstance(event, Message)]).verdict is Verdict.TIMEOUT


def test_check() -> None:
    asked = {"tracking_interval": 60, "tracking_distance": 100, "tracking_angle": 30, "type": "interval"}
    assert {each.field: each.severity for each in FAMILY.check(target(), asked)} == dict.fromkeys(
        ["tracking_distance", "tracking_angle", "type"], Severity.UNSUPPORTED
    )
    (problem,) = FAMILY.check(target(experimental=False), {"tracking_interval": 60})
    assert "experimental switch" in problem.reason
    for value in (0, 100000, 1.5, True, "60\r\n#DFT"):
        (problem,) = FAMILY.check(target(), {"tracking_interval": value})
        assert problem.severity is Severity.REFUSE
        with pytest.raises(LocalError):
            FAMILY.apply(target(), {"tracking_interval": value})


def test_nothing_can_be_read() -> None:
    assert against_nobody(FAMILY.read(target(), ["tracking_interval"])) == ([], Outcome({}))


def test_own_commands() -> None:
    command = FAMILY.raw(target(), "#TMZ8")
    assert command.payload == raw("cmd-tmz")
    assert collect(command, [one(raw("pos-1"))]).verdict is Verdict.TIMEOUT
    assert collect(command, [one(b"$TMZ8\r\n")]).verdict is Verdict.ANSWERED
    password = FAMILY.raw(target(), "PWD123456")
    assert (password.payload, password.text, password.secrets) == (b"#PWD123456\r\n", "#PWD***", (b"123456",))
    for wrong in ("", "#", "VER\r\n#DFT", "x" * 100, "é"):
        with pytest.raises(LocalError):
            FAMILY.raw(target(), wrong)
    with pytest.raises(LocalError):
        FAMILY.raw(target(), b"")
    assert FAMILY.raw(target(), b"#VER").payload == b"#VER"


def test_an_emulated_unit_reports_what_the_recorded_ones_do() -> None:
    unit = FAMILY.emulator("216769295715", "pt502")
    (datum,) = unit.report(datetime(2015, 9, 10, 16, 32, 37, tzinfo=UTC))
    assert datum.data == raw("pos-1")
