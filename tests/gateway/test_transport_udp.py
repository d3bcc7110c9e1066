"""Datagrams on real sockets: a session is a device id at the address that spoke last."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest
from tracker_codecs.contract import Transport
from tracker_gateway.transports import hub

from tests.gateway.running import Running, config, running, until

DEVICE, OTHER = "135790246811220", "135790246811221"


def heartbeat(device_id: str = DEVICE) -> bytes:
    """GL300 @Tracker Air Interface Protocol R1.02, example of GTHBD."""
    return f"+ACK:GTHBD,1A0102,{device_id},,20100214093254,11F0$".encode()


SETTINGS = {
    "type": "interval",
    "tracking_interval": 60,
    "tracking_distance": 1000,
    "tracking_angle": 30,
    "psm_interval": 600,
    "movement_detection": True,
    "non_movement_duration": 30,
}
ANSWER = b"+SACK:GTHBD,1A0102,11F0$"


class Sender:
    """A datagram socket of a device."""

    def __init__(self, gateway: Running) -> None:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.sock.setblocking(False)
        self.to = gateway.daemon.addresses["queclink", Transport.UDP]

    def say(self, data: bytes) -> None:
        self.sock.sendto(data, self.to)

    async def hear(self, seconds: float = 5.0) -> bytes:
        return await asyncio.wait_for(asyncio.get_running_loop().sock_recv(self.sock, 4096), seconds)

    async def silent(self, seconds: float = 0.15) -> bool:
        try:
            data = await self.hear(seconds)
        except TimeoutError:
            return True
        raise AssertionError(f"not silent: {data!r}")


UDP = ("queclink", Transport.UDP)


async def test_owed_replies_go_to_the_address_that_spoke_last(tmp_path: Path) -> None:
    async with running(config(tmp_path, UDP)) as gateway:
        await gateway.add(DEVICE, "gl300")
        first, second = Sender(gateway), Sender(gateway)
        first.say(heartbeat())
        assert await first.hear() == ANSWER
        second.say(heartbeat())
        assert await second.hear() == ANSWER
        assert await first.silent()
        stats = gateway.stats("queclink", "udp")
        assert (stats.links, stats.sessions, stats.opened) == (1, 1, 1)


async def test_a_command_goes_out_right_after_a_datagram_came_in(tmp_path: Path) -> None:
    async with running(config(tmp_path, UDP)) as gateway:
        tracker = await gateway.add(DEVICE, "gl300")
        device = Sender(gateway)
        assert (await gateway.ask("update", tracker_id=tracker, tracking_settings=SETTINGS))["success"]
        device.say(heartbeat())
        assert await device.hear() == ANSWER
        command = await device.hear()
        assert command.startswith(b"AT+GT")
        assert (await gateway.ask("/tracker/read", tracker_id=tracker))["value"]["transport"] == "udp"


async def test_two_senders_that_take_turns_are_a_contest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """R7 without connections: carrier NAT moves a device on, it does not move it back and forth."""
    monkeypatch.setattr(hub, "SWEEP", 0.05)
    async with running(config(tmp_path, UDP, links={"udp_window": 0.4})) as gateway:
        tracker = await gateway.add(DEVICE, "gl300")
        device, impostor = Sender(gateway), Sender(gateway)
        for sender in (device, impostor):
            sender.say(heartbeat())
            await sender.hear()
        assert not gateway.gateway.engine.is_contested(tracker)
        device.say(heartbeat())
        await device.hear()
        assert gateway.gateway.engine.is_contested(tracker)
        assert (await gateway.ask("update", tracker_id=tracker, tracking_settings=SETTINGS))["success"]
        assert await device.silent()
        assert await impostor.silent()
        await until(lambda: not gateway.gateway.engine.is_contested(tracker))
        device.say(heartbeat())
        heard = {await device.hear(), await device.hear()}
        assert ANSWER in heard
        assert any(each.startswith(b"AT+GT") for each in heard)


async def test_a_stranger_costs_nothing_and_gets_no_more_than_it_sent(tmp_path: Path) -> None:
    async with running(config(tmp_path, UDP)) as gateway:
        stranger = Sender(gateway)
        for junk in (heartbeat("999999999999999"), b"", b"\0" * 1400, b"+ACK:", b"GET / HTTP/1.0\r\n\r\n"):
            stranger.say(junk)
        assert await stranger.silent()
        hub_ = gateway.daemon.hub
        assert (hub_.shared.guard.links, hub_.shared.guard.unidentified) == (0, 0)
        await hub_.shared.unknown.flush()
        assert [each.device_id for each in await gateway.daemon.store.list_unknown()] == ["999999999999999"]


async def test_an_address_may_become_another_device(tmp_path: Path) -> None:
    """NAT gives an address that one device left to the next."""
    async with running(config(tmp_path, UDP)) as gateway:
        one, two = await gateway.add(DEVICE, "gl300"), await gateway.add(OTHER, "gl300")
        shared, own = Sender(gateway), Sender(gateway)
        shared.say(heartbeat())
        assert await shared.hear() == ANSWER
        shared.say(heartbeat(OTHER))
        assert await shared.hear() == ANSWER
        engine = gateway.gateway.engine
        assert engine.session(one) is not engine.session(two)
        own.say(heartbeat())
        assert await own.hear() == ANSWER
        assert not engine.is_contested(one)
        assert not engine.is_contested(two)


async def test_a_device_that_falls_silent_is_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "SWEEP", 0.05)
    async with running(config(tmp_path, UDP, links={"idle_timeout": 0.3})) as gateway:
        tracker = await gateway.add(DEVICE, "gl300")
        device = Sender(gateway)
        device.say(heartbeat())
        await device.hear()
        await until(lambda: gateway.gateway.engine.session(tracker) is None)
        stats = gateway.stats("queclink", "udp")
        assert (stats.links, stats.sessions, stats.closes) == (0, 0, {"idle": 1})
        assert gateway.daemon.hub.shared.guard.links == 0


async def test_blocked_devices_are_heard_no_more(tmp_path: Path) -> None:
    async with running(config(tmp_path, UDP)) as gateway:
        tracker = await gateway.add(DEVICE, "gl300")
        device = Sender(gateway)
        device.say(heartbeat())
        await device.hear()
        await gateway.daemon.store.change_tracker(tracker, blocked=True)
        await gateway.gateway.refresh()
        device.say(heartbeat())
        assert await device.silent()
        assert gateway.stats("queclink", "udp").links == 0
