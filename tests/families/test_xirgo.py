"""Xirgo: recorded messages, minutes and miles, echoes that are held to their values, and 3050."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from tracker_codecs.contract import Checksum, Faults, Kind, Message, Outcome, Severity, Strength, Target, Transport
from tracker_codecs.drive import against_emulator, against_nobody, collect
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.xirgo.family import FAMILY

FIXTURE = Path(__file__).parents[2] / "firmware-fixtures" / "xirgo" / "frames.yaml"
CASES = {case["id"]: case for case in yaml.safe_load(FIXTURE.read_text("utf-8"))["cases"]}
REPORTS = [name for name, case in CASES.items() if case["means"]["type"] == "data"]
ANSWERS = [name for name, case in CASES.items() if case["means"]["type"] in ("ack", "query_answer")]
SERVER = [name for name, case in CASES.items() if case["direction"] == "server_to_device"]
UID = "352054058132185"
ASKED = {"tracking_interval": 60, "psm_interval": 3600, "tracking_angle": 30, "tracking_distance": 5}
OTHER = {"tracking_interval": 120, "psm_interval": 7200, "tracking_angle": 90, "tracking_distance": 7}


def raw(name: str) -> bytes:
    return str(CASES[name]["data"]).encode("ascii")


def heard(data: bytes, transport: Transport = Transport.TCP) -> list[Message]:
    return [event for event in FAMILY.stream(transport).feed(data) if isinstance(event, Message)]


def target(variant: str = "obd", **more: Any) -> Target:
    return Target(UID, variant=variant, **more)


def answer(text: str, uid: str = UID) -> bytes:
    return f"$${uid},{text}##".encode()


ECHOES = [answer(text) for text in ("3001,1.0,1,0,0,0", "3002,60,1", "3003,30", "3006,5")]


def spoken(asked: dict[str, Any], *answers: bytes, **more: Any) -> tuple[list[str], Outcome]:
    """The commands and the outcome of a dialogue with these answers in order; then silence."""
    dialogue = FAMILY.apply(target(**more), asked)
    command = next(dialogue)
    texts = []
    try:
        for each in [*answers, *[b""] * 6]:
            texts.append(command.text)
            command = dialogue.send(collect(command, heard(each)))
    except StopIteration as stop:
        outcome: Outcome = stop.value
        return texts, outcome
    raise AssertionError("the dialogue does not end")


def applied(variant: str, asked: dict[str, Any], **unit: Any) -> tuple[Outcome, Any]:
    device = FAMILY.emulator(UID, variant, settings=OTHER, **unit)
    return against_emulator(FAMILY.apply(target(variant), asked), device, FAMILY.stream())[1], device


def states(outcome: Outcome) -> dict[str, str]:
    return {name: found.state.value for name, found in outcome.fields.items()}


# -- messages --
@pytest.mark.parametrize("name", REPORTS)
def test_reports(name: str) -> None:
    means = CASES[name]["means"]
    (message,) = heard(raw(name))
    told = FAMILY.fields(message)
    assert (message.kind, message.checksum, message.device_id) == (Kind.REPORT, Checksum.NONE, means["device_id"])
    assert (told["uid"], told["event"]) == (means["device_id"], means["event"])
    for key in ("latitude", "longitude", "time"):
        if key in means:
            assert told[key] == means[key]
    for key in ("vin", "firmware"):
        if key in means:
            assert means[key] in told["values"]
    assert set(means.get("codes", [])) <= set(told["values"])
    assert message.owed == b""
    assert FAMILY.recognise(raw(name)) is True


def test_a_time_is_told_where_the_unit_has_one() -> None:
    (message,) = heard(raw("new-4001"))
    told = FAMILY.fields(message)
    assert (told["time"], told["latitude"], told["longitude"]) == ("2017-04-21T00:01:05", 32.54659, -116.9067)


@pytest.mark.parametrize("odd", [b"x", b"", b"nan", b"95.0"])
def test_a_place_that_is_none_costs_itself_only(odd: bytes) -> None:
    (sound,), (other,) = heard(raw("new-4001")), heard(raw("new-4001").replace(b"32.54659", odd))
    whole, told = FAMILY.fields(sound), FAMILY.fields(other)
    assert told["latitude"] is None
    assert {**told, "latitude": whole["latitude"]} == whole


@pytest.mark.parametrize("name", ANSWERS)
def test_answers(name: str) -> None:
    means = CASES[name]["means"]
    (message,) = heard(raw(name))
    told = FAMILY.fields(message)
    assert (message.kind, message.device_id, told["code"]) == (
        *(Kind.REPLY, means.get("device_id", UID), means["command"]),
    )
    if "ignition_on_interval_min" in means:
        assert float(told["values"][0]) == means["ignition_on_interval_min"]
    if "field_count" in means:
        assert len(told["values"]) + 2 == means["field_count"]
    # The last field of an answer is a setting, not a number to acknowledge.
    assert heard(raw(name), Transport.UDP)[0].owed == b""


@pytest.mark.parametrize("name", SERVER)
def test_server_lines(name: str) -> None:
    means = CASES[name]["means"]
    told = [FAMILY.fields(message) for message in FAMILY.server(raw(name)) if isinstance(message, Message)]
    assert [each["code"] for each in told] == means.get("commands", [means.get("command")])
    assert {each["uid"] for each in told} == {means.get("device_id")}
    if "arguments" in means:
        assert told[0]["arguments"] == means["arguments"]
    if "interval_argument" in means:
        assert told[0]["arguments"][0] == means["interval_argument"]


def test_datagrams_are_acknowledged_by_their_last_number() -> None:
    owed = {name: heard(raw(name), Transport.UDP)[0].owed for name in REPORTS}
    assert owed["new-4001"] == b"!UDP_ACK,4001,185"
    assert owed["dtc-6045"] == b"!UDP_ACK,6045,094"
    assert heard(b"$$352054058132185,4001,2017/04/21,00:01:05,1.0,2.0,3.5##", Transport.UDP)[0].owed == b""
    stream = FAMILY.stream(Transport.UDP)
    assert isinstance(stream.feed(raw("new-4001")[:-1])[0], PeerError)
    assert stream.buffered == 0


def test_the_serial_of_a_6115_names_nobody() -> None:
    (first, second) = heard(b"$$12345678,6115,x##" + raw("old-6001"))
    assert (first.device_id, second.device_id) == (None, "354660046140722")
    (_, third) = heard(raw("old-6001") + b"$$12345678,6115,x##")
    assert third.device_id == "354660046140722"


def test_a_message_that_broke_off_costs_itself_only() -> None:
    events = FAMILY.stream().feed(raw("new-4001")[:60] + raw("old-6001") + b"\r\n" + raw("old-4003"))
    assert [event.frame for event in events if isinstance(event, Message)] == [raw("old-6001"), raw("old-4003")]
    assert isinstance(events[0], PeerError)


# -- conversations --
def test_commands_are_the_recorded_words() -> None:
    uid = "352648062287941"
    wanted = {"tracking_interval": 60, "psm_interval": 300, "tracking_angle": 30}
    exchanges, _ = against_nobody(FAMILY.apply(Target(uid, variant="wired"), wanted))
    lines = raw("cmd-script").split(b"\r\n")
    payloads = [exchange.command.payload for exchange in exchanges]
    # A public server sends three zeros more, whose meaning is not public.
    assert payloads[0] + b"\r\n" == lines[0].removesuffix(b",0,0,0") + b"\r\n" * 2
    assert payloads[1:] == [lines[1] + b"\r\n", lines[4] + b"\r\n"]
    exchanges, _ = against_nobody(FAMILY.apply(target(), {"tracking_distance": 5}))
    assert exchanges[0].command.payload == exchanges[2].command.payload == raw("query-3050") + b"\r\n"
    assert FAMILY.raw(target(), "+XT:7005,2,1").payload == raw("cmd-output") + b"\r\n"


@pytest.mark.parametrize(("seconds", "minutes"), [(30, "0.5"), (60, "1"), (90, "1.5"), (600, "10"), (2592000, "43200")])
def test_intervals_are_minutes(seconds: int, minutes: str) -> None:
    exchanges, _ = against_nobody(FAMILY.apply(target("wired"), {"tracking_interval": seconds}))
    assert [exchange.command.text for exchange in exchanges] == [f"+XT:{UID},3001,{minutes},1"]


def test_obd_units_are_confirmed_by_3050() -> None:
    whole = raw("answer-3050-composed")
    texts, outcome = spoken(ASKED, whole, *ECHOES, whole)
    assert texts == [
        "+XT:3050",
        f"+XT:{UID},3001,1,1",
        f"+XT:{UID},3002,60,1",
        f"+XT:{UID},3003,30",
        f"+XT:{UID},3006,5",
        "+XT:3050",
    ]
    assert states(outcome) == dict.fromkeys(ASKED, "confirmed")
    assert {found.strength for found in outcome.fields.values()} == {Strength.READ_BACK}
    assert outcome.known == {"xirgo_angle_in_3050": "yes"}


def test_alert_flags_are_kept_and_otherwise_the_documented_ones() -> None:
    off = raw("answer-3050-composed").replace(b"3050,1.0,1,60,1,", b"3050,1.0,0,60,0,")
    texts, _ = spoken(ASKED, off, *ECHOES, off)
    assert texts[1:3] == [f"+XT:{UID},3001,1,0", f"+XT:{UID},3002,60,0"]
    texts, _ = spoken(ASKED, answer("3050,1.0,0,60,0"), *ECHOES)
    assert texts[1:3] == [f"+XT:{UID},3001,1,1", f"+XT:{UID},3002,60,1"]
    texts, _ = spoken(ASKED, variant="wired", options={"alerts": 0})
    assert texts[0] == f"+XT:{UID},3001,1,0"


@pytest.mark.parametrize("layout", [29, 21])
def test_both_known_layouts_of_3050(layout: int) -> None:
    outcome, unit = applied("obd", ASKED, options={"layout": layout})
    assert states(outcome) == dict.fromkeys(ASKED, "confirmed")
    assert unit.settings == ASKED


@pytest.mark.parametrize("layout", [28, 30, 22, 20])
def test_another_layout_of_3050_confirms_nothing(layout: int) -> None:
    outcome, _ = applied("obd", ASKED, options={"layout": layout})
    assert states(outcome) == dict.fromkeys(ASKED, "acknowledged")


def test_the_angle_counts_in_3050_only_where_its_place_was_seen() -> None:
    moved = raw("answer-3050-composed").replace(b",30,75,", b",44,75,")
    _, outcome = spoken({"tracking_angle": 30}, moved, ECHOES[2], moved)
    assert states(outcome) == {"tracking_angle": "acknowledged"}
    _, outcome = spoken({"tracking_angle": 30}, moved, ECHOES[2], moved, known={"xirgo_angle_in_3050": "yes"})
    assert states(outcome) == {"tracking_angle": "mismatched"}


@pytest.mark.parametrize(
    ("echo", "state"),
    [
        ("3001,1.0,1,0,0,0", "acknowledged"),
        ("3001,1,1", "acknowledged"),
        ("3001,2.0,1,0,0,0", "mismatched"),
        ("3001,0", "rejected"),  # three fields
        ("3001,,1", "rejected"),
        ("3001,0,1", "rejected"),  # a value that no profile holds
        ("3002,1,1", "written"),
        ("3001", "rejected"),
    ],
)
def test_an_echo_is_held_to_its_value(echo: str, state: str) -> None:
    _, outcome = spoken({"tracking_interval": 60}, answer(echo), variant="wired")
    assert states(outcome) == {"tracking_interval": state}


def test_the_recorded_answer_and_the_refusal() -> None:
    recorded = Target("355922061549942", variant="wired")
    command = next(FAMILY.apply(recorded, {"tracking_interval": 60}))
    assert collect(command, heard(raw("ack-3001"))).ok
    command = next(FAMILY.apply(target("wired"), {"tracking_interval": 60}))
    assert [command.match(message).value for message in heard(raw("ack-3001") + raw("refusal-composed"))] == [
        *("no", "refused")
    ]


def test_after_a_write_that_nobody_answered_nothing_more_is_written() -> None:
    texts, outcome = spoken(ASKED, ECHOES[0], variant="wired")
    assert texts == [f"+XT:{UID},3001,1,1", f"+XT:{UID},3002,60,1"]
    assert states(outcome) == {
        "tracking_interval": "acknowledged",
        "psm_interval": "written",
        "tracking_angle": "unknown",
        "tracking_distance": "unknown",
    }
    assert outcome.unanswered


@pytest.mark.parametrize(
    ("variant", "faults", "state"),
    [
        ("obd", Faults(clamp={name: (value, value) for name, value in OTHER.items()}), "mismatched"),
        ("wired", Faults(clamp={name: (value, value) for name, value in OTHER.items()}), "mismatched"),
        ("wired", Faults(), "acknowledged"),
        ("wired", Faults(silent=True), None),
        ("obd", Faults(silent=True), "unknown"),
    ],
)
def test_faults(variant: str, faults: Faults, state: str | None) -> None:
    outcome, unit = applied(variant, ASKED, faults=faults)
    if state is None:
        assert set(states(outcome).values()) == {"written", "unknown"}
    else:
        assert states(outcome) == dict.fromkeys(ASKED, state)
    assert outcome.unanswered is faults.silent
    for name, found in outcome.fields.items():
        assert found.reported in (None, unit.settings[name])


def test_what_is_echoed_and_not_kept_is_found_by_3050() -> None:
    outcome, _ = applied("obd", ASKED, faults=Faults(ignore=frozenset(ASKED)))
    # Where the angle stands in 3050 is inferred: alone it proves nothing.
    assert states(outcome) == {**dict.fromkeys(ASKED, "mismatched"), "tracking_angle": "acknowledged"}
    outcome, _ = applied("obd", ASKED, faults=Faults(refuse=frozenset({"tracking_interval"})))
    assert states(outcome)["tracking_interval"] == "rejected"
    assert outcome.fields["tracking_interval"].reported == OTHER["tracking_interval"]


def test_flipped_bits_of_3050_confirm_no_other_value() -> None:
    """There is no checksum: a flip in a value of ours must not leave it confirmed."""
    whole = raw("answer-3050-composed")
    places = {"tracking_interval": 2, "psm_interval": 4, "tracking_angle": 6, "tracking_distance": 9}
    cells = whole.split(b",")
    for bit in range(8 * len(whole)):
        broken = bytearray(whole)
        broken[bit // 8] ^= 1 << bit % 8
        _, outcome = spoken(ASKED, whole, *ECHOES, bytes(broken))
        hit = bytes(broken).split(b",")
        for name, place in places.items():
            if states(outcome)[name] == "confirmed":
                assert len(hit) == len(cells), bytes(broken)
                assert float(hit[place]) == float(cells[place]), bytes(broken)


def test_reading() -> None:
    unit = FAMILY.emulator(UID, "obd", settings=ASKED)
    wanted = list(ASKED)
    _, outcome = against_emulator(FAMILY.read(target(), wanted), unit, FAMILY.stream())
    assert outcome.reported == {name: value for name, value in ASKED.items() if name != "tracking_angle"}
    known = target(known={"xirgo_angle_in_3050": "yes"})
    assert against_emulator(FAMILY.read(known, wanted), unit, FAMILY.stream())[1].reported == ASKED
    assert against_nobody(FAMILY.read(target("wired"), wanted))[0] == []


def test_what_does_not_fit_is_told_before_anything_is_sent() -> None:
    asked = {"tracking_interval": 45, "psm_interval": 90, "tracking_angle": 181, "tracking_distance": 101, "x": 1}
    found = {problem.field: problem.severity for problem in FAMILY.check(target(), asked)}
    assert found == {**dict.fromkeys(asked, Severity.REFUSE), "x": Severity.UNSUPPORTED}
    with pytest.raises(LocalError):
        FAMILY.apply(target(), asked)
    assert FAMILY.check(target(), {"tracking_interval": 90, "psm_interval": 120}) == []


def test_raw_commands() -> None:
    command = FAMILY.raw(target(), f"+XT:{UID},3003,30")
    assert [command.match(message).value for message in heard(ECHOES[1] + ECHOES[2])] == ["no", "done"]
    for text in ("", "+XT:", "AT+X", "+XT:3003,30\r\n+XT:1010", "+XT:3003,\xe9"):
        with pytest.raises(LocalError):
            FAMILY.raw(target(), text)


def test_a_uid_of_nine_digits() -> None:
    """Ids that users of a public server report as not read (issue 8, B7): a recorded report, a made-up uid."""
    report = raw(REPORTS[0])
    short = b"$$123456789" + report[report.index(b",") :]
    (message,) = heard(short)
    assert (message.device_id, FAMILY.fields(message)["uid"]) == ("123456789", "123456789")
    head, rest = short.split(b",", 1)
    (serial,) = heard(head + b",6115" + rest[4:])
    assert serial.device_id is None
    assert [each.device_id for each in heard(report + short)] == [heard(report)[0].device_id] * 2
