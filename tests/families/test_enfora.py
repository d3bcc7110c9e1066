"""Enfora: recorded frames, AT commands in them, and changes to nothing but the rows and timers the unit reports by."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from tracker_codecs.contract import Faults, Kind, Message, Outcome, Severity, Strength, Target, Transport
from tracker_codecs.drive import against_emulator, against_nobody, collect
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.enfora import table as values
from tracker_codecs.families.enfora.family import FAMILY
from tracker_codecs.families.enfora.frame import wrap

FIXTURE = Path(__file__).parents[2] / "firmware-fixtures" / "enfora" / "frames.yaml"
CASES = {case["id"]: case for case in yaml.safe_load(FIXTURE.read_text("utf-8"))["cases"]}
REPORTS = [
    name
    for name, case in CASES.items()
    if case["direction"] == "device_to_server" and case["encoding"] == "hex" and "response" not in name
]
COMMANDS = [name for name in CASES if name.startswith("at_over")]
IMEI = "011070000570267"
ASKED = {"tracking_interval": 300, "tracking_distance": 1000}
PLACE = {"tracking_distance": 1000}
HEAD = "$EVENT: evgp evtyp evcat p1 p2"
TIMED, FAR, REPORTS_7, REPORTS_8 = "7A 1 13 1 1", "8A 0 16 500 1000000", "7B 3 52 9 4350", "8B 3 52 9 4350"
TABLE = (TIMED, REPORTS_7, FAR, REPORTS_8)
AFTER = (TIMED, REPORTS_7, "8A 0 16 1000 1000000", REPORTS_8)


def raw(name: str) -> bytes:
    return bytes.fromhex(str(CASES[name]["data"]))


def link(name: str) -> Transport:
    return Transport.TCP if "length_field" in CASES[name]["means"] or "tcp" in name else Transport.UDP


def heard(data: bytes, transport: Transport = Transport.UDP) -> list[Message]:
    stream = FAMILY.stream(transport)
    stream.feed(wrap(transport, 10, 8, IMEI.encode()))
    return [event for event in stream.feed(data) if isinstance(event, Message)]


def target(**more: Any) -> Target:
    return Target(IMEI, variant="events", **{"transport": Transport.UDP, **more})


def table(*rows: str, end: str = "\r\nOK\r\n") -> str:
    return "\r\n".join(["", HEAD, *rows]) + "\r\n" + end


OK, ERROR = "\r\nOK\r\n", "\r\nERROR\r\n"
STOPPED = [f"\r\n$EVTIM{number}: {seconds}\r\n\r\nOK\r\n" for number, seconds in ((1, 0), (2, 60), (3, 0), (4, 0))]


def spoken(asked: dict[str, Any], *answers: str, **more: Any) -> tuple[list[str], Outcome]:
    """The commands and the outcome; each answer comes with the number of its command; then silence."""
    dialogue = FAMILY.apply(target(**more), asked)
    texts = []
    try:
        command = next(dialogue)
        for each in [*answers, *[""] * 8]:
            texts.append(command.text)
            said = command.payload[:2] + b"\x05\x00" + each.encode() if each else b""
            command = dialogue.send(collect(command, heard(said) if said else []))
    except StopIteration as stop:
        outcome: Outcome = stop.value
        return texts, outcome
    raise AssertionError("the dialogue does not end")


def unit(transport: Transport = Transport.UDP, **more: Any) -> Any:
    return FAMILY.emulator(IMEI, "events", transport=transport, **more)


def applied(device: Any, asked: dict[str, Any], **more: Any) -> tuple[list[str], Outcome]:
    at = target(transport=device.transport, **more)
    exchanges, outcome = against_emulator(FAMILY.apply(at, asked), device, FAMILY.stream(device.transport))
    return [each.command.text for each in exchanges], outcome


def states(outcome: Outcome) -> dict[str, str]:
    return {name: found.state.value for name, found in outcome.fields.items()}


# -- frames --
@pytest.mark.parametrize("name", REPORTS)
def test_reports(name: str) -> None:
    means = CASES[name]["means"]
    (message,) = FAMILY.stream(link(name)).feed(raw(name))
    assert isinstance(message, Message)
    fields = FAMILY.fields(message)
    assert message.kind is (Kind.LOGIN if means["api_number"] == 10 else Kind.REPORT)
    assert message.device_id == means.get("imei", means.get("id"))
    assert (fields["format"], fields["type"], message.owed) == (means["api_number"], means["command_type"], b"")
    if "byte3" in means:
        assert len(fields["options"]) == 2 * int(means["byte3"], 16)
    assert ("position" in fields) is ("nmea" in means)
    assert FAMILY.recognise(raw(name)) is True


def test_a_report_tells_where_and_when() -> None:
    (message,) = heard(raw("udp_ascii_report-01"))
    told = FAMILY.fields(message)["position"]
    # 3302.201125 S, 07135.878383 W: degrees and minutes
    assert (told["latitude"], told["longitude"]) == (-33.0366854, -71.597973)
    assert told["time"].startswith("2017-07-06T14:09:17")
    broken = raw("udp_ascii_report-01").replace(b"33", b"34", 1)
    with pytest.raises(PeerError):
        FAMILY.fields(heard(broken)[0])


def test_the_length_of_tcp_counts_itself() -> None:
    for name in REPORTS:
        if link(name) is Transport.TCP:
            assert len(raw(name)) == CASES[name]["means"]["length_field"]
    frames = [raw("data-01"), raw("data-02"), raw("data-04")]
    stream = FAMILY.stream()
    events = stream.feed(b"".join(frames))
    assert [event.frame for event in events if isinstance(event, Message)] == frames
    assert (len(events), stream.buffered) == (3, 0)
    for length in (b"\0\0", b"\0\5", b"\xff\xff", b"\x80\0"):
        events = FAMILY.stream().feed(length + frames[0][2:] + frames[1] * 2)
        assert isinstance(events[0], PeerError)
        assert isinstance(events[-1], Message)
    assert isinstance(FAMILY.stream(Transport.UDP).feed(b"\0\4\2")[0], PeerError)


def test_the_printed_answer() -> None:
    means = CASES["at_response-01"]["means"]
    (message,) = heard(raw("at_response-01"))
    assert (message.kind, message.text) == (Kind.REPLY, means["text"].strip())
    command = FAMILY.raw(target(serial=1), "ATI")
    assert command.payload[2:] == raw("at_over_udp-01")[2:]
    answer = command.payload[:2] + raw("at_response-01")[2:]
    assert [command.match(each).value for each in (message, *heard(answer))] == ["no", "done"]


@pytest.mark.parametrize("name", COMMANDS)
def test_commands(name: str) -> None:
    means = CASES[name]["means"]
    (message,) = FAMILY.server(raw(name))
    assert isinstance(message, Message)
    assert FAMILY.fields(message) == {"message": "command", "number": means["sequence"], "at": means["at"]}
    assert wrap(link(name), means["sequence"], means["command_type"], means["at"].encode()) == raw(name)


def test_the_printed_table() -> None:
    case = CASES["at_query_answer-01"]
    rows = values.rows(str(case["data"]))
    assert rows is not None
    assert len(rows) == case["means"]["rows"]
    assert (rows[0], rows[3]) == (values.Row(1, "A", 0, 9, 2, 4), values.Row(2, "B", 3, 21, 0, 0))
    for broken in ("1A 0 9 2", "1A 0 9 2 4 5", "1a 0 9 2 4", "1A 4 9 2 4", "1A 0 9 2 x", "hello"):
        assert values.rows(f"{HEAD}\r\n{broken}\r\nOK\r\n") is None


# -- conversations --
def test_commands_are_those_of_the_public_scripts() -> None:
    texts, _ = spoken(ASKED, table(*TABLE), *STOPPED, OK, OK, OK, OK)
    assert texts == [
        "AT$EVENT?",
        *(f"AT$EVTIM{number}?" for number in (1, 2, 3, 4)),
        CASES["at_text-01"]["data"],
        str(CASES["at_text-05"]["data"]),
        "AT$EVENT=8,0,16,1000,1000000",
        CASES["at_over_udp-04"]["means"]["at"],
        "AT$EVENT?",
    ]
    made = [values.Row(7, "", 1, 13, 1, 1).setting, values.Row(8, "", 3, 52, 9, 4350).setting]
    assert made == [CASES["at_text-02"]["data"], CASES["at_text-04"]["data"]]
    exchanges, _ = against_nobody(FAMILY.apply(target(options={"timer": 2}), {"tracking_interval": 60}))
    assert exchanges[2].command.payload[2:] == raw("at_over_udp-02")[2:]


@pytest.mark.parametrize("transport", [Transport.UDP, Transport.TCP])
def test_a_unit_is_confirmed_by_its_own_table(transport: Transport) -> None:
    device = unit(transport)
    outputs = [row for row in device.rows if row.category != 16]
    _, outcome = applied(device, ASKED)
    assert states(outcome) == dict.fromkeys(ASKED, "confirmed")
    assert {found.strength for found in outcome.fields.values()} == {Strength.READ_BACK}
    assert (device.settings, device.stored, device.timers) == (ASKED, True, {1: 0, 2: 300, 3: 0, 4: 0})
    assert [row for row in device.rows if row.category != 16] == outputs
    texts, outcome = applied(device, ASKED)
    assert not any("EVDEL" in text for text in texts), "a row that is right must not be taken out"
    assert states(outcome) == dict.fromkeys(ASKED, "confirmed")


def test_which_timer_reports_is_not_guessed() -> None:
    def chosen(rows: tuple[str, ...], seconds: tuple[int, ...], **more: Any) -> str:
        timers = [f"\r\n$EVTIM{number}: {each}\r\n\r\nOK\r\n" for number, each in enumerate(seconds, 1)]
        texts, outcome = spoken({"tracking_interval": 300}, table(*rows), *timers, **more)
        assert outcome.fields["tracking_interval"].reason
        return texts[5] if len(texts) > 5 else outcome.fields["tracking_interval"].state.value

    assert chosen(TABLE, (0, 60, 0, 0)) == "AT$EVTIM2=300"
    assert chosen(("9A 1 12 1 1", "9B 3 40 9 1"), (0, 0, 0, 60)) == str(CASES["at_text-07"]["data"])[:-2] + "300"
    assert chosen(TABLE, (0, 60, 0, 60)) == "unsupported"
    assert chosen(TABLE, (0, 0, 0, 0)) == "unsupported"
    assert chosen((*TABLE, "9A 1 12 1 1", "9B 3 40 9 1"), (0, 60, 0, 0)) == "unsupported"
    assert chosen((TIMED, "7B 3 37 1 0"), (0, 60, 0, 0)) == "unsupported"  # 37 does not report
    texts, _ = spoken({"tracking_interval": 300}, table(*TABLE), STOPPED[3], options={"timer": "4"})
    assert texts[1:] == ["AT$EVTIM4?", "AT$EVTIM4=300"]


def test_a_timer_that_the_unit_does_not_have_is_none() -> None:
    texts, _ = spoken({"tracking_interval": 300}, table(*TABLE), *STOPPED[:2], ERROR, ERROR)
    assert texts[5] == "AT$EVTIM2=300"


@pytest.mark.parametrize(
    ("rows", "options", "told"),
    [
        ((TIMED, REPORTS_7), {}, "extended"),
        ((FAR, "8B 3 37 1 0"), {}, "extended"),
        (("8A 3 16 500 1000000", REPORTS_8), {}, "extended"),
        ((*TABLE, "9A 0 16 50 90", "9B 3 40 9 1"), {}, "several"),
        ((*TABLE, "8C 0 16 50 90"), {"group": 8}, "several"),
        ((*TABLE, "9A 0 16 50 90", "9B 3 40 9 1"), {"group": 9}, "AT$EVDEL=9a"),
        ((TIMED, REPORTS_7), {"group": 7}, "AT$EVENT=7,0,16,1000,1000000"),
        ((TIMED, REPORTS_7), {"group": 8}, "extended"),
    ],
)
def test_which_row_reports_by_distance_is_not_guessed(rows: tuple[str, ...], options: Any, told: str) -> None:
    texts, outcome = spoken(PLACE, table(*rows), options=options)
    if told.startswith("AT"):
        assert texts[1] == told
    else:
        assert (texts, states(outcome)) == (["AT$EVENT?"], {"tracking_distance": "unsupported"})
        assert told in outcome.fields["tracking_distance"].reason


def test_type_and_upper_end_of_a_row_stay() -> None:
    texts, _ = spoken(PLACE, table("8A 2 16 500 77777", REPORTS_8), OK)
    assert texts[2] == "AT$EVENT=8,2,16,1000,77777"
    texts, _ = spoken(PLACE, table("8A 2 16 500 999", REPORTS_8), OK)
    assert texts[2] == "AT$EVENT=8,2,16,1000,1000000"


def test_a_row_that_was_taken_out_is_put_back() -> None:
    gone = table(TIMED, REPORTS_7, REPORTS_8)
    texts, outcome = spoken(PLACE, table(*TABLE), OK)  # the answer to the new row never comes
    assert (len(texts), outcome.unanswered, states(outcome)) == (3, True, {"tracking_distance": "written"})
    texts, outcome = spoken(PLACE, gone, OK, OK, table(*AFTER), known=outcome.known)
    assert texts == ["AT$EVENT?", "AT$EVENT=8,0,16,1000,1000000", "AT&W", "AT$EVENT?"]
    assert states(outcome) == {"tracking_distance": "confirmed"}
    # Not where its group reports no more.
    texts, outcome = spoken(PLACE, table(TIMED, REPORTS_7), known=outcome.known)
    assert states(outcome) == {"tracking_distance": "unsupported"}


def test_a_deletion_without_an_answer_is_looked_up() -> None:
    texts, outcome = spoken(PLACE, table(*TABLE), "", table(*TABLE))
    assert (texts, outcome.unanswered) == (["AT$EVENT?", "AT$EVDEL=8a", "AT$EVENT?"], True)
    texts, outcome = spoken(PLACE, table(*TABLE), "", table(TIMED, REPORTS_7, REPORTS_8), OK, OK, table(*AFTER))
    assert texts[3] == "AT$EVENT=8,0,16,1000,1000000"
    assert states(outcome) == {"tracking_distance": "confirmed"}
    texts, outcome = spoken(PLACE, table(*TABLE), "", "")
    assert (len(texts), outcome.known) == (3, {"enfora_distance_row": "8,0,1000000"})
    texts, outcome = spoken(PLACE, table(*TABLE), "", table(TIMED, REPORTS_7, end=""))  # the rest of it is lost
    assert (len(texts), outcome.unanswered) == (3, True)


def test_a_new_row_that_is_refused_gives_way_to_the_old_one() -> None:
    device = unit(faults=Faults(refuse=frozenset(PLACE)))
    texts, outcome = applied(device, PLACE)
    assert texts[1:4] == ["AT$EVDEL=8a", "AT$EVENT=8,0,16,1000,1000000", "AT$EVENT=8,0,16,500,1000000"]
    assert (states(outcome), device.settings["tracking_distance"]) == ({"tracking_distance": "rejected"}, 500)
    assert outcome.fields["tracking_distance"].reported == 500


def test_a_row_that_is_gone_is_not_confirmed() -> None:
    _, outcome = spoken(PLACE, table(*TABLE), OK, OK, OK, table(TIMED, REPORTS_7, REPORTS_8))
    assert states(outcome) == {"tracking_distance": "mismatched"}


@pytest.mark.parametrize(
    ("answer", "sent"),
    [
        (table(*TABLE), 3),
        (table(*TABLE, end=""), 3),  # as printed: no OK; silence ends it
        (table(*TABLE, end="")[:-2], 1),  # broke off: a number may be cut
        (table(*TABLE, "8Z"), 1),
        (table(*TABLE).replace(HEAD, ""), 1),
        (OK, 1),
        (ERROR, 1),
    ],
)
def test_a_table_in_part_decides_nothing(answer: str, sent: int) -> None:
    texts, outcome = spoken(PLACE, answer)
    assert len(texts) == sent  # with a deletion, and a look at what became of it
    if sent == 1:
        assert outcome.fields["tracking_distance"].state.value in ("unsupported", "unknown")


def test_a_table_in_two_frames() -> None:
    command = next(FAMILY.apply(target(), PLACE))
    text = table(*TABLE)
    head = command.payload[:2] + b"\x05\x00"
    first, second = heard(head + text[:60].encode())[0], heard(head + text[60:].encode())[0]
    assert [command.match(each).value for each in (first, second)] == ["part", "done"]


@pytest.mark.parametrize("name", ASKED)
@pytest.mark.parametrize(
    ("kind", "state"),
    [("clamp", "mismatched"), ("ignore", "mismatched"), ("refuse", "rejected"), ("silent", "unknown")],
)
def test_faults(name: str, kind: str, state: str) -> None:
    faults = {
        "clamp": Faults(clamp={name: (40, 200)}),
        "ignore": Faults(ignore=frozenset({name})),
        "refuse": Faults(refuse=frozenset({name})),
        "silent": Faults(silent=True),
    }[kind]
    device = unit(faults=faults)
    _, outcome = applied(device, ASKED)
    assert states(outcome)[name] == state
    assert outcome.unanswered is faults.silent
    assert outcome.fields[name].reported in (None, device.settings[name])
    if kind != "silent":
        (other,) = ASKED.keys() - {name}
        assert states(outcome)[other] == "confirmed"


def test_late_answers_of_another_revision_do_not_count() -> None:
    old, new = (next(FAMILY.apply(target(serial=serial), PLACE)) for serial in (32, 64))
    (answer,) = heard(old.payload[:2] + b"\x05\x00" + table(*TABLE).encode())
    assert (old.match(answer).value, new.match(answer).value) == ("done", "no")
    assert next(FAMILY.apply(Target("9" * 15, variant="events", serial=32), PLACE)).match(answer).value == "no"


def test_flipped_bits_of_a_table_confirm_no_other_distance() -> None:
    """There is no checksum: a flip in the row must not leave it confirmed."""
    right = table(*AFTER)
    start, end = right.index("8A 0 16"), right.index("8A 0 16") + len("8A 0 16 1000")
    for bit in range(7 * len(right)):
        at = bit // 7
        text = right[:at] + chr(ord(right[at]) ^ 1 << bit % 7) + right[at + 1 :]
        _, outcome = spoken(PLACE, table(*TABLE), OK, OK, OK, text)
        if start <= at < end and states(outcome) == {"tracking_distance": "confirmed"}:
            assert text[start:end].split() in (["8A", "0", "16", "1000"], [f"8{text[at]}", "0", "16", "1000"]), text


def test_flipped_bits_of_a_timer_confirm_no_other_interval() -> None:
    right = "\r\n$EVTIM2: 300\r\n\r\nOK\r\n"
    asked = {"tracking_interval": 300}
    for bit in range(7 * len(right)):
        at = bit // 7
        text = right[:at] + chr(ord(right[at]) ^ 1 << bit % 7) + right[at + 1 :]
        _, outcome = spoken(asked, table(*TABLE), *STOPPED, OK, OK, text)
        if states(outcome) == {"tracking_interval": "confirmed"}:
            assert "$EVTIM2" in text
            assert int(text.partition(":")[2].split()[0]) == 300


def test_reading() -> None:
    device = unit(settings=ASKED)
    _, outcome = against_emulator(FAMILY.read(target(), list(ASKED)), device, FAMILY.stream(Transport.UDP))
    assert outcome.reported == ASKED
    device.timers[4] = 60
    _, outcome = against_emulator(FAMILY.read(target(), list(ASKED)), device, FAMILY.stream(Transport.UDP))
    assert outcome.reported == PLACE
    named = target(options={"timer": 4})
    exchanges, outcome = against_emulator(FAMILY.read(named, list(ASKED)), device, FAMILY.stream(Transport.UDP))
    assert (len(exchanges), outcome.reported["tracking_interval"]) == (2, 60)
    session = Target(IMEI, variant="tt8750plus")
    assert against_nobody(FAMILY.read(session, list(ASKED)))[0] == []


def test_what_does_not_fit_is_told_before_anything_is_sent() -> None:
    asked = {"tracking_interval": 18001, "tracking_distance": 99, "psm_interval": 60}
    found = {problem.field: problem.severity for problem in FAMILY.check(target(), asked)}
    assert found == {**dict.fromkeys(asked, Severity.REFUSE), "psm_interval": Severity.UNSUPPORTED}
    with pytest.raises(LocalError):
        FAMILY.apply(target(), asked)
    plus = FAMILY.check(Target(IMEI, variant="tt8750plus"), ASKED | {"tracking_angle": 30})
    assert {problem.severity for problem in plus} == {Severity.UNSUPPORTED}


def test_raw_commands() -> None:
    command = FAMILY.raw(target(transport=Transport.TCP), "AT$IOGP3=1")
    assert command.payload[:2] + command.payload[4:] == raw("at_over_tcp-01")[:2] + raw("at_over_tcp-01")[4:]
    answers = [heard(command.payload[2:4] + b"\x05\x00" + text)[0] for text in (b"\r\nERROR\r\n", b"\r\nx\r\n")]
    assert [command.match(each).value for each in answers] == ["refused", "done"]
    for text in ("", "hello", "AT\r\nAT&F", "AT\xe9"):
        with pytest.raises(LocalError):
            FAMILY.raw(target(), text)


@pytest.mark.parametrize("modem", [b"SKYPATROL12345A", b"ab12"])
def test_a_modem_id_with_letters(modem: bytes) -> None:
    """Ids that users of a public server report as not read (issue 8, B7): a recorded report, a made-up id."""
    name = next(each for each in REPORTS if b"  123456789012345" in raw(each))
    whole = raw(name).replace(b"123456789012345".rjust(22), modem.rjust(22))
    (message,) = [event for event in FAMILY.stream(link(name)).feed(whole) if isinstance(event, Message)]
    assert (message.kind, message.device_id) == (Kind.REPORT, modem.decode())
    assert FAMILY.fields(message)["device_id"] == modem.decode()
