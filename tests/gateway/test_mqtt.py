"""MQTT against a real Mosquitto: settings travel, brokers die and come back, and old news proves nothing."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
from tracker_codecs import registry
from tracker_codecs.contract import Kind, Message, Transport
from tracker_gateway.config.file import Config
from tracker_gateway.recording.dialogue import load
from tracker_gateway.replay.embedded import replay
from tracker_gateway.transports import mqtt, mqtt_client
from tracker_profiles import models, profiles

from tests.gateway.broker import Mosquitto, certificates, mosquitto, password_file, unit
from tests.gateway.running import Running, config, running, until

#: Model -> device id, options of the tracker's record, of the broker.
UNITS: dict[str, tuple[str, dict[str, Any]]] = {
    "owntracks_ios": ("user/phone", {}),
    "telfm_mqtt": ("356307042441013", {}),
    "lora_sensecap_t1000a": ("2cf7f1c04100000a", {"network": "chirpstack"}),
    "lora_sensecap_t1000b": ("2cf7f1c04100000b", {"network": "ttn"}),
}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that went is called again at once."""
    monkeypatch.setattr(mqtt, "BACKOFF", 0.05)
    monkeypatch.setattr(mqtt, "MAX_BACKOFF", 0.2)
    monkeypatch.setattr(mqtt, "REFUSED_BACKOFF", 0.2)


def with_broker(path: Path, port: int, family: str, **fields: Any) -> Config:
    plain = config(path).model_dump()
    plain["brokers"] = [{"family": family, "host": "127.0.0.1", "port": port, **fields}]
    return Config.model_validate(plain, strict=False)


def family_of(model: str) -> str:
    return str(models.get(model).codec)


def emulated(model: str, **faults: Any) -> Any:
    known = models.get(model)
    device_id, options = UNITS[model]
    family = registry.get(family_of(model))
    more = {**family.needed_options, **known.options, **options}
    return family.emulator(device_id, known.variant, transport=Transport.MQTT, options=more)


def wanted(model: str) -> dict[str, Any]:
    return dict(profiles.get(models.get(model).track_control).schema["examples"][0])


async def connected(gateway: Running, state: bool = True) -> None:
    await until(lambda: gateway.daemon.hub.health()["brokers"][0]["status"] == ("ok" if state else "degraded"), 10)


async def registered(gateway: Running, model: str) -> int:
    device_id, options = UNITS[model]
    return await gateway.add(device_id, model, options={**registry.get(family_of(model)).needed_options, **options})


@pytest.mark.parametrize("model", UNITS)
async def test_settings_travel_through_the_broker_and_come_back_confirmed(tmp_path: Path, model: str) -> None:
    async with (
        mosquitto(tmp_path) as broker,
        running(with_broker(tmp_path, broker.port, family_of(model))) as gateway,
        unit(broker.port, emulated(model)) as device,
    ):
        await connected(gateway)
        tracker = await registered(gateway, model)
        await gateway.ask("update", tracker_id=tracker, tracking_settings=wanted(model))
        await device.say(device.emulator.connect(), twice=True)
        await device.say(device.emulator.report(device_time()), twice=True)
        answer: Any = {}
        for _ in range(60):
            answer = await gateway.ask("read", tracker_id=tracker)
            if answer["sync"]["final"]:
                break
            await device.say(device.emulator.report(device_time()))
            await asyncio.sleep(0.5)
        assert (answer["sync"]["state"], answer["sync"]["strength"]) == ("confirmed", "read_back"), answer
        assert device.heard
        shown = (await gateway.ask("/tracker/read", tracker_id=tracker))["value"]
        assert shown["transport"] == "mqtt"


def device_time() -> datetime:
    return datetime.now(UTC)


MODEL = "telfm_mqtt"


async def test_a_broker_that_is_killed_and_comes_back_loses_no_delivery(tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path)
    await broker.start()
    try:
        async with running(with_broker(tmp_path, broker.port, "teltonika-mqtt")) as gateway:
            await connected(gateway)
            tracker = await registered(gateway, MODEL)
            async with unit(broker.port, emulated(MODEL)) as device:
                await device.say(device.emulator.connect())
                await until(lambda: gateway.gateway.engine.session(tracker))
                device.obeys.clear()
                await gateway.ask("update", tracker_id=tracker, tracking_settings=wanted(MODEL))
                await until(lambda: device.heard)
                await broker.kill()
                await connected(gateway, False)
            health = gateway.gateway.health()
            assert health["status"] == "degraded"
            assert health["links"]["brokers"][0]["detail"]
            assert re.search(r'tracker_gateway_broker\{.*"connected".*\} 0\.0', gateway.gateway.metrics().decode())
            sync = (await gateway.ask("read", tracker_id=tracker))["sync"]
            assert (sync["state"], sync["connected"]) == ("queued", False)
            await broker.start()
            await connected(gateway)
            async with unit(broker.port, emulated(MODEL)) as device:
                await device.say(device.emulator.report(device_time()))
                answer = {}
                for _ in range(100):
                    answer = await gateway.ask("read", tracker_id=tracker)
                    if answer["sync"]["final"]:
                        break
                    await asyncio.sleep(0.1)
            assert answer["sync"]["state"] == "confirmed", answer
    finally:
        await broker.kill()


async def test_old_news_wakes_nobody_and_proves_nothing(tmp_path: Path) -> None:
    """A retained report is what somebody said some day: no contact, no evidence."""
    async with mosquitto(tmp_path) as broker, unit(broker.port, emulated(MODEL)) as device:
        await device.say(device.emulator.report(device_time()), retain=True)
        async with running(with_broker(tmp_path, broker.port, "teltonika-mqtt")) as gateway:
            tracker = await registered(gateway, MODEL)
            await connected(gateway)
            link = gateway.daemon.hub._brokers[0]
            await until(lambda: link.counts.retained == 1)
            await gateway.ask("update", tracker_id=tracker, tracking_settings=wanted(MODEL))
            await asyncio.sleep(0.1)
            assert gateway.gateway.engine.session(tracker) is None
            assert device.heard == []


@pytest.mark.parametrize("payload", [b"no json", b"{", b"\xff\xfe", b'{"RSP":1}', b"[" * 5000, b""])
async def test_what_cannot_be_read_is_counted_and_costs_nothing_else(tmp_path: Path, payload: bytes) -> None:
    async with (
        mosquitto(tmp_path) as broker,
        unit(broker.port, emulated(MODEL)) as device,
        running(with_broker(tmp_path, broker.port, "teltonika-mqtt")) as gateway,
    ):
        tracker = await registered(gateway, MODEL)
        await connected(gateway)
        (datum,) = device.emulator.report(device_time())
        await device.client.publish(datum.channel, payload, qos=1)
        await device.say([datum])
        await until(lambda: gateway.gateway.engine.session(tracker))
        assert gateway.stats("teltonika-mqtt", "mqtt").failures == 0


async def test_a_stranger_is_listed_and_hears_nothing(tmp_path: Path) -> None:
    async with (
        mosquitto(tmp_path) as broker,
        unit(broker.port, emulated(MODEL)) as device,
        running(with_broker(tmp_path, broker.port, "teltonika-mqtt")) as gateway,
    ):
        await connected(gateway)
        await device.say(device.emulator.connect())
        await until(lambda: gateway.stats("teltonika-mqtt", "mqtt").unregistered)
        await gateway.daemon.hub.shared.unknown.flush()
        (unknown,) = await gateway.daemon.store.list_unknown()
        assert (unknown.device_id, unknown.transport) == (UNITS[MODEL][0], "mqtt")
        assert device.heard == []


async def test_more_than_the_queue_holds_is_dropped_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        mosquitto(tmp_path) as broker,
        running(with_broker(tmp_path, broker.port, "teltonika-mqtt", queue=10)) as gateway,
    ):
        await connected(gateway)
        link = gateway.daemon.hub._brokers[0]
        assert [link.publish("a/b", b"x") for _ in range(12)].count(True) == 10
        resume = asyncio.Event()

        async def late(_: Any, client: Any, inbox: Any) -> None:
            await resume.wait()
            while not inbox.empty():
                link._contained(inbox.get_nowait())
            await asyncio.Event().wait()

        monkeypatch.setattr(mqtt.Broker, "_hear_all", late)
        await broker.kill()
        await connected(gateway, False)
        await broker.start()
        await connected(gateway)
        async with unit(broker.port, emulated(MODEL), qos=0) as flood:
            await flood.say(flood.emulator.report(device_time()) * 25)
            await until(lambda: link.counts.dropped == 15)
        resume.set()
        await until(lambda: gateway.stats("teltonika-mqtt", "mqtt").frames == 10)
        assert 'fact="dropped"' in gateway.gateway.metrics().decode()


async def test_a_password_is_used_over_tls_and_shown_nowhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ca, certificate, key = certificates(tmp_path)
    passwords = password_file(tmp_path, "gw", "s3cret-word")
    lines = {"allow_anonymous": "false", "password_file": str(passwords)}
    tls = {"certfile": str(certificate), "keyfile": str(key)}
    async with mosquitto(tmp_path, **lines, **tls) as broker:
        fields = {"tls": True, "ca": str(ca), "user": "gw", "password": "s3cret-word", "version": "5"}
        wanted_ = with_broker(tmp_path, broker.port, "teltonika-mqtt", **fields)
        assert "s3cret-word" not in str(wanted_.model_dump(mode="json"))
        async with running(wanted_) as gateway:
            await connected(gateway)
        refused = with_broker(tmp_path, broker.port, "teltonika-mqtt", **{**fields, "password": "wrong"})
        async with running(refused) as gateway:
            link = gateway.daemon.hub._brokers[0]
            await until(lambda: link.problem == "the broker refuses the user name or password", 10)
    assert "s3cret-word" not in capsys.readouterr().out


async def test_an_expired_certificate_is_named(tmp_path: Path) -> None:
    ca, certificate, key = certificates(tmp_path, days=-1)
    async with mosquitto(tmp_path, certfile=str(certificate), keyfile=str(key)) as broker:
        wanted_ = with_broker(tmp_path, broker.port, "teltonika-mqtt", tls=True, ca=str(ca))
        async with running(wanted_) as gateway:
            link = gateway.daemon.hub._brokers[0]
            await until(lambda: "certificate has expired" in link.problem, 10)
            assert gateway.gateway.health()["links"]["status"] == "degraded"


async def test_a_broker_that_is_not_there_does_not_keep_the_gateway_from_starting(tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path)
    async with running(with_broker(tmp_path, broker.port, "owntracks")) as gateway:
        link = gateway.daemon.hub._brokers[0]
        await until(lambda: "refused" in link.problem.lower(), 10)
        await broker.start()
        try:
            await connected(gateway)
        finally:
            await broker.kill()


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"family": "gt06"}, "gt06 does not speak mqtt"),
        ({"family": "owntracs"}, "is 'owntracks' meant"),
        ({"clean": False}, "needs a client_id"),
        ({"ca": "x"}, "belong to tls"),
        ({"tls": True, "key": "x"}, "key belongs to a certificate"),
        ({"password": "s3cret-word"}, "password belongs to a user"),
        ({"topics": ["a/b#"]}, "is no topic filter"),
        ({"topics": ["#/a"]}, "is no topic filter"),
        ({"topics": [""]}, "is no topic filter"),
        ({"version": "4"}, "'3.1', '3.1.1' or '5'"),
        ({"options": {"prefix": "a/#"}}, "without wildcards"),
    ],
)
def test_a_wrong_broker_is_refused_in_words(tmp_path: Path, fields: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        with_broker(tmp_path, 1883, "owntracks", **fields) if "family" not in fields else Config.model_validate(
            {"brokers": [{"host": "x", **fields}]}, strict=False
        )


async def test_a_device_with_a_wildcard_for_a_name_gets_nothing_and_disturbs_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No broker passes a wildcard on in a topic; should a codec read one in a payload, it is nobody."""
    async with (
        mosquitto(tmp_path) as broker,
        unit(broker.port, emulated(MODEL)) as device,
        running(with_broker(tmp_path, broker.port, "teltonika-mqtt")) as gateway,
    ):
        await connected(gateway)
        tracker = await registered(gateway, MODEL)
        link = gateway.daemon.hub._brokers[0]
        for wild in ("+", "35630704244101#", "a\x00b", "x" * 129):
            link._message(Message(Kind.REPORT, b"{}", wild), wild, f"{wild}/data")
        assert gateway.stats("teltonika-mqtt", "mqtt").peer_errors == 4
        await gateway.daemon.hub.shared.unknown.flush()
        assert await gateway.daemon.store.list_unknown() == []
        await device.say(device.emulator.connect())
        await until(lambda: gateway.gateway.engine.session(tracker))
        session = gateway.gateway.engine.session(tracker)
        assert session is not None
        for nowhere in ("", "+/commands", "#", "a\x00b", "$SYS/x"):
            assert session.write(b"{}", nowhere) is False
        assert session.write(b'{"CMD":"getver"}', f"{UNITS[MODEL][0]}/commands") is True
        await until(lambda: len(device.heard) == 1)
        assert link.reconnects == 0


async def test_the_words_of_a_network_server_open_no_window(tmp_path: Path) -> None:
    """What ChirpStack says of its radio is no contact with a tracker that sleeps."""
    model = "lora_sensecap_t1000a"
    async with mosquitto(tmp_path) as broker, unit(broker.port, emulated(model)) as device:
        config_ = with_broker(tmp_path, broker.port, "lorawan")
        config_ = config_.model_copy(update={"delivery": config_.delivery.model_copy(update={"idle_gap": 0.3})})
        async with running(config_) as gateway:
            await connected(gateway)
            tracker = await registered(gateway, model)
            device.obeys.clear()
            await device.say(device.emulator.report(device_time()))
            await until(lambda: gateway.gateway.engine.session(tracker))
            await asyncio.sleep(0.4)
            await gateway.ask("update", tracker_id=tracker, tracking_settings=wanted(model))
            heard = gateway.stats("lorawan", "mqtt").frames
            info = {"deviceName": "tracker", "devEui": UNITS[model][0]}
            application = registry.get("lorawan").needed_options["application"]
            topic = f"application/{application}/device/{UNITS[model][0]}/event/"
            for kind in ("txack", "ack", "status", "log"):
                await device.client.publish(topic + kind, json.dumps({"deviceInfo": info}), qos=1)
            await until(lambda: gateway.stats("lorawan", "mqtt").frames == heard + 4)
            await asyncio.sleep(0.1)
            assert (await gateway.ask("read", tracker_id=tracker))["sync"]["state"] == "queued"
            assert device.heard == []
            await device.say(device.emulator.report(device_time()))
            await until(lambda: len(device.heard) == 1)


async def test_commands_go_where_the_device_itself_spoke_last(tmp_path: Path) -> None:
    """On The Things Stack the topic names the device: the topic of another one would address the wrong unit."""
    lorawan = registry.get("lorawan")
    ids = ("2cf7f1c04100000c", "2cf7f1c04100000d")
    options = {"network": "ttn", "application": "app", "tenant": "tenant"}
    one, two = (lorawan.emulator(each, "sensecap_t1000", options=options) for each in ids)
    async with (
        mosquitto(tmp_path) as broker,
        unit(broker.port, one) as first,
        unit(broker.port, two) as second,
        running(with_broker(tmp_path, broker.port, "lorawan")) as gateway,
    ):
        await connected(gateway)
        trackers = [await gateway.add(each, "lora_sensecap_t1000a") for each in ids]
        await first.say(one.report(device_time()))
        await second.say(two.report(device_time()))
        await until(lambda: all(map(gateway.gateway.engine.session, trackers)))
        first.obeys.clear()
        await gateway.ask("update", tracker_id=trackers[0], tracking_settings=wanted("lora_sensecap_t1000a"))
        await until(lambda: first.heard)
        assert first.heard[0][0] == f"v3/app@tenant/devices/eui-{ids[0]}/down/push"
        assert second.heard == []


async def test_a_defect_over_one_connection_does_not_end_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with mosquitto(tmp_path) as broker:
        failing = mqtt_client.make_client

        def once(*arguments: Any) -> Any:
            monkeypatch.setattr(mqtt, "make_client", failing)
            raise KeyError("a defect")

        monkeypatch.setattr(mqtt, "make_client", once)
        async with running(with_broker(tmp_path, broker.port, "teltonika-mqtt")) as gateway:
            await connected(gateway)
            assert gateway.daemon.hub._brokers[0].reconnects == 1


async def test_the_gateway_stops_even_where_a_link_breaks_at_the_same_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A task group of Python 3.11 tells of the broken link then, and forgets that it was cancelled."""
    began = asyncio.Event()

    async def breaks_when_cancelled(_: Any) -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise aiomqtt.MqttError("lost") from None

    monkeypatch.setattr(mqtt.Broker, "_session", breaks_when_cancelled)
    async with running(with_broker(tmp_path, 1, "teltonika-mqtt")) as gateway:
        await asyncio.wait_for(began.wait(), 5)
        async with asyncio.timeout(5):
            await gateway.daemon.hub.stop("the gateway stops")


async def test_a_session_is_recorded_and_replays(tmp_path: Path) -> None:
    """Topics and payloads of both sides, ready to become a test: replayed against another gateway and broker."""
    folder = tmp_path / "recordings"
    async with mosquitto(tmp_path) as broker:
        plain = with_broker(tmp_path, broker.port, "teltonika-mqtt").model_dump()
        plain["brokers"][0]["password"] = ""
        plain["recording"] = {**plain["recording"], "enabled": True, "directory": str(folder), "trackers": "all"}
        async with running(Config.model_validate(plain, strict=False)) as gateway:
            await connected(gateway)
            tracker = await registered(gateway, MODEL)
            async with unit(broker.port, emulated(MODEL)) as device:
                await device.say(device.emulator.connect())
                await until(lambda: gateway.gateway.engine.session(tracker))
                answer = await gateway.ask("update", tracker_id=tracker, tracking_settings=wanted(MODEL), wait=10)
            assert answer["sync"]["state"] == "confirmed"
    (path,) = folder.glob("*.yaml")
    dialogue = load(path)
    (spoken,) = {step.channel for step in dialogue.steps if step.device}
    assert spoken == device.emulator.report(device_time())[0].channel
    result = await replay(dialogue)
    assert result.ok, result.problem
    assert result.compared >= 3
