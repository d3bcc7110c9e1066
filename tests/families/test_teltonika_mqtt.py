"""Teltonika over MQTT: recorded records, documented texts, topics, dialogues with an emulated unit."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from tracker_codecs.contract import Faults, FieldState, Kind, Match, Message, Outcome, Target, Transport
from tracker_codecs.drive import Exchange, against_emulator, against_nobody, collect
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.teltonika_mqtt.family import FAMILY

FIXTURE = yaml.safe_load(
    (Path(__file__).parents[2] / "firmware-fixtures" / "teltonika-mqtt" / "frames.yaml").read_text(encoding="utf-8")
)
CASES = {case["id"]: case for case in FIXTURE["cases"]}
IMEI = "358491098808487"
DATA = f"master/unit/teltonika/{IMEI}/data"
ASKED = {
    "tracking_angle": 30,
    "tracking_distance": 100,
    "tracking_interval": 60,
    "on_stop_tracking_interval": 180,
    "sleep_mode": "disabled",
    "stop_detection": "ignition",
}
TOLD = {
    "timestamp_ms", "latitude", "longitude", "has_fix", "event_avl_id", "priority", "altitude", "angle", "satellites",
    "speed_kmh", "text", "message",
}  # fmt: skip


def raw(case: str) -> bytes:
    data: str = CASES[case]["data"]
    return data.encode("ascii")


def target(**more: Any) -> Target:
    return Target(IMEI, variant="fmb", transport=Transport.MQTT, **more)


def one(data: bytes, channel: str = DATA) -> Message:
    (event,) = FAMILY.stream(Transport.MQTT).feed(data, channel)
    assert isinstance(event, Message), event
    return event


def applied(faults: Faults | None = None) -> tuple[list[Exchange], Outcome, Any]:
    unit = FAMILY.emulator(IMEI, "fmb", faults=faults or Faults())
    exchanges, outcome = against_emulator(FAMILY.apply(target(), ASKED), unit, FAMILY.stream(Transport.MQTT))
    return exchanges, outcome, unit


@pytest.mark.parametrize("case", [c["id"] for c in FIXTURE["cases"] if c["direction"] == "device_to_server"])
def test_device_message(case: str) -> None:
    means = CASES[case]["means"]
    if means["message"] == "unknown":
        (event,) = FAMILY.stream(Transport.MQTT).feed(raw(case), DATA)
        assert isinstance(event, PeerError)
        return
    message = one(raw(case))
    told = FAMILY.fields(message)
    assert {key: told[key] for key in TOLD & set(means)} == {key: means[key] for key in TOLD & set(means)}
    assert {key: told["io"][key] for key in means.get("io", {})} == means.get("io", {})
    assert (message.device_id, message.owed) == (IMEI, b"")
    assert message.kind is (Kind.REPORT if means["message"] == "avl_data" else Kind.REPLY)
    if "error" in means:
        assert told["refused"] or told["missing"] == means["asked"]


@pytest.mark.parametrize("case", [c["id"] for c in FIXTURE["cases"] if c["direction"] == "server_to_device"])
def test_server_message_and_the_same_bytes_from_us(case: str) -> None:
    (message,) = FAMILY.server(raw(case))
    assert isinstance(message, Message)
    text = CASES[case]["means"]["text"]
    assert FAMILY.fields(message)["text"] == text
    command = FAMILY.raw(target(), text)
    assert command.payload == raw(case).replace(b'{ "CMD": ', b'{"CMD":').replace(b" }", b"}")
    assert command.channel == f"{IMEI}/commands"
    assert one(raw(case)).device_id is None  # our own command on a topic set equal


def test_answers_match_by_content() -> None:
    getparam = FAMILY.raw(target(), "getparam 102;103;106;107")
    assert getparam.match(one(raw("rsp-get-four"))) is Match.DONE
    assert getparam.match(one(raw("rsp-get-four"), "862000000000001/data")) is Match.NO
    for other in ("rsp-get-one", "rsp-ok", "rsp-get-missing", "rsp-set-trailing", "data-with-fix"):
        assert FAMILY.raw(target(), "getparam 102").match(one(raw(other))) is Match.NO
    setparam = FAMILY.raw(target(), "setparam 2001:internet")
    assert setparam.match(one(raw("rsp-set-trailing"))) is Match.DONE
    assert setparam.match(one(raw("rsp-ok"))) is Match.NO
    assert setparam.match(one(raw("rsp-set-error"))) is Match.REFUSED


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xa1aTgfoo",
        b"\x00\x00\x00\x00",
        b"[1]",
        b'{"state":1}',
        b'{"RSP":1}',
        b'{"a":' * 9000,
        b'{"RSP":"' + b"x" * 70000 + b'"}',
    ],
)
def test_garbage_is_the_peers_fault(data: bytes) -> None:
    stream = FAMILY.stream(Transport.MQTT)
    events = stream.feed(data, DATA)
    assert events
    assert all(isinstance(event, PeerError) for event in events)
    assert stream.buffered == 0
    assert FAMILY.recognise(data) is False


@pytest.mark.parametrize("case", ["data-no-fix", "data-with-fix", "rsp-get-four", "rsp-get-missing"])
def test_any_damage_is_a_message_or_a_peer_error(case: str) -> None:
    data, understood = raw(case), 0
    for bit in range(8 * len(data)):
        frame = bytearray(data)
        frame[bit // 8] ^= 1 << bit % 8
        for event in FAMILY.stream(Transport.MQTT).feed(bytes(frame), DATA):
            if isinstance(event, Message):
                with contextlib.suppress(PeerError):
                    json.dumps(FAMILY.fields(event), allow_nan=False)
                    understood += 1
    assert 0 < understood < 8 * len(data)


def test_topics() -> None:
    options = {"data_topic": "r/{device_id}/up", "command_topic": "r/{device_id}/down"}
    assert FAMILY.topics(options) == ["r/+/up"]
    assert FAMILY.raw(target(options=options), "getver").channel == f"r/{IMEI}/down"
    assert one(raw("rsp-ok"), "no/imei/here").device_id is None
    assert one(raw("rsp-ok"), f"862000000000001/{IMEI}").device_id is None
    for bad in (
        "",
        "data",
        "+/{device_id}",
        "{device_id}/#",
        "{device_id}/{device_id}",
        "a//{device_id}",
        "{x}/{device_id}",
    ):
        with pytest.raises(LocalError):
            FAMILY.topics({"data_topic": bad})
    for device in ("", "+", "#", "35849109880848+", "a/b"):
        with pytest.raises(LocalError):
            FAMILY.apply(Target(device, variant="fmb", transport=Transport.MQTT), ASKED)


def test_confirmed_by_read_back_and_a_dry_run_shows_the_bytes() -> None:
    exchanges, outcome, unit = applied()
    assert {found.state for found in outcome.fields.values()} == {FieldState.CONFIRMED}
    assert {name: unit.settings[name] for name in ASKED} == ASKED
    sent = [x.command.payload for x in exchanges]
    assert all(len(x.command.text) <= 160 and x.command.channel == f"{IMEI}/commands" for x in exchanges)
    dry, _ = against_nobody(FAMILY.apply(target(known=outcome.known), ASKED))
    written = [x.command.payload for x in dry if b"setparam" in x.command.payload]
    assert written
    assert set(written) <= set(sent)


def test_clamped_ignored_refused_silent() -> None:
    found = applied(Faults(clamp={"tracking_interval": (120, 900)}))[1].fields["tracking_interval"]
    assert (found.state, found.reported) == (FieldState.MISMATCHED, 120)
    only = frozenset({"tracking_angle"})
    assert applied(Faults(ignore=only))[1].fields["tracking_angle"].state is FieldState.MISMATCHED
    assert applied(Faults(refuse=only))[1].fields["tracking_angle"].state is FieldState.REJECTED
    _, outcome, _ = applied(Faults(silent=True))
    assert outcome.unanswered
    assert FieldState.CONFIRMED not in {found.state for found in outcome.fields.values()}


def test_damaged_read_back_confirms_nothing_wrong() -> None:
    """Every flipped bit of the last answer: what is confirmed is what the unit has."""
    exchanges, _, unit = applied()
    truth, last = unit.settings, exchanges[-1]
    data = last.reply.messages[-1].frame
    for bit in range(8 * len(data)):
        frame = bytearray(data)
        frame[bit // 8] ^= 1 << bit % 8
        dialogue = FAMILY.apply(target(), {**ASKED, "tracking_angle": 30})
        command = next(dialogue)
        try:
            for exchange in exchanges[:-1]:
                assert command.payload == exchange.command.payload
                command = dialogue.send(exchange.reply)
            heard = [e for e in FAMILY.stream(Transport.MQTT).feed(bytes(frame), DATA) if isinstance(e, Message)]
            while True:
                command = dialogue.send(collect(command, heard))
        except StopIteration as stop:
            for name, found in stop.value.fields.items():
                if found.state is FieldState.CONFIRMED:
                    assert found.reported == truth[name] == ASKED[name]
        finally:
            dialogue.close()


def test_emulated_reports_and_reading() -> None:
    unit, stream = FAMILY.emulator(IMEI, "fmb", settings=ASKED), FAMILY.stream(Transport.MQTT)
    for datum in (*unit.connect(), *unit.report(datetime(2026, 1, 1, tzinfo=UTC))):
        (message,) = stream.feed(*datum)
        assert isinstance(message, Message)
        assert (message.kind, message.device_id) == (Kind.REPORT, IMEI)
        json.dumps(FAMILY.fields(message), allow_nan=False)
    _, outcome = against_emulator(FAMILY.read(target(), list(ASKED)), unit, stream)
    assert outcome.reported == ASKED


@pytest.mark.parametrize("odd", [b"0.000000", b"x,0.000000", b"95.0,0.000000", b"nan,0.000000"])
def test_a_place_that_is_none_costs_itself_only(odd: bytes) -> None:
    whole = FAMILY.fields(one(raw("data-no-fix")))
    told = FAMILY.fields(one(raw("data-no-fix").replace(b"0.000000,0.000000", odd)))
    assert (told["latitude"], told["longitude"], told["has_fix"]) == (None, None, False)
    assert (told["io"], told["timestamp_ms"]) == (whole["io"], whole["timestamp_ms"])
