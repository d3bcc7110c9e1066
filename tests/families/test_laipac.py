"""Laipac: recorded sentences, what is owed to them, and the framing of commands."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import reduce
from operator import xor
from pathlib import Path

import pytest
import yaml
from tracker_codecs.contract import Checksum, Kind, Message, Target
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.laipac import FAMILY

FIXTURE = Path(__file__).parents[2] / "firmware-fixtures" / "laipac" / "frames.yaml"
CASES = {case["id"]: case for case in yaml.safe_load(FIXTURE.read_text("utf-8"))["cases"]}
DEVICE = [name for name, case in CASES.items() if case["direction"] == "device_to_server"]
KINDS = {"login_like": Kind.LOGIN, "heartbeat": Kind.HEARTBEAT, "data": Kind.REPORT, "alarm": Kind.REPORT}
OWED = {
    "echk": "echk",
    "avrmc-needs-ack": "eavack-derived",
    "avrmc-sos": "cmd-alarm-ack",
}
TARGET = Target("99999999", variant="session")


def raw(name: str) -> bytes:
    return str(CASES[name]["data"]).encode("ascii")


def heard(data: bytes) -> list[Message]:
    return [event for event in FAMILY.stream().feed(data) if isinstance(event, Message)]


@pytest.mark.parametrize("name", DEVICE)
def test_sentences_of_units(name: str) -> None:
    means = CASES[name]["means"]
    (message,) = heard(raw(name))
    told = FAMILY.fields(message)
    assert (message.kind, message.checksum) == (KINDS[means["type"]], Checksum.OK)
    assert message.device_id == told["device_id"] == means["device_id"]
    assert message.owed == (raw(OWED[name]) if name in OWED else b"")
    for key in ("message", "firmware", "serial", "iccid", "status", "event"):
        if key in means:
            assert told[key] == means[key]
    for key in ("latitude", "longitude"):
        if key in means:
            assert told[key] == pytest.approx(means[key], abs=1e-5)
    assert FAMILY.recognise(raw(name)) is True


def test_a_position_in_full() -> None:
    told = FAMILY.fields(heard(raw("avrmc-valid"))[0])
    assert (told["time"], told["valid"], told["battery"], told["course"]) == ("2003-07-18T16:43:39", True, 3.727, 78.66)
    assert told["speed_kmh"] == pytest.approx(0.29 * 1.852, abs=1e-3)
    told = FAMILY.fields(heard(raw("avrmc-sos"))[0])
    assert (told["valid"], told["battery"], told["cell"]) == (False, 4.076, ["0D7AB913", "020408"])


def test_an_alarm_that_wants_an_acknowledgement_gets_both_with_the_units_password() -> None:
    body = "AVRMC,99999999,164339,a,4351.0542,N,07923.5445,W,0.29,78.66,180703,X,3.727,17,1,0,0"
    line = FAMILY.raw(TARGET, body).payload
    (message,) = heard(line)
    # The constant of an older revision of the public server.
    assert message.owed.endswith(b"$AVCFG,00000000,x*2D\r\n")
    assert message.owed.startswith(b"$EAVACK,X," + line[-4:-2])
    stream = FAMILY.stream()
    stream.bind(Target("99999999", variant="session", options={"password": "a1"}))
    (bound,) = stream.feed(line)
    assert isinstance(bound, Message)
    assert b"$AVCFG,a1,x*" in bound.owed
    # A password that fits no sentence is no reason to lose the link: such alarms get the acknowledgement alone.
    stream.bind(Target("99999999", variant="session", options={"password": "1*2"}))
    (bound,) = stream.feed(line)
    assert isinstance(bound, Message)
    assert bound.owed == message.owed.partition(b"$AVCFG")[0]


def test_the_longest_heartbeat_comes_back() -> None:
    body = b"ECHK,99999999," + b"0" * 236
    line = b"$%b*%02X" % (body, reduce(xor, body))
    (message,) = heard(line + b"\n")
    assert (len(message.frame), message.owed) == (255, line + b"\r\n")


def test_what_a_server_says() -> None:
    names = ["cmd-position-derived", "cmd-alarm-ack", "eavack-derived"]
    events = FAMILY.server(b"".join(raw(name) for name in names))
    told = [FAMILY.fields(event) for event in events if isinstance(event, Message)]
    assert told == [
        {"message": "AVREQ", "values": ["00000000", "1"]},
        {"message": "AVCFG", "values": ["00000000", "d"]},
        {"message": "EAVACK", "values": ["0", "17"]},
    ]


@pytest.mark.parametrize("name", ["avrmc-needs-ack", "echk"])
def test_a_flipped_bit_is_never_acknowledged(name: str) -> None:
    line = raw(name)
    for bit in range(8 * (len(line) - 2)):
        broken = bytearray(line)
        broken[bit // 8] ^= 1 << bit % 8
        assert heard(bytes(broken)) == [], bytes(broken)


def test_a_sentence_that_broke_off_costs_itself_only() -> None:
    events = FAMILY.stream().feed(raw("avrmc-valid")[:40] + raw("echk"))
    assert isinstance(events[0], PeerError)
    assert [event.frame for event in events[1:] if isinstance(event, Message)] == [raw("echk")]


def test_raw_commands() -> None:
    command = FAMILY.raw(TARGET, "AVREQ,00000000,1")
    assert (command.payload, command.secrets) == (raw("cmd-position-derived"), (b"00000000",))
    assert FAMILY.raw(TARGET, "AVREQ,?").secrets == ()
    # What stands in a password's place is one, whether the record has it or not; bytes may hold the record's.
    assert FAMILY.raw(TARGET, "AVCFG,87654321,d").secrets == (b"87654321",)
    assert FAMILY.raw(TARGET, "AVRESET,99999999,87654321").secrets == (b"87654321",)
    assert FAMILY.raw(TARGET, command.payload).secrets == (b"00000000",)
    assert [command.match(message).value for message in heard(raw("avrmc-valid"))] == ["no"]
    for text in ("avreq", "$AVREQ,1", "AVREQ,1*60", "AVREQ,\r\n$AVRESET", "AVREQ," + "1" * 250):
        with pytest.raises(LocalError):
            FAMILY.raw(TARGET, text)


def test_positions_that_are_none() -> None:
    with pytest.raises(PeerError):
        FAMILY.fields(heard(FAMILY.raw(TARGET, "AVRMC,99999999,164339,A").payload)[0])
    told = FAMILY.fields(heard(FAMILY.raw(TARGET, "AVRMC,99999999,996639,A,x,N,y,E,z,,999999,0,,,,,").payload)[0])
    assert (told["time"], told["latitude"], told["speed_kmh"], told["battery"]) == (None, None, None, None)


def test_an_emulated_unit_and_redaction() -> None:
    unit = FAMILY.emulator("99999999", "session")
    assert (unit.connect()[0].data, unit.heartbeat()[0].data) == (raw("avsys"), raw("echk"))
    assert unit.report(datetime(2003, 7, 18, 16, 43, 39, tzinfo=UTC))[0].data == raw("avrmc-needs-ack")
    assert heard(FAMILY.rename(raw("echk"), "99999999", "12345678"))[0].device_id == "12345678"
    assert FAMILY.rename(raw("echk"), "77777777", "12345678") == raw("echk")
