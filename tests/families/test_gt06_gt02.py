"""GT02 (68 68) as a variant of GT06: known by its session."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from tracker_codecs.contract import Kind, Match, Message, Severity, Target
from tracker_codecs.drive import against_nobody
from tracker_codecs.errors import LocalError
from tracker_codecs.families.gt06.family import FAMILY

FIXTURE = Path(__file__).parents[2] / "firmware-fixtures" / "gt06" / "frames.yaml"
CASES = {case["id"]: case for case in yaml.safe_load(FIXTURE.read_text("utf-8"))["cases"]}
ASKED = {"tracking_interval": 60}


def raw(name: str) -> bytes:
    return bytes.fromhex(CASES[name]["data"])


def target(imei: str = "358899052958258") -> Target:
    return Target(imei, variant="concoxgt02")


def test_settings_are_refused_with_the_reason() -> None:
    problems = FAMILY.check(target(), ASKED)
    assert [(each.field, each.severity) for each in problems] == [("tracking_interval", Severity.UNSUPPORTED)]
    with pytest.raises(LocalError) as told:
        FAMILY.apply(target(), ASKED)
    assert told.value.reason == problems[0].reason
    assert against_nobody(FAMILY.read(target(), list(ASKED)))[0] == []


def test_bytes_of_an_operator_go_as_they_are_and_texts_have_no_envelope() -> None:
    command = FAMILY.raw(target(), b"\x01")
    (answer,) = FAMILY.stream().feed(raw("gt02-reply-ok"))
    assert isinstance(answer, Message)
    assert (command.payload, command.match(answer), answer.text) == (b"\x01", Match.DONE, "APEXOK!")
    with pytest.raises(LocalError, match="give bytes"):
        FAMILY.raw(target(), "TIMER,60#")


def test_an_emulated_unit_says_what_was_recorded() -> None:
    (beat,) = FAMILY.emulator("358899058314017", "concoxgt02").heartbeat()
    assert beat.data == raw("gt02-hb")
    unit = FAMILY.emulator("358899051012766", "concoxgt02", settings=ASKED)
    (place,) = unit.report(datetime(2014, 9, 6, 10, 29, 27, tzinfo=UTC))
    assert place.data == raw("gt02-loc")
    (message,) = FAMILY.stream().feed(beat.data)
    assert isinstance(message, Message)
    assert (message.kind, message.owed) == (Kind.HEARTBEAT, bytes.fromhex("54681a0d0a"))
    assert (unit.connect(), unit.receive(message.owed), unit.settings) == ([], [], ASKED)
    with pytest.raises(LocalError):
        FAMILY.emulator("35889905101276x", "concoxgt02")
