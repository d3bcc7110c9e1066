"""EGTS: recorded packets, what is owed to them, and who a terminal is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from fastcrc import crc8
from tracker_codecs.contract import Checksum, Kind, Match, Message, Target
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.egts import frame as wire
from tracker_codecs.families.egts.family import FAMILY

FIXTURE = Path(__file__).parents[2] / "firmware-fixtures" / "egts" / "frames.yaml"
CASES = {case["id"]: case for case in yaml.safe_load(FIXTURE.read_text("utf-8"))["cases"]}
KINDS = {
    "auth_other": Kind.OTHER,
    "teledata": Kind.REPORT,
    "response": Kind.OTHER,
    "auth_terminal_identity": Kind.LOGIN,
}


def raw(name: str) -> bytes:
    return bytes.fromhex(CASES[name]["data"])


def one(data: bytes, *, server: bool = False) -> Message:
    (event,) = FAMILY.server(data) if server else FAMILY.stream().feed(data)
    assert isinstance(event, Message)
    return event


def numbers(told: dict[str, Any]) -> dict[str, Any]:
    """What a fixture says of a record, in the codec's words."""
    found = dict(told)
    found["flags"] = int(told["flags"], 16)
    return found


@pytest.mark.parametrize("name", CASES)
def test_packets(name: str) -> None:
    means = CASES[name]["means"]
    server = CASES[name]["direction"] == "server_to_device"
    message = one(raw(name), server=server)
    told = FAMILY.fields(message)
    assert message.checksum is Checksum.OK
    assert message.frame == raw(name)
    if not server:
        assert message.kind is KINDS[means["message"]]
        assert FAMILY.recognise(raw(name)) is True
    for key in ("version", "flags", "header_length", "frame_data_length", "packet_id", "packet_type"):
        assert told[key] == means[key], key
    for key in ("response_packet_id", "processing_result"):
        assert told.get(key) == means.get(key)
    assert len(told["records"]) == means["records"]
    if "first_record" not in means:
        return
    record, subrecords = told["records"][0], means["first_record"]["subrecords"]
    for key, value in numbers(means["first_record"]).items():
        if key == "record_length":
            assert record[key] == value
        elif key != "subrecords":
            assert record[key] == value, key
    for mine, theirs in zip(record["subrecords"], subrecords, strict=False):
        for key, value in theirs.items():
            if key.endswith("_abs"):
                assert abs(mine[key[:-4]]) == value
            elif key == "flags":
                assert mine[key] == int(value, 16)
            elif key == "imei":
                assert mine["identity"] == str(theirs["terminal_id"])  # a short id filled with NULs is no IMEI
            else:
                assert mine[key] == value, key
    if means["first_record"].get("object_id"):
        assert message.device_id == str(means["first_record"]["object_id"])


def test_a_packet_with_one_record_is_answered_as_composed() -> None:
    message = one(raw("egts-auth_other-01"))
    assert message.owed == raw("egts-server_response-01")
    assert message.device_id is None


@pytest.mark.parametrize("name", [name for name in CASES if "teledata" in name])
def test_every_record_of_a_packet_is_answered_and_the_packet_id_is_not_swapped(name: str) -> None:
    answer = FAMILY.fields(one(one(raw(name)).owed, server=True))
    told = FAMILY.fields(one(raw(name)))
    assert answer["packet_type"] == 0
    assert answer["response_packet_id"] == CASES[name]["means"]["packet_id"]
    assert answer["processing_result"] == 0
    assert [each["subrecords"][0]["confirmed_record"] for each in answer["records"]] == [
        each["record_number"] for each in told["records"]
    ]
    assert {each["subrecords"][0]["status"] for each in answer["records"]} == {0}


def test_an_identity_is_answered_with_a_response_and_the_result_code() -> None:
    login = one(raw("egts-auth_terminal_identity-01"))
    assert login.device_id == "865905"
    response, result = FAMILY.server(login.owed)
    assert isinstance(response, Message)
    assert isinstance(result, Message)
    told = FAMILY.fields(result)
    assert (told["packet_type"], told["packet_id"], FAMILY.fields(response)["packet_id"]) == (1, 2, 1)
    (record,) = told["records"]
    assert (record["source_service"], record["recipient_service"]) == (1, 1)
    assert record["subrecords"] == [{"type": 9, "length": 1, "result": 0}]


def test_the_imei_goes_before_the_terminal_id_and_stays() -> None:
    said = (7).to_bytes(4, "little") + b"\x03\x34\x12" + b"490154203237518"
    stream = FAMILY.stream()
    (login,) = stream.feed(wire.build(wire.DATA, 1, wire.record(1, wire.AUTH, wire.subrecord(wire.IDENTITY, said))))
    assert isinstance(login, Message)
    assert (login.kind, login.device_id) == (Kind.LOGIN, "490154203237518")
    (report,) = stream.feed(raw("egts-teledata-01"))
    assert isinstance(report, Message)
    assert report.device_id == "490154203237518"


def test_a_terminal_that_tells_no_id_is_known_by_its_object_and_hears_the_result_too() -> None:
    said = wire.subrecord(wire.IDENTITY, bytes(5))
    named = one(wire.build(wire.DATA, 1, wire.record(1, wire.AUTH, said, 865905)))
    nameless = one(wire.build(wire.DATA, 1, wire.record(1, wire.AUTH, said)))
    assert (named.kind, named.device_id) == (Kind.LOGIN, "865905")
    assert (nameless.kind, nameless.device_id) == (Kind.OTHER, None)
    assert len(FAMILY.server(named.owed)) == len(FAMILY.server(nameless.owed)) == 2


@pytest.mark.parametrize("name", ["egts-response-01", "egts-response-02", "egts-response-04"])
def test_nothing_is_owed_to_a_response(name: str) -> None:
    assert one(raw(name)).owed == b""


def test_a_broken_frame_is_not_believed_and_not_answered() -> None:
    whole = raw("egts-teledata-01")
    for at in range(11, len(whole)):
        message = one(whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :])
        assert (message.checksum, message.kind, message.owed, message.device_id) == (
            Checksum.BAD,
            Kind.OTHER,
            b"",
            None,
        )
    assert [type(each) for each in FAMILY.stream().feed(whole[:2] + b"\x40" + whole[3:])] == [PeerError]


def test_a_record_longer_than_its_packet_is_told() -> None:
    body = b"\xff\x00" + wire.record(1, wire.TELEDATA, b"")[2:]
    (event,) = FAMILY.stream().feed(wire.build(wire.DATA, 1, body))
    assert isinstance(event, PeerError)


def test_a_confirmation_is_a_reply() -> None:
    body = wire.subrecord(wire.COMMAND, b"\x12" + (77).to_bytes(4, "little") + bytes(4) + b"\0")
    reply = one(wire.build(wire.DATA, 1, wire.record(1, wire.COMMANDS, body, 865905)))
    assert (reply.kind, reply.text, reply.device_id) == (Kind.REPLY, "COMCONF ILL 77", "865905")
    target = Target("865905", variant="session")
    assert FAMILY.raw(target, b"\x01").match(reply) is Match.REFUSED
    assert FAMILY.raw(Target("1", variant="session"), b"\x01").match(reply) is Match.NO


def commanded(*said: tuple[int, int, int]) -> bytes:
    """A packet of command subrecords: type, result, id of each."""
    each = (bytes((kind << 4 | result,)) + number.to_bytes(4, "little") + bytes(5) for kind, result, number in said)
    body = b"".join(wire.subrecord(wire.COMMAND, one) for one in each)
    return wire.build(wire.DATA, 1, wire.record(1, wire.COMMANDS, body, 865905))


def test_only_the_confirmation_of_this_very_command_answers_it() -> None:
    """Types: 1 COMCONF, 3 MSGFROM, 5 COM. Results: 0 OK, 1 ERROR, 6 INPROG."""
    command = FAMILY.raw(Target("865905", variant="session"), commanded((5, 0, 9)))
    heard = {
        ((1, 0, 9),): Match.DONE,
        ((1, 0, 8),): Match.NO,
        ((3, 0, 9),): Match.NO,
        ((5, 0, 9),): Match.NO,
        ((1, 1, 9),): Match.REFUSED,
        ((1, 6, 9),): Match.PART,
        ((1, 0, 8), (1, 1, 9)): Match.REFUSED,
        ((1, 1, 8), (1, 0, 9)): Match.DONE,
    }
    assert {said: command.match(one(commanded(*said))) for said in heard} == heard


def test_a_compressed_packet_is_not_understood() -> None:
    packet = bytearray(commanded((1, 0, 9)))
    packet[2] |= 0x04
    packet[10] = crc8.nrsc_5(bytes(packet[:10]))
    message = one(bytes(packet))
    assert (message.kind, message.device_id, message.owed) == (Kind.OTHER, None, b"")
    assert "records" not in FAMILY.fields(message)


def test_settings_and_text_commands_are_refused_with_the_reason() -> None:
    target = Target("865905", variant="session")
    assert {each.reason for each in FAMILY.check(target, {"tracking_interval": 60})} == {FAMILY.unsupported}
    with pytest.raises(LocalError, match="no public list"):
        FAMILY.apply(target, {"tracking_interval": 60})
    with pytest.raises(LocalError, match="give bytes"):
        FAMILY.raw(target, "reset")
