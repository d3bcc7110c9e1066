"""Devices on serial ports of a whole gateway: real pseudo-terminals, emulated devices behind them."""

from __future__ import annotations

import asyncio
import grp
import os
import pwd
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import serialx
from tracker_codecs import nmea, registry
from tracker_codecs.contract import Faults, Transport
from tracker_gateway.emulation.serial import SerialDevice
from tracker_gateway.recording.dialogue import find, load
from tracker_gateway.replay.embedded import replay
from tracker_gateway.transports import serial as module
from tracker_gateway.transports.port import PortInfo

from tests.gateway.running import until
from tests.gateway.serial_world import (
    ALL,
    CASES,
    delivered,
    device,
    final,
    gateway,
    health,
    reaches,
    restarts,
    section,
)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ports are tried again sooner."""
    monkeypatch.setattr(module, "BACKOFF", 0.1)


@pytest.mark.parametrize("family", ALL)
async def test_an_update_is_confirmed_over_a_serial_port(tmp_path: Path, family: str) -> None:
    settings = ALL[family][2]
    async with device(family, tmp_path / "tty") as unit, gateway(tmp_path, section(family, tmp_path / "tty")) as world:
        await reaches(world, "ok")
        sync = await delivered(world, 1, settings)
        # Whether an LMU's script goes by what is stored cannot be read.
        best = ("acknowledged", "acknowledged") if family == "calamp" else ("confirmed", "read_back")
        assert (sync["state"], sync["strength"]) == best
        proved = {name: settings[name] for name, each in sync["fields"].items() if each["state"] == best[0]}
        assert "tracking_interval" in str(proved)
        assert {name: unit.emulator.settings[name] for name in proved} == proved
        assert world.stats(family, "serial").sessions == 1


@pytest.mark.parametrize("family", ["ubx", "pmtk", "dragino-at"])
async def test_bytes_one_by_one_and_garbage_between_the_lines(tmp_path: Path, family: str) -> None:
    noise = b"\xff\x00\xb5\xfe\r\n"
    unit = device(family, tmp_path / "tty", piece=1, noise=noise, reports=False)
    async with unit, gateway(tmp_path, section(family, tmp_path / "tty")) as world:
        await reaches(world, "ok")
        sync = await delivered(world, 1, CASES[family][2])
        assert sync["state"] == "confirmed"
        assert world.stats(family, "serial").peer_errors > 0


async def test_a_cable_pulled_in_the_middle_loses_no_delivery(tmp_path: Path) -> None:
    path = tmp_path / "tty"
    async with device("ubx", path) as unit, gateway(tmp_path, section("ubx", path)) as world:
        await reaches(world, "ok")
        obey = unit.emulator._obey  # type: ignore[attr-defined]

        def pull(frame: bytes) -> list[bytes]:
            if frame[2:4] == b"\x06\x8a":  # CFG-VALSET: obeyed, never answered
                obey(frame)
                asyncio.get_running_loop().call_soon(unit.unplug)
                return []
            return list(obey(frame))

        unit.emulator._obey = pull  # type: ignore[attr-defined]
        answer = await world.ask("update", tracker_id=1, tracking_settings={"tracking_interval_ms": 250})
        assert answer["success"]
        await reaches(world, "not there")
        assert not (await world.ask("read", tracker_id=1))["sync"]["final"]
        assert world.stats("ubx", "serial").links == 0
        unit.emulator._obey = obey  # type: ignore[attr-defined]
        unit.plug()
        sync = await final(world, 1)
        assert (sync["state"], sync["strength"]) == ("confirmed", "read_back")
        assert (await health(world))["reopened"] > 0


async def test_a_device_whose_port_goes_while_it_restarts_is_confirmed(tmp_path: Path) -> None:
    """As a board with USB of its own does it after the commit."""
    path = tmp_path / "tty"
    async with device("meshtastic", path) as unit, gateway(tmp_path, section("meshtastic", path)) as world:
        await reaches(world, "ok")
        restarts(unit)
        sync = await delivered(world, 1, CASES["meshtastic"][2])
        assert (sync["state"], sync["strength"]) == ("confirmed", "read_back")


async def test_another_imei_than_the_configured_one_ends_the_session(tmp_path: Path) -> None:
    path = tmp_path / "tty"
    other = section("queclink", path) | {"device_id": "135790246811238"}
    async with device("queclink", path) as unit, gateway(tmp_path, other) as world:
        await reaches(world, "ok")  # nobody can be asked who it is
        unit.say(unit.emulator.report(datetime.now(UTC))[0].data)
        await reaches(world, "is 135790246811220; configured for this port is 135790246811238")


async def test_a_device_that_is_plugged_in_later_gets_what_waited_for_it(tmp_path: Path) -> None:
    path = tmp_path / "tty"
    async with gateway(tmp_path, section("pmtk", path)) as world:
        assert "nothing is plugged in" in (await reaches(world, "is not there"))["detail"]
        await world.ask("update", tracker_id=1, tracking_settings={"tracking_interval_ms": 200})
        async with device("pmtk", path):
            assert (await final(world, 1))["state"] == "confirmed"


async def test_what_a_unit_can_on_its_port_is_known_before_it_is_plugged_in(tmp_path: Path) -> None:
    """An LMU takes settings on its serial port only; nobody being there is no reason to refuse them."""
    path = tmp_path / "tty"
    config = {"family": "calamp", "device_id": "4532104183", "port": str(path)}
    settings = {"tracking_interval": 300, "tracking_distance": 500, "tracking_angle": 40, "psm_interval": 3600}
    async with gateway(tmp_path, config, register=False) as world:
        wired = await world.add("4532104183", "calamp_lmu_4200")
        mobile = await world.add("4532104184", "calamp_lmu_4200")
        refused = await world.ask("update", tracker_id=mobile, tracking_settings=settings)
        assert refused["status"]["code"] == 214
        sync = (await world.ask("update", tracker_id=wired, tracking_settings=settings))["sync"]
        assert (sync["state"], sync["fields"]["tracking_interval"]["state"]) == ("queued", "unknown")
        emulator = registry.get("calamp").emulator("4532104183", "lmu", transport=Transport.SERIAL)
        async with SerialDevice(emulator, path):
            sync = await final(world, wired)
        proved = {name for name, each in sync["fields"].items() if each["state"] == "acknowledged"}
        assert proved == {"tracking_interval", "tracking_distance", "tracking_angle"}
        assert emulator.settings.items() >= {name: settings[name] for name in proved}.items()


async def test_a_port_that_another_program_has_is_told_and_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "tty"
    async with device("ubx", path):
        other = serialx.serial_for_url(str(path))
        other.open()
        try:
            async with gateway(tmp_path, section("ubx", path)) as world:
                await reaches(world, "in use by another program")
                other.close()
                await reaches(world, "ok")
        finally:
            other.close()


async def test_a_device_that_is_not_registered_is_not_spoken_to_until_it_is(tmp_path: Path) -> None:
    path = tmp_path / "tty"
    async with device("ubx", path) as unit, gateway(tmp_path, section("ubx", path), register=False) as world:
        await reaches(world, "is not registered with a model of ubx")
        assert not unit.heard
        added = await world.add(CASES["ubx"][1], "ublox_9")
        await reaches(world, "ok")
        await world.daemon.store.change_tracker(added, blocked=True)
        await world.gateway.refresh()
        await reaches(world, "is blocked")
        assert world.stats("ubx", "serial").sessions == 0


@pytest.mark.parametrize("family", CASES)
async def test_an_echo_is_no_answer(tmp_path: Path, family: str) -> None:
    """A port that sends back every byte, and a device behind it that says nothing of its own."""
    path = tmp_path / "tty"
    unit = device(family, path, Faults(silent=True), {"echo": True}, reports=False)
    unit.emulator.connect = lambda: []  # type: ignore[method-assign]
    async with unit, gateway(tmp_path, section(family, path)) as world:
        await until(lambda: unit.heard)
        if family in ("ubx", "pmtk"):
            await reaches(world, "sends back what is written to it")
        else:  # whose patience is longer
            await until(lambda: world.stats(family, "serial").frames > 0)
            await asyncio.sleep(0.3)
        assert world.stats(family, "serial").sessions == 0


async def test_an_echo_does_no_harm_where_the_device_answers_too(tmp_path: Path) -> None:
    path = tmp_path / "tty"
    async with device("ubx", path, options={"echo": True}), gateway(tmp_path, section("ubx", path)) as world:
        assert (await delivered(world, 1, {"tracking_interval_ms": 250}))["state"] == "confirmed"


async def test_a_wrong_baud_rate_is_told(tmp_path: Path) -> None:
    path = tmp_path / "tty"
    unit = device("ubx", path, baudrate=38400)
    async with unit, gateway(tmp_path, section("ubx", path, baudrate=9600)) as world:
        told = await reaches(world, "garbage")
        assert told["detail"] == "only garbage comes at 9600 8N1: is the baud rate right?"
        assert world.stats("ubx", "serial").sessions == 0


async def test_the_right_baud_rate_and_parity_are_set(tmp_path: Path) -> None:
    path = tmp_path / "tty"
    unit = device("ubx", path, baudrate=38400)
    async with unit, gateway(tmp_path, section("ubx", path, baudrate=38400, stopbits=2)) as world:
        assert (await reaches(world, "ok"))["form"] == "38400 8N2"


async def test_another_node_than_the_configured_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "tty"
    unit = device("meshtastic", path)
    async with unit, gateway(tmp_path, section("meshtastic", path) | {"device_id": "00000001"}) as world:
        told = await reaches(world, "configured for this port")
        assert told["detail"].endswith("is a1b2c3d4; configured for this port is 00000001")
        assert unit.emulator.settings["tracking_interval"] == 900


async def test_a_chip_id_is_no_other_device(tmp_path: Path) -> None:
    """The receiver tells its chip's id; it is registered under the operator's own name."""
    path = tmp_path / "tty"
    async with device("ubx", path), gateway(tmp_path, section("ubx", path)) as world:
        told = await reaches(world, "ok")
        assert told["device"]["device_id"] == "0a1b2c3d4e5f"
        assert told["device"]["firmware"] == "HPG 1.51"
        await world.ask("raw", tracker_id=1, command="2703")
        await asyncio.sleep(0.3)
        assert world.stats("ubx", "serial").sessions == 1


async def test_a_swapped_unit_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: Any) -> None:
    path = tmp_path / "tty"
    async with device("ubx", path) as unit, gateway(tmp_path, section("ubx", path)) as world:
        await reaches(world, "ok")
        unit.unplug()
        await reaches(world, "not there")
        unit.emulator.device_id = "ffffffffffff"
        unit.plug()
        assert (await reaches(world, "ok"))["device"]["device_id"] == "ffffffffffff"
    told = capsys.readouterr()
    assert "another unit is on this port" in told.out + told.err + caplog.text


async def test_a_device_that_takes_no_bytes_is_no_reason_to_lose_one(tmp_path: Path) -> None:
    """The port's buffers fill; a command that finds no room is not written in part, and is told as not taken."""
    path = tmp_path / "tty"
    async with device("ubx", path) as unit, gateway(tmp_path, section("ubx", path)) as world:
        await reaches(world, "ok")
        asyncio.get_running_loop().remove_reader(unit._master)
        (session,) = world.daemon.hub.sessions.of(1)
        line = nmea.sentence("PMTK605")
        taken = 0
        while session.write(line * 100):
            taken += len(line) * 100
            assert taken < 1_000_000
        assert taken >= 65_536 - len(line) * 100
        total = bytearray()
        unit.emulator.receive = lambda data, channel="": total.extend(data) or []  # type: ignore[method-assign, func-returns-value]
        asyncio.get_running_loop().add_reader(unit._master, unit._ready)
        await until(lambda: len(total) >= taken)
        assert bytes(total) == line * (taken // len(line))


async def test_an_unfinished_frame_does_not_swallow_what_follows(tmp_path: Path) -> None:
    path = tmp_path / "tty"
    async with device("ubx", path, reports=False) as unit, gateway(tmp_path, section("ubx", path)) as world:
        await reaches(world, "ok")
        unit.say(b"\xb5\x62\x01\x07\x00\x10")  # 4096 bytes that never come
        await until(lambda: world.stats("ubx", "serial").peer_errors > 0, 6.0)
        assert (await delivered(world, 1, {"tracking_interval_ms": 250}))["state"] == "confirmed"


NOBODY = """
import asyncio, concurrent.futures.thread, grp, os, pwd, sys
from tracker_gateway.transports.port import LineForm, Port, PortError

async def main():
    try:
        await Port(sys.argv[1], LineForm(9600)).open()
    except PortError as error:
        print(error)

if os.geteuid() == 0:  # as anybody else: root may open everything
    os.setgid(65534)
    os.setuid(65534)
asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("mode", "told"),
    [
        (0o060, "it belongs to the group {group}; add the user {user} to it and log in again"),
        (0o000, "only the user {owner} may, and this is {user}"),
    ],
)
async def test_a_port_without_permission_names_who_may(tmp_path: Path, mode: int, told: str) -> None:
    """In a process of its own, which is another user's where the tests run as root."""
    async with device("ubx", tmp_path / "tty"):
        real = (tmp_path / "tty").resolve()
        real.chmod(mode)
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-c", NOBODY, str(real)],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(each for each in sys.path if each)},
        )
        owner = pwd.getpwuid(real.stat().st_uid)[0]
        user = "nobody" if os.geteuid() == 0 else owner
        told = told.format(group=grp.getgrgid(real.stat().st_gid)[0], owner=owner, user=user)
        assert (done.stdout, done.stderr) == (f"{real} may not be opened: {told}\n", "")


async def test_what_stands_on_the_path_of_a_port_is_told(tmp_path: Path) -> None:
    (tmp_path / "tty").write_text("no port")
    async with gateway(tmp_path, section("ubx", tmp_path / "tty")) as world:
        await reaches(world, "is no serial port")


async def test_a_port_is_found_by_its_usb_ids_under_whatever_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ports: list[PortInfo] = []
    monkeypatch.setattr(module, "plugged_in", lambda: ports)
    by_id = {"family": "ubx", "device_id": CASES["ubx"][1], "vid": 0x1546, "pid": 0x01A8}
    async with gateway(tmp_path, by_id) as world:
        await reaches(world, "USB 1546:01a8 is not plugged in")
        for name in ("one", "two"):
            async with device("ubx", tmp_path / name):
                ports[:] = [PortInfo(str(tmp_path / name), name, 0x1546, 0x01A8)]
                assert (await reaches(world, "ok"))["port"] == str(tmp_path / name)
            await reaches(world, "not there")


async def test_it_is_opened_for_us_alone_and_resets_no_board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pseudo-terminal has no modem lines: what is asked of them is looked at."""
    asked: list[dict[str, Any]] = []
    create = serialx.create_serial_connection

    async def spy(*arguments: Any, **options: Any) -> Any:
        asked.append(options)
        return await create(*arguments, **options)

    monkeypatch.setattr(serialx, "create_serial_connection", spy)
    async with device("ubx", tmp_path / "tty"), gateway(tmp_path, section("ubx", tmp_path / "tty")) as world:
        await reaches(world, "ok")
    assert asked[-1]["exclusive"] is True
    assert (asked[-1]["dtr_on_open"], asked[-1]["rts_on_open"]) == (serialx.PinState.LOW, serialx.PinState.LOW)


async def test_a_board_that_restarts_gets_its_time(tmp_path: Path) -> None:
    path = tmp_path / "tty"
    async with device("ubx", path) as unit, gateway(tmp_path, section("ubx", path, settle=2.0)) as world:
        await until(lambda: world.stats("ubx", "serial").links == 1)
        await asyncio.sleep(0.4)
        assert not unit.heard
        assert world.stats("ubx", "serial").frames == 0
        await reaches(world, "ok")
        assert b'serial_port{fact="up",family="ubx"' in world.daemon.metrics.render()


async def test_a_recorded_port_replays(tmp_path: Path) -> None:
    path = tmp_path / "tty"
    recording = {"recording": {"enabled": True, "directory": str(tmp_path / "kept")}}
    async with device("ubx", path, reports=False), gateway(tmp_path, section("ubx", path), **recording) as world:
        await reaches(world, "ok")
        await delivered(world, 1, {"tracking_interval_ms": 250})
    (file,) = find([tmp_path / "kept"])
    result = await replay(load(file))
    assert result.ok, result.problem
    assert result.compared >= 4
