"""LoRaWAN: dialogues with emulated trackers behind emulated network servers of both kinds."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from tracker_codecs.contract import (
    Faults,
    FieldState,
    Kind,
    Match,
    Message,
    Outcome,
    Purpose,
    Reply,
    Strength,
    Transport,
    Verdict,
)
from tracker_codecs.drive import against_emulator, against_nobody, collect
from tracker_codecs.errors import LocalError
from tracker_codecs.families.lorawan.devices import DEVICES
from tracker_codecs.families.lorawan.family import FAMILY

from tests.families.lorawan_facts import ASKED, EUI, NETWORKS, READ_BACK, applied, sent, states, target

EVERY = [(variant, network) for variant in ASKED for network in NETWORKS]
WITH_READ_BACK = [(variant, network) for variant, network in EVERY if READ_BACK[variant]]


@pytest.mark.parametrize(("variant", "network"), EVERY)
def test_every_setting_reaches_its_best_evidence_and_dry_run_writes_the_same(variant: str, network: str) -> None:
    asked = ASKED[variant]
    # In event mode from the start: what the T1000 tells only there is written in the first round too.
    settings = {"tracking_mode": "event"} if variant == "sensecap_t1000" else {}
    exchanges, outcome, unit = applied(variant, asked, network, settings=settings)
    assert not outcome.unanswered
    for name, value in asked.items():
        found = outcome.fields[name]
        best = FAMILY.variants[variant][name].best
        assert unit.settings[name] == value
        assert found.strength is best, name
        assert found.state is (FieldState.CONFIRMED if best is Strength.READ_BACK else FieldState.ACKNOWLEDGED)
        assert found.state is FieldState.CONFIRMED or found.reason
    dry, assumed = against_nobody(FAMILY.apply(target(variant, network), asked))
    independent = [x.command for x in exchanges if not x.command.depends_on_read]
    assert sent(dry) == [text for x, text in zip(exchanges, sent(exchanges), strict=True) if x.command in independent]
    if len(independent) == len(exchanges):
        assert [x.command.payload for x in dry] == [x.command.payload for x in exchanges]
        assert [x.command.channel for x in dry] == [x.command.channel for x in exchanges]
    assert {found.state for found in assumed.fields.values()} == {FieldState.WRITTEN} or variant == "sensecap_t1000"
    assert all(x.command.timeout == 600 and EUI not in x.command.text for x in exchanges)


def test_the_t1000_event_settings_are_written_after_the_change_of_mode_and_the_others_kept() -> None:
    exchanges, outcome, _ = applied("sensecap_t1000", ASKED["sensecap_t1000"])
    assert [x.command.purpose for x in exchanges[-3:]] == [Purpose.READ_BACK, Purpose.WRITE, Purpose.READ_BACK]
    vendor = "84 01 001e 0005 00 0168 01 012c 000005001e025800000000000500010064000000".replace(" ", "")
    assert sent(exchanges)[-2] == vendor.replace("001e0005", "0032000a", 1)
    assert outcome.fields["motion_threshold"].state is FieldState.CONFIRMED


def test_event_settings_without_the_motion_event_are_stored_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in the vendor's example, where its switch is 0."""
    off = bytes.fromhex("00001e000500016801012c000005001e025800000000000500010064000000")
    monkeypatch.setattr(DEVICES["sensecap_t1000"].unit, "block", off)
    _, outcome, unit = applied("sensecap_t1000", ASKED["sensecap_t1000"], settings={"tracking_mode": "event"})
    for name in ("motion_threshold", "motion_tracking_interval"):
        found = outcome.fields[name]
        assert (found.state, "switched off" in found.reason) == (FieldState.ACKNOWLEDGED, True)
        assert name in outcome.stored
    assert outcome.fields["tracking_interval"].state is FieldState.CONFIRMED
    _, read = against_emulator(
        FAMILY.read(target("sensecap_t1000"), list(ASKED["sensecap_t1000"])), unit, FAMILY.stream(Transport.MQTT)
    )
    assert set(read.stored) == {"motion_threshold", "motion_tracking_interval"}


def test_an_interval_without_a_trigger_is_stored_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    _, outcome, _ = applied("abeeway3", ASKED["abeeway3"])
    assert outcome.fields["tracking_interval"].state is FieldState.CONFIRMED  # the emulated triggers: bits 2, 4, 5
    one = DEVICES["abeeway3"].unit._one  # type: ignore[attr-defined]

    def without(self: Any, key: Any) -> bytes:
        return bytes(one(self, key).replace(bytes.fromhex("00000034"), bytes.fromhex("00000004")))

    monkeypatch.setattr(DEVICES["abeeway3"].unit, "_one", without)
    _, outcome, unit = applied("abeeway3", ASKED["abeeway3"])
    for name in ("tracking_interval", "on_stop_tracking_interval"):
        found = outcome.fields[name]
        assert (found.state, "without effect" in found.reason) == (FieldState.ACKNOWLEDGED, True)
    assert outcome.fields["heartbeat_interval"].state is FieldState.CONFIRMED
    _, read = against_emulator(
        FAMILY.read(target("abeeway3"), list(ASKED["abeeway3"])), unit, FAMILY.stream(Transport.MQTT)
    )
    assert set(read.stored) == {"tracking_interval", "on_stop_tracking_interval"}


@pytest.mark.parametrize(("variant", "network"), WITH_READ_BACK)
def test_ignored_and_clamped(variant: str, network: str) -> None:
    for name in sorted(READ_BACK[variant] & set(ASKED[variant])):
        if name == "core_tick":  # the intervals are counted in it
            continue
        only = frozenset({name})
        start = {"tracking_mode": "event"} if variant == "sensecap_t1000" and name != "tracking_mode" else {}
        _, outcome, unit = applied(variant, ASKED[variant], network, settings=start, faults=Faults(ignore=only))
        assert FieldState.CONFIRMED is not outcome.fields[name].state
        if name != "tracking_mode":
            assert outcome.fields[name].state is FieldState.MISMATCHED
            assert outcome.fields[name].reported == unit.settings[name] != ASKED[variant][name]
    name, low, high = {
        "vega_lm1": ("tracking_interval", 30, 60),
        "dragino_trackerd": ("motion_wake", 0, 0),
        "tektelic": ("tracking_interval", 480, 960),
    }.get(variant, ("tracking_interval", 500, 900))
    _, outcome, _ = applied(variant, ASKED[variant], network, faults=Faults(clamp={name: (low, high)}))
    assert (outcome.fields[name].state, outcome.fields[name].reported) == (FieldState.MISMATCHED, low)


@pytest.mark.parametrize("network", NETWORKS)
def test_refused_by_the_tracker(network: str) -> None:
    only = Faults(refuse=frozenset({"tracking_interval"}))
    _, outcome, _ = applied("abeeway3", ASKED["abeeway3"], network, faults=only)
    assert outcome.fields["tracking_interval"].state is FieldState.REJECTED
    assert "BAD_VALUE" in outcome.fields["tracking_interval"].reason
    assert outcome.fields["heartbeat_interval"].state is FieldState.CONFIRMED
    _, outcome, _ = applied("tektelic", ASKED["tektelic"], network, faults=only)
    assert outcome.fields["tracking_interval"].state is FieldState.REJECTED
    assert "register 23" in outcome.fields["tracking_interval"].reason
    assert outcome.fields["on_stop_tracking_interval"].state is FieldState.CONFIRMED


@pytest.mark.parametrize("network", NETWORKS)
def test_an_echo_is_an_acknowledgement_and_one_that_differs_a_mismatch(network: str) -> None:
    clamp = Faults(clamp={"tracking_interval": (1, 60)})
    _, outcome, _ = applied("milesight_at101", ASKED["milesight_at101"], network, faults=clamp)
    found = outcome.fields["tracking_interval"]
    assert (found.state, found.reported) == (FieldState.MISMATCHED, 60)
    assert outcome.fields["gnss_timeout"].state is FieldState.ACKNOWLEDGED
    only = Faults(refuse=frozenset({"gnss_timeout"}))
    _, outcome, _ = applied("milesight_at101", ASKED["milesight_at101"], network, faults=only)
    assert outcome.unanswered
    assert states(outcome)["gnss_timeout"] == "written"
    assert states(outcome)["positioning"] == "acknowledged"


@pytest.mark.parametrize(("variant", "network"), EVERY)
def test_silence_waits_for_another_contact(variant: str, network: str) -> None:
    exchanges, outcome, _ = applied(variant, ASKED[variant], network, faults=Faults(silent=True))
    assert outcome.unanswered
    assert len(exchanges) == 1
    assert set(states(outcome).values()) <= {"unknown", "written"}
    # The next try of the same revision sends the same bytes under the same id.
    again, _, _ = applied(variant, ASKED[variant], network, faults=Faults(silent=True))
    assert again[0].command.payload == exchanges[0].command.payload


@pytest.mark.parametrize(("variant", "network"), EVERY)
def test_a_downlink_that_the_network_server_refuses_is_told_with_its_text(variant: str, network: str) -> None:
    _, outcome, _ = applied(variant, ASKED[variant], network, options={"max_payload": 0})
    text = {"chirpstack": "DOWNLINK_PAYLOAD_SIZE", "ttn": "application_downlink_too_long"}[network]
    carried = [found for found in outcome.fields.values() if found.state is not FieldState.UNSUPPORTED]
    assert {found.state for found in carried} == {FieldState.REJECTED}
    assert all("network server" in found.reason and text in found.reason for found in carried)
    assert not outcome.unanswered


@pytest.mark.parametrize("network", NETWORKS)
def test_only_the_write_is_too_long(network: str) -> None:
    _, outcome, unit = applied("abeeway2", ASKED["abeeway2"], network, options={"max_payload": 11})
    assert outcome.fields["mode"].state is FieldState.CONFIRMED
    assert outcome.fields["tracking_interval"].state is FieldState.REJECTED
    assert unit.settings["tracking_interval"] == 300


@pytest.mark.parametrize(("variant", "network"), EVERY)
def test_a_radio_that_never_reaches_the_tracker_proves_nothing(variant: str, network: str) -> None:
    _, outcome, unit = applied(variant, ASKED[variant], network, options={"lossy": True})
    assert outcome.unanswered
    assert set(states(outcome).values()) <= {"unknown", "written"}
    assert unit.settings != {**unit.settings, **ASKED[variant]}


@pytest.mark.parametrize(("variant", "network"), EVERY)
def test_duplicates_do_not_confuse(variant: str, network: str) -> None:
    _, plain, _ = applied(variant, ASKED[variant], network)
    _, outcome, _ = applied(variant, ASKED[variant], network, options={"duplicate": True})
    assert states(outcome) == states(plain)


def test_a_late_duplicate_of_the_first_reading_is_no_read_back() -> None:
    """QoS 1 may deliver the answer to the first question again, with other uplinks in between."""
    exchanges, _, _ = applied("vega_lm1", ASKED["vega_lm1"])
    dialogue = FAMILY.apply(target("vega_lm1"), ASKED["vega_lm1"])
    next(dialogue)
    dialogue.send(exchanges[0].reply)
    ask = dialogue.send(exchanges[1].reply)
    assert ask.purpose is Purpose.READ_BACK
    first = exchanges[0].reply.messages[-1]
    again = FAMILY.stream(Transport.MQTT).feed(first.frame, first.channel)[0]
    assert isinstance(again, Message)
    assert ask.match(again) is Match.NO
    assert ask.match(exchanges[2].reply.messages[-1]) is Match.DONE
    dialogue.close()


@pytest.mark.parametrize("network", NETWORKS)
def test_the_servers_own_words_are_at_best_a_part_of_an_answer(network: str) -> None:
    exchanges, _, _ = applied("abeeway3", ASKED["abeeway3"], network)
    for exchange in exchanges:
        for message in exchange.reply.messages:
            if message.data.kind != "up":
                assert exchange.command.match(message) is Match.PART
                assert exchanges[0].command.match(message) in (Match.PART, Match.NO)
    # Another tracker's uplink with the same payload is nothing.
    heard = exchanges[0].reply.messages[-1]
    other = json.loads(heard.frame)
    key = "deviceInfo" if network == "chirpstack" else "end_device_ids"
    other[key]["devEui" if network == "chirpstack" else "dev_eui"] = "0202020202020202"
    topic = heard.channel.replace(EUI, "0202020202020202")
    (foreign,) = FAMILY.stream(Transport.MQTT).feed(json.dumps(other).encode(), topic)
    assert isinstance(foreign, Message)
    fresh = next(FAMILY.apply(target("abeeway3", network), ASKED["abeeway3"]))
    assert fresh.match(foreign) is Match.NO


@pytest.mark.parametrize("variant", [variant for variant in ASKED if READ_BACK[variant]])
def test_damaged_read_back_confirms_nothing_wrong(variant: str) -> None:
    """Every flipped bit of the last answer's payload: it is no answer, or shows, or the value is the true one."""
    start: dict[str, Any] = {"tracking_mode": "event"} if variant == "sensecap_t1000" else {}
    exchanges, _, unit = applied(variant, ASKED[variant], settings=start)
    truth, last = unit.settings, exchanges[-1].reply.messages[-1]
    body = json.loads(last.frame)
    payload = base64.b64decode(body["data"])
    confirmed = 0
    for bit in range(8 * len(payload)):
        flipped = bytearray(payload)
        flipped[bit // 8] ^= 1 << bit % 8
        frame = json.dumps({**body, "data": base64.b64encode(flipped).decode()}).encode()
        dialogue = FAMILY.apply(target(variant), ASKED[variant])
        command = next(dialogue)
        for exchange in exchanges[:-1]:
            command = dialogue.send(exchange.reply)
        (damaged,) = FAMILY.stream(Transport.MQTT).feed(frame, last.channel)
        assert isinstance(damaged, Message)
        heard = [*exchanges[-1].reply.messages[:-1], damaged]
        with pytest.raises(StopIteration) as stop:
            dialogue.send(collect(command, heard))
        outcome: Outcome = stop.value.value
        for name, found in outcome.fields.items():
            if found.state is FieldState.CONFIRMED:
                confirmed += 1
                assert found.reported == truth[name] == ASKED[variant][name]
    assert confirmed


# -- reading, raw commands, reports ----------------------------------------------------------------------------------
@pytest.mark.parametrize(("variant", "network"), EVERY)
def test_reading(variant: str, network: str) -> None:
    asked = {**ASKED[variant]}
    unit = FAMILY.emulator(EUI, variant, settings=asked, options=NETWORKS[network])
    dialogue = FAMILY.read(target(variant, network), list(asked))
    exchanges, outcome = against_emulator(dialogue, unit, FAMILY.stream(Transport.MQTT))
    assert outcome.reported == {name: asked[name] for name in READ_BACK[variant]}
    assert bool(exchanges) == bool(READ_BACK[variant])
    assert not outcome.fields


@pytest.mark.parametrize("network", NETWORKS)
def test_raw_commands(network: str) -> None:
    unit, stream = FAMILY.emulator(EUI, "sensecap_t1000", options=NETWORKS[network]), FAMILY.stream(Transport.MQTT)
    command = FAMILY.raw(target("sensecap_t1000", network), "5:83 02")
    heard = [e for d in unit.receive(command.payload, command.channel) for e in stream.feed(*d)]
    assert collect(command, [e for e in heard if isinstance(e, Message)]).verdict is Verdict.ANSWERED
    assert unit.settings["tracking_mode"] == "event"
    plain = FAMILY.raw(target("sensecap_t1000", network), b"\x88")
    (message,) = FAMILY.server(plain.payload, plain.channel)
    assert isinstance(message, Message)
    assert FAMILY.fields(message)["downlinks"][0]["f_port"] == 5
    for bad in ("", "88", "5:8", "0:88", "224:88", "5:" + "00" * 243, "5:88;", "x:88", "\u0665:88"):
        with pytest.raises(LocalError):
            FAMILY.raw(target("sensecap_t1000", network), bad)


@pytest.mark.parametrize(("variant", "network"), EVERY)
def test_emulated_uplinks_are_understood(variant: str, network: str) -> None:
    unit, stream = FAMILY.emulator(EUI, variant, options=NETWORKS[network]), FAMILY.stream(Transport.MQTT)
    stream.bind(target(variant, network))
    events = [
        event
        for datum in (*unit.connect(), *unit.report(datetime(2026, 5, 1, tzinfo=UTC)))
        for event in stream.feed(*datum)
    ]
    assert [event.kind for event in events if isinstance(event, Message)] == [Kind.LOGIN, Kind.REPORT]
    for event in events:
        assert isinstance(event, Message)
        assert event.device_id == EUI
        assert FAMILY.fields(event)["network"] == network
    assert unit.report_interval > 0
    assert unit.receive(b"{}", "application/x/device/y/command/down") == []


def test_a_lost_confirmed_downlink_is_tried_again_and_never_a_mismatch() -> None:
    exchanges, _, _ = applied("vega_lm1", ASKED["vega_lm1"])
    dialogue = FAMILY.apply(target("vega_lm1"), ASKED["vega_lm1"])
    next(dialogue)
    write = dialogue.send(exchanges[0].reply)
    unit = FAMILY.emulator(EUI, "vega_lm1", options={**NETWORKS["chirpstack"], "lossy": True})
    stream = FAMILY.stream(Transport.MQTT)
    heard = [e for d in unit.receive(write.payload, write.channel) for e in stream.feed(*d) if isinstance(e, Message)]
    reply = collect(write, heard)
    assert reply.verdict is Verdict.REFUSED
    dialogue.send(reply)
    first = exchanges[0].reply.messages[-1]
    with pytest.raises(StopIteration) as stop:
        dialogue.send(Reply(Verdict.ANSWERED, (first,)))
    outcome: Outcome = stop.value.value
    assert outcome.unanswered


@pytest.mark.parametrize("variant", ["milesight_at101", "sensecap_t1000", "abeeway3"])
def test_a_tracker_with_another_port(variant: str) -> None:
    at = target(variant, options={"f_port": 77})
    exchanges, outcome, _ = applied(variant, ASKED[variant], at=at, options={"f_port": 77})
    assert FieldState.WRITTEN not in {found.state for found in outcome.fields.values()}
    assert {json.loads(x.command.payload)["fPort"] for x in exchanges} == {77}
    _, outcome, _ = applied(variant, ASKED[variant], options={"f_port": 77})
    assert set(states(outcome).values()) <= {"unknown", "written"}


def test_what_the_network_server_said_is_told_in_the_reason() -> None:
    """Nothing of it is more than written, and the reason tells how far the downlink got."""
    dialogue = FAMILY.apply(target("dragino_lgt92", "ttn"), ASKED["dragino_lgt92"])
    command = next(dialogue)
    unit = FAMILY.emulator(EUI, "dragino_lgt92", options={**NETWORKS["ttn"], "lossy": True})
    stream = FAMILY.stream(Transport.MQTT)
    heard = [e for d in unit.receive(command.payload, command.channel) for e in stream.feed(*d)]
    queued, gone, nack = [e for e in heard if isinstance(e, Message)]
    assert [m.data.kind for m in (queued, gone, nack)] == ["queued", "sent", "nack"]
    command = dialogue.send(Reply(Verdict.TIMEOUT, (queued, gone, nack)))
    with pytest.raises(StopIteration) as stop:
        dialogue.send(Reply(Verdict.TIMEOUT, ()))
    outcome: Outcome = stop.value.value
    assert outcome.unanswered
    assert states(outcome) == {"tracking_interval": "written", "heartbeat_interval": "written"}
    assert "gateway" in outcome.fields["tracking_interval"].reason
    assert "queue" in outcome.fields["heartbeat_interval"].reason


def test_the_answer_to_an_earlier_try_of_the_same_revision_counts_and_of_another_does_not() -> None:
    """A class A tracker may answer a question that was queued a contact ago."""
    first = next(FAMILY.apply(target("abeeway2", serial=64), ASKED["abeeway2"]))
    unit, stream = FAMILY.emulator(EUI, "abeeway2", options=NETWORKS["chirpstack"]), FAMILY.stream(Transport.MQTT)
    heard = [e for d in unit.receive(first.payload, first.channel) for e in stream.feed(*d) if isinstance(e, Message)]
    again = next(FAMILY.apply(target("abeeway2", serial=64), ASKED["abeeway2"]))
    assert again.payload == first.payload
    assert collect(again, heard).ok
    newer = next(FAMILY.apply(target("abeeway2", serial=96), ASKED["abeeway2"]))
    assert collect(newer, heard) == Reply(Verdict.TIMEOUT, ())
