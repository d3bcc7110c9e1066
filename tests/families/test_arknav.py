"""Arknav X8: recorded messages behind a header, and the framing of commands."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from tracker_codecs.contract import Checksum, Kind, Message, Target
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.arknav import FAMILY, MAX_FRAME

FIXTURE = Path(__file__).parents[2] / "firmware-fixtures" / "arknav" / "frames.yaml"
CASES = {case["id"]: case for case in yaml.safe_load(FIXTURE.read_text("utf-8"))["cases"]}
IMEI = "351856040005407"
TARGET = Target(IMEI, variant="session", options={"password": "0123456789"})


def raw(name: str) -> bytes:
    return str(CASES[name]["data"]).encode("ascii")


def heard(data: bytes) -> list[Message]:
    return [event for event in FAMILY.stream().feed(data) if isinstance(event, Message)]


def test_the_header_names_the_sender_of_what_follows() -> None:
    messages = heard(raw("header") + raw("1g") + raw("2g") + b"\r\n" + raw("1g"))
    assert [message.kind for message in messages] == [Kind.LOGIN, Kind.REPORT, Kind.REPORT, Kind.REPORT]
    assert {message.device_id for message in messages} == {IMEI}
    assert {(message.owed, message.checksum) for message in messages} == {(b"", Checksum.NONE)}
    means = CASES["header"]["means"]
    told = FAMILY.fields(messages[0])
    assert {key: told[key] for key in ("device_id", "product", "version", "sub_version")} == {
        key: means[key] for key in ("device_id", "product", "version", "sub_version")
    }
    assert heard(raw("1g"))[0].device_id is None
    second = heard(raw("header") + b"135790246811220,240101;" + raw("1g"))
    assert second[-1].device_id == "135790246811220"


def test_positions_and_status() -> None:
    told, means = FAMILY.fields(heard(raw("1g"))[0]), CASES["1g"]["means"]
    assert (told["message"], told["valid"], told["time"]) == (means["message"], means["valid"], means["time"])
    assert (told["latitude"], told["longitude"]) == (pytest.approx(3.784593), pytest.approx(98.712392))
    assert (told["speed"], told["course"], told["hdop"], told["status"]) == (0, 183, 1.1, "11008000")
    told, means = FAMILY.fields(heard(raw("2g"))[0]), CASES["2g"]["means"]
    assert (told["message"], told["satellites"]) == (means["message"], means["satellites"])
    assert (told["power"], told["battery"], told["odometer"]) == (0.04, 4.01, round(396255 * 1852 / 3600))
    for short in (b"1G,181213092101;", b"2R,1;", b"1M,;"):
        with pytest.raises(PeerError):
            FAMILY.fields(heard(short)[0])


def test_the_header_is_the_opening() -> None:
    assert FAMILY.recognise(raw("header") + raw("1g")) is True
    # The heartbeat of a Coban unit, and a header of another product length.
    assert FAMILY.recognise(b"351856040005407;") is False
    assert FAMILY.recognise(b"351856040005407,2401011;") is False


def test_what_is_no_message_costs_itself_only() -> None:
    for garbage in (b"3G,1;", b"\xff\x00;", b"35185604000,240101;", b"x" * (2 * MAX_FRAME) + b";"):
        for pieces in ([garbage + raw("header")], [bytes([byte]) for byte in garbage + raw("header")]):
            stream = FAMILY.stream()
            events = [event for piece in pieces for event in stream.feed(piece)]
            assert isinstance(events[0], PeerError)
            assert [event.frame for event in events[1:] if isinstance(event, Message)] == [raw("header")], garbage
            assert stream.buffered == 0


def test_raw_commands_are_those_of_the_documents() -> None:
    asked = FAMILY.raw(TARGET, "1;1")
    assert (asked.payload, asked.secrets) == (raw("cmd-get-type1"), (b"0123456789",))
    assert FAMILY.raw(TARGET, "3;0008,+11335577").payload == raw("cmd-set-phone")
    assert FAMILY.raw(TARGET, raw("cmd-get-type1")).secrets == (b"0123456789",)
    assert FAMILY.raw(Target(IMEI, variant="session"), raw("cmd-get-type1")).secrets == ()
    assert [asked.match(message).value for message in heard(raw("1g"))] == ["no"]
    for text in ("1", "1;", "1;1*#0123456789,3;0103,x", "1;1\r\n", "#0123456789,1;1*", "3;0008,\xe9"):
        with pytest.raises(LocalError):
            FAMILY.raw(TARGET, text)
    for options in ({}, {"password": "1,3;0103,x*"}):
        with pytest.raises(LocalError) as told:
            FAMILY.raw(Target(IMEI, variant="session", options=options), "1;1")
        assert told.value.parameter == "password"


def test_what_a_server_says() -> None:
    for name in ("cmd-get-type1", "cmd-set-phone"):
        (event,) = FAMILY.server(raw(name))
        assert isinstance(event, Message)
        told, means = FAMILY.fields(event), CASES[name]["means"]
        assert (told["group"], told["code"], told["value"]) == (str(means["group"]), means["code"], means.get("value"))
    # The printed example without its closing asterisk is no command.
    assert isinstance(FAMILY.server(raw("cmd-set-phone")[:-1])[0], PeerError)


def test_an_emulated_unit() -> None:
    unit = FAMILY.emulator(IMEI, "session")
    said = [*unit.connect(), *unit.report(datetime(2018, 12, 13, 9, 21, 1, tzinfo=UTC))]
    assert [datum.data for datum in said] == [raw("header"), raw("1g"), raw("2g")]
