"""Castel: recorded frames of the three sets, what they are owed, and the conversations of the OBD units."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from fastcrc import crc16
from tracker_codecs.contract import (
    Checksum,
    Faults,
    Kind,
    Match,
    Message,
    Outcome,
    Severity,
    Target,
    Transport,
    Verdict,
)
from tracker_codecs.drive import Exchange, against_emulator, against_nobody, collect
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.castel.family import FAMILY

FIXTURE = Path(__file__).parents[2] / "firmware-fixtures" / "castel" / "frames.yaml"
CASES = {case["id"]: case for case in yaml.safe_load(FIXTURE.read_text("utf-8"))["cases"]}
DEVICE = [name for name, case in CASES.items() if case["direction"] == "device_to_server"]
SERVER = [name for name, case in CASES.items() if case["direction"] == "server_to_device"]
UNIT = "213L2017001109"
ASKED = {"tracking_interval": 60}
KINDS = {
    **{"login": Kind.LOGIN, "login_cc": Kind.LOGIN, "heartbeat": Kind.HEARTBEAT, "heartbeat_cc": Kind.HEARTBEAT},
    **{"logout": Kind.OTHER, "set_ack": Kind.REPLY, "query_answer": Kind.REPLY},
}


def raw(name: str) -> bytes:
    return bytes.fromhex(CASES[name]["data"])


def one(data: bytes, **how: Any) -> Message:
    (event,) = FAMILY.stream(**how).feed(data)
    assert isinstance(event, Message), event
    return event


def frame(kind: int, body: bytes, device: str = UNIT, version: int = 3) -> Message:
    """A frame by the layout of the recorded ones."""
    whole = b"@@" + (31 + len(body)).to_bytes(2, "little") + bytes((version,)) + device.encode().ljust(20, b"\0")
    whole += kind.to_bytes(2, "big") + body
    return one(whole + crc16.ibm_sdlc(whole).to_bytes(2, "little") + b"\r\n")


def told(sequence: int, seconds: int, **how: Any) -> Message:
    """An answer to a query of 1102, in the form of the recorded one."""
    body = sequence.to_bytes(2, "little") + bytes((1, 0, 0, 1, 2, 0x11, 2, 0)) + seconds.to_bytes(2, "little")
    return frame(0xA002, body, **how)


def target(**more: Any) -> Target:
    return Target(UNIT, variant="idd", **{"options": {"version": 3}, **more})


def applied(at: Target | None = None, **unit: Any) -> tuple[list[Exchange], Outcome, Any]:
    unit.setdefault("options", {"version": 3})
    device = FAMILY.emulator(UNIT, "idd", **unit)
    exchanges, outcome = against_emulator(FAMILY.apply(at or target(), ASKED), device, FAMILY.stream())
    return exchanges, outcome, device


def state(outcome: Outcome) -> str:
    return outcome.fields["tracking_interval"].state.value


def sent(exchanges: list[Exchange]) -> list[tuple[int, str]]:
    """Version byte and text of each command."""
    return [(exchange.command.payload[4], exchange.command.text) for exchange in exchanges]


# -- frames --
@pytest.mark.parametrize("name", DEVICE)
def test_device_frame(name: str) -> None:
    means = CASES[name]["means"]
    message = one(raw(name))
    found = FAMILY.fields(message)
    for key in means.keys() - {"server_owes", "server_owes_type", "values", "status"}:
        assert found[key] == means[key], key
    assert message.device_id == means["device_id"]
    assert message.checksum is Checksum.OK
    assert message.kind is KINDS.get(means["message"], Kind.REPORT)
    assert FAMILY.recognise(raw(name)) is True
    owes = means.get("server_owes", "")
    if len(owes) > 6:
        assert message.owed.hex() == owes
    elif owes or "server_owes_type" in means:
        (answer,) = FAMILY.server(message.owed)
        assert isinstance(answer, Message)
        assert FAMILY.fields(answer)["type"] == (owes or means["server_owes_type"])
    elif name not in ("login-idd-short", "mpip-4001"):
        assert message.owed == b""


@pytest.mark.parametrize("name", SERVER)
def test_server_frame(name: str) -> None:
    (event,) = FAMILY.server(raw(name))
    assert isinstance(event, Message)
    found = FAMILY.fields(event)
    for key in CASES[name]["means"].keys() - {"value", "sequence", "tags"}:
        assert found[key] == CASES[name]["means"][key], key


def test_a_login_is_answered_as_recorded() -> None:
    clock = datetime.fromtimestamp(CASES["login-reply"]["means"]["utc"], UTC)
    assert one(raw("login-idd"), clock=lambda: clock).owed == raw("login-reply")


@pytest.mark.parametrize(
    ("name", "head", "rest"),
    [("mpip-4001", b"@@\x1f\0\xff", b"\x40\x01"), ("mpip-2001", b"@@\x2a\0", b"\x10\x01" + bytes(4) + b"\xff" * 8)],
)
def test_what_mpip_units_get_is_what_the_public_server_writes(name: str, head: bytes, rest: bytes) -> None:
    whole = head + raw(name)[4:24] + rest
    owed = one(raw(name)).owed
    assert owed == whole + crc16.ibm_sdlc(whole).to_bytes(2, "little") + b"\r\n"
    (answer,) = FAMILY.server(owed)
    assert isinstance(answer, Message)
    told = FAMILY.fields(answer)
    assert (told["set"], told["device_id"]) == ("mpip", CASES[name]["means"]["device_id"])
    assert FAMILY.normalise(owed) == whole + b"\0\0\r\n"


def test_places_of_cc_and_mpip() -> None:
    login = FAMILY.fields(one(raw("login-cc")))
    assert (login["software"], login["hardware"]) == ("PT-690_V1.1.2", "PT-690 V1.2")
    (place,) = login["positions"]
    # 1c 0a 0f 0e 36 2d; 0x08cd53ca and 0x03138360 of 1/3600000 degree; battery ff; lac and cell 7ba0 83a6
    assert (place["time"], place["latitude"], place["longitude"]) == ("2015-10-28T14:54:45Z", 41.020572, 14.336240)
    assert (place["battery"], place["lac"], place["cell"]) == (255, 0xA07B, 0xA683)
    heartbeat = FAMILY.fields(one(raw("hb-cc")))
    assert heartbeat["history"] is False
    assert heartbeat["positions"][0]["time"] == "2015-10-30T11:19:18Z"
    assert (heartbeat["positions"][0]["status"], heartbeat["positions"][0]["battery"]) == ("0x00040000", 10)
    mexico = FAMILY.fields(one(raw("mpip-4001")))["positions"][0]
    assert (mexico["time"], mexico["latitude"], mexico["longitude"]) == ("2018-01-27T07:19:58Z", 19.69001, -99.22001)
    # 56b5ded2 in front of the place is the same moment in seconds since 1970
    assert FAMILY.fields(one(raw("mpip-2001")))["positions"][0]["time"] == "2016-02-06T11:53:54Z"


def test_positions_and_the_tags_of_a_login() -> None:
    (position,) = FAMILY.fields(one(raw("gps-4001")))["positions"]
    assert position["time"] == "2013-10-25T04:18:04Z"
    assert (position["latitude"], position["longitude"]) == pytest.approx((22.546, 113.937), abs=0.001)
    login = FAMILY.fields(one(raw("login-idd")))
    assert (login["software"], login["hardware"]) == ("IDD_213W01_S V1.0.7", "IDD_213W01_H V1.0.7")
    assert len(login["tags"]) == 50
    assert "1102" in login["tags"]
    assert FAMILY.fields(one(raw("query-answer-vin")))["values"] == CASES["query-answer-vin"]["means"]["values"]


@pytest.mark.parametrize("name", ["hb-idd", "mpip-2001", "alarm-4007"])
def test_every_flipped_bit_is_owed_nothing_and_hides_nothing(name: str) -> None:
    whole, after = raw(name), raw("hb-cc")
    for bit in range(8 * len(whole)):
        broken = bytearray(whole)
        broken[bit // 8] ^= 1 << bit % 8
        # Where the length is what broke, more may have to come before the next frame is seen.
        events = FAMILY.stream().feed(bytes(broken) + after * (60 if bit // 8 in (2, 3) else 1))
        found = [event for event in events if isinstance(event, Message)]
        assert found, bit
        assert {event.frame for event in found} == {after}


def test_a_start_that_turns_out_to_be_none_holds_nothing_up() -> None:
    data = b"?@@\x00\x08\x04\x00" + raw("hb-idd")
    stream = FAMILY.stream()
    single = [event for byte in data for event in stream.feed(bytes((byte,)))]
    whole = FAMILY.stream().feed(data)
    assert [type(event) for event in single] == [type(event) for event in whole] == [PeerError, Message]


def test_a_datagram_does_not_wait_for_the_next() -> None:
    stream = FAMILY.stream(Transport.UDP)
    assert [type(event) for event in stream.feed(raw("hb-idd")[:-1])] == [PeerError]
    assert stream.buffered == 0
    assert [type(event) for event in stream.feed(b"junk")] == [PeerError]
    (event,) = stream.feed(raw("hb-idd"))
    assert isinstance(event, Message)


def test_answers_that_do_not_add_up_are_told() -> None:
    for kind, body in ((0xA001, b"\1\0\2\2\x11"), (0xA002, b"\0\0\1\0\0\1\2\x11\3\0\x3c\0"), (0xA002, b"\0\0\1\0\0")):
        with pytest.raises(PeerError):
            FAMILY.fields(frame(kind, body))


# -- conversations --
def test_the_set_message_is_the_published_one() -> None:
    dry, _ = against_nobody(FAMILY.apply(target(serial=1), ASKED))
    assert dry[0].command.payload == raw("set-interval-built")
    assert dry[0].command.match(one(raw("set-ack-built"))) is Match.DONE


def test_set_and_query() -> None:
    exchanges, outcome, unit = applied()
    assert sent(exchanges) == [(3, "set 1102 to 60"), (3, "query 1102")]
    assert not exchanges[0].command.depends_on_read
    assert state(outcome) == "confirmed"
    assert unit.interval == 60


@pytest.mark.parametrize(("version", "asked"), [(4, [4]), (3, [4, 3])])
def test_the_version_byte_is_learned_and_remembered(version: int, asked: list[int]) -> None:
    exchanges, outcome, _ = applied(target(options={}), options={"version": version})
    assert sent(exchanges) == [
        *((each, "query 1102") for each in asked),
        *((version, "set 1102 to 60"), (version, "query 1102")),
    ]
    assert state(outcome) == "confirmed"
    again, _, _ = applied(target(options={}, known=outcome.known), options={"version": version})
    assert sent(again)[0] == (version, "set 1102 to 60")


def test_any_frame_of_the_unit_tells_its_version() -> None:
    dialogue = FAMILY.apply(target(options={}), ASKED)
    commands = [next(dialogue)]
    commands.append(dialogue.send(collect(commands[0], [frame(0x1003, b"", version=3)])))
    commands.append(dialogue.send(collect(commands[1], [])))
    assert [command.payload[4] for command in commands] == [4, 3, 3]
    assert commands[2].text == "set 1102 to 60"
    dialogue.close()


def test_a_late_answer_to_an_older_revision_matches_nothing() -> None:
    write = next(FAMILY.apply(target(serial=64), ASKED))
    for message in (
        frame(0xA001, b"\x20\0\1\2\x11"),
        frame(0xA001, b"\x40\0\1\2\x11", device="213L2017001100"),
        told(64, 60),
    ):
        assert write.match(message) is Match.NO
    assert write.match(frame(0xA001, b"\x40\0\1\2\x11")) is Match.DONE
    assert write.match(frame(0xA001, b"\x40\0\0")) is Match.REFUSED
    assert write.match(frame(0xA001, b"\x40\0\1\3\x11")) is Match.REFUSED


@pytest.mark.parametrize(
    ("faults", "expected"),
    [
        (Faults(clamp={"tracking_interval": (100, 600)}), "mismatched"),
        (Faults(ignore=frozenset(ASKED)), "mismatched"),
        (Faults(refuse=frozenset(ASKED)), "rejected"),
        (Faults(silent=True), "written"),
    ],
)
def test_faults(faults: Faults, expected: str) -> None:
    _, outcome, unit = applied(faults=faults)
    assert state(outcome) == expected
    assert outcome.fields["tracking_interval"].reported in (None, unit.interval)
    assert outcome.unanswered is faults.silent


def test_a_unit_that_keeps_silent_on_queries_ends_as_acknowledged() -> None:
    _, outcome, _ = applied(options={"version": 3, "queries": False})
    assert state(outcome) == "acknowledged"
    assert not outcome.unanswered


def test_no_flipped_bit_of_a_read_back_confirms() -> None:
    dialogue = FAMILY.apply(target(), ASKED)
    write = next(dialogue)
    query = dialogue.send(collect(write, [frame(0xA001, b"\1\0\1\2\x11")]))
    whole = told(2, 60).frame
    assert collect(query, [one(whole)]).verdict is Verdict.ANSWERED
    for bit in range(8 * len(whole)):
        broken = bytearray(whole)
        broken[bit // 8] ^= 1 << bit % 8
        heard = [event for event in FAMILY.stream().feed(bytes(broken)) if isinstance(event, Message)]
        assert collect(query, heard).verdict is Verdict.TIMEOUT
    dialogue.close()


def test_a_value_of_another_size_confirms_nothing() -> None:
    dialogue = FAMILY.read(target(), list(ASKED))
    query = next(dialogue)
    answer = frame(0xA002, b"\1\0\1\0\0\1\2\x11\4\0\x3c\0\0\0")
    with pytest.raises(StopIteration) as stop:
        dialogue.send(collect(query, [answer]))
    assert stop.value.value.reported == {}


def test_an_answer_in_parts() -> None:
    query = next(FAMILY.read(target(), list(ASKED)))
    first = frame(0xA002, b"\1\0\2\0\0\1\1\x11\1\0\1")
    assert query.match(first) is Match.PART
    assert query.match(frame(0xA002, b"\1\0\1\0\1\2\x11\0")) is Match.REFUSED


def test_reading() -> None:
    unit = FAMILY.emulator(UNIT, "idd", settings={"tracking_interval": 45})
    _, outcome = against_emulator(FAMILY.read(target(options={}), list(ASKED)), unit, FAMILY.stream())
    assert outcome.reported == {"tracking_interval": 45}
    assert outcome.known == {"version": "4"}


def test_what_does_not_fit_is_told_before_anything_is_sent() -> None:
    asked = {"tracking_interval": 601, "tracking_distance": 500, "x": 1}
    assert {problem.field: problem.severity for problem in FAMILY.check(target(), asked)} == {
        "tracking_interval": Severity.REFUSE,
        "tracking_distance": Severity.UNSUPPORTED,
        "x": Severity.UNSUPPORTED,
    }
    with pytest.raises(LocalError):
        FAMILY.check(target(options={"version": 1}), ASKED)
    for text in ("", "30", "zz"):
        with pytest.raises(LocalError):
            FAMILY.raw(target(), text)


def test_raw_commands() -> None:
    command = FAMILY.raw(target(), "3001 0100")
    (event,) = FAMILY.server(command.payload)
    assert isinstance(event, Message)
    assert len(command.payload) == 0x21
    assert FAMILY.fields(event)["type"] == "0x3001"
    assert command.match(frame(0xB001, b"\1\0")) is Match.DONE
    assert command.match(frame(0xA001, b"\1\0\0")) is Match.NO


def test_renaming_keeps_the_checksum_right() -> None:
    assert one(FAMILY.rename(raw("login-idd"), "213EP2016000585", "213EP2016000000")).device_id == "213EP2016000000"
    assert FAMILY.rename(raw("hb-cc"), "213EP2016000585", "213EP2016000000") == raw("hb-cc")


# -- units known by their session --
def session(**more: Any) -> Target:
    return Target("611150000956", variant="cc", **more)


def test_units_of_the_set_cc_take_no_settings() -> None:
    problems = FAMILY.check(session(), {"tracking_interval": 60})
    assert {(each.field, each.severity) for each in problems} == {("tracking_interval", Severity.UNSUPPORTED)}
    with pytest.raises(LocalError) as told_why:
        FAMILY.apply(session(), {"tracking_interval": 60})
    assert told_why.value.reason == problems[0].reason
    exchanges, outcome = against_nobody(FAMILY.read(session(), ["tracking_interval"]))
    assert (exchanges, outcome.reported) == ([], {})


def test_an_operator_can_talk_to_them() -> None:
    command = FAMILY.raw(Target("123456789012345", variant="cc"), "4583 01")
    assert command.payload == raw("petrol-cut")  # as a public server writes it
    answer = frame(0x8583, b"", device="123456789012345", version=0x0C)
    assert (answer.kind, command.match(answer)) == (Kind.REPLY, Match.DONE)
    assert command.match(frame(0x4206, bytes(2), device="123456789012345", version=0x0C)) is Match.NO
    assert FAMILY.raw(session(options={"version": 12}), "4583 00").payload[4] == 12
    for wrong in (3, 4, 256, -1, True, "5"):
        with pytest.raises(LocalError):
            FAMILY.raw(session(options={"version": wrong}), "4583 00")


def test_an_emulated_pt_690_says_what_was_recorded() -> None:
    unit = FAMILY.emulator("611150000956", "cc", settings={"tracking_interval": 30})
    assert [each.data for each in unit.connect()] == [raw("login-cc")]
    assert [each.data for each in unit.report(datetime(2015, 10, 30, 11, 19, 18, tzinfo=UTC))] == [raw("hb-cc")]
    assert unit.receive(raw("petrol-cut")) == []
    assert unit.settings == {"tracking_interval": 30}


@pytest.mark.parametrize("device_id", ["", "\u0663" * 15, "\xb2" * 15, "1,2#", "1" * 21])
def test_a_command_goes_to_a_device_of_this_family(device_id: str) -> None:
    with pytest.raises(LocalError) as told:
        FAMILY.raw(Target(device_id, variant="cc"), "4583 00")
    assert told.value.parameter == "device_id"


@pytest.mark.parametrize("device", ["213L-2017001109", "A-1", "AB-2017-1"])
def test_ids_with_hyphens(device: str) -> None:
    """Ids that users of a public server report as not read (issue 8, B7); the ids are made up."""
    message = frame(0x1003, b"", device=device)
    assert (message.kind, message.device_id) == (Kind.HEARTBEAT, device)
    assert message.owed[5 : 5 + len(device)] == device.encode()
    assert FAMILY.recognise(message.frame) is True
    assert frame(0x1003, b"", device="-213").device_id is None
