"""MiniFinder: recorded frames, the list of settings, raw commands behind a password, and no settings."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from tracker_codecs.contract import Kind, Message, Severity, Target
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.minifinder import FAMILY

FIXTURE = Path(__file__).parents[2] / "firmware-fixtures" / "minifinder" / "frames.yaml"
CASES = {case["id"]: case for case in yaml.safe_load(FIXTURE.read_text("utf-8"))["cases"]}
DEVICE = [name for name, case in CASES.items() if case["direction"] == "device_to_server"]
KINDS = {"1": Kind.LOGIN, "3": Kind.REPLY, "4": Kind.REPLY, "5": Kind.HEARTBEAT}
ID = "867273023933661"


def raw(name: str) -> bytes:
    return str(CASES[name]["data"]).encode("ascii")


def heard(data: bytes) -> list[Message]:
    return [event for event in FAMILY.stream().feed(data) if isinstance(event, Message)]


@pytest.mark.parametrize("name", DEVICE)
def test_frames(name: str) -> None:
    means = CASES[name]["means"]
    (message,) = heard(raw(name))
    told = FAMILY.fields(message)
    assert (message.kind, message.owed) == (KINDS.get(means["message"], Kind.REPORT), b"")
    assert message.device_id == means.get("device_id")
    assert FAMILY.recognise(raw(name)) is (means["message"] == "1")
    for key in means.keys() - {"status", "device_id"}:
        assert told[key] == means[key]


def test_frames_are_of_the_unit_that_opened_the_link() -> None:
    login, place = heard(b"junk;" + raw("minifinder-login") + b"!1,12;" + raw("minifinder-pos"))
    assert login.device_id == place.device_id == ID
    assert isinstance(FAMILY.stream().feed(b"!1,12;")[0], PeerError)


def test_commands_stand_behind_the_password() -> None:
    command = FAMILY.raw(Target(ID, variant="session"), "L+01")
    assert (command.payload, command.secrets) == (raw("minifinder-cmd-tz"), (b"123456",))
    replies = {text: heard(raw("minifinder-login") + text)[1] for text in (b"!3,ok;", b"!3,error;", b"!5,17,V;")}
    assert [command.match(each).value for each in replies.values()] == ["done", "refused", "no"]
    other = FAMILY.raw(Target(ID, variant="session", options={"password": "654321"}), "SP1")
    assert other.payload == b"654321SP1"
    for text, password in (("", "123456"), ("L\r\n!", "123456"), ("1", "123456"), ("L+01", "12345;")):
        with pytest.raises(LocalError):
            FAMILY.raw(Target(ID, variant="session", options={"password": password}), text)


def test_settings_are_unsupported() -> None:
    (problem,) = FAMILY.check(Target(ID, variant="session"), {"tracking_interval": 60})
    assert problem.severity is Severity.UNSUPPORTED
    assert "not public" in problem.reason
