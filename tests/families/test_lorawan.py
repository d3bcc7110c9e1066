"""LoRaWAN: documented payloads and envelopes, bytes of downlinks, traps of the wire, values that do not fit."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from tracker_codecs.contract import NO_FAULTS, Kind, Message, Severity, Target, Transport
from tracker_codecs.drive import against_nobody
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.lorawan import abeeway3, network
from tracker_codecs.families.lorawan.devices import DEVICES
from tracker_codecs.families.lorawan.family import FAMILY

from tests.families.lorawan_facts import (
    APPLICATION,
    ASKED,
    CASES,
    CHIRPSTACK,
    EUI,
    FIXTURE,
    NETWORKS,
    TTN,
    payload,
    sent,
    target,
)

PAYLOADS = [case["id"] for case in FIXTURE["cases"] if case["encoding"] == "hex"]
EVENTS = [c["id"] for c in FIXTURE["cases"] if c["encoding"] == "ascii" and c["direction"] == "device_to_server"]
DOWNLINKS = [c["id"] for c in FIXTURE["cases"] if c["encoding"] == "ascii" and c["direction"] == "server_to_device"]


def feed(data: bytes, channel: str) -> Message:
    (event,) = FAMILY.stream(Transport.MQTT).feed(data, channel)
    assert isinstance(event, Message), event
    return event


def error(data: bytes, channel: str) -> str:
    (event,) = FAMILY.stream(Transport.MQTT).feed(data, channel)
    assert isinstance(event, PeerError), event
    return event.reason


# -- payloads of the trackers ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("case", PAYLOADS)
def test_documented_payload(case: str) -> None:
    found, means = CASES[case], dict(CASES[case]["means"])
    device = DEVICES[found["variant"]]
    upwards = found["direction"] == "device_to_server"
    decoded = device.decode(means["f_port"], payload(case)) if upwards else device.decode_down(payload(case))
    if "expect" in means:
        assert decoded["out_of_range"] == ["15"]
    for key, value in means.items():
        if key not in ("note", "f_port", "answers", "expect"):
            assert decoded[key] == value, key
    if not upwards and found["variant"] != "dragino_trackerd":
        assert device.port == means["f_port"]


def build(variant: str, settings: dict[str, Any]) -> list[str]:
    """What would be written, without the questions around it."""
    dry, _ = against_nobody(FAMILY.apply(target(variant), settings))
    return sent([exchange for exchange in dry if exchange.command.purpose.value == "write"])


@pytest.mark.parametrize(
    ("case", "settings", "at"),
    [
        ("t1000-interval", {"tracking_interval": 30}, 0),
        ("t1000-mode-periodic", {"tracking_mode": "periodic"}, 0),
        ("at101-report-600", {"tracking_interval": 600}, 0),
        ("at101-motion-report-5", {"motion_tracking_interval": 5}, 0),
        ("at101-strategy-motion", {"tracking_mode": "motion"}, 0),
        ("at101-gnss-timeout", {"gnss_timeout": 3}, 0),
        ("browan-set", {"tracking_interval": 30, "on_stop_tracking_interval": 7200, "stop_detection_delay": 60}, 0),
        ("dragino-tdc-300", {"tracking_interval": 300}, 0),
        ("dragino-mtdc-300", {"motion_tracking_interval": 300}, 0),
        ("tektelic-save", {"core_tick": 60}, 1),
        ("tektelic-write-tick-0", {"core_tick": 0}, 0),
    ],
)
def test_bytes_of_the_vendors(case: str, settings: dict[str, Any], at: int) -> None:
    assert build(CASES[case]["variant"], settings)[at] == CASES[case]["data"]


def test_bytes_of_the_vendors_that_carry_a_token_or_stand_in_a_larger_frame() -> None:
    (heartbeat,) = build("abeeway2", {"heartbeat_interval": 3600})
    assert heartbeat[:2] + heartbeat[4:] == "0b" + CASES["abeeway2-set-heartbeat"]["data"][4:]
    (mode,) = build("abeeway2", {"mode": "motion_tracking"})
    assert mode[:2] + mode[4:] == "02" + CASES["abeeway2-mode-motion-tracking"]["data"][4:]
    assert build("dragino_lgt92", {"heartbeat_interval": 600}) == [CASES["dragino-kat-600"]["data"]]
    both = {"core_tick": 60, "on_stop_tracking_interval": 60, "tracking_interval": 120}
    assert build("tektelic", both)[0] == "a00000003c" + CASES["tektelic-write-22-23"]["data"]
    # The vendor's blocks are there; 16 and 63 make the tracker send as often as it collects.
    (vega,) = build("vega_lm1", {"on_stop_tracking_interval": 15, "tracking_interval": 15})
    assert vega == "00" + "31000106" + "10000106" + "3e000106" + "3f000106"
    assert {vega[2:10], vega[18:26]} == {CASES["vega-set-15"]["data"][2:10], CASES["vega-set-15"]["data"][10:]}
    item = {"group": 3, "id": 1, "value": {"kind": 0x21, "data": bytes([0, 0, 0, 120])}}
    data = abeeway3.Generic.build({"items": [item]})
    whole = abeeway3.Request.build({"head": 0x11, "type": 0, "data": data})
    assert whole == payload("abeeway3-generic-set-gnss")


def test_abeeway_tokens_are_not_shared_by_neighbouring_revisions() -> None:
    for variant in ("abeeway2", "abeeway3"):
        used = []
        for revision in range(1, 4):
            dry, _ = against_nobody(FAMILY.apply(target(variant, serial=revision * 32), ASKED[variant]))
            frames = [bytes.fromhex(text) for text in sent(dry)]
            used.append({frame[1] & 15 if variant == "abeeway2" else frame[0] & 7 for frame in frames})
            assert len(used[-1]) == len(frames)
        assert not used[0] & used[1]
        assert not used[1] & used[2]


def test_every_downlink_fits_the_slowest_rate() -> None:
    for variant, asked in ASKED.items():
        dry, _ = against_nobody(FAMILY.apply(target(variant), asked))
        assert max(len(text) // 2 for text in sent(dry)) <= 33


# -- envelopes -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("case", EVENTS)
def test_documented_event(case: str) -> None:
    means, stream = CASES[case]["means"], FAMILY.stream(Transport.MQTT)
    if case == "tts-failed":  # it has no DevEUI: an earlier event of the device must have told it
        assert "no DevEUI" in error(payload(case), means["topic"])
        stream.feed(payload("tts-ack"), CASES["tts-ack"]["means"]["topic"])
    (message,) = stream.feed(payload(case), means["topic"])
    assert isinstance(message, Message)
    found = FAMILY.fields(message)
    eui = "0004a30b001c0530" if case.startswith("tts") else EUI
    assert message.device_id == found["dev_eui"] == eui
    assert message.kind is (Kind.REPORT if means["message"] == "up" else Kind.OTHER)
    for key in ("f_port", "payload_hex", "f_cnt", "acknowledged", "code", "error", "battery_pct", "margin"):
        if key in means:
            assert found[key] == means[key], key
    if "f_cnt_down" in means:
        assert found["f_cnt"] == means["f_cnt_down"]
    for ident in means.get("correlation_ids", [means["queue_item_id"]] if "queue_item_id" in means else []):
        assert ident in found["ids"]
    if means.get("final"):
        assert message.data.kind == "failed"
    if case == "tts-up":
        assert "f_port" not in found


@pytest.mark.parametrize("case", DOWNLINKS)
def test_documented_downlink(case: str) -> None:
    means = CASES[case]["means"]
    (message,) = FAMILY.server(payload(case), means["topic"])
    assert isinstance(message, Message)
    (down,) = FAMILY.fields(message)["downlinks"]
    ident = means.get("queue_item_id") or means.get("correlation_ids", ["gw:7b1c0c6e"])[0]
    assert down == {"f_port": means["f_port"], "payload_hex": means["payload_hex"], "confirmed": True, "id": ident}
    if CASES[case]["provenance"]["kind"] == "composed":
        server = network.CHIRPSTACK if case.startswith("cs") else network.TTN
        one = network.Downlink(means["f_port"], bytes.fromhex(means["payload_hex"]), True, ident)
        assert network.downlink(server, EUI, one) == payload(case)


def test_topics() -> None:
    assert FAMILY.topics({}) == [
        "application/+/device/+/event/+",
        "v3/+/devices/+/join",
        "v3/+/devices/+/up",
        "v3/+/devices/+/down/+",
    ]
    assert FAMILY.topics({**CHIRPSTACK, "prefix": "eu868"}) == [f"eu868/application/{APPLICATION}/device/+/event/+"]
    assert FAMILY.topics(TTN)[1] == "v3/app1@tenant1/devices/+/up"


def test_the_last_topic_of_the_link_tells_where_to_send() -> None:
    heard = "eu/application/a1/device/0101010101010101/event/up"
    assert network.address(EUI, {"topic": heard}).down == "eu/application/a1/device/0101010101010101/command/down"
    heard = "v3/app1@tenant1/devices/dev1/up"
    assert network.address(EUI, {"topic": heard}).down == "v3/app1@tenant1/devices/dev1/down/push"
    # A topic of another tracker on the same link tells nothing.
    with pytest.raises(LocalError, match="application"):
        network.address(EUI, {"topic": "application/a1/device/0202020202020202/event/up"})
    at = target("sensecap_t1000", "ttn", options={"queue": "replace"})
    dry, _ = against_nobody(FAMILY.apply(at, {"tracking_interval": 30}))
    assert {exchange.command.channel for exchange in dry} == {"v3/app1@tenant1/devices/dev1/down/replace"}


@pytest.mark.parametrize(
    ("device_id", "options", "parameter"),
    [
        ("+", CHIRPSTACK, "device_id"),
        ("0101010101010#01", CHIRPSTACK, "device_id"),
        ("010101010101010", CHIRPSTACK, "device_id"),
        (EUI, {**CHIRPSTACK, "application": "a/+"}, "application"),
        (EUI, {**CHIRPSTACK, "prefix": "eu/#"}, "prefix"),
        (EUI, {**TTN, "device": "dev/1"}, "device"),
        (EUI, {**TTN, "device": "+"}, "device"),
        (EUI, {**TTN, "tenant": "t\n"}, "tenant"),
        (EUI, {"network": "ttn", "application": "app1"}, "device"),
        (EUI, {**CHIRPSTACK, "network": "loriot"}, "network"),
        (EUI, {}, "application"),
        (EUI, {**CHIRPSTACK, "f_port": 0}, "f_port"),
    ],
)
def test_an_address_that_is_no_plain_topic_is_refused(device_id: str, options: dict[str, Any], parameter: str) -> None:
    with pytest.raises(LocalError) as caught:
        FAMILY.apply(Target(device_id, variant="sensecap_t1000", options=options), {"tracking_interval": 30})
    assert caught.value.parameter == parameter


# -- traps of the wire -----------------------------------------------------------------------------------------------
def test_broken_events_are_told_by_reason() -> None:
    up = json.loads(payload("cs-up"))
    topic = CASES["cs-up"]["means"]["topic"]

    def with_(**change: Any) -> bytes:
        return json.dumps({**up, **change}).encode()

    assert "no JSON" in error(b"\xff\xfe", topic)
    assert "no JSON" in error(payload("cs-up")[:-1], topic)
    assert "no JSON" in error(b"[" * 50000, topic)
    assert "no JSON object" in error(b"[]", topic)
    assert "base64" in error(with_(data="qg="), topic)
    assert "base64" in error(with_(data=7), topic)
    assert "base64" in error(with_(data="é"), topic)
    assert "more than LoRaWAN carries" in error(with_(data="AAAA" * 100), topic)
    assert "fPort" in error(with_(fPort=256), topic)
    assert "fCnt" in error(with_(fCnt=-1), topic)
    assert "fCnt" in error(with_(fCnt=True), topic)
    assert "deviceInfo" in error(with_(deviceInfo=[]), topic)
    assert "16 hexadecimal" in error(with_(deviceInfo={"devEui": "01"}), topic)
    assert "the topic names" in error(with_(deviceInfo={"devEui": "0202020202020202"}), topic)
    assert "topic" in error(payload("cs-up"), topic.replace("event/up", "command/down"))
    assert "topic" in error(payload("cs-up"), "application/+/device/0101010101010101/event/up")
    assert "bytes are more" in error(b" " * 70000, topic)
    assert "another" in error(payload("tts-up"), "v3/app1@tenant1/devices/dev2/up")


def test_a_network_server_writes_the_id_in_either_case() -> None:
    data = payload("cs-up").replace(b"0101010101010101", b"00aaBB0101010101")
    topic = CASES["cs-up"]["means"]["topic"].replace(EUI, "00AAbb0101010101")
    assert feed(data, topic).device_id == "00aabb0101010101"


def test_an_uplink_that_comes_twice_is_one_report() -> None:
    topic, stream = CASES["tts-up"]["means"]["topic"], FAMILY.stream(Transport.MQTT)
    first, again = stream.feed(payload("tts-up"), topic)[0], stream.feed(payload("tts-up"), topic)[0]
    assert isinstance(first, Message)
    assert isinstance(again, Message)
    assert (first.kind, again.kind) == (Kind.REPORT, Kind.OTHER)
    assert FAMILY.fields(again)["resent"] is True
    (other,) = stream.feed(payload("tts-up").replace(b'"f_cnt":1', b'"f_cnt":2'), topic)
    assert isinstance(other, Message)
    assert other.kind is Kind.REPORT


def test_a_bound_tracker_is_decoded() -> None:
    stream = FAMILY.stream(Transport.MQTT)
    stream.bind(target("sensecap_t1000"))
    topic = CASES["cs-up"]["means"]["topic"]
    up = {**json.loads(payload("cs-up")), "fPort": 5, "data": "BgAAAABkqK2dBswioAFZs/AAzQAGZA=="}
    (message,) = stream.feed(json.dumps(up).encode(), topic)
    assert isinstance(message, Message)
    content = FAMILY.fields(message)["content"]
    assert (content["latitude"], content["longitude"]) == (22.655984, 114.041504)
    (message,) = stream.feed(json.dumps({**up, "data": "BgA="}).encode(), topic)
    assert isinstance(message, Message)
    with pytest.raises(PeerError):
        FAMILY.fields(message)


_TOPICS = [case["means"]["topic"] for case in FIXTURE["cases"] if case["encoding"] == "ascii"] + ["", "x/y"]
_JSON = [payload(case) for case in (*EVENTS, *DOWNLINKS)]


@hypothesis_settings(max_examples=300, deadline=None)
@given(st.sampled_from(_JSON), st.sampled_from(_TOPICS), st.integers(0, 1 << 16), st.binary(max_size=4))
def test_mutated_envelopes_are_messages_or_peer_errors(data: bytes, topic: str, at: int, new: bytes) -> None:
    at %= len(data)
    mutated = data[:at] + new + data[at + len(new) :]
    stream = FAMILY.stream(Transport.MQTT)
    for event in (*stream.feed(mutated, topic), *FAMILY.server(mutated, topic)):
        assert isinstance(event, Message | PeerError)
        if isinstance(event, Message):
            assert FAMILY.fields(event)
    assert stream.buffered == 0


_HEX = [payload(case) for case in PAYLOADS]


@hypothesis_settings(max_examples=400, deadline=None)
@given(st.sampled_from(sorted(DEVICES)), st.sampled_from([2, 3, 5, 18, 19, 85, 100, 101, 204]), st.data())
def test_any_payload_is_decoded_or_a_peer_error(variant: str, port: int, data: st.DataObject) -> None:
    body = data.draw(st.one_of(st.binary(max_size=60), st.sampled_from(_HEX)))
    flipped = bytearray(body)
    if flipped and data.draw(st.booleans()):
        flipped[data.draw(st.integers(0, len(flipped) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    device, other = DEVICES[variant], bytes(flipped)
    for decode in (partial(device.decode, port, other), partial(device.decode_down, other)):
        try:
            found = decode()
        except PeerError:
            continue
        assert found["message"]


def test_it_has_no_links_of_its_own() -> None:
    assert FAMILY.recognise(b"") is False
    assert FAMILY.recognise(payload("cs-up")) is False


def test_renaming_and_normalising() -> None:
    renamed = FAMILY.rename(payload("tts-up"), "0004a30b001c0530", "00000000000000aa")
    assert b'"dev_eui":"00000000000000AA"' in renamed
    blank = FAMILY.normalise(payload("cs-ack"))
    assert b"1bbcab1d" not in blank
    assert blank == FAMILY.normalise(payload("cs-ack").replace(b'"fCntDown":3', b'"fCntDown":9'))


# -- what fits -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("variant", "field", "bad", "good"),
    [
        ("abeeway2", "tracking_interval", [14, 86401], [15, 86400]),
        ("abeeway2", "periodic_position_interval", [1, 899, 604801], [0, 900, 604800]),
        ("abeeway2", "stop_detection_delay", [19, 3601], [20, 3600]),
        ("abeeway2", "mode", ["off"], ["standby", "activity"]),
        ("abeeway3", "tracking_interval", [9, 86401], [10, 86400]),
        ("abeeway3", "heartbeat_interval", [-1], [0]),
        ("sensecap_t1000", "heartbeat_interval", [0, 65536], [1, 65535]),
        ("tektelic", "core_tick", [59, 86401], [60, 120]),
        ("tektelic", "tracking_interval", [1, 61, 119, 120 * 65536], [0, 120, 120 * 65535]),
        ("vega_lm1", "tracking_interval", [2, 10, 1441], [1, 5, 1440]),
        ("vega_lm1", "on_stop_tracking_interval", [1, 6], [5, 360]),
        ("browan_tbol100", "tracking_interval", [14, 65536], [15, 65535]),
        ("milesight_at101", "tracking_interval", [0, 1441], [1, 1440]),
        ("milesight_at101", "gnss_timeout", [0, 6], [1, 5]),
        ("dragino_trackerd", "tracking_interval", [5, 1 << 24], [6, (1 << 24) - 1]),
        ("dragino_lgt92", "heartbeat_interval", [5], [6]),
    ],
)
def test_values_that_do_not_fit_are_refused(variant: str, field: str, bad: list[Any], good: list[Any]) -> None:
    base = dict(ASKED[variant])
    if field == "core_tick":
        base |= {"on_stop_tracking_interval": 0, "tracking_interval": 0}
    for value in bad:
        (problem,) = FAMILY.check(target(variant), {**base, field: value})
        assert (problem.field, problem.severity) == (field, Severity.REFUSE)
        with pytest.raises(LocalError) as caught:
            FAMILY.apply(target(variant), {**base, field: value})
        assert caught.value.parameter == field
    for value in good:
        assert not FAMILY.check(target(variant), {**base, field: value})


def test_what_cannot_be_carried_is_told() -> None:
    asked = {**ASKED["sensecap_t1000"], "tracking_mode": "periodic"}
    found = {problem.field: problem.severity for problem in FAMILY.check(target("sensecap_t1000"), asked)}
    assert found == dict.fromkeys(("motion_tracking_interval", "motion_threshold"), Severity.UNSUPPORTED)
    at = Target(EUI, variant="browan_tbol100", options=CHIRPSTACK)
    assert {p.severity for p in FAMILY.check(at, ASKED["browan_tbol100"])} == {Severity.UNSUPPORTED}
    (problem,) = FAMILY.check(target("dragino_lgt92"), {"motion_wake": True})
    assert problem.severity is Severity.UNSUPPORTED
    with pytest.raises(LocalError):
        FAMILY.check(target("oyster"), {})
    assert set(NETWORKS) == {network.CHIRPSTACK, network.TTN}


# -- what shares a payload with something else -----------------------------------------------------------------------
def test_a_wifi_scan_of_an_at101() -> None:
    """Made by the vendor's decoder rules (vector at101-wifi-timeout); the telemetry is the vendor's own example."""
    device = DEVICES["milesight_at101"]
    told = device.decode(85, payload("at101-telemetry") + bytes.fromhex("06d908ffffffffffff0002"))
    assert {name: told[name] for name in ("wifi_group_id", "wifi_count", "wifi_scan", "motion_status")} == {
        "wifi_group_id": 8,
        "wifi_count": 0,
        "wifi_scan": "timeout",
        "motion_status": 2,
    }
    assert (told["battery_pct"], told["latitude"], told["motion"]) == (100, 24.62495, "moving")


def test_access_points_of_an_at101() -> None:
    """The example of thingsboard/data-converters VENDORS/Milesight/AT101/guide.md, without its last access point."""
    data = "01756403671B010488FFFFFFFFFFFFFFFF33050001"
    data += "06D9081CC316222DF9C31006D90824E124F6A667B62106D90824E124F54DE3BC02"
    told = DEVICES["milesight_at101"].decode(85, bytes.fromhex(data))
    assert told["wifi"] == [
        {"mac": "1c:c3:16:22:2d:f9", "rssi": -61},
        {"mac": "24:e1:24:f6:a6:67", "rssi": -74},
        {"mac": "24:e1:24:f5:4d:e3", "rssi": -68},
    ]
    assert (told["wifi_scan"], told["wifi_count"], told["wifi_group_id"]) == ("finished", 3, 8)
    assert (told["battery_pct"], told["temperature"], told["geofence"]) == (100, 28.3, "unknown")


def test_an_unknown_block_of_an_at101_costs_what_follows_it() -> None:
    told = DEVICES["milesight_at101"].decode(85, payload("at101-telemetry") + bytes.fromhex("7fee017564"))
    assert (told["battery_pct"], told["geofence"], told["unknown_hex"]) == (100, "unset", "7fee017564")


def test_a_tektelic_emulator_writes_before_it_reads() -> None:
    unit = DEVICES["tektelic"].unit(DEVICES["tektelic"], {"core_tick": 60}, NO_FAULTS)
    assert unit.hear(100, bytes.fromhex("22a20005")) == [(101, b"\1\0"), (100, bytes.fromhex("220005"))]


@pytest.mark.parametrize("data", ["a200012023", "2023a20001", "20a2000123"])
def test_a_tektelic_downlink_that_writes_and_reads(data: str) -> None:
    device = DEVICES["tektelic"]
    told = device.decode_down(bytes.fromhex(data))
    assert told == {"message": "write_and_read", "registers": {"22": 1}, "read": ["20", "23"]}
    with pytest.raises(PeerError):
        device.decode_down(bytes.fromhex("20a200"))
