"""Jointech: documented and recorded frames, commands, conversations, and the traps of the wire."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from tracker_codecs.contract import (
    Checksum,
    Faults,
    Kind,
    Match,
    Message,
    Outcome,
    Purpose,
    Severity,
    Target,
    Transport,
)
from tracker_codecs.drive import Exchange, against_emulator, against_nobody, collect
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.jointech.family import FAMILY

FIXTURE = Path(__file__).parents[2] / "firmware-fixtures" / "jointech" / "frames.yaml"
CASES = {case["id"]: case for case in yaml.safe_load(FIXTURE.read_text("utf-8"))["cases"]}
DEVICE = [name for name, case in CASES.items() if case["direction"] == "device_to_server"]
SERVER = [name for name, case in CASES.items() if case["direction"] == "server_to_device"]
ID = "8130630001"  # of the P04 answer
ASKED = {"tracking_interval": 60}
#: The moment of the time-set example.
THEN = datetime(2020, 7, 15, 16, 43, 28, tzinfo=UTC)


def raw(name: str) -> bytes:
    case = CASES[name]
    return bytes.fromhex(case["data"]) if case["encoding"] == "hex" else case["data"].encode("ascii")


def one(data: bytes) -> Message:
    (event,) = FAMILY.stream(clock=lambda: THEN).feed(data)
    assert isinstance(event, Message), event
    return event


def target(variant: str = "jt701", **more: Any) -> Target:
    return Target(ID, variant=variant, **more)


def applied(
    asked: dict[str, Any] | None = None, at: Target | None = None, **unit: Any
) -> tuple[list[Exchange], Outcome, Any]:
    at = at or target()
    device = FAMILY.emulator(ID, at.variant, **unit)
    return *against_emulator(FAMILY.apply(at, asked or ASKED), device, FAMILY.stream()), device


def state(outcome: Outcome) -> str:
    return outcome.fields["tracking_interval"].state.value


def spoken(answers: list[str | None], asked: dict[str, Any] | None = None) -> tuple[list[str], Outcome]:
    """The commands of a dialogue that hears these texts in order (None: silence)."""
    dialogue = FAMILY.apply(target(), asked or ASKED)
    said: list[str] = []
    try:
        command = next(dialogue)
        for text in answers:
            said.append(command.text)
            command = dialogue.send(collect(command, [one(f"({ID},{text})".encode())] if text else []))
    except StopIteration as stop:
        return said, stop.value
    raise AssertionError(f"more is asked than was answered: {command.text}")


# -- frames --
def test_every_case_is_tested_one_way() -> None:
    assert len(DEVICE) + len(SERVER) == len(CASES) == 23


@pytest.mark.parametrize("name", DEVICE)
def test_device_frame(name: str) -> None:
    means = CASES[name]["means"]
    message = one(raw(name))
    found = FAMILY.fields(message)
    for key in means.keys() - {"server_owes"}:
        assert found[key] == means[key], key
    owed = means.get("server_owes") or ""
    if owed == "(P22,ddmmyyhhmmss)":
        owed = CASES["time-set"]["data"]
    if "server_owes" in means:
        assert message.owed == owed.encode("ascii")
    kinds = {"heartbeat": Kind.HEARTBEAT, "time_request": Kind.OTHER, "answer": Kind.REPLY}
    assert message.kind is kinds.get(means["message"], Kind.REPORT)
    assert (message.device_id, message.checksum) == (means["device_id"], Checksum.NONE)
    assert FAMILY.recognise(raw(name)) is True


@pytest.mark.parametrize("name", SERVER)
def test_server_frame(name: str) -> None:
    (message,) = FAMILY.server(raw(name))
    assert isinstance(message, Message)
    found = FAMILY.fields(message)
    means = CASES[name]["means"]
    assert {key: found[key] for key in means} == means


def report(name: str, at: int, value: int) -> Message:
    """A recorded report with one byte changed."""
    data = bytearray(raw(name))
    data[at] = value
    return one(bytes(data))


def test_what_a_report_is_owed_depends_on_version_and_status() -> None:
    assert one(raw("pos-jt70x-18")).owed == b"(P35)"  # version 01, its status wants an answer
    assert report("pos-701d", 6, 0x17).owed == b"(P35)"
    assert report("pos-701d", 37, 0xC0).owed == b""


def test_reports_with_and_without_a_version_byte() -> None:
    """The older form has no version byte: the same report then begins its date one byte earlier."""
    long = raw("pos-701d")
    short = long[:6] + long[7:8] + long[8:10] + long[10:] + b"\x57"
    found = FAMILY.fields(one(short))
    assert (found["protocol_version"], found["time"], found["serial"]) == (None, "2021-04-18T16:22:59Z", 0x57)
    assert one(short).owed == b""
    assert FAMILY.recognise(short) is True


def test_places() -> None:
    """Two in Shenzhen; degrees and minutes are BCD, the last nibble tells the hemispheres and the fix."""
    found = FAMILY.fields(one(raw("pos-701d")))
    assert (found["latitude"], found["longitude"]) == (
        pytest.approx(22 + 34.8310 / 60),
        pytest.approx(113 + 55.0543 / 60),
    )
    assert (found["valid"], found["speed_knots"], found["course"], found["mileage_km"]) == (True, 18, 304, 45)
    found = FAMILY.fields(report("pos-701d", 24, 0x30))
    assert (found["latitude"] < 0, found["longitude"] < 0, found["valid"]) == (True, True, False)
    odd, whole = FAMILY.fields(report("pos-701d", 11, 0x13)), FAMILY.fields(report("pos-701d", 24, 0x30))
    assert (odd["time"], odd["mileage_km"]) == (None, whole["mileage_km"])


def test_older_texts_are_owed_their_own_answers() -> None:
    for word, owed in (("U01", b"(S39)"), ("U02", b"(S39)"), ("U03", b"(S39)"), ("U06", b"(S20)"), ("U07", b"")):
        assert one(f"(3301210003,{word},1)".encode()).owed == owed
    assert one(raw("wlnet-escaped")).owed == b""  # where its serial stands is not public
    assert one(b"(8000620011,P45,1,2)").owed == b""
    assert one(b"(8000620011,P22,1)").owed == b""


def test_frames_may_follow_each_other_in_one_segment() -> None:
    together = raw("time-req") + raw("pos-701d") + raw("hb-jt") + raw("wlnet-escaped") + raw("pos-jt70x-18")
    events = FAMILY.stream().feed(together)
    assert [event.frame for event in events if isinstance(event, Message)] == [
        raw(name) for name in ("time-req", "pos-701d", "hb-jt", "wlnet-escaped", "pos-jt70x-18")
    ]
    assert len(events) == 5


@pytest.mark.parametrize(
    "dirt",
    [
        *(b"GET / HTTP/1.1\r\n\r\n", b"(8000620011,P0", b"(P04,60,30)", b"(80006200,@JT)", b"$GPRMC,1234567", b"()))"),
        *(b"$\x80\x00\x62\x00\x11\x19\x11\x00\x05", b"$\x80\x00\x62\x00\x1a\x19\x11\x00\x34", b"(" * 50),
    ],
)
def test_garbage_is_told_once_and_the_next_frame_is_found(dirt: bytes) -> None:
    events = FAMILY.stream().feed(dirt + raw("hb-jt") + raw("pos-701d"))
    assert [type(event) for event in events] == [PeerError, Message, Message]


def test_an_endless_text_is_given_up() -> None:
    stream, events = FAMILY.stream(), list[Any]()
    for byte in b"(" + b"1" * 3000:
        events += stream.feed(bytes((byte,)))
        assert stream.buffered < FAMILY.limits.max_frame
    assert [type(event) for event in events] == [PeerError]
    assert [type(event) for event in stream.feed(raw("hb-jt"))] == [Message]


def test_recognition() -> None:
    for other in (
        b"(013612345678BP05",
        b"(P04,1",
        b"$GPRMC,11",
        b"$$A57,3533580177",
        b"GET / HTTP/1.1",
        b"$" + bytes(20),
    ):
        assert FAMILY.recognise(other) is False
    for few in (b"", b"(", b"(80006200", b"$", b"$\x80\x00\x62\x00\x11\x19"):
        assert FAMILY.recognise(few) is None


def test_ids_are_replaced_and_the_time_is_blanked() -> None:
    assert FAMILY.rename(raw("p04-answer"), ID, "8000620011") == b"(8000620011,P04,60,30)"
    assert one(FAMILY.rename(raw("pos-701d"), "8000620011", ID)).device_id == ID
    assert FAMILY.rename(raw("hb-jt"), ID, "8000620012") == raw("hb-jt")
    with pytest.raises(LocalError):
        FAMILY.rename(raw("hb-jt"), "8000620011", "80006200")
    assert FAMILY.normalise(raw("time-set")) == b"(P22,000000000000)"
    assert FAMILY.normalise(raw("p04-set")) == raw("p04-set")


#: Reported by users of a public server (issue 8, B6); the device's ID is made up there.
OLD_REPORT = bytes.fromhex("24123456789031001b13111710361906538525079524797f000000000000000003f300036c")


def test_an_older_report_of_one_record() -> None:
    message = one(OLD_REPORT)
    assert (message.kind, message.device_id, message.owed) == (Kind.REPORT, "1234567890", b"")
    found = FAMILY.fields(message)
    assert (found["device_id"], found["time"]) == ("1234567890", "2017-11-13T10:36:19Z")
    assert (found["length_field"], found["serial"]) == (27, 0x6C)
    assert [FAMILY.recognise(OLD_REPORT[:size]) for size in (1, 9, 16, 37)] == [None, None, True, True]
    stream = FAMILY.stream()
    assert [event for at in range(37) for event in stream.feed(OLD_REPORT[at : at + 1])] == [message]


@pytest.mark.parametrize("records", [2, 9, 10, 12, 37])
def test_an_older_report_of_many_records(records: int) -> None:
    """The reported record over and over, in one report whose length says so."""
    size = 27 * records
    whole = OLD_REPORT[:7] + size.to_bytes(2, "big") + records * OLD_REPORT[9:36] + OLD_REPORT[36:]
    first, second = FAMILY.stream().feed(whole + OLD_REPORT)
    assert isinstance(first, Message)
    assert isinstance(second, Message)
    assert (first.frame, second.frame) == (whole, OLD_REPORT)
    found = FAMILY.fields(first)
    assert (found["time"], found["length_field"], found["serial"]) == ("2017-11-13T10:36:19Z", size, 0x6C)


# -- commands --
def test_commands_are_those_of_the_manual() -> None:
    exchanges, outcome, _ = applied()
    assert [each.command.payload for each in exchanges] == [raw("p04-query"), raw("p04-set"), raw("p04-query")]
    assert [each.command.purpose for each in exchanges] == [Purpose.READ, Purpose.WRITE, Purpose.READ_BACK]
    assert [each.reply.messages[-1].frame for each in exchanges] == [raw("p04-answer")] * 3
    assert (state(outcome), outcome.known) == ("confirmed", {"wake_up": "30"})


def test_an_operator_s_own_commands() -> None:
    command = FAMILY.raw(target(), "P39,1,5")
    assert command.payload == raw("p39-set")
    assert command.match(one(raw("p39-answer"))) is Match.DONE
    assert command.match(one(raw("p54-answer"))) is Match.NO
    assert command.match(one(b"(8130630002,P39,1,5)")) is Match.NO
    assert FAMILY.raw(target(), "S07,0").payload == raw("s07")
    assert FAMILY.raw(target(), b"x").payload == b"x"
    for bad in ("", "P4", "P04,0)(P39,1,5", "(P04,0)", "P04,0\r\n", "P04," + "1" * 200, b""):
        with pytest.raises(LocalError):
            FAMILY.raw(target(), bad)


# -- conversations --
def test_the_wake_up_interval_is_kept() -> None:
    said, outcome = spoken(["P04,120,1440", "P04,60,1440", "P04,60,1440"])
    assert said == ["P04,0", "P04,1,60,1440", "P04,0"]
    assert (state(outcome), outcome.known) == ("confirmed", {"wake_up": "1440"})
    said, outcome = spoken([None])
    assert (said, state(outcome), outcome.unanswered) == (["P04,0"], "unknown", True)
    dry = against_nobody(FAMILY.apply(target(known={"wake_up": "1440"}), ASKED))[0]
    assert [each.command.text for each in dry] == ["P04,0", "P04,1,60,1440", "P04,0"]
    assert dry[1].command.depends_on_read
    assert against_nobody(FAMILY.apply(target(), ASKED))[0][1].command.payload == raw("p04-set")


@pytest.mark.parametrize(
    ("answers", "expected", "unanswered"),
    [
        (["P04,10,30", "P04,50,30", "P04,50,30"], "mismatched", False),  # clamped: not an answer to the write
        (["P04,10,30", None, "P04,60,30"], "confirmed", False),
        (["P04,10,30", None, "P04,10,30"], "mismatched", False),
        (["P04,10,30", None, None], "written", True),
        (["P04,10,30", "P04,60,30", None], "acknowledged", False),
        (["P04,10,30", "P04,60,5", "P04,60,5"], "confirmed", False),
    ],
)
def test_answers(answers: list[str | None], expected: str, unanswered: bool) -> None:
    said, outcome = spoken(answers)
    assert (len(said), state(outcome), outcome.unanswered) == (3, expected, unanswered)


@pytest.mark.parametrize(
    "text", ["P04", "P04,60", "P04,1,60,30", "P04,60,x", "P04,-60,30", "P39,60,30", "P04,60,300000"]
)
def test_other_answers_tell_no_period(text: str) -> None:
    command = next(FAMILY.apply(target(), ASKED))
    assert command.match(one(f"({ID},{text})".encode())) is Match.NO
    assert command.match(one(raw("p04-answer"))) is Match.DONE
    assert command.match(one(b"(8130630002,P04,60,30)")) is Match.NO


@pytest.mark.parametrize(
    ("faults", "expected"),
    [
        (Faults(clamp={"tracking_interval": (5, 50)}), "mismatched"),
        (Faults(ignore=frozenset(ASKED)), "mismatched"),
        (Faults(refuse=frozenset(ASKED)), "mismatched"),  # nothing says no: the read-back does
        (Faults(silent=True), "unknown"),
    ],
)
def test_faults(faults: Faults, expected: str) -> None:
    _, outcome, unit = applied(faults=faults, settings={"tracking_interval": 300})
    assert (state(outcome), outcome.unanswered) == (expected, faults.silent)
    assert outcome.fields["tracking_interval"].reported in (None, unit.settings["tracking_interval"])


def test_no_flipped_bit_of_a_read_back_confirms() -> None:
    """Nothing but TCP's own checksum guards a text: a flipped digit is another value, and told as that."""
    last = applied()[0][-1].command
    frame = b"(8130630001,P04,599,30)"
    for bit in range(8 * len(frame)):
        broken = bytearray(frame)
        broken[bit // 8] ^= 1 << bit % 8
        heard = [event for event in FAMILY.stream().feed(bytes(broken)) if isinstance(event, Message)]
        reply = collect(last, heard)
        if reply.messages:
            assert reply.messages[0].data[1] not in ("60", "060")
            assert reply.messages[0].data[1:] != ("60", "30")


def test_what_is_in_force_is_read() -> None:
    unit = FAMILY.emulator(ID, "jt701", settings=ASKED)
    exchanges, outcome = against_emulator(FAMILY.read(target(), ["tracking_interval"]), unit, FAMILY.stream())
    assert exchanges[0].command.payload == raw("p04-query")
    assert (outcome.reported, outcome.known) == (ASKED, {"wake_up": "30"})
    for at in (target("jt703"), target("jt707")):  # inferred only: nothing is sent without the switch
        assert against_nobody(FAMILY.read(at, ["tracking_interval"]))[0] == []


def test_values_that_do_not_fit_are_refused() -> None:
    beyond = target(options={"beyond_manual": True})
    for at, bad, good in (
        (target(), [0, 4, 601, 60000, True, "60"], [5, 600]),
        (beyond, [4, 60001], [5, 60000]),
        (target("jt707", experimental=True), [4, 60001], [5, 43200]),
    ):
        for value in bad:
            (problem,) = FAMILY.check(at, {"tracking_interval": value})
            assert problem.severity is Severity.REFUSE
            with pytest.raises(LocalError):
                FAMILY.apply(at, {"tracking_interval": value})
        for value in good:
            assert FAMILY.check(at, {"tracking_interval": value}) == []
    with pytest.raises(LocalError):
        FAMILY.check(target(options={"beyond_manual": "yes"}), ASKED)


def test_sister_models_are_experimental_and_their_sleep_cannot_be_set() -> None:
    asked = {"tracking_interval": 60, "psm_interval": 150, "psm_mode": 0}
    assert {each.field for each in FAMILY.check(target("jt707"), asked)} == set(asked)
    exchanges, outcome, _ = applied(asked, target("jt707", experimental=True))
    assert len(exchanges) == 3
    assert {name: found.state.value for name, found in outcome.fields.items()} == {
        **dict.fromkeys(asked, "unsupported"),
        "tracking_interval": "confirmed",
    }


def test_an_emulated_unit_reports_like_the_documented_one() -> None:
    unit = FAMILY.emulator("8000620011", "jt701")
    assert [datum.data for datum in (*unit.connect(), *unit.heartbeat())] == [raw("time-req"), raw("hb-jt")]
    for _ in range(86):
        (said,) = unit.report(datetime(2021, 4, 18, 16, 22, 59, tzinfo=UTC))
    assert said.data == raw("pos-701d")
    assert [datum.data for datum in unit.receive(raw("time-set"))] == [b"(8000620011,P22,1)"]
    with pytest.raises(LocalError):
        FAMILY.stream(Transport.UDP)


# -- units of the older generation, known by their session --
def test_the_place_of_an_older_report() -> None:
    (name,) = (each for each in DEVICE if CASES[each]["data"].startswith("(3301210003,U01"))
    found = FAMILY.fields(one(raw(name)))
    assert (found["time"], found["valid"]) == ("2012-08-04T18:53:02Z", True)
    assert (found["latitude"], found["longitude"], found["battery"]) == (22.564025, 113.242329, "32%")
    assert (found["cell"], found["lac"], found["serial"]) == ("10133", "5173", "1")
    # the public decoder knows a number of an alarm in front of the date
    alarm = FAMILY.fields(one(raw(name).replace(b"U01,", b"U06,2,").replace(b",N,", b",S,")))
    assert (alarm["latitude"], alarm["time"]) == (-22.564025, "2012-08-04T18:53:02Z")
    assert "time" not in FAMILY.fields(one(raw(name).replace(b"040812", b"044412")))
    assert "latitude" not in FAMILY.fields(one(raw(name).replace(b"22.564025", b"22,564025")))


def test_gp_units_take_no_settings() -> None:
    problems = FAMILY.check(target("gp"), ASKED)
    assert [(each.field, each.severity) for each in problems] == [("tracking_interval", Severity.UNSUPPORTED)]
    with pytest.raises(LocalError) as told:
        FAMILY.apply(target("gp"), ASKED)
    assert told.value.reason == problems[0].reason
    assert against_nobody(FAMILY.read(target("gp"), list(ASKED)))[0] == []
    assert FAMILY.raw(target("gp"), "S07,0").payload == raw("s07")


def test_an_emulated_gp_unit_says_what_was_recorded() -> None:
    unit = FAMILY.emulator("3301210003", "gp", settings=ASKED)
    (said,) = unit.report(datetime(2012, 8, 4, 18, 53, 2, tzinfo=UTC))
    assert said.data in [raw(name) for name in DEVICE]
    assert one(said.data).owed == b"(S39)"
    assert (unit.connect(), unit.receive(b"(S07,0)"), unit.settings) == ([], [], ASKED)
    with pytest.raises(LocalError):
        FAMILY.emulator("330121000", "gp")
