"""Totem: recorded frames of both generations, what is owed to them, the envelope of commands."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from tracker_codecs.contract import Checksum, Kind, Message, Target
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.totem import FAMILY, build

FIXTURE = Path(__file__).parents[2] / "firmware-fixtures" / "totem" / "frames.yaml"
CASES = {case["id"]: case for case in yaml.safe_load(FIXTURE.read_text("utf-8"))["cases"]}
DEVICE = [name for name, case in CASES.items() if case["direction"] == "device_to_server"]
IMEI = "862010037348253"
TARGET = Target(IMEI, variant="session")


def raw(name: str) -> bytes:
    return str(CASES[name]["data"]).encode("ascii")


def heard(data: bytes) -> list[Message]:
    return [event for event in FAMILY.stream().feed(data) if isinstance(event, Message)]


@pytest.mark.parametrize("name", DEVICE)
def test_frames_of_devices(name: str) -> None:
    means = CASES[name]["means"]
    (message,) = heard(raw(name))
    told = FAMILY.fields(message)
    old = "generation" in means
    assert message.kind is (Kind.HEARTBEAT if means["type"] == "heartbeat" else Kind.REPORT)
    assert message.checksum is (Checksum.NONE if old else Checksum.OK)
    assert message.device_id == told["device_id"] == means["device_id"]
    assert told["generation"] == ("old" if old else "new")
    if "message" in means:
        assert told["type"] == means["message"]
    if "owes_ack" in means:
        assert message.owed == means["owes_ack"].replace(" CR LF", "\r\n").encode()
    for key in ("time", "latitude", "longitude"):
        if key in means:
            assert told[key] == pytest.approx(means[key], abs=1e-5)
    assert FAMILY.recognise(raw(name)) is True


def test_a_position_in_full() -> None:
    told = FAMILY.fields(heard(raw("aa-position-2"))[0])
    assert (told["status"], told["battery"], told["power"], told["serial"]) == ("58804000", 4.2, 12, "2949")
    assert (told["satellites"], told["gsm"], told["course"], told["speed"], told["hdop"]) == (12, 17, 1, 0, 0.8)
    # A recorded form that the layout of the others does not fit: only what is sure is told.
    other = FAMILY.fields(heard(raw("aa-position"))[0])
    assert (other["latitude"], other["serial"], "hdop" in other) == (pytest.approx(22.756532), "0186", False)
    values = FAMILY.fields(heard(raw("e5-cloud"))[0])["values"]
    assert values[:4] == ["201112223514", "-68.923106", "-22.455926", "$Cloud"]


def test_every_frame_of_the_new_generation_is_answered_with_its_last_four_characters() -> None:
    assert heard(raw("heartbeat-bb"))[0].owed[:12] == b"$$0014AA4861"
    owed = heard(raw("aa-position"))[0].owed
    assert owed == raw("ack-derived")
    (answer,) = FAMILY.server(owed)
    assert isinstance(answer, Message)
    assert FAMILY.fields(answer) == {"message": "acknowledgement", "generation": "new", "serial": "0186"}


def test_old_frames_are_cut_by_their_length_in_hexadecimal_digits() -> None:
    events = FAMILY.stream().feed(raw("old-hexlength") + b"\r\n" + raw("heartbeat-bb") + raw("old-hexlength"))
    assert [event.frame for event in events if isinstance(event, Message)] == [
        raw("old-hexlength"),
        raw("heartbeat-bb"),
        raw("old-hexlength"),
    ]


@pytest.mark.parametrize("name", ["aa-position-2", "heartbeat-bb"])
def test_a_flipped_bit_is_never_acknowledged(name: str) -> None:
    frame = raw(name)
    for bit in range(8 * len(frame)):
        broken = bytearray(frame)
        broken[bit // 8] ^= 1 << bit % 8
        assert heard(bytes(broken)) == [], bytes(broken)


def test_a_frame_that_broke_off_costs_itself_only() -> None:
    first, second = raw("aa-position")[:50], raw("aa-position-2")
    events = FAMILY.stream().feed(first + second)
    assert isinstance(events[0], PeerError)
    assert [event.frame for event in events[1:] if isinstance(event, Message)] == [second]


def test_raw_commands() -> None:
    command = FAMILY.raw(TARGET, "006")
    assert (command.payload, command.secrets) == (raw("cmd-reboot"), (b"000000",))
    assert [command.match(message).value for message in heard(raw("aa-position-2"))] == ["no"]
    other = FAMILY.raw(Target(IMEI, variant="session", options={"password": "1234"}), "025,C,1").payload
    assert other.startswith(b"$$0022CF1234,025,C,1")
    (told,) = FAMILY.server(other)
    assert isinstance(told, Message)
    assert FAMILY.fields(told)["arguments"] == ["C", "1"]
    assert FAMILY.raw(TARGET, raw("ack-derived")).payload == raw("ack-derived")
    mine = Target(IMEI, variant="session", options={"password": "1234"})
    assert FAMILY.raw(mine, other).secrets == (b"1234",)  # bytes hold it as well
    for text in ("", " ", "6", "006$$", "006,\r\n", "restart", "006,\xe9", b""):
        with pytest.raises(LocalError):
            FAMILY.raw(TARGET, text)
    with pytest.raises(LocalError):
        FAMILY.raw(Target(IMEI, variant="session", options={"password": "1,002"}), "006")


def test_an_emulated_unit_and_redaction() -> None:
    unit = FAMILY.emulator(IMEI, "session")
    (datum,) = unit.report(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    told = FAMILY.fields(heard(datum.data)[0])
    assert (len(datum.data), told["time"], told["speed"]) == (108, "2026-01-02T03:04:05", 40)
    renamed = FAMILY.rename(raw("aa-position-2"), IMEI, "135790246811220")
    assert heard(renamed)[0].device_id == "135790246811220"
    assert FAMILY.rename(raw("old-hexlength"), IMEI, "135790246811220") == raw("old-hexlength")
    with pytest.raises(LocalError):
        FAMILY.rename(raw("old-hexlength"), "359772032984289", "135790246811220")


@pytest.mark.parametrize("name", ["aa-position-2", "e5-cloud"])
def test_ids_of_six_digits(name: str) -> None:
    """Ids that users of a public server report as not read (issue 8, B7): recorded frames, a made-up id."""
    usual = heard(raw(name))[0]
    whole = build(raw(name)[6:8], b"123456" + raw(name)[23:-2])
    (message,) = heard(whole)
    assert (message.kind, message.device_id) == (usual.kind, "123456")
    told = FAMILY.fields(message)
    assert {**FAMILY.fields(usual), "device_id": "123456"} == told
    assert [FAMILY.recognise(whole[:size]) for size in (14, 15, len(whole))] == [None, True, True]


def test_an_old_frame_with_an_id_of_six_digits() -> None:
    """The checksum is not public: it is left as it was."""
    name = next(each for each in DEVICE if "generation" in CASES[each]["means"])
    usual = heard(raw(name))[0]
    whole = b"$$%02X123456" % (len(raw(name)) - 9) + raw(name)[19:]
    (message,) = heard(whole)
    assert (message.device_id, message.owed) == ("123456", usual.owed)
    assert {**FAMILY.fields(usual), "device_id": "123456"} == FAMILY.fields(message)
