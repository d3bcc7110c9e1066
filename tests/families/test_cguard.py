"""cGuard: recorded lines, and that nothing is owed to them."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from tracker_codecs.contract import Checksum, Kind, Message, Target
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.cguard import FAMILY

FIXTURE = Path(__file__).parents[2] / "firmware-fixtures" / "cguard" / "frames.yaml"
CASES = {
    case["id"].removeprefix("russian-minor-cguard_"): case for case in yaml.safe_load(FIXTURE.read_text())["cases"]
}
KINDS = {"IDRO": Kind.LOGIN, "NV": Kind.REPORT, "BC": Kind.REPORT, "VERSION": Kind.OTHER, "PING": Kind.HEARTBEAT}
IMEI = "354868050655283"


def raw(name: str) -> bytes:
    return str(CASES[name]["data"]).encode("ascii")


@pytest.mark.parametrize("name", CASES)
def test_lines(name: str) -> None:
    means = CASES[name]["means"]
    (message,) = FAMILY.stream().feed(raw(name))
    assert isinstance(message, Message)
    assert (message.kind, message.owed, message.checksum) == (KINDS[means["type"]], b"", Checksum.NONE)
    assert FAMILY.fields(message)["type"] == means["type"]
    assert message.device_id == means.get("imei")
    assert FAMILY.recognise(raw(name)) is (means["type"] == "IDRO")


def test_what_lines_say() -> None:
    place, state, version = FAMILY.stream().feed(raw("position-06") + raw("status-05") + raw("version-01"))
    assert isinstance(place, Message)
    assert isinstance(state, Message)
    assert isinstance(version, Message)
    assert FAMILY.fields(place) == {
        "type": "NV",
        "device_id": None,
        "time_yymmdd_hhmmss": "160711 044023",
        "latitude": 54.342907,
        "longitude": -148.58259,
        "speed_kmh": 0.0,
        "accuracy_m": None,
        "course": 0.0,
        "altitude_m": 110.1,
    }
    told = {"CSQ1": "48", "NSQ1": "7", "NSQ2": "1", "BAT1": "98", "PWR1": "11.7", "CLG1": "NAN"}
    assert FAMILY.fields(state)["state"] == told
    assert FAMILY.fields(version)["text"] == "3.3"


def test_lines_are_of_the_device_that_named_itself_and_end_with_lf_alone_too() -> None:
    login, place = FAMILY.stream().feed(raw("login-01").replace(b"\r", b"") + raw("position-01"))
    assert isinstance(login, Message)
    assert isinstance(place, Message)
    assert login.device_id == place.device_id == IMEI
    (short,) = FAMILY.stream().feed(b"ID:354868050655283\n")
    assert isinstance(short, Message)
    assert short.device_id == IMEI


def test_what_is_no_line_is_told() -> None:
    stream = FAMILY.stream()
    assert [type(each) for each in stream.feed(b"\xff\xfe\r\n" + raw("ping-01") + b"lower:case\n")] == [
        PeerError,
        Message,
        PeerError,
    ]
    (long,) = stream.feed(b"N" * 1024)
    assert isinstance(long, PeerError)
    assert long.fatal
    (wrong,) = stream.feed(b"NV:160711 044023:x:1:0:NAN:0\n")
    assert isinstance(wrong, Message)
    odd = FAMILY.fields(wrong)
    assert (odd["latitude"], odd["longitude"], odd["time_yymmdd_hhmmss"]) == (None, 1.0, "160711 044023")


def test_openings() -> None:
    for count in range(len("IDRO:354868050655283")):
        assert FAMILY.recognise(raw("login-01")[:count]) is None
    for other in (b"IDX", b"ID:35x", b"##,imei:"):
        assert FAMILY.recognise(other) is False


def test_settings_and_commands_are_refused_with_the_reason() -> None:
    target = Target(IMEI, variant="session")
    (problem,) = FAMILY.check(target, {"tracking_interval": 60})
    assert problem.reason == FAMILY.unsupported
    with pytest.raises(LocalError, match="give bytes"):
        FAMILY.raw(target, "PING")
