"""OwnTracks: documented and recorded messages, topics, dialogues with emulated phones."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from tracker_codecs.contract import (
    Capability,
    Faults,
    FieldState,
    Kind,
    Match,
    Message,
    Outcome,
    Purpose,
    Severity,
    Strength,
    Target,
    Transport,
)
from tracker_codecs.drive import Exchange, against_emulator, against_nobody, collect
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.owntracks.family import FAMILY

FIXTURE = yaml.safe_load(
    (Path(__file__).parents[2] / "firmware-fixtures" / "owntracks" / "frames.yaml").read_text(encoding="utf-8")
)
CASES = {case["id"]: case for case in FIXTURE["cases"]}
ID = "jane/phone"
BASE = "owntracks/jane/phone"
IOS = {"monitoring_mode": "move", "tracking_interval": 60, "tracking_distance": 100}
ANDROID = {"monitoring_mode": "move", "move_tracking_interval": 30}
THEN = datetime(2026, 1, 1, tzinfo=UTC)
#: Facts of a case that are about the conversation, not about the bytes.
ASIDE = {"expect", "note", "platform", "server_owes", "meaning", "proves", "confirms", "answer_topic", "secrets"}


def raw(case: str) -> bytes:
    data: str = CASES[case]["data"]
    return data.encode("ascii")


def topic(case: str) -> str:
    found: str = CASES[case]["means"].get("topic", BASE)
    return found.format(user="jane", device="phone")


def target(variant: str, **more: Any) -> Target:
    return Target(ID, variant=f"owntracks_{variant}", transport=Transport.MQTT, now=lambda: THEN, **more)


def applied(
    variant: str, asked: dict[str, Any], faults: Faults | None = None, **options: Any
) -> tuple[list[Exchange], Outcome, Any]:
    unit = FAMILY.emulator(ID, f"owntracks_{variant}", faults=faults or Faults(), options=options)
    exchanges, outcome = against_emulator(FAMILY.apply(target(variant), asked), unit, FAMILY.stream(Transport.MQTT))
    return exchanges, outcome, unit


def states(outcome: Outcome) -> dict[str, str]:
    return {name: found.state.value for name, found in outcome.fields.items()}


def one(data: bytes, channel: str) -> Message:
    (event,) = FAMILY.stream(Transport.MQTT).feed(data, channel)
    assert isinstance(event, Message), event
    return event


# -- messages --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("case", [c["id"] for c in FIXTURE["cases"] if c["direction"] == "device_to_server"])
def test_device_message(case: str) -> None:
    means = CASES[case]["means"]
    if means["message"] == "unknown":
        (event,) = FAMILY.stream(Transport.MQTT).feed(raw(case), BASE)
        assert isinstance(event, PeerError)
        return
    message = one(raw(case), topic(case))
    told = FAMILY.fields(message)
    for key, value in means.items():
        if key == "values":
            assert {name: told["values"][name] for name in value} == value
        elif key == "secrets_to_redact":
            for name in value:
                assert told["values"][name] in ("***", "")
                assert json.loads(message.frame)["configuration"][name] in ("***", "")
        elif key not in ASIDE | {"topic"}:
            assert told[key] == value, key
    assert message.owed == b""
    assert message.device_id == (None if case == "lwt" else ID)
    kinds = {"location": Kind.REPORT, "dump": Kind.REPLY, "status": Kind.REPLY}
    assert message.kind is (Kind.OTHER if case == "loc-min-invalid" else kinds.get(means["message"], Kind.OTHER))


@pytest.mark.parametrize("case", [c["id"] for c in FIXTURE["cases"] if c["direction"] == "server_to_device"])
def test_server_message(case: str) -> None:
    means = CASES[case]["means"]
    (message,) = FAMILY.server(raw(case), topic(case))
    assert isinstance(message, Message)
    told = FAMILY.fields(message)
    if "values" in means:
        assert {name: told["values"][name] for name in means["values"]} == means["values"]
        assert {told["values"][name] for name in means["secrets"]} == {"***"}
        return
    assert told["message"] == "cmd"
    assert told["action"] == means.get("action", "reportLocation")
    if "sets" in means:
        assert told["sets"] == means["sets"]


def test_commands_are_the_documented_ones() -> None:
    exchanges, _ = against_nobody(FAMILY.apply(target("ios"), IOS))
    assert [x.command.payload for x in exchanges] == [raw(c) for c in ("cmd-dump", "cmd-set-tracking-ios", "cmd-dump")]
    exchanges, _ = against_nobody(FAMILY.apply(target("android", options={"peg_interval": True}), ANDROID))
    assert [x.command.payload for x in exchanges] == [raw("cmd-set-tracking-android"), raw("cmd-report-location")]
    assert {x.command.channel for x in exchanges} == {f"{BASE}/cmd"}
    exchanges, _ = against_nobody(FAMILY.apply(target("android"), {"monitoring_mode": "manual"}))
    assert exchanges[1].command.payload == raw("cmd-status")
    assert b"pegLocator" not in exchanges[0].command.payload


def test_no_connection_is_taken_for_a_phone() -> None:
    assert FAMILY.recognise(b"") is False
    assert FAMILY.recognise(raw("loc-ping")) is False
    with pytest.raises(LocalError):
        FAMILY.stream(Transport.TCP)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe",
        b"1",
        b"[]",
        b'"location"',
        b"\x00\x00\x00\x00",
        b'{"_type":7}',
        b'{"_type":"location","tst":NaN}',
        b'{"_type":"location","lat":1e999}',
        b'{"_type":"location","tst":' + b"9" * 5000 + b"}",
        b'{"_type":"dump","_type":"location"}',
        b"[" * 60000,
        b'{"_type":' * 7000,
        b'{"_type":"location","x":"' + b"y" * 70000 + b'"}',
    ],
)
def test_garbage_is_the_peers_fault(data: bytes) -> None:
    stream = FAMILY.stream(Transport.MQTT)
    (event,) = stream.feed(data, BASE)
    assert isinstance(event, PeerError)
    assert not event.fatal
    assert len(event.discarded) <= 64
    assert stream.buffered == 0


@hypothesis_settings(max_examples=150, deadline=None)
@given(st.sampled_from(list(CASES)), st.integers(0, 10**6), st.integers(0, 7), st.text(max_size=30))
def test_any_damage_is_a_message_or_a_peer_error(case: str, at: int, bit: int, channel: str) -> None:
    data = bytearray(raw(case))
    data[at % len(data)] ^= 1 << bit
    for where in (channel, topic(case)):
        for event in FAMILY.stream(Transport.MQTT).feed(bytes(data), where):
            if isinstance(event, Message):
                json.dumps(FAMILY.fields(event), allow_nan=False)


def test_a_deep_configuration_is_masked_or_refused() -> None:
    deep = b'{"_type":"dump","configuration":' + b'{"a":' * 4000 + b"1" + b"}" * 4001
    (event,) = FAMILY.stream(Transport.MQTT).feed(deep, f"{BASE}/dump")
    assert isinstance(event, PeerError)
    found = one(
        b'{"_type":"dump","configuration":{"_type":"configuration","x":[{"password":"pw123"}]}}', f"{BASE}/dump"
    )
    assert b"pw123" not in found.frame + found.text.encode() + repr(FAMILY.fields(found)).encode()


# -- topics ----------------------------------------------------------------------------------------------------------
def test_the_topic_names_the_phone_below_any_prefix() -> None:
    location, dump = raw("loc-ping"), raw("dump-ios-defaults")
    assert one(location, "fleet/north/jane/phone").device_id == ID
    assert one(location, "owntracks/jane/dump").device_id == "jane/dump"
    assert one(dump, "owntracks/jane/dump/dump").device_id == "jane/dump"
    assert one(dump, BASE).device_id is None  # a dump travels on /dump only
    assert one(location, "phone").device_id is None
    assert one(location, "owntracks//phone").device_id is None
    assert one(location[:-1] + b',"topic":"owntracks/jane/phone"}', "").device_id == ID
    assert one(raw("cmd-dump"), f"{BASE}/cmd").device_id is None


def test_topics_follow_the_prefix() -> None:
    assert {"owntracks/+/+", "owntracks/+/+/dump", "owntracks/+/+/status"} <= set(FAMILY.topics({}))
    assert "owntracks/+/+/cmd" not in FAMILY.topics({})
    assert "fleet/ot/+/+/event" in FAMILY.topics({"prefix": "fleet/ot"})
    (first, *_), _ = against_nobody(FAMILY.apply(target("ios", options={"prefix": "fleet/ot"}), IOS))
    assert first.command.channel == "fleet/ot/jane/phone/cmd"


@pytest.mark.parametrize(
    "device", ["", "jane", "jane/", "/phone", "jane/+", "#/phone", "j#/p", "a/b/c", "jane/ph\0ne", "a/" + "b" * 200]
)
def test_an_id_that_is_no_topic_is_our_fault(device: str) -> None:
    at = Target(device, variant="owntracks_ios", transport=Transport.MQTT)
    for act in (lambda: FAMILY.apply(at, IOS), lambda: FAMILY.read(at, ["tracking_interval"])):
        with pytest.raises(LocalError) as caught:
            act()
        assert caught.value.parameter == "device_id"
    with pytest.raises(LocalError):
        FAMILY.raw(at, b"x")


@pytest.mark.parametrize("prefix", ["", "a//b", "+", "own#", "a\n"])
def test_a_prefix_with_wildcards_is_our_fault(prefix: str) -> None:
    with pytest.raises(LocalError) as caught:
        FAMILY.topics({"prefix": prefix})
    assert caught.value.parameter == "prefix"


# -- what fits -------------------------------------------------------------------------------------------------------
def test_fields_without_effect_in_the_mode_are_told_and_not_sent() -> None:
    asked = {**IOS, "monitoring_mode": "significant", "accuracy_filter": 50}
    problems = {p.field: p.severity for p in FAMILY.check(target("ios"), asked)}
    assert problems == dict.fromkeys(("tracking_interval", "tracking_distance"), Severity.UNSUPPORTED)
    exchanges, outcome, unit = applied("ios", asked)
    assert b"locator" not in exchanges[1].command.payload
    assert states(outcome) == {
        "monitoring_mode": "confirmed",
        "tracking_interval": "unsupported",
        "tracking_distance": "unsupported",
        "accuracy_filter": "confirmed",
    }
    assert unit.settings["tracking_interval"] == 180
    found = {p.field for p in FAMILY.check(target("android"), {**ANDROID, "tracking_interval": 5, "adapt_timeout": 1})}
    assert found == {"tracking_interval", "adapt_timeout"}
    still = FAMILY.check(target("android"), {"monitoring_mode": "manual", "move_tracking_interval": 5})
    assert [p.field for p in still] == ["move_tracking_interval"]


@pytest.mark.parametrize(
    ("variant", "field", "value"),
    [
        ("ios", "tracking_interval", 0),
        ("ios", "tracking_interval", 86401),
        ("ios", "tracking_distance", True),
        ("ios", "tracking_distance", "5"),
        ("ios", "low_battery_downgrade", 101),
        ("ios", "monitoring_mode", "walk"),
        ("android", "ping_interval", 14),
        ("android", "move_tracking_interval", 1.5),
    ],
)
def test_values_that_do_not_fit_are_refused(variant: str, field: str, value: Any) -> None:
    asked = {**(IOS if variant == "ios" else ANDROID), field: value}
    assert (field, Severity.REFUSE) in [(p.field, p.severity) for p in FAMILY.check(target(variant), asked)]
    with pytest.raises(LocalError) as caught:
        FAMILY.apply(target(variant), asked)
    assert caught.value.parameter == field


def test_best_evidence_is_named_honestly() -> None:
    found = FAMILY.capabilities(target("android"))
    assert found["monitoring_mode"] == Capability(Strength.READ_BACK)
    assert {c.best for n, c in found.items() if n != "monitoring_mode"} == {Strength.WRITTEN}
    assert {c.best for c in FAMILY.capabilities(target("ios")).values()} == {Strength.READ_BACK}


# -- dialogues: iOS --------------------------------------------------------------------------------------------------
def test_ios_is_confirmed_by_dump_and_a_dry_run_shows_the_bytes() -> None:
    exchanges, outcome, unit = applied("ios", IOS)
    assert set(states(outcome).values()) == {"confirmed"}
    assert outcome.fields["tracking_interval"].strength is Strength.READ_BACK
    assert {name: unit.settings[name] for name in IOS} == IOS
    dry, _ = against_nobody(FAMILY.apply(target("ios"), IOS))
    assert [(x.command.channel, x.command.payload) for x in dry] == [
        (x.command.channel, x.command.payload) for x in exchanges
    ]


def test_ios_documented_dumps_confirm() -> None:
    dialogue = FAMILY.apply(target("ios"), IOS)
    ask = next(dialogue)
    write = dialogue.send(collect(ask, [one(raw("dump-ios-defaults"), f"{BASE}/dump")]))
    after = one(raw("dump-ios-after-set"), f"{BASE}/dump")
    assert write.match(after) is Match.NO  # nothing answers the write
    read_back = dialogue.send(collect(write, [after, one(raw("lwt"), BASE)]))
    assert read_back.match(one(raw("dump-ios-after-set"), "owntracks/joe/phone/dump")) is Match.NO
    with pytest.raises(StopIteration) as stop:
        dialogue.send(collect(read_back, [after]))
    assert set(states(stop.value.value).values()) == {"confirmed"}


def test_ios_bare_configuration_is_a_dump_too() -> None:
    inner = json.loads(raw("dump-ios-after-set"))["configuration"]
    dialogue = FAMILY.read(target("ios"), list(IOS))
    ask = next(dialogue)
    with pytest.raises(StopIteration) as stop:
        dialogue.send(collect(ask, [one(json.dumps(inner).encode(), f"{BASE}/dump")]))
    assert {name: stop.value.value.reported[name] for name in IOS} == IOS


def test_ios_clamped_ignored_refused_silent() -> None:
    _, outcome, _ = applied("ios", IOS, Faults(clamp={"tracking_interval": (120, 900)}))
    found = outcome.fields["tracking_interval"]
    assert (found.state, found.reported) == (FieldState.MISMATCHED, 120)
    for faults in (Faults(ignore=frozenset({"tracking_distance"})), Faults(refuse=frozenset({"tracking_distance"}))):
        exchanges, outcome, _ = applied("ios", IOS, faults)
        assert states(outcome) == {
            "monitoring_mode": "confirmed",
            "tracking_interval": "confirmed",
            "tracking_distance": "mismatched",
        }
        assert len(exchanges) == 4  # looked once more
    for silent in (applied("ios", IOS, Faults(silent=True)), applied("ios", IOS, cmd=False)):
        exchanges, outcome, _ = silent
        assert outcome.unanswered
        assert [x.command.purpose for x in exchanges] == [Purpose.READ]
        assert set(states(outcome).values()) == {"unknown"}


def test_ios_without_remote_configuration_is_told_and_left_alone() -> None:
    exchanges, outcome, _ = applied("ios", IOS, remoteConfiguration=False)
    assert len(exchanges) == 1
    assert set(states(outcome).values()) == {"rejected"}
    assert "remote configuration" in outcome.fields["tracking_interval"].reason


def test_ios_a_repeated_dump_of_before_does_not_decide() -> None:
    before, after = (one(raw(f"dump-ios-{c}"), f"{BASE}/dump") for c in ("defaults", "after-set"))
    dialogue = FAMILY.apply(target("ios"), IOS)
    write = dialogue.send(collect(next(dialogue), [before, before]))
    read_back = dialogue.send(collect(write, [before]))
    again = dialogue.send(collect(read_back, [before]))  # QoS 1: the first dump once more
    with pytest.raises(StopIteration) as stop:
        dialogue.send(collect(again, [after]))
    assert set(states(stop.value.value).values()) == {"confirmed"}


def test_ios_damaged_read_back_confirms_nothing_wrong() -> None:
    """Every single flipped bit of the dump after the write; a dump with other values must not turn into a yes."""
    before, truth = raw("dump-ios-defaults"), {**IOS, "accuracy_filter": 0}
    asked = {**IOS, "accuracy_filter": 64}  # the phone kept 0
    data = raw("dump-ios-after-set")
    for bit in range(8 * len(data)):
        frame = bytearray(data)
        frame[bit // 8] ^= 1 << bit % 8
        dialogue = FAMILY.apply(target("ios"), asked)
        write = dialogue.send(collect(next(dialogue), [one(before, f"{BASE}/dump")]))
        read_back = dialogue.send(collect(write, []))
        heard = [e for e in FAMILY.stream(Transport.MQTT).feed(bytes(frame), f"{BASE}/dump") if isinstance(e, Message)]
        try:
            again = dialogue.send(collect(read_back, heard))
            dialogue.send(collect(again, heard))
        except StopIteration as stop:
            for name, found in stop.value.fields.items():
                if found.state is FieldState.CONFIRMED:
                    assert found.reported == truth[name] == asked[name]
        finally:
            dialogue.close()


# -- dialogues: Android ----------------------------------------------------------------------------------------------
def test_android_mode_is_confirmed_and_the_rest_is_only_written() -> None:
    exchanges, outcome, unit = applied("android", ANDROID)
    assert states(outcome) == {"monitoring_mode": "confirmed", "move_tracking_interval": "written"}
    assert outcome.fields["move_tracking_interval"].strength is Strength.WRITTEN
    assert unit.settings["move_tracking_interval"] == 30
    assert unit.report_interval == 30.0
    assert not outcome.unanswered
    dry, _ = against_nobody(FAMILY.apply(target("android"), ANDROID))
    assert [x.command.payload for x in dry] == [x.command.payload for x in exchanges]


def test_android_in_manual_mode_only_shows_that_it_is_there() -> None:
    _, outcome, unit = applied("android", {"monitoring_mode": "manual"})
    assert states(outcome) == {"monitoring_mode": "written"}
    assert outcome.known["status_ps"] == "0"
    assert not outcome.unanswered
    assert unit.settings["monitoring_mode"] == "manual"


def test_android_ignored_silent_and_without_extended_data() -> None:
    for kept in (
        applied("android", ANDROID, remoteConfiguration=False),
        applied("android", ANDROID, Faults(ignore=frozenset({"monitoring_mode"}))),
    ):
        assert states(kept[1])["monitoring_mode"] == "mismatched"
        assert kept[1].fields["monitoring_mode"].reported == "significant"
    _, outcome, _ = applied("android", ANDROID, Faults(silent=True))
    assert outcome.unanswered
    assert set(states(outcome).values()) == {"written"}
    _, outcome, _ = applied("android", ANDROID, extendedData=False)
    assert set(states(outcome).values()) == {"written"}
    assert not outcome.unanswered


def test_android_an_older_or_unasked_location_confirms_nothing() -> None:
    dialogue = FAMILY.apply(target("android"), ANDROID)
    ask = dialogue.send(collect(next(dialogue), []))
    now = int(THEN.timestamp())
    location = {"_type": "location", "lat": 1.0, "lon": 2.0, "tst": now, "created_at": now, "t": "r", "m": 2}
    for change in ({"created_at": now - 1}, {"t": "u"}, {"created_at": "x"}, {"_type": "status"}):
        assert ask.match(one(json.dumps({**location, **change}).encode(), BASE)) is Match.NO
    assert ask.match(one(json.dumps(location).encode(), "owntracks/joe/phone")) is Match.NO
    assert ask.match(one(json.dumps(location).encode(), BASE)) is Match.DONE


# -- reading, raw commands, emulators ---------------------------------------------------------------------------------
def test_reading() -> None:
    stream = FAMILY.stream(Transport.MQTT)
    unit = FAMILY.emulator(ID, "owntracks_ios", settings=IOS)
    _, outcome = against_emulator(FAMILY.read(target("ios"), list(IOS)), unit, stream)
    assert {name: outcome.reported[name] for name in IOS} == IOS
    phone = FAMILY.emulator(ID, "owntracks_android", settings=ANDROID)
    _, outcome = against_emulator(FAMILY.read(target("android"), list(ANDROID)), phone, stream)
    assert outcome.reported == {"monitoring_mode": "move"}
    exchanges, outcome = against_nobody(FAMILY.read(target("android"), ["move_tracking_interval"]))
    assert (exchanges, outcome.reported) == ([], {})


def test_raw_commands() -> None:
    assert FAMILY.raw(target("ios"), "dump").payload == raw("cmd-dump")
    whole = FAMILY.raw(target("ios"), raw("cmd-set-tracking-ios").decode())
    assert (whole.payload, whole.channel) == (raw("cmd-set-tracking-ios"), f"{BASE}/cmd")
    assert FAMILY.raw(target("ios"), b"\x01as it is").payload == b"\x01as it is"
    status = FAMILY.raw(target("android"), "status")
    assert status.match(one(raw("status-android"), f"{BASE}/status")) is Match.DONE
    for bad in ("", "report location", "[1]", '{"_type":"location"}', raw("cmd-set-configuration-host").decode()):
        with pytest.raises(LocalError):
            FAMILY.raw(target("ios"), bad)
    with pytest.raises(LocalError):
        FAMILY.raw(target("android"), "dump")


@pytest.mark.parametrize("variant", ["ios", "android"])
def test_emulated_reports_are_understood(variant: str) -> None:
    unit = FAMILY.emulator(ID, f"owntracks_{variant}", options={"prefix": "a/b"})
    assert unit.subscriptions() == ["a/b/jane/phone/cmd"]
    for datum in (*unit.connect(), *unit.report(THEN)):
        message = one(*datum)
        assert (message.kind, message.device_id) == (Kind.REPORT, ID)
    assert FAMILY.fields(message)["fix_time"] == int(THEN.timestamp())
    assert unit.receive(raw("cmd-dump"), "owntracks/jane/phone/cmd") == []  # not its own topic
    assert unit.receive(raw("cmd-set-configuration-no-inner-type"), "a/b/jane/phone/cmd") == []
    assert unit.settings["monitoring_mode"] == "significant"
