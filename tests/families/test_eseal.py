"""eSeal: recorded frames, what they are owed, and an operator's command."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from tracker_codecs.contract import Kind, Message, Target
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.eseal import FAMILY

FIXTURE = Path(__file__).parents[2] / "firmware-fixtures" / "eseal" / "frames.yaml"
CASES = {case["id"]: case for case in yaml.safe_load(FIXTURE.read_text("utf-8"))["cases"]}
KINDS = {"Normal": Kind.REPORT, "Startup": Kind.LOGIN, "Startup OK": Kind.OTHER, "RC-NFC DEL ACK": Kind.REPLY}
DEVICE = [name for name, case in CASES.items() if case["direction"] == "device_to_server"]


def raw(name: str) -> bytes:
    return str(CASES[name]["data"]).encode("ascii")


def one(data: bytes) -> Message:
    (event,) = FAMILY.stream().feed(data)
    assert isinstance(event, Message)
    return event


@pytest.mark.parametrize("name", DEVICE)
def test_device_frames(name: str) -> None:
    means = CASES[name]["means"]
    message = one(raw(name))
    told = FAMILY.fields(message)
    assert (message.kind, message.device_id, told["type"]) == (KINDS[means["type"]], means["id"], means["type"])
    assert message.owed == means.get("server_owes", "").encode("ascii")
    for key in ("latitude", "longitude", "cells"):
        if key in means:
            assert told[key] == means[key]
    assert FAMILY.recognise(raw(name)) is True


def test_a_command_and_its_answer() -> None:
    at = Target("1000898", variant="session")
    assert FAMILY.raw(at, "RC-Unlock").payload == raw("es-unlock")
    (back,) = FAMILY.server(raw("es-unlock"))
    assert isinstance(back, Message)
    assert (back.device_id, FAMILY.fields(back)["type"]) == ("1000898", CASES["es-unlock"]["means"]["type"])
    answer = one(raw("es-command-ack"))
    assert [FAMILY.raw(at, text).match(answer).value for text in ("RC-NFC DEL,1", "RC-Unlock")] == ["done", "no"]
    assert FAMILY.raw(Target("1000821", variant="session"), "RC-NFC DEL").match(answer).value == "no"
    assert FAMILY.raw(at, "RC-Unlock").match(one(raw("es-normal"))).value == "no"
    for text in ("RC#", "a\r\nb", "\xe9", "x" * 201):
        with pytest.raises(LocalError):
            FAMILY.raw(at, text)


def test_garbage_costs_itself_only() -> None:
    events = FAMILY.stream().feed(b"?##S,eSeal,x,E##" + raw("es-normal") + b"\r\n##" + raw("es-startup"))
    assert [event.frame for event in events if isinstance(event, Message)] == [raw("es-normal"), raw("es-startup")]
    assert isinstance(events[0], PeerError)
    assert FAMILY.recognise(b"##S,eSeal,10") is None
    assert FAMILY.recognise(b"##,imei:") is False


@pytest.mark.parametrize("device_id", ["", "\u0663" * 15, "\xb2" * 15, "1,2#", "1" * 21])
def test_a_command_goes_to_a_device_of_this_family(device_id: str) -> None:
    with pytest.raises(LocalError) as told:
        FAMILY.raw(Target(device_id, variant="session"), "RC-Unlock")
    assert told.value.parameter == "device_id"
