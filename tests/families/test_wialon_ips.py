"""Wialon IPS: recorded lines, their CRC, what is owed, and messages to the device."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from tracker_codecs.contract import Checksum, Datum, Kind, Match, Message, Target, Transport
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.wialon_ips import FAMILY

FIXTURE = Path(__file__).parents[2] / "firmware-fixtures" / "wialon-ips" / "frames.yaml"
CASES = {case["id"]: case for case in yaml.safe_load(FIXTURE.read_text("utf-8"))["cases"]}
DEVICE = [name for name, case in CASES.items() if case["direction"] == "device_to_server"]
SERVER = [name for name in CASES if name not in DEVICE]
#: Type -> kind, and the answer that the protocol's text gives to a line that is taken.
ANSWERS = {
    "login": (Kind.LOGIN, "#AL#1\r\n"),
    "short_data": (Kind.REPORT, "#ASD#1\r\n"),
    "data": (Kind.REPORT, "#AD#1\r\n"),
    "ping": (Kind.HEARTBEAT, "#AP#\r\n"),
}
#: Computed with another implementation of CRC-16/ARC.
LOGIN = b"#L#2.0;490154203237518;NA;9DBC\r\n"
ID = "490154203237518"


def raw(name: str) -> bytes:
    return str(CASES[name]["data"]).encode("latin-1")


def one(data: bytes, *, udp: bool = False) -> Message:
    (event,) = FAMILY.stream(Transport.UDP if udp else Transport.TCP).feed(data)
    assert isinstance(event, Message)
    return event


@pytest.mark.parametrize("name", DEVICE)
def test_device_lines(name: str) -> None:
    means = CASES[name]["means"]
    message = one(raw(name), udp="udp_id" in means)
    told = FAMILY.fields(message)
    assert told["type"] == means["type"]
    if CASES[name].get("checksum_verified") is False:
        assert (message.checksum, message.device_id, message.owed) == (Checksum.BAD, None, b"#AL#10\r\n")
        return
    assert message.checksum is (Checksum.OK if "crc16" in means else Checksum.NONE)
    kind, answer = ANSWERS.get(means["message"], (Kind.REPORT, f"#AB#{means.get('records')}\r\n"))
    assert (message.kind, message.owed.decode()) == (kind, answer)
    assert message.device_id == means.get("id", means.get("udp_id"))
    if "version" in means:
        assert told["version"] == means["version"]
        assert told["has_password"] == bool(means["password"])
        assert means["password"] not in told.values()
    if "records" in means:
        assert len(told["records"]) == means["records"]


@pytest.mark.parametrize("name", SERVER)
def test_server_lines(name: str) -> None:
    (message,) = FAMILY.server(raw(name))
    assert isinstance(message, Message)
    means = CASES[name]["means"]
    assert message.frame == raw(name)
    assert str(means.get("code", means.get("accepted", means.get("text", "")))) in FAMILY.fields(message)["text"]


def test_a_place_is_told_in_degrees() -> None:
    told = FAMILY.fields(one(raw("wialon-ips-short_data-02")))
    assert (told["latitude"], told["longitude"]) == (55.743375, 37.66139)  # 55° 44.6025', 37° 39.6834'
    assert (told["date"], told["time"], told["satellites"]) == ("270413", "205601", "4")
    south = FAMILY.fields(one(b"#SD#270413;205601;5544.6025;S;03739.6834;W;1;2;3;4\r\n"))
    assert (south["latitude"], south["longitude"]) == (-55.743375, -37.66139)
    assert FAMILY.fields(one(raw("wialon-ips-data-14")))["latitude"] is None
    for wrong in (b"x", b"inf", b"1e300"):
        odd = FAMILY.fields(one(b"#SD#NA;NA;%b;N;03739.6834;E;1;2;3;4\r\n" % wrong))
        assert (odd["latitude"], odd["longitude"], odd["satellites"]) == (None, 37.66139, "4")


def test_a_wrong_crc_is_told_as_the_text_says_and_believed_nowhere() -> None:
    stream = FAMILY.stream()
    stream.feed(LOGIN)
    short = raw("wialon-ips-short_data-01")
    for data, answer in (
        (short.replace(b"300924", b"300925"), b"#ASD#13\r\n"),
        (raw("wialon-ips-data-01").replace(b"220323", b"220324"), b""),
        (b"#M#hello;8EF6\r\n", b"#AM#0\r\n"),
    ):
        (message,) = stream.feed(data)
        assert isinstance(message, Message)
        assert (message.kind, message.checksum, message.owed) == (Kind.OTHER, Checksum.BAD, answer)


def test_a_line_of_too_few_fields_is_refused() -> None:
    assert one(b"#SD#270413;205601;5544.6025;N\r\n").owed == b"#ASD#-1\r\n"
    assert one(b"#D#270413;205601\r\n").owed == b"#AD#-1\r\n"
    assert one(b"#B#270413;205601|x\r\n").owed == b"#AB#0\r\n"


def test_a_login_names_the_device_and_its_version() -> None:
    stream = FAMILY.stream()
    login, message = stream.feed(LOGIN + b"#M#hello;8EF5\r\n")
    assert isinstance(login, Message)
    assert isinstance(message, Message)
    assert (login.kind, login.device_id, login.owed, login.checksum) == (Kind.LOGIN, ID, b"#AL#1\r\n", Checksum.OK)
    assert (message.kind, message.device_id, message.text, message.owed) == (Kind.REPLY, ID, "hello", b"#AM#1\r\n")
    assert FAMILY.refuse(login) == b"#AL#0\r\n"
    # version 1.1 has no CRC: what looks like one is text
    _, old = FAMILY.stream().feed(b"#L#490154203237518;x\r\n#M#hello;8EF6\r\n")
    assert isinstance(old, Message)
    assert (old.text, old.checksum) == ("hello;8EF6", Checksum.NONE)


def test_bytes_behind_a_photo_line_are_part_of_it() -> None:
    stream = FAMILY.stream()
    photo, ping = stream.feed(b"#I#4;0;0;NA;NA;a.jpg\r\n#P#\r#P#\r\n")
    assert isinstance(photo, Message)
    assert isinstance(ping, Message)
    assert photo.frame.endswith(b"\r\n#P#\r")
    assert stream.feed(b"#I#999999;0;0;NA;NA;a.jpg\r\n") != []
    assert stream.buffered == 0


@pytest.mark.parametrize(("variant", "sent"), [("v2", b"#M#hello;8EF5\r\n"), ("v1", b"#M#hello\r\n")])
def test_a_raw_text_goes_as_a_message(variant: str, sent: bytes) -> None:
    target = Target(ID, variant=variant)
    command = FAMILY.raw(target, "hello")
    assert command.payload == sent
    unit = FAMILY.emulator(ID, variant)
    stream = FAMILY.stream()
    said = b"".join(each.data for each in (*unit.connect(), *unit.receive(command.payload)))
    login, answer = stream.feed(said)
    assert isinstance(answer, Message)
    assert (answer.text, command.match(answer)) == ("hello", Match.DONE)
    assert isinstance(login, Message)
    assert command.match(login) is Match.NO
    assert FAMILY.raw(target, b"VER?\r\n").payload == raw("wialon-ips-raw_text_command-02")
    for wrong in ("a\r\n#M#b", "a\x00", "x" * 1001, " "):
        with pytest.raises(LocalError):
            FAMILY.raw(target, wrong)


def test_a_datagram_names_its_device() -> None:
    unit = FAMILY.emulator(ID, "v2", transport=Transport.UDP)
    assert unit.connect() == []
    (report,) = unit.report(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    assert one(report.data, udp=True).device_id == ID
    assert unit.heartbeat() == [Datum(b"2.0;490154203237518#P#\r\n")]
    assert one(b"490154203237518#P#\r\n", udp=True).owed == b"#AP#\r\n"
    (cut,) = FAMILY.stream(Transport.UDP).feed(report.data[:-2])
    assert isinstance(cut, PeerError)


def test_openings_and_redaction() -> None:
    assert FAMILY.recognise(LOGIN) is True
    assert FAMILY.recognise(b"#L#2.0;49") is None
    for other in (b"##,imei:359586015829802,A;", b"#861108032038761#user#", b"$$", b"#LX#"):
        assert FAMILY.recognise(other) is False
    renamed = FAMILY.rename(LOGIN, ID, "490154203237519")
    assert one(renamed).device_id == "490154203237519"
    assert one(renamed).checksum is Checksum.OK
    assert FAMILY.rename(raw("wialon-ips-data-05"), "99999999", "88888888").startswith(b"2.0;88888888#D#101118")


def test_settings_are_refused_with_the_reason() -> None:
    target = Target(ID, variant="v2")
    (problem,) = FAMILY.check(target, {"tracking_interval": 60})
    assert (problem.reason, problem.field) == (FAMILY.unsupported, "tracking_interval")


def test_a_login_with_a_wrong_crc_is_told_so() -> None:
    """Reported by users of a public server: version 2.0 owes `#AL#10`; other wrong logins are still owed `#AL#0`."""
    wrong = LOGIN[:-6] + b"0000\r\n"
    assert wrong != LOGIN
    message = one(wrong)
    assert (message.kind, message.checksum, message.device_id) == (Kind.OTHER, Checksum.BAD, None)
    assert message.owed == b"#AL#10\r\n"
    assert one(b"#L#490154203237518\r\n").owed == b"#AL#0\r\n"


def test_a_password_that_looks_like_a_checksum_is_one() -> None:
    """Recorded units of version 2 leave the CRC out; with one, the login has four cells."""
    message = one(b"#L#2.0;490154203237518;1234\r\n")
    assert (message.kind, message.checksum, message.device_id) == (Kind.LOGIN, Checksum.NONE, ID)
    message = one(b"#L#2.0;490154203237518;NA;1234\r\n")
    assert (message.kind, message.checksum, message.device_id) == (Kind.OTHER, Checksum.BAD, None)


def test_a_damaged_datagram_names_nobody() -> None:
    line = b"#SD#040520;120000;5544.6025;N;03739.6834;E;1;2;3;4;0000\r\n"
    message = one(b"2.0;490154203237518" + line, udp=True)
    assert (message.checksum, message.device_id) == (Checksum.BAD, None)
