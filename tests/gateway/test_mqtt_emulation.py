"""Emulated devices on a real Mosquitto: they come, obey, hang up, and come back when the broker does."""

from __future__ import annotations

import asyncio
import io
import subprocess
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
from tracker_codecs import registry
from tracker_codecs.contract import Datum, Transport
from tracker_gateway.emulation import Fleet, Pace
from tracker_gateway.emulation.mqtt import MqttTransport
from tracker_gateway.emulation.run import run_fleet

from tests.gateway.broker import Mosquitto, mosquitto
from tests.gateway.cli_runner import tg
from tests.gateway.running import free_port, until

UNITS = registry.get("teltonika-mqtt")
IDS = ("356307042441013", "352093081452251")


def fleet(port: int, *, login: tuple[str, str] | None = None, count: int = 2) -> Fleet:
    devices = [UNITS.emulator(each, "fmb", transport=Transport.MQTT) for each in IDS[:count]]
    pace = Pace(every=0.05, retry=0.05, retry_limit=0.1)
    return Fleet(devices, UNITS, Transport.MQTT, "127.0.0.1", port, pace=pace, login=login)


async def test_devices_report_on_their_topics_and_obey_their_own_only(tmp_path: Path) -> None:
    async with mosquitto(tmp_path) as broker, aiomqtt.Client("127.0.0.1", broker.port) as client:
        await client.subscribe("+/data")
        async with fleet(broker.port) as devices:
            heard: set[str] = set()
            async for message in client.messages:
                heard.add(str(message.topic))
                if len(heard) == 2:
                    break
            assert heard == {f"{each}/data" for each in IDS}
            await client.publish(f"{IDS[0]}/commands", '{"CMD":"setparam 10050:77"}', qos=1)
            assert await devices.until(lambda: devices.counters.answered == 1, 5)
            assert devices.devices[0].connected
        assert devices.counters.connected == 0
        assert devices.counters.lost == 0


async def test_a_retained_command_is_not_obeyed(tmp_path: Path) -> None:
    async with mosquitto(tmp_path) as broker, aiomqtt.Client("127.0.0.1", broker.port) as client:
        await client.publish(f"{IDS[0]}/commands", '{"CMD":"getver"}', qos=1, retain=True)
        async with fleet(broker.port, count=1) as devices:
            await until(lambda: devices.counters.reports >= 3)
            assert devices.counters.answered == 0


async def test_they_come_back_with_the_broker(tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path)
    await broker.start()
    try:
        async with fleet(broker.port) as devices:
            await until(lambda: devices.counters.connected == 2)
            await broker.kill()
            await until(lambda: devices.counters.connected == 0)
            assert devices.counters.lost == 2
            await until(lambda: devices.problem != "")
            await broker.start()
            await until(lambda: devices.counters.connected == 2)
            assert devices.problem == ""
    finally:
        await broker.kill()


@pytest.fixture
def passwords(tmp_path: Path) -> Path:
    file = tmp_path / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", str(file), "unit", "word"], check=True, timeout=20)
    return file


async def test_user_and_password(tmp_path: Path, passwords: Path) -> None:
    async with mosquitto(tmp_path, allow_anonymous="false", password_file=str(passwords)) as broker:
        async with fleet(broker.port, login=("unit", "word"), count=1) as devices:
            await until(lambda: devices.counters.connected == 1)
        out = io.StringIO()
        assert not await run_fleet(fleet(broker.port, count=1), seconds=5, out=out)
        assert "not authori" in out.getvalue().lower()


async def test_the_command_says_user_and_password(
    tmp_path: Path, passwords: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with mosquitto(tmp_path, allow_anonymous="false", password_file=str(passwords)) as broker:
        command = ("emulate", f"127.0.0.1:{broker.port}", "--model", "owntracks_ios", "--seconds", "1")
        monkeypatch.setenv("BROKER_PASSWORD", "word")
        done = await asyncio.to_thread(tg, *command, "--broker-user", "unit")
        assert done.code == 0, done.err
        done = await asyncio.to_thread(tg, *command)
        assert (done.code, "nobody got a link" in done.err) == (1, True)


async def test_nobody_there() -> None:
    devices = fleet(free_port(), count=1)
    assert not await run_fleet(devices, seconds=5, out=io.StringIO())
    assert "refused" in devices.problem


async def test_what_waits_is_bounded_and_said_in_order(tmp_path: Path) -> None:
    class Owner:
        def heard(self, data: bytes, channel: str) -> None:
            said.append(data)

        def connection_lost(self, error: Exception | None) -> None:
            ended.append(error)

    said: list[bytes] = []
    ended: list[Any] = []
    async with mosquitto(tmp_path) as broker:
        line = await MqttTransport.open(Owner(), ("127.0.0.1", broker.port), ["t"])
        for number in range(1010):
            line.publish(Datum(str(number).encode(), "t"))
        line.start()
        await until(lambda: len(said) == 1000)
        line.close()
        await until(lambda: ended)
    assert said == [str(number).encode() for number in range(10, 1010)]
    assert ended == [None]


def test_the_command_runs_them() -> None:
    """`emulate` picks MQTT where the family speaks nothing else."""
    result = tg("emulate", f"127.0.0.1:{free_port()}", "--model", "owntracks_ios", "--seconds", "5")
    assert result.code == 1
    assert "(mqtt)" in result.err
    assert "connection refused" in result.err.lower()


@pytest.mark.parametrize("network", ["chirpstack", "ttn"])
async def test_a_lorawan_tracker_has_its_network_server_before_it(tmp_path: Path, network: str) -> None:
    lorawan = registry.get("lorawan")
    unit = lorawan.emulator("2cf7f1c04100000a", "sensecap_t1000", options={"network": network, "application": "app"})
    async with mosquitto(tmp_path) as broker, aiomqtt.Client("127.0.0.1", broker.port) as client:
        for topic in lorawan.topics({"network": network}):
            await client.subscribe(topic)
        async with Fleet([unit], lorawan, Transport.MQTT, "127.0.0.1", broker.port):
            stream = lorawan.stream(Transport.MQTT)
            async for message in client.messages:
                assert isinstance(message.payload, bytes)
                (event,) = stream.feed(message.payload, str(message.topic))
                assert getattr(event, "device_id", None) == unit.device_id
                break
