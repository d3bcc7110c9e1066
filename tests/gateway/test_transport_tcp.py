"""TCP links on real sockets: who is let in, what is answered, what is closed and counted."""

from __future__ import annotations

import asyncio
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tracker_codecs import registry
from tracker_codecs.contract import Stream, Transport
from tracker_codecs.family import Family
from tracker_gateway.daemon import Daemon
from tracker_gateway.transports import hub
from tracker_gateway.transports.room import ListenError
from tracker_profiles import models

from tests.gateway import fake_family
from tests.gateway.running import Line, config, running, until

ONE = "100000000000001"


async def test_a_registered_device_is_answered_and_set(tmp_path: Path) -> None:
    async with running(config(tmp_path, "fake")) as gateway:
        tracker = await gateway.add(ONE)
        device = await gateway.connect()
        for byte in f"login {ONE}\n".encode():
            device.say(bytes([byte]))
            await asyncio.sleep(0)
        assert await device.line() == b"hi\n"
        device.say(b"report 7\nreport 8\n")
        assert await device.line() + await device.line() == b"got 7\ngot 8\n"
        settings = {"tracking_interval": 60, "tracking_distance": 100}
        asked = asyncio.create_task(gateway.ask("update", tracker_id=tracker, tracking_settings=settings, wait=5))
        assert await device.line() == b"set 64 interval=60 distance=100\n"
        device.say(b"ok 64\n")
        assert await device.line() == b"get 65\n"
        device.say(b"value 65 interval=60 distance=100\n")
        sync = (await asked)["sync"]
        assert (sync["state"], sync["strength"], sync["connected"]) == ("confirmed", "read_back", True)
        told = gateway.gateway.metrics().decode()
        assert "tracker_gateway_acceptance_seconds_count 1.0" in told
        assert "tracker_gateway_delivery_seconds_count 1.0" in told


async def test_the_command_follows_the_owed_reply_at_once(tmp_path: Path) -> None:
    """R16: a waiting delivery is written in the very chunk that opens the tracker's window."""
    async with running(config(tmp_path, "fake")) as gateway:
        tracker = await gateway.add(ONE)
        settings = {"tracking_interval": 60, "tracking_distance": 100}
        await gateway.ask("update", tracker_id=tracker, tracking_settings=settings)
        device = await gateway.connect()
        device.say(f"login {ONE}\n".encode())
        assert await device.hear(3 + 32) == b"hi\nset 64 interval=60 distance=100\n"


async def test_an_unregistered_device_is_listed_and_let_go(tmp_path: Path) -> None:
    async with running(config(tmp_path, "fake")) as gateway:
        device = await gateway.connect()
        device.say(b"login 999\n")
        assert await device.closed() == b""
        await gateway.daemon.hub.shared.unknown.flush()
        assert [each.device_id for each in await gateway.daemon.store.list_unknown()] == ["999"]
        assert gateway.stats().closes == {"unregistered": 1}


async def test_where_listing_is_off_it_is_refused_only(tmp_path: Path) -> None:
    async with running(config(tmp_path, "fake", links={"unregistered": "refuse"})) as gateway:
        device = await gateway.connect()
        device.say(b"login 999\n")
        assert await device.closed() == b""
        await gateway.daemon.hub.shared.unknown.flush()
        assert await gateway.daemon.store.list_unknown() == []


async def test_a_gt06_that_is_not_ours_is_answered_and_gets_nothing_more(tmp_path: Path) -> None:
    """Its login is answered for ever, or it would reboot for ever. Frames: Concox protocol v1.8.1, examples."""
    login = bytes.fromhex("78780d01012345678901234500018cdd0d0a")
    async with running(config(tmp_path, "gt06")) as gateway:
        device = await gateway.connect("gt06")
        device.say(login)
        assert (await device.hear(10)).hex() == "787805010001d9dc0d0a"
        assert gateway.stats("gt06").held == 1
        device.say(login)
        assert (await device.hear(10)).hex() == "787805010001d9dc0d0a"
        assert await device.silent()
        device.hang_up()
        await until(lambda: gateway.stats("gt06").held == 0)
        assert gateway.daemon.hub.shared.guard.unidentified == 0


async def test_an_adopted_device_is_served_on_its_next_login(tmp_path: Path) -> None:
    login = bytes.fromhex("78780d01012345678901234500018cdd0d0a")
    async with running(config(tmp_path, "gt06")) as gateway:
        device = await gateway.connect("gt06")
        device.say(login)
        await device.hear(10)
        tracker = await gateway.add("123456789012345", "concox_gv20")
        device.say(login)
        await device.hear(10)
        await until(lambda: gateway.gateway.engine.session(tracker))
        assert (gateway.stats("gt06").held, gateway.stats("gt06").sessions) == (0, 1)


@pytest.mark.parametrize("change", [{"blocked": True}, {"device_id": "100000000000009"}])
async def test_a_tracker_that_may_not_speak_any_more_is_hung_up(tmp_path: Path, change: dict[str, Any]) -> None:
    async with running(config(tmp_path, "fake")) as gateway:
        tracker = await gateway.add(ONE)
        device = await gateway.connect()
        device.say(f"login {ONE}\n".encode())
        await device.line()
        await gateway.daemon.store.change_tracker(tracker, **change)
        await gateway.gateway.refresh()
        assert await device.closed() == b""
        again = await gateway.connect()
        again.say(f"login {ONE}\n".encode())
        assert await again.closed() == b""


async def test_two_links_with_one_device_id_hold_the_delivery(tmp_path: Path) -> None:
    """R7: while it is contested nothing is sent to either; afterwards the delivery goes on."""
    async with running(config(tmp_path, "fake")) as gateway:
        tracker = await gateway.add(ONE)
        device, impostor = await gateway.connect(), await gateway.connect()
        device.say(f"login {ONE}\n".encode())
        await device.line()
        impostor.say(f"login {ONE}\n".encode())
        await impostor.line()
        settings = {"tracking_interval": 60, "tracking_distance": 100}
        sync = (await gateway.ask("update", tracker_id=tracker, tracking_settings=settings))["sync"]
        assert sync["contested"] is True
        assert await device.silent()
        assert await impostor.silent()
        impostor.say(b"ok 64\nvalue 65 interval=60 distance=100\n")
        await asyncio.sleep(0.05)
        assert (await gateway.ask("read", tracker_id=tracker))["sync"]["state"] == "queued"
        impostor.hang_up()
        assert await device.line() == b"set 64 interval=60 distance=100\n"


async def test_deadlines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "SWEEP", 0.05)
    links = {"identify_timeout": 0.3, "frame_timeout": 0.3, "idle_timeout": 1.5}
    async with running(config(tmp_path, "fake", links=links)) as gateway:
        await gateway.add(ONE)
        await gateway.add("100000000000002")
        silent, half, idle = [await gateway.connect() for _ in range(3)]
        half.say(f"login {ONE}\nrepo".encode())
        idle.say(b"login 100000000000002\n")
        assert await half.line() == b"hi\n"
        assert await idle.line() == b"hi\n"
        for device in (silent, half, idle):
            assert await device.closed(8) == b""
        assert gateway.stats().closes == {"identify": 1, "frame": 1, "idle": 1}
        assert gateway.stats().links == gateway.stats().sessions == 0


async def test_limits_on_strangers(tmp_path: Path) -> None:
    async with running(config(tmp_path, "fake", links={"max_unidentified_per_source": 2})) as gateway:
        await gateway.add(ONE)
        first, second, third = [await gateway.connect() for _ in range(3)]
        assert await third.closed() == b""
        assert gateway.stats().turned_away == 1
        first.say(f"login {ONE}\n".encode())
        assert await first.line() == b"hi\n"
        fourth = await gateway.connect()
        assert await fourth.silent()
        second.hang_up()
        await until(lambda: gateway.daemon.hub.shared.guard.unidentified == 1)


OPENINGS = (
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    bytes.fromhex("16030100c8010000c40303") + b"x" * 32,
    b"SSH-2.0-OpenSSH_9.2p1\r\n",
    b"\r\n\r\n",
)


@pytest.mark.parametrize("family", [each.name for each in registry.all_families() if Transport.TCP in each.transports])
async def test_other_protocols_are_closed_quietly(
    tmp_path: Path, family: str, caplog: pytest.LogCaptureFixture
) -> None:
    """R11: one counter, no exception, no log line; whole or byte by byte."""
    async with running(config(tmp_path, family)) as gateway:
        caplog.clear()
        for opening in OPENINGS:
            device = await gateway.connect(family)
            device.say(opening)
            assert await device.closed() == b""
        slow = await gateway.connect(family)
        for byte in b"GET ":
            slow.say(bytes([byte]))
            await asyncio.sleep(0.01)
        assert await slow.closed() == b""
        stats = gateway.stats(family)
        assert (stats.foreign, stats.failures, stats.peer_errors) == (len(OPENINGS) + 1, 0, 0)
        assert [record for record in caplog.records if "links" in record.name] == []


async def test_garbage_ends_the_link_and_no_other(tmp_path: Path) -> None:
    async with running(config(tmp_path, "fake", links={"max_errors": 3})) as gateway:
        await gateway.add(ONE)
        device, bad = await gateway.connect(), await gateway.connect()
        device.say(f"login {ONE}\n".encode())
        await device.line()
        bad.say(b"what\nis\nthis\n")
        assert await bad.closed() == b""
        flood = await gateway.connect()
        flood.say(b"x" * 1000)
        assert await flood.closed() == b""
        assert gateway.stats().closes == {"errors": 2}
        device.say(b"report 1\n")
        assert await device.line() == b"got 1\n"


async def test_a_codec_that_raises_costs_its_own_link_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """R12."""

    class Broken(fake_family.FakeStream):
        def feed(self, data: bytes, channel: str = "") -> Any:
            if b"boom" in data:
                raise ZeroDivisionError
            return super().feed(data, channel)

    def broken(family: Family, transport: Transport = Transport.TCP, clock: object = None) -> Stream:
        return Broken()

    monkeypatch.setattr(Family, "stream", broken)
    async with running(config(tmp_path, "fake")) as gateway:
        await gateway.add(ONE)
        device, bad = await gateway.connect(), await gateway.connect()
        device.say(f"login {ONE}\n".encode())
        await device.line()
        bad.say(b"boom\n")
        assert await bad.closed() == b""
        assert (gateway.stats().failures, gateway.stats().closes) == (1, {"failure": 1})
        device.say(b"report 1\n")
        assert await device.line() == b"got 1\n"


async def test_a_device_that_does_not_read_is_let_go(tmp_path: Path) -> None:
    async with running(config(tmp_path, "fake", links={"write_buffer": 4096})) as gateway:
        await gateway.add(ONE)
        host, port = gateway.daemon.addresses["fake", Transport.TCP]
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(sock, (host, port))
        await loop.sock_sendall(sock, f"login {ONE}\n".encode())
        flood = b"report 1\n" * 20_000

        async def push() -> None:
            while not gateway.stats().closes:
                await loop.sock_sendall(sock, flood)

        with pytest.raises((ConnectionError, TimeoutError)):
            await asyncio.wait_for(push(), 15)
        assert gateway.stats().closes == {"slow": 1}
        sock.close()


async def test_a_port_in_use_is_named_and_nothing_is_left_open(tmp_path: Path) -> None:
    async with running(config(tmp_path, "fake")) as gateway:
        port = gateway.daemon.addresses["fake", Transport.TCP][1]
        (tmp_path / "other").mkdir()
        wanted = config(tmp_path / "other", "gt06")
        taken = wanted.model_dump()
        taken["listeners"] += ({"family": "fake", "transport": "tcp", "host": "127.0.0.1", "port": port},)
        daemon = Daemon(type(wanted).model_validate(taken, strict=False))
        with pytest.raises(ListenError, match=rf"127\.0\.0\.1:{port}/tcp for fake: the port is in use"):
            await daemon.start()
        assert [task for task in asyncio.all_tasks() if "deadlines" in task.get_name()][1:] == []


async def test_stopping_says_good_bye_to_everyone(tmp_path: Path) -> None:
    wanted = config(tmp_path, "fake")
    device: Line
    async with running(wanted) as gateway:
        await gateway.add(ONE)
        device = await gateway.connect()
        device.say(f"login {ONE}\n".encode())
        assert await device.line() == b"hi\n"
    assert await device.closed() == b""


async def test_a_damaged_id_on_a_link_is_nobody_s(tmp_path: Path) -> None:
    """A flipped digit must not end the session of the device that is there."""
    model = next(each for each in models.all_models().values() if each.codec == "meitrack")
    unit = registry.get("meitrack").emulator("135790246811220", model.variant)
    report = b"".join(datum.data for datum in unit.report(datetime(2026, 1, 1, tzinfo=UTC)))
    assert b",135790246811220," in report
    async with running(config(tmp_path, "meitrack")) as gateway:
        await gateway.add("135790246811220", model.code)
        device = await gateway.connect("meitrack")
        device.say(report)
        await until(lambda: gateway.stats("meitrack").sessions == 1)
        device.say(report.replace(b",135790246811220,", b",135790246811228,"))
        await until(lambda: gateway.stats("meitrack").peer_errors == 1)
        frames = gateway.stats("meitrack").frames
        device.say(report)
        await until(lambda: gateway.stats("meitrack").frames > frames)
        assert gateway.stats("meitrack").links == 1
