"""ATrack: recorded packets, documented command lines, and answers that name no command."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from tracker_codecs.contract import (
    Checksum,
    Faults,
    FieldState,
    Kind,
    Message,
    Outcome,
    Purpose,
    Severity,
    Strength,
    Target,
    Transport,
)
from tracker_codecs.drive import Exchange, against_emulator, against_nobody, collect
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.atrack.family import FAMILY

FIXTURE = Path(__file__).parents[2] / "firmware-fixtures" / "atrack" / "frames.yaml"
CASES = {case["id"]: case for case in yaml.safe_load(FIXTURE.read_text("utf-8"))["cases"]}
SERVER = [name for name, case in CASES.items() if case["direction"] == "server_to_device"]
REPORTS = ["binary-position", "binary-two-positions", "ascii-position"]
IMEI = "352964052096642"
ALL = {"tracking_interval": 60, "tracking_distance": 150, "tracking_angle": 30}


def raw(name: str) -> bytes:
    case = CASES[name]
    return bytes.fromhex(case["data"]) if case["encoding"] == "hex" else str(case["data"]).encode("ascii")


def heard(data: bytes, **form: Any) -> list[Message]:
    return [event for event in FAMILY.stream(**form).feed(data) if isinstance(event, Message)]


def target(**more: Any) -> Target:
    return Target(IMEI, variant="trac", **more)


def applied(asked: dict[str, Any], **unit: Any) -> tuple[list[str], Outcome, Any]:
    device = FAMILY.emulator(IMEI, "trac", **unit)
    exchanges, outcome = against_emulator(FAMILY.apply(target(), asked), device, FAMILY.stream())
    return sent(exchanges), outcome, device


def sent(exchanges: list[Exchange]) -> list[str]:
    return [exchange.command.text for exchange in exchanges]


def spoken(asked: dict[str, Any], *answers: bytes) -> tuple[list[bytes], Outcome]:
    """The commands and the outcome of a dialogue with these answers in order; then silence."""
    dialogue = FAMILY.apply(target(), asked)
    command = next(dialogue)
    payloads = []
    try:
        for answer in [*answers, *[b""] * 4]:
            payloads.append(command.payload)
            command = dialogue.send(collect(command, heard(answer)))
    except StopIteration as stop:
        outcome: Outcome = stop.value
        return payloads, outcome
    raise AssertionError("the dialogue does not end")


def states(outcome: Outcome) -> dict[str, str]:
    return {name: found.state.value for name, found in outcome.fields.items()}


# -- packets --
@pytest.mark.parametrize("name", REPORTS)
def test_reports(name: str) -> None:
    means = CASES[name]["means"]
    (message,) = heard(raw(name))
    told = FAMILY.fields(message)
    assert (message.kind, message.checksum, message.device_id) == (Kind.REPORT, Checksum.OK, str(means["unit_id"]))
    assert {key: told[key] for key in ("prefix", "sequence", "unit_id")} == {
        "prefix": means["prefix"],
        "sequence": means["sequence"],
        "unit_id": str(means["unit_id"]),
    }
    assert len(told["records"]) == means.get("records", 1)
    if "owes_ack" in means:
        assert message.owed == bytes.fromhex(means["owes_ack"])
    if "odometer_raw" in means:
        (record,) = told["records"]
        assert (record["odometer_100m"], record["report_id"]) == (means["odometer_raw"], means["report_id"])
    assert FAMILY.recognise(raw(name)) is True


def test_ascii_reports_are_acknowledged_with_the_unit_id_and_not_their_length() -> None:
    (message,) = heard(raw("ascii-position"))
    assert message.owed == b"\xfe\x02" + (356961075931165).to_bytes(8, "big") + (991).to_bytes(2, "big")
    (record,) = FAMILY.fields(message)["records"]
    assert (record["latitude"], record["longitude"], record["report_id"]) == (44.271225, -88.429188, 2)


def test_a_report_whose_checksum_is_wrong_is_neither_believed_nor_acknowledged() -> None:
    assert heard(raw("ascii-anonymised")) == []
    events = FAMILY.stream().feed(raw("ascii-anonymised") + raw("ascii-position"))
    assert isinstance(events[0], PeerError)
    assert [event.frame for event in events if isinstance(event, Message)] == [raw("ascii-position")]


def test_a_keep_alive_is_owed_itself() -> None:
    (message,) = heard(raw("keepalive"))
    means = CASES["keepalive"]["means"]
    assert (message.kind, message.device_id, message.owed) == (Kind.HEARTBEAT, IMEI, raw("keepalive"))
    told = FAMILY.fields(message)
    assert (told["unit_id"], told["sequence"]) == (str(means["unit_id"]), means["sequence"])


def test_answers() -> None:
    messages = heard(raw("keepalive") + raw("ok") + raw("error-101") + raw("info-answer"))
    assert [message.kind for message in messages[1:]] == [Kind.REPLY] * 3
    ok, error, info = (FAMILY.fields(message) for message in messages[1:])
    assert (ok["ok"], error["ok"], error["code"]) == (True, False, str(CASES["error-101"]["means"]["code"]))
    means = CASES["info-answer"]["means"]
    assert (info["command"], info["model"], info["firmware"]) == (means["command"], means["model"], means["firmware"])
    assert (info["unit_id"], info["values"][6:9]) == (
        str(means["unit_id"]),
        [str(means[name]) for name in ("power_dV", "battery_dV", "satellites")],
    )


@pytest.mark.parametrize("name", SERVER)
def test_server_lines(name: str) -> None:
    means = CASES[name]["means"]
    (message,) = FAMILY.server(raw(name))
    assert isinstance(message, Message)
    told = FAMILY.fields(message)
    assert (told["message"], told["command"]) == (means["type"], means["command"])
    order = ("mode", "time_interval_s", "distance_m", "heading_deg", "minimum_speed", "count", "channels")
    if "mode" in means:
        assert told["arguments"][:7] == [str(means.get(key, "")) for key in order]
    elif "arguments" in means:
        assert told["arguments"] == [str(each) for each in means["arguments"]]


def test_every_flipped_bit_of_a_report_is_seen() -> None:
    for name in ("binary-position", "ascii-position"):
        whole = raw(name)
        for bit in range(8 * len(whole)):
            broken = bytearray(whole)
            broken[bit // 8] ^= 1 << bit % 8
            for message in heard(bytes(broken)):
                # The prefix alone stands outside the checksum.
                assert bit // 8 < 2, (name, bit)
                assert message.kind is Kind.REPORT


def test_a_datagram_is_a_whole() -> None:
    stream = FAMILY.stream(Transport.UDP)
    assert isinstance(stream.feed(raw("binary-position")[:30])[0], PeerError)
    assert stream.buffered == 0
    assert [type(event) for event in stream.feed(raw("binary-position"))] == [Message]


def test_no_answer_is_found_inside_garbage() -> None:
    assert heard(b"\x00\x01" + raw("ok")) == []
    assert [message.text for message in heard(b"\x00\x01" + raw("ok") * 2)] == ["$OK"]


def test_renaming_puts_checksums_right() -> None:
    for name in (*REPORTS, "keepalive"):
        (message,) = heard(raw(name))
        new = "135790246811220"
        (renamed,) = heard(FAMILY.rename(raw(name), str(message.device_id), new))
        assert renamed.device_id == new
        assert len(renamed.frame) == len(message.frame)


# -- conversations --
def test_the_documented_lines() -> None:
    payloads, outcome = spoken({"tracking_interval": 60}, raw("error-101"), raw("ok"))
    assert payloads == [b"AT$TRAC=?\r\n", raw("cmd-trac-60s")]
    assert states(outcome) == {"tracking_interval": "acknowledged"}
    payloads, outcome = spoken(ALL, b"", raw("ok"))
    assert payloads == [b"AT$TRAC=?\r\n", raw("cmd-trac-server-composed")]
    assert states(outcome) == dict.fromkeys(ALL, "acknowledged")
    assert {found.strength for found in outcome.fields.values()} == {Strength.ACKNOWLEDGED}
    assert FAMILY.raw(target(), "AT$INFO=?").payload == raw("cmd-info-query")


def test_a_dry_run_shows_the_line() -> None:
    exchanges, _ = against_nobody(FAMILY.apply(target(), ALL))
    assert sent(exchanges) == ["AT$TRAC=?", "AT$TRAC=131,60,150,30,0,0,2"]
    assert exchanges[1].command.depends_on_read
    assert exchanges[1].command.purpose is Purpose.WRITE


def test_a_unit_that_tells_its_line_keeps_the_rest_of_it_and_confirms() -> None:
    line = raw("cmd-trac-ax7").removeprefix(b"AT").replace(b",16,", b",%s,")
    payloads, outcome = spoken(
        {"tracking_distance": 500, "tracking_interval": 90},
        line % b"16",
        raw("ok"),
        b"$TRAC=131,90,500,15,0,0,18,0,0\r\n",
    )
    assert payloads == [b"AT$TRAC=?\r\n", b"AT$TRAC=131,90,500,15,0,0,18,0,0\r\n", b"AT$TRAC=?\r\n"]
    assert states(outcome) == {"tracking_distance": "confirmed", "tracking_interval": "confirmed"}


@pytest.mark.parametrize(("mask", "becomes"), [("", "2"), ("2", "2"), ("16", "18"), ("18", "18"), ("FFFF", "FFFF")])
def test_bits_of_the_channel_mask_are_never_dropped(mask: str, becomes: str) -> None:
    payloads, _ = spoken(ALL, f"$TRAC=131,60,1000,15,0,0,{mask}\r\n".encode())
    assert payloads[1] == f"AT$TRAC=131,60,150,30,0,0,{becomes}\r\n".encode()


@pytest.mark.parametrize(
    ("line", "asked"),
    [
        ("3,60,100,10,0,0,2", {"tracking_interval": 90}),  # a mode that nobody explains
        ("1,60,,,0,0,2", {"tracking_distance": 90}),  # no angle to keep
        ("1,61,100,10,0,0,FFFD", ALL),  # a hexadecimal mask without the server
    ],
)
def test_what_is_not_understood_is_left_alone(line: str, asked: dict[str, Any]) -> None:
    payloads, outcome = spoken(asked, f"$TRAC={line}\r\n".encode())
    assert payloads == [b"AT$TRAC=?\r\n"]
    assert set(states(outcome).values()) == {"rejected"}


@pytest.mark.parametrize("asked", [{"tracking_distance": 150}, {"tracking_interval": 60, "tracking_angle": 30}])
def test_a_part_of_the_line_is_written_only_into_a_known_one(asked: dict[str, Any]) -> None:
    texts, outcome, _ = applied(asked)
    assert texts == ["AT$TRAC=?"]
    assert states(outcome) == dict.fromkeys(asked, "rejected")
    _, outcome, unit = applied(asked, settings=ALL | {"tracking_angle": 70}, options={"trac_query": True})
    assert states(outcome) == dict.fromkeys(asked, "confirmed")
    assert unit.settings == ALL | {"tracking_angle": 70} | asked


@pytest.mark.parametrize(
    ("faults", "state"),
    [
        (Faults(clamp={name: (1, 20) for name in ALL}), "mismatched"),
        (Faults(ignore=frozenset(ALL)), "mismatched"),
        (Faults(refuse=frozenset(ALL)), "mismatched"),
        (Faults(silent=True), "written"),
    ],
)
def test_faults_of_a_unit_that_tells_its_line(faults: Faults, state: str) -> None:
    asked = {"tracking_interval": 61, "tracking_distance": 151, "tracking_angle": 31}
    _, outcome, unit = applied(asked, settings=ALL, faults=faults, options={"trac_query": True})
    expected = "rejected" if faults.refuse else state
    assert states(outcome) == dict.fromkeys(ALL, expected)
    assert outcome.unanswered is faults.silent
    for name, found in outcome.fields.items():
        assert found.reported in (None, unit.settings[name])


def test_a_refusal_is_told() -> None:
    _, outcome, _ = applied(ALL, faults=Faults(refuse=frozenset(ALL)))
    assert {(found.state, found.reason) for found in outcome.fields.values()} == {
        (FieldState.REJECTED, "the unit answers $ERROR=101")
    }


def test_an_ok_to_something_older_does_not_count() -> None:
    line = b"$TRAC=131,60,1000,15,0,0,2\r\n"
    _, outcome = spoken(ALL, line, raw("ok"), raw("error-101"))
    assert states(outcome) == dict.fromkeys(ALL, "written")
    assert spoken(ALL, raw("ok") + line, raw("ok"))[0][1] == raw("cmd-trac-server-composed")


def test_flipped_bits_of_a_read_back_never_confirm_another_value() -> None:
    line = b"$TRAC=131,60,150,30,0,0,2\r\n"
    for bit in range(8 * len(line)):
        broken = bytearray(line)
        broken[bit // 8] ^= 1 << bit % 8
        _, outcome = spoken(ALL, line, raw("ok"), bytes(broken))
        cells = line[6:].split(b",")
        hit = broken[6:].split(b",")
        for name, place in (("tracking_interval", 1), ("tracking_distance", 2), ("tracking_angle", 3)):
            if states(outcome)[name] == "confirmed":
                assert len(hit) == len(cells), bytes(broken)
                assert hit[place] == cells[place], bytes(broken)


def test_replies_of_another_unit_answer_nothing() -> None:
    command = next(FAMILY.apply(Target("356961075931165", variant="trac"), ALL))
    messages = heard(raw("keepalive") + b"$TRAC=131,60,150,30,0,0,2\r\n")
    assert collect(command, messages).messages == ()


def test_reading() -> None:
    wanted = [*ALL, "psm_mode"]
    unit = FAMILY.emulator(IMEI, "trac", settings=ALL, options={"trac_query": True})
    assert against_emulator(FAMILY.read(target(), wanted), unit, FAMILY.stream())[1].reported == ALL
    _, outcome = against_emulator(FAMILY.read(target(), wanted), FAMILY.emulator(IMEI, "trac"), FAMILY.stream())
    assert (outcome.reported, outcome.unanswered) == ({}, False)
    assert against_nobody(FAMILY.read(target(), ["psm_mode"]))[0] == []


def test_what_does_not_fit_is_told_before_anything_is_sent() -> None:
    asked = {"tracking_interval": 65536, "control_mode": "acc", "on_stop_tracking_interval": 60, "psm_mode": 0}
    found = {problem.field: problem.severity for problem in FAMILY.check(target(), asked)}
    assert found == {"tracking_interval": Severity.REFUSE, **dict.fromkeys(list(asked)[1:], Severity.UNSUPPORTED)}
    with pytest.raises(LocalError):
        FAMILY.apply(target(), asked)


def test_raw_commands() -> None:
    command = FAMILY.raw(target(), 'AT$GPRS=1,"apn","user","hunter2","host",80')
    assert "hunter2" not in command.text
    assert command.secrets == (b'"user","hunter2"',)
    said = heard(raw("keepalive") + raw("ok") + raw("error-101") + raw("info-answer"))[1:]
    assert [command.match(message).value for message in said] == [*("done", "refused", "done")]
    for text in ("", "TRAC=1", "AT$TRAC=1\r\nAT$X", "AT$TRAC=\xe9"):
        with pytest.raises(LocalError):
            FAMILY.raw(target(), text)


@pytest.mark.parametrize("prefix", [b"@Z", b"#A", b"XY"])
def test_other_prefixes(prefix: bytes) -> None:
    """Reported by users of a public server (issue 8, B6): `@Z` opens with stored data, AT$FORM sets others.

    A recorded report under another prefix, which its checksum leaves out.
    """
    name = next(each for each in REPORTS if raw(each)[2:3] != b",")
    whole = prefix + raw(name)[2:]
    (usual,) = heard(raw(name))
    assert FAMILY.recognise(whole) is True
    for split in (1, 5, len(whole)):
        stream = FAMILY.stream()
        data = whole + raw("keepalive") + whole
        events = [event for at in range(0, len(data), split) for event in stream.feed(data[at : at + split])]
        kinds = [event.kind for event in events if isinstance(event, Message)]
        assert (kinds, len(events)) == ([Kind.REPORT, Kind.HEARTBEAT, Kind.REPORT], 3)
    (message,) = heard(whole)
    assert (message.device_id, message.owed, message.frame) == (usual.device_id, usual.owed, whole)
    assert FAMILY.fields(message) == {**FAMILY.fields(usual), "prefix": prefix.decode()}
    assert usual.device_id is not None
    (renamed,) = heard(FAMILY.rename(whole, usual.device_id, "356307008000001"))
    assert renamed.device_id == "356307008000001"
    if prefix != b"@Z":  # what does not check is no report
        assert heard(whole[:-1] + bytes((whole[-1] ^ 1,))) == []
        assert FAMILY.recognise(whole[:-1]) is False
        assert FAMILY.recognise(b"\x07" + whole[1:]) is False


def test_info_names_its_unit() -> None:
    """Ids reported as not read (issue 8, B7): the recorded answer, on a link that has said nothing else."""
    (info,) = heard(raw("info-answer"))
    assert (info.kind, info.device_id) == (Kind.REPLY, "358683066267395")
    _, after = heard(raw("keepalive") + raw("info-answer"))
    assert after.device_id == IMEI


def test_a_checksum_that_begins_like_a_comma_is_still_one() -> None:
    """One binary report in 256 has it; taken for the ASCII form it was never acknowledged, and came again for ever."""
    frame = bytes.fromhex("40502cc2003300a20001440f30a49001") + bytes(41)
    for split in (1, 3, len(frame)):
        stream = FAMILY.stream()
        pieces = [frame[at : at + split] for at in range(0, len(frame), split)]
        (message,) = [event for piece in pieces for event in stream.feed(piece)]
        assert isinstance(message, Message)
        assert (message.device_id, message.owed) == ("356307008000001", b"\xfe\x02" + frame[8:16] + frame[6:8])
    assert FAMILY.recognise(frame) is True


@pytest.mark.parametrize("odd", [b"x", b"-197779700"])
def test_a_place_that_is_none_costs_itself_only(odd: bytes) -> None:
    (message,) = heard(raw("ascii-position"))
    other = Message(message.kind, message.frame.replace(b"-88429188", odd), message.device_id, data=message.data)
    (whole,), (told,) = (FAMILY.fields(each)["records"] for each in (message, other))
    assert (whole["longitude"], told["latitude"]) == (-88.429188, 44.271225)
    assert told["longitude"] is None
    assert {**told, "longitude": whole["longitude"]} == whole
