"""IntelliTrac: recorded lines and sync packets, TRACKING read, changed and read again, units that do not tell it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from tracker_codecs.contract import Faults, Kind, Message, Outcome, Severity, Strength, Target, Transport
from tracker_codecs.drive import against_emulator, against_nobody, collect
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.intellitrac.family import FAMILY

FIXTURE = Path(__file__).parents[2] / "firmware-fixtures" / "intellitrac" / "frames.yaml"
CASES = {case["id"]: case for case in yaml.safe_load(FIXTURE.read_text("utf-8"))["cases"]}
REPORTS = [name for name in CASES if name.startswith("position")]
SERVER = [name for name, case in CASES.items() if case["direction"] == "server_to_device"]
UNIT = "1010000001"
ASKED = {"tracking_interval": 60, "tracking_distance": 500, "type": "interval"}
OTHER = {"tracking_interval": 120, "tracking_distance": 1000, "type": "distance"}
OK = b"$OK:TRACKING\r\n"


def raw(name: str) -> bytes:
    text = str(CASES[name]["data"])
    return bytes.fromhex(text) if CASES[name]["encoding"] == "hex" else text.encode("ascii")


SYNC = raw("sync")


def heard(data: bytes, transport: Transport = Transport.TCP) -> list[Message]:
    stream = FAMILY.stream(transport)
    stream.feed(SYNC)
    return [event for event in stream.feed(data) if isinstance(event, Message)]


def target(variant: str = "x1", **more: Any) -> Target:
    return Target(UNIT, variant=variant, **more)


def told(values: str) -> bytes:
    return f"$TRACKING={values}\r\n".encode()


def spoken(asked: dict[str, Any], *answers: bytes, variant: str = "x1", **more: Any) -> tuple[list[str], Outcome]:
    """The lines and the outcome of a dialogue with these answers in order; then silence."""
    dialogue = FAMILY.apply(target(variant, **more), asked)
    lines = []
    try:
        command = next(dialogue)
        for each in [*answers, *[b""] * 4]:
            lines.append(command.payload.decode("ascii"))
            command = dialogue.send(collect(command, heard(each)))
    except StopIteration as stop:
        outcome: Outcome = stop.value
        return lines, outcome
    raise AssertionError("the dialogue does not end")


def applied(asked: dict[str, Any], variant: str = "x1", options: dict[str, Any] | None = None, **unit: Any) -> Outcome:
    device = FAMILY.emulator(UNIT, variant, settings=OTHER, **unit)
    return against_emulator(FAMILY.apply(target(variant, options=options or {}), asked), device, FAMILY.stream())[1]


def states(outcome: Outcome) -> dict[str, str]:
    return {name: found.state.value for name, found in outcome.fields.items()}


# -- messages --
@pytest.mark.parametrize("name", REPORTS)
def test_positions(name: str) -> None:
    means = CASES[name]["means"]
    (message,) = [event for event in FAMILY.stream().feed(raw(name)) if isinstance(event, Message)]
    fields = FAMILY.fields(message)
    assert (message.kind, message.device_id, message.owed) == (Kind.REPORT, means["device_id"], b"")
    for key in ("longitude", "latitude", "time", "prefix", "satellites", "report_id"):
        if key in means:
            assert fields[key] == means[key]
    # Wondex units send the same line without a prefix.
    assert FAMILY.recognise(raw(name)) is ("prefix" in means)


def test_a_position_in_full_and_one_of_no_day_or_place() -> None:
    (message,) = heard(raw("position-odometer"))
    assert FAMILY.fields(message)["more"][1:3] == ["139446.8", "2095"]
    whole = FAMILY.fields(heard(raw("position"))[0])
    for old, new, name in ((b"20100304", b"20101304", "time"), (b"25.06200", b"95.06200", "latitude")):
        odd = FAMILY.fields(heard(raw("position").replace(old, new, 1))[0])
        assert odd[name] is None
        assert {**odd, name: whole[name]} == whole


def test_a_sync_packet_is_given_back() -> None:
    means = CASES["sync"]["means"]
    (message,) = FAMILY.stream().feed(SYNC)
    assert isinstance(message, Message)
    assert (message.kind, message.device_id, message.owed) == (Kind.HEARTBEAT, str(means["unit_id"]), SYNC)
    assert FAMILY.fields(message)["sequence"] == means["sequence_bytes"]
    (back,) = FAMILY.server(SYNC)
    assert isinstance(back, Message)
    assert back.device_id == UNIT
    assert [FAMILY.recognise(each) for each in (b"", SYNC[:1], SYNC[:2], b"\xfa\xfa")] == [None, None, True, False]


@pytest.mark.parametrize("split", [1, 3, 1000])
def test_sync_packets_stand_anywhere_and_hold_any_byte(split: int) -> None:
    awkward = bytes.fromhex("faf80d0a0afaf83c")
    data = SYNC + raw("position") + awkward + OK + awkward + awkward + b"$OK:TRA" + SYNC + raw("position-prefixed")
    stream = FAMILY.stream()
    events = [each for at in range(0, len(data), split) for each in stream.feed(data[at : at + split])]
    frames = [event.frame if isinstance(event, Message) else None for event in events]
    assert frames == [SYNC, raw("position"), awkward, OK, awkward, awkward, None, SYNC, raw("position-prefixed")]


def test_a_line_without_an_end_is_given_up() -> None:
    for size in (1023, 1024, 3000):
        for split in (1, 700, 5000):
            data = b"7" * size + b"\xfa" + SYNC + OK
            stream = FAMILY.stream()
            events = [each for at in range(0, len(data), split) for each in stream.feed(data[at : at + split])]
            assert [event.frame if isinstance(event, Message) else None for event in events] == [None, SYNC, OK]
            assert stream.buffered == 0
    datagrams = FAMILY.stream(Transport.UDP)
    assert isinstance(datagrams.feed(OK[:-1])[0], PeerError)
    assert datagrams.buffered == 0


def test_answers() -> None:
    (message,) = heard(raw("ack-tracking"))
    assert (message.kind, message.text, message.device_id) == (Kind.REPLY, "$OK:TRACKING", UNIT)
    means = CASES["query-answer-acc-derived"]["means"]
    (message,) = heard(raw("query-answer-acc-derived"))
    values = [str(means[name]) for name in ("mode", "time", "distance", "count", "persist")]
    assert (FAMILY.fields(message)["command"], FAMILY.fields(message)["values"]) == ("TRACKING", values)
    (message,) = heard(raw("error-denied-derived"))
    assert CASES["error-denied-derived"]["means"]["reason"] in message.text


@pytest.mark.parametrize("name", SERVER)
def test_commands_are_told_without_the_password(name: str) -> None:
    means = CASES[name]["means"]
    (message,) = FAMILY.server(raw(name))
    assert isinstance(message, Message)
    fields = FAMILY.fields(message)
    assert fields["command"] == means["command"]
    if "mode" in means:
        names = ("mode", "time", "distance", "count", "persist", "communication")
        assert fields["arguments"] == [str(means[each]) for each in names if each in means]
    assert "0000" not in str(fields)


# -- conversations --
def test_commands_are_those_of_the_public_server() -> None:
    lines, _ = spoken({"tracking_interval": 60, "type": "interval"}, told("2,90,0,0,1"))
    assert [line.encode() for line in lines] == [raw("query-tracking-derived"), raw("cmd-tracking-derived")]
    lines, _ = spoken({"tracking_distance": 500, "type": "distance"}, told("1,0,90,0,1,3"))
    assert lines[1].encode() == raw("cmd-tracking-distance-derived")
    assert FAMILY.raw(target(), "STOPTRACKING=0000").payload == raw("stop-tracking-derived")


@pytest.mark.parametrize(
    ("before", "wanted", "after"),
    [
        ("5,120,1000,0,1", "interval", "5,60,500,0,1"),  # only with the ignition on: that stays
        ("6,120,1000,7,0,2", "intelligent", "7,60,500,7,0,2"),
        ("7,120,1000,0,1,3", "distance", "6,60,500,0,1,3"),
        ("3,120,1000,65535,1,0", "distance", "2,60,500,65535,1,0"),
        ("0,120,1000,0,1,3", "interval", "1,60,500,0,1,3"),
        ("6,120,1000,0,1", None, "6,60,500,0,1"),
    ],
)
def test_what_is_no_setting_stays(before: str, wanted: str | None, after: str) -> None:
    asked: dict[str, Any] = {**ASKED, "type": wanted}
    if wanted is None:
        del asked["type"]
    lines, outcome = spoken(asked, told(before), OK, told(after))
    assert lines[1] == f"$ST+TRACKING=0000,{after}\r\n"
    idle = {"1": "tracking_distance", "5": "tracking_distance", "2": "tracking_interval", "6": "tracking_interval"}
    stored = idle.get(after[0])
    assert states(outcome) == {name: "acknowledged" if name == stored else "confirmed" for name in asked}
    assert all((found.strength is Strength.READ_BACK) is (name != stored) for name, found in outcome.fields.items())


def test_an_interval_beside_distance_mode_is_stored_and_no_more() -> None:
    both = {"tracking_interval": 60, "tracking_distance": 500}
    _, outcome = spoken(both, told("2,120,1000,0,1"), OK, told("2,60,500,0,1"), variant="careu")
    assert states(outcome) == {"tracking_interval": "acknowledged", "tracking_distance": "confirmed"}
    assert "mode 2" in outcome.fields["tracking_interval"].reason
    unit = FAMILY.emulator(UNIT, "x1", settings=OTHER)
    outcome = against_emulator(FAMILY.read(target(), [*OTHER]), unit, FAMILY.stream())[1]
    assert (outcome.reported, set(outcome.stored)) == (OTHER, {"tracking_interval"})


def test_a_mode_that_is_not_known_is_not_written() -> None:
    lines, outcome = spoken({"tracking_interval": 60}, told("4,120,1000,0,1"), variant="careu")
    assert (len(lines), states(outcome)) == (1, {"tracking_interval": "unsupported"})


def test_a_unit_that_does_not_tell_is_left_alone_unless_allowed() -> None:
    lines, outcome = spoken(ASKED, b"$ER:TRACKING=5\r\n")
    assert (len(lines), states(outcome)) == (1, dict.fromkeys(ASKED, "unsupported"))
    assert "blind" in outcome.fields["type"].reason
    lines, outcome = spoken(ASKED, OK, options={"blind": 1})
    assert lines == ["$ST+TRACKING=0000,1,60,500,0,1,3\r\n"]
    assert states(outcome) == dict.fromkeys(ASKED, "acknowledged")
    lines, outcome = spoken(ASKED, b"$ERR:ACCESS DENIED\r\n", options={"blind": 1})
    assert states(outcome) == dict.fromkeys(ASKED, "rejected")
    assert "password" in outcome.fields["type"].reason
    both = {"tracking_interval": 60, "tracking_distance": 500}
    lines, outcome = spoken(both, variant="careu", options={"blind": 1})
    assert (lines, states(outcome)) == ([], dict.fromkeys(both, "unsupported"))
    lines, _ = spoken(both, variant="careu", options={"blind": 1, "type": "intelligent"})
    assert lines == ["$ST+TRACKING=0000,3,60,500,0,1\r\n"]
    lines, outcome = spoken({"tracking_interval": 60, "type": "interval"}, options={"blind": 1})
    assert (lines, set(states(outcome).values())) == ([], {"unsupported"})


@pytest.mark.parametrize(
    ("answer", "state", "sent"),
    [
        (b"$ERR:ACCESS DENIED\r\n", "rejected", 2),
        (b"$ER:TRACKING=1\r\n", "rejected", 2),
        (b"$OK:TRACKINGS\r\n", "written", 2),
        (b"$OK:STOPTRACKING\r\n$ER:GPRS=1\r\n", "written", 2),
        (b"$ER:GPRS=1\r\n" + OK, "acknowledged", 3),
    ],
)
def test_what_acknowledges_and_what_refuses(answer: bytes, state: str, sent: int) -> None:
    lines, outcome = spoken(ASKED, told("2,120,1000,0,1"), answer)
    assert (len(lines), states(outcome)) == (sent, dict.fromkeys(ASKED, state))
    assert outcome.unanswered is (state != "rejected")


def test_answers_of_another_unit_do_not_count() -> None:
    command = next(FAMILY.apply(Target("1010000002", variant="x1"), ASKED))
    assert [command.match(message).value for message in heard(told("1,60,500,0,1"))] == ["no"]


@pytest.mark.parametrize("variant", ["x1", "careu"])
@pytest.mark.parametrize(
    ("faults", "state", "reported"),
    [
        (Faults(), "confirmed", 60),
        (Faults(clamp={"tracking_interval": (90, 300)}), "mismatched", 90),
        (Faults(ignore=frozenset({"tracking_interval"})), "mismatched", 120),
        (Faults(refuse=frozenset({"tracking_interval"})), "rejected", None),
        (Faults(silent=True), "unknown", None),
    ],
)
def test_faults(variant: str, faults: Faults, state: str, reported: int | None) -> None:
    asked = {name: value for name, value in ASKED.items() if variant == "x1" or name != "type"}
    outcome = applied(asked, variant, faults=faults)
    field = outcome.fields["tracking_interval"]
    if variant == "careu" and state == "confirmed":  # it stands in its mode 2, by distance
        state = "acknowledged"
    assert (field.state.value, field.reported) == (state, reported)
    assert outcome.unanswered is faults.silent
    others = {found.state.value for name, found in outcome.fields.items() if name != "tracking_interval"}
    assert others <= ({state} if reported is None else {"confirmed", "acknowledged"})


def test_passwords() -> None:
    wrong = applied(ASKED, options={"password": "1111"}, variant="x1")
    assert states(wrong) == dict.fromkeys(ASKED, "unsupported")
    assert "password" in wrong.fields["type"].reason
    command = next(FAMILY.apply(target(options={"password": "s3cret"}), ASKED))
    assert command.payload == b"$ST+TRACKING=s3cret,?\r\n"
    assert (command.secrets, "s3cret" in command.text) == ((b"s3cret",), False)
    for text in ("", "1,2", "0000\r\n", "a" * 17):
        with pytest.raises(LocalError):
            next(FAMILY.apply(target(options={"password": text}), ASKED))


def test_flipped_bits_of_an_answer_confirm_no_other_value() -> None:
    """There is no checksum: a flip in a value of ours must not leave it confirmed."""
    whole = told("1,60,500,0,1,3")
    for bit in range(8 * len(whole)):
        broken = bytearray(whole)
        broken[bit // 8] ^= 1 << bit % 8
        _, outcome = spoken(ASKED, told("2,120,1000,0,1,3"), OK, bytes(broken))
        cells = bytes(broken).strip().partition(b"=")[2].split(b",")
        for place, (name, value) in enumerate(
            (("type", b"1"), ("tracking_interval", b"60"), ("tracking_distance", b"500"))
        ):
            if states(outcome)[name] == "confirmed":
                # 5 is the same type as 1, with the ignition on.
                assert cells[place] in ((value, b"5") if name == "type" else (value,)), bytes(broken)
                assert broken.startswith(b"$TRACKING=")


def test_reading() -> None:
    unit = FAMILY.emulator(UNIT, "x1", settings=OTHER)
    wanted = [*OTHER, "tracking_angle"]
    assert against_emulator(FAMILY.read(target(), wanted), unit, FAMILY.stream())[1].reported == OTHER
    deaf = FAMILY.emulator(UNIT, "x1", options={"readable": 0})
    outcome = against_emulator(FAMILY.read(target(), wanted), deaf, FAMILY.stream())[1]
    assert (outcome.reported, outcome.unanswered) == ({}, False)
    assert against_nobody(FAMILY.read(target(options={"blind": 1}), wanted))[0] == []


def test_what_does_not_fit_is_told_before_anything_is_sent() -> None:
    asked = {"tracking_interval": 65536, "tracking_distance": 0, "type": "power_save", "tracking_angle": 45, "x": 1}
    found = {problem.field: problem.severity for problem in FAMILY.check(target(), asked)}
    assert [name for name, each in found.items() if each is Severity.REFUSE] == [*asked][:3]
    assert [name for name, each in found.items() if each is Severity.UNSUPPORTED] == [*asked][3:]
    with pytest.raises(LocalError):
        FAMILY.apply(target(), asked)


def test_raw_commands() -> None:
    command = FAMILY.raw(target(), "$ST+UNID=0000,?")
    assert [command.match(each).value for each in heard(OK + b"$UNID=1010000001\r\n$ERR:X\r\n")] == [
        "no",
        "done",
        "refused",
    ]
    for text in ("", "UNID=1\r\n$ST+POWER=1", "unid", "$ST+UNID=\xe9"):
        with pytest.raises(LocalError):
            FAMILY.raw(target(), text)


@pytest.mark.parametrize(
    ("line", "shown", "secrets"),
    [
        ("$ST+UNID=9876,?", "$ST+UNID=...,?", {b"0000", b"9876"}),
        ("$ST+CPAS=9876,5432", "$ST+CPAS=...,...", {b"0000", b"9876", b"5432"}),
        ("$ST+VERSION", "$ST+VERSION", {b"0000"}),
    ],
)
def test_passwords_of_own_commands_are_not_shown(line: str, shown: str, secrets: set[bytes]) -> None:
    command = FAMILY.raw(target(), line)
    assert (command.payload, command.text, set(command.secrets)) == (line.encode() + b"\r\n", shown, secrets)
    (message,) = FAMILY.server(command.payload.strip())
    assert isinstance(message, Message)
    assert not any(secret.decode() in str(FAMILY.fields(message)) for secret in secrets)


@pytest.mark.parametrize("password", [None, True, 1.5, "", "00,00", "\u0663" * 4])
def test_what_is_no_password_is_not_sent(password: object) -> None:
    with pytest.raises(LocalError):
        FAMILY.raw(target(options={"password": password}), "VERSION")


@pytest.mark.parametrize("value", [[], {}, None, 1, "angle"])
def test_what_is_no_type_is_refused(value: object) -> None:
    assert [each.field for each in FAMILY.check(target(), {"type": value})] == ["type"]


def test_ids_are_replaced() -> None:
    for name in ("sync", "position-prefixed", "position"):
        old = str(CASES[name]["means"].get("device_id") or CASES[name]["means"]["unit_id"])
        new = "4" * len(old) if name != "sync" else "4010000009"
        (message,) = heard(FAMILY.rename(raw(name), old, new))
        assert message.device_id == new
        assert FAMILY.rename(message.frame, new, old) == raw(name)


@pytest.mark.parametrize("prefix", [b"", b"$RP:12345,"])
def test_careu_ids_of_15_digits(prefix: bytes) -> None:
    """Ids that users of a public server report as not read (issue 8, B7): recorded position, made-up id."""
    line = prefix + b"123456789012345" + raw("position-prefixed")[len(b"$RP:12345,1010000002") :]
    (message,) = heard(line)
    assert (message.kind, message.device_id) == (Kind.REPORT, "123456789012345")
    told = FAMILY.fields(message)
    assert (told["unit_id"], told["longitude"]) == ("123456789012345", 121.646102)
    assert FAMILY.recognise(line) is bool(prefix)
