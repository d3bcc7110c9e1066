"""`tracker-gateway bench` against emulated devices on pseudo-terminals, each in a loop of its own."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from pathlib import Path
from typing import Any

import orjson
import pytest
from tracker_codecs.contract import Faults
from tracker_gateway.bench import records
from tracker_gateway.bench import work as work_
from tracker_gateway.recording.dialogue import load
from tracker_gateway.replay.embedded import replay
from tracker_gateway.transports import port as port_
from tracker_gateway.transports.port import PortError, PortInfo

from tests.gateway.cli_runner import tg
from tests.gateway.serial_world import ALL, CASES, device, plugged, restarts


@pytest.mark.parametrize("family", CASES)
def test_apply_confirms_and_signs_off(tmp_path: Path, family: str) -> None:
    model, _, settings = CASES[family]
    text = orjson.dumps(settings).decode()
    with plugged(device(family, tmp_path / "tty", baudrate=9600 if family == "pmtk" else None)) as unit:
        done = tg(
            "bench", "apply", str(tmp_path / "tty"), text, "--model", model, "--records", str(tmp_path), "--by", "me"
        )
        assert done.code == 0, done.err
        assert {name: unit.emulator.settings[name] for name in settings} == settings
    for name in settings:
        assert re.search(rf"^{name} .*confirmed +read_back", done.out, re.M)
    shown = tg("models", "show", model, "--records", str(tmp_path), "--json")
    (proof,) = orjson.loads(shown.out)["verified"]
    assert (proof["model"], proof["by"], proof["settings"]) == (model, "me", settings)
    assert proof["firmware"] == {"ubx": "HPG 1.51", "pmtk": "AXN_2.51_3339_19071200"}.get(family, proof["firmware"])
    assert f"on {proof['date']}, firmware" in tg("models", "show", model, "--records", str(tmp_path)).out


def test_every_exchange_is_shown_with_its_meaning(tmp_path: Path) -> None:
    with plugged(device("ubx", tmp_path / "tty", reports=False)):
        done = tg("bench", "read", str(tmp_path / "tty"), "--model", "ublox_9", "--json")
    assert (done.code, orjson.loads(done.out)) == (0, {"tracking_interval_ms": 1000})
    # Frames as in the message tables of semuconsulting/pyubx2: MON-VER poll, ACK-ACK of CFG-VALGET.
    assert "-> b5620a0400000e34  probe: MON-VER poll" in done.err
    assert "<- b56205010200068b99c2  " in done.err


def test_a_model_is_found_by_asking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work_, "LISTEN", 0.2)
    with plugged(device("pmtk", tmp_path / "tty", baudrate=38400)):
        done = tg("bench", "identify", str(tmp_path / "tty"), "--timeout", "0.3", "--json")
    assert done.code == 0, done.err
    assert orjson.loads(done.out) | {"port": ""} == {
        "port": "",
        "form": "38400 8N1",
        "codec": "pmtk",
        "model": "quectel_l70",
        "device_id": "bench",
        "firmware": "AXN_2.51_3339_19071200",
        "hardware": "QUECTEL-L70",
    }


def test_nothing_but_questions_for_receivers_goes_to_an_unknown_port(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work_, "LISTEN", 0.2)
    unit = device("dragino-at", tmp_path / "tty")
    unit.emulator.__class__.report_interval = property(lambda self: 0.05)  # type: ignore[assignment, misc]
    try:
        with plugged(unit):
            done = tg("bench", "identify", str(tmp_path / "tty"))
    finally:
        del unit.emulator.__class__.report_interval  # type: ignore[misc]
    assert done.code == 1
    assert "prints text at 9600 8N1 (Start searching for GPS...): name the device" in done.err
    assert not unit.heard


def test_diff_and_verify_tell_yes_from_no(tmp_path: Path) -> None:
    path = str(tmp_path / "tty")
    (tmp_path / "same.json").write_text('{"tracking_interval_ms": 1000}')
    with plugged(device("ubx", tmp_path / "tty")):
        more = ("--codec", "ubx")
        assert tg("bench", "diff", path, str(tmp_path / "same.json"), *more).code == 0
        assert tg("bench", "verify", path, str(tmp_path / "same.json"), *more).code == 0
        for command in ("diff", "verify"):
            other = tg("bench", command, path, '{"tracking_interval_ms": 200}', *more, "--json")
            assert other.code == 1
            (row,) = orjson.loads(other.out)
            assert (row["desired"], row["reported"], row["state"]) == (200, 1000, "mismatched")


@pytest.mark.parametrize(
    ("faults", "state"),
    [
        (Faults(clamp={"tracking_interval_ms": (1000, 10000)}), "mismatched"),
        (Faults(ignore=frozenset({"tracking_interval_ms"})), "mismatched"),
        (Faults(refuse=frozenset({"tracking_interval_ms"})), "mismatched"),
    ],
)
def test_what_the_device_does_not_confirm_is_no_success(tmp_path: Path, faults: Faults, state: str) -> None:
    with plugged(device("pmtk", tmp_path / "tty", faults)):
        done = tg(
            "bench",
            "apply",
            str(tmp_path / "tty"),
            '{"tracking_interval_ms": 200}',
            "--model",
            "quectel_l70",
            "--records",
            str(tmp_path / "r"),
            "--json",
        )
    assert done.code == 1, done.err
    assert orjson.loads(done.out)[0]["state"] in (state, "rejected")
    assert not (tmp_path / "r").exists()


def test_settings_that_do_not_fit_are_not_sent(tmp_path: Path) -> None:
    with plugged(device("pmtk", tmp_path / "tty")) as unit:
        done = tg("bench", "apply", str(tmp_path / "tty"), '{"tracking_interval_ms": 5}', "--model", "quectel_l70")
        assert done.code == 1
        assert "nothing was sent: tracking_interval_ms" in done.err
        assert b"PMTK220" not in unit.heard


@pytest.mark.parametrize("family", ["ubx", "pmtk"])
async def test_a_recording_replays_against_the_gateway(tmp_path: Path, family: str) -> None:
    """Recorded from one side, the gateway says the very same bytes."""
    model, _, settings = CASES[family]
    file = tmp_path / "d.yaml"
    command = ["bench", "record", str(tmp_path / "tty"), "-o", str(file), "--model", model]
    with plugged(device(family, tmp_path / "tty", reports=False)):
        done = await asyncio.to_thread(tg, *command, "--settings", orjson.dumps(settings).decode())
    assert done.code == 0, done.err
    result = await replay(load(file))
    assert result.ok, result.problem
    assert result.compared >= 3
    again = await asyncio.to_thread(tg, *command)
    assert again.code == 1


@pytest.mark.parametrize("family", ["dragino-at", "queclink"])
async def test_a_recording_tells_neither_id_nor_password(tmp_path: Path, family: str) -> None:
    model, own, settings = ALL[family]
    file = tmp_path / "d.yaml"
    asked = ["--settings", orjson.dumps(settings).decode(), "--option", "password=s3same", "--redact-ids"]
    named = ["--device-id", own] if family == "queclink" else []
    with plugged(device(family, tmp_path / "tty", reports=False, options={"password": "s3same"})) as unit:
        done = await asyncio.to_thread(
            tg, "bench", "record", str(tmp_path / "tty"), "-o", str(file), "--model", model, *asked, *named
        )
    assert done.code == (0 if family == "dragino-at" else 1), done.err  # not every field can be carried beside others
    assert "s3same" not in done.err
    assert b"s3same".hex() not in done.err
    assert (b"s3same" in unit.heard) == (family == "queclink")
    text = file.read_text("utf-8")
    assert "s3same" not in text
    assert own not in re.sub("[^0-9a-f]", "", text.lower())
    assert own.encode().hex() not in text
    result = await replay(load(file))
    assert result.ok, result.problem
    assert result.compared >= 2


def test_ctrl_c_brings_a_change_to_its_end_and_says_so(tmp_path: Path) -> None:
    unit = device("ubx", tmp_path / "tty")
    obey = unit.emulator._obey  # type: ignore[attr-defined]

    def interrupt(frame: bytes) -> Any:
        if frame[2:4] == b"\x06\x8a":
            os.kill(os.getpid(), signal.SIGINT)
        return obey(frame)

    unit.emulator._obey = interrupt  # type: ignore[attr-defined]
    with plugged(unit):
        done = tg(
            "bench", "apply", str(tmp_path / "tty"), '{"tracking_interval_ms": 250}', "--model", "ublox_9",
            "--records", str(tmp_path / "r"),
        )  # fmt: skip
    assert done.code == 130
    assert "the change under way is brought to its end" in done.err
    assert "written: CFG-VALSET" in done.err
    assert "(answered)" in done.err
    assert "confirmed" in done.out
    assert not (tmp_path / "r").exists()
    assert unit.emulator.settings == {"tracking_interval_ms": 250}


def test_ctrl_c_before_anything_was_written_leaves_the_device_as_it_was(tmp_path: Path) -> None:
    unit = device("ubx", tmp_path / "tty")
    obey = unit.emulator._obey  # type: ignore[attr-defined]

    def interrupt(frame: bytes) -> Any:
        if frame[2:4] == b"\x06\x8b":
            os.kill(os.getpid(), signal.SIGINT)
            return []
        return obey(frame)

    unit.emulator._obey = interrupt  # type: ignore[attr-defined]
    with plugged(unit):
        done = tg("bench", "apply", str(tmp_path / "tty"), '{"tracking_interval_ms": 250}', "--model", "ublox_9")
    assert (done.code, done.out) == (130, "")
    assert done.err.endswith("not written: tracking_interval_ms\n")
    assert unit.emulator.settings == {"tracking_interval_ms": 1000}


def test_a_cable_pulled_in_the_middle_says_what_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unit = device("ubx", tmp_path / "tty")
    obey = unit.emulator._obey  # type: ignore[attr-defined]

    def pull(frame: bytes) -> Any:
        if frame[2:4] == b"\x06\x8a":
            asyncio.get_running_loop().call_soon(unit.unplug)
            return []
        return obey(frame)

    unit.emulator._obey = pull  # type: ignore[attr-defined]
    monkeypatch.setattr(work_, "RETURN", 0.2)
    with plugged(unit):
        done = tg("bench", "apply", str(tmp_path / "tty"), '{"tracking_interval_ms": 250}', "--model", "ublox_9")
    assert done.code == 1
    assert "written: CFG-VALSET" in done.err
    assert done.err.endswith("tracker-gateway: the port was unplugged\n")


def test_a_device_whose_port_goes_while_it_restarts_is_asked_again(tmp_path: Path) -> None:
    unit = device("meshtastic", tmp_path / "tty")
    restarts(unit)
    text = orjson.dumps(CASES["meshtastic"][2]).decode()
    with plugged(unit):
        done = tg(
            "bench", "apply", str(tmp_path / "tty"), text, "--model", "meshtastic", "--records", str(tmp_path / "r")
        )
    assert done.code == 0, done.err
    assert "waiting up to 30 s for the device to come back" in done.err
    assert done.out.count("read_back") == 2


def test_ports_are_told_in_words(tmp_path: Path) -> None:
    absent = tg("bench", "read", str(tmp_path / "no"), "--codec", "ubx")
    assert absent.code == 1
    assert absent.err.endswith(f"{tmp_path}/no is not there: nothing is plugged in under this name\n")
    silent = device("ubx", tmp_path / "tty", Faults(silent=True), reports=False)
    with plugged(silent):
        done = tg("bench", "read", str(tmp_path / "tty"), "--codec", "ubx", "--baudrate", "9600", "--timeout", "0.1")
    assert done.err.endswith(f"nobody answers as ubx on {tmp_path}/tty; at 9600 8N1: nothing comes\n")
    for arguments in (("--codec", "teltonika"), ("--model", "quectel_l70", "--codec", "ubx")):
        assert tg("bench", "read", str(tmp_path / "tty"), *arguments).code == 1


def test_list_says_what_is_plugged_in(monkeypatch: pytest.MonkeyPatch) -> None:
    ports = [
        PortInfo("by-id/a", "ttyACM0", 0x1546, 0x01A8, None, "u-blox AG GNSS receiver"),
        PortInfo("by-id/b", "ttyUSB0", 0x1A86, 0x7523, None, "USB Serial"),
        PortInfo("ttyS0", "ttyS0"),
        PortInfo("by-id/c", "ttyACM1", 0x1234, 0x0001, "77", "Acme Box"),
    ]
    monkeypatch.setattr(port_, "plugged_in", lambda: ports)
    rows = orjson.loads(tg("bench", "list", "--json").out)
    assert [(row["usb_id"], row["seems"], row["codec"]) for row in rows] == [
        ("1546:01a8", "u-blox 8 receiver", "ubx"),
        ("1a86:7523", "USB bridge (CH340, CH9102): anything may be behind it", None),
        (None, "port of this machine", None),
        ("1234:0001", "Acme Box", None),
    ]
    assert port_.matching(ports, 0x1546, None, None) == "by-id/a"
    assert port_.matching(ports, 0x1234, 1, "77") == "by-id/c"
    with pytest.raises(PortError, match=r"USB 1234:0002 is not plugged in"):
        port_.matching(ports, 0x1234, 2, None)
    with pytest.raises(PortError, match="plugged in 2 times"):
        port_.matching([ports[0], ports[0]], 0x1546, None, None)


def test_a_record_that_is_broken_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{")
    (tmp_path / "y.json").write_text('{"model": "ublox_9"}')
    assert records.of_model(tmp_path, "ublox_9") == []
    assert records.of_model(tmp_path / "none", "ublox_9") == []
