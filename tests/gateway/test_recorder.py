"""Recordings: whole at any moment, the same when replayed, and without what must not be told."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import structlog
import yaml
from tracker_codecs import registry
from tracker_codecs.contract import Message, Transport
from tracker_gateway.emulation import Fleet, Pace
from tracker_gateway.recording import redact
from tracker_gateway.recording.dialogue import Dialogue, load
from tracker_gateway.recording.script import About, Script
from tracker_gateway.recording.tape import TapeError, TapeFile, make_room
from tracker_gateway.replay.embedded import replay

from tests.gateway.running import Running, config, running, until

IMEI = "356307042441013"
PASSWORD = "s3cretPW"
WANTED: dict[str, dict[str, Any]] = {
    "teltonika": {
        "tracking_angle": 30,
        "tracking_distance": 100,
        "tracking_interval": 60,
        "on_stop_tracking_interval": 180,
        "sleep_mode": "disabled",
        "stop_detection": "ignition",
    },
    "queclink": {
        "type": "interval",
        "tracking_interval": 300,
        "tracking_distance": 100,
        "tracking_angle": 30,
        "psm_interval": 600,
        "movement_detection": False,
        "non_movement_duration": 420,
    },
    "gt06": {"tracking_interval": 60, "tracking_distance": 100},
}
MODELS = {"teltonika": "telfmb920", "queclink": "gl300", "gt06": "concox_x3"}


@asynccontextmanager
async def recorded(
    tmp_path: Path, family: str, link: Transport, *, options: dict[str, Any] | None = None, **recording: Any
) -> AsyncIterator[tuple[Running, int, Any]]:
    """A recording gateway with one registered tracker; `start()` calls in with an emulated one."""
    wanted = config(tmp_path, (family, link), recording={"enabled": True, "directory": tmp_path / "rec", **recording})
    async with running(wanted) as run:
        tracker = await run.add(IMEI, MODELS[family], options=options or {})
        target = run.gateway.register.target(run.gateway.register.get(tracker))  # type: ignore[arg-type]
        emulator = registry.get(family).emulator(IMEI, target.variant, transport=link, options=target.options)
        host, port = run.daemon.addresses[family, link]

        def fleet() -> Fleet:
            return Fleet([emulator], registry.get(family), link, host, port, pace=Pace(every=0.2))

        yield run, tracker, fleet


async def settled(run: Running, tracker: int, settings: dict[str, Any]) -> None:
    answer = await run.ask("update", tracker_id=tracker, tracking_settings=settings, wait=8)
    assert answer["success"], answer
    assert answer["sync"]["state"] == "confirmed", answer


def only(folder: Path) -> Path:
    (path,) = (folder / "rec").glob("*.yaml")
    return path


def changed(dialogue: Dialogue, change: Any) -> Dialogue:
    document = dialogue.model_dump(mode="json", exclude_none=True)
    change(document)
    return Dialogue.model_validate(document, strict=False)


@pytest.mark.parametrize(
    ("family", "link"),
    [
        ("teltonika", Transport.TCP),
        ("queclink", Transport.TCP),
        ("queclink", Transport.UDP),
        ("gt06", Transport.TCP),
    ],
)
@pytest.mark.parametrize("redact_ids", [False, True])
async def test_a_recorded_session_replays_byte_for_byte(
    tmp_path: Path, family: str, link: Transport, redact_ids: bool
) -> None:
    async with recorded(tmp_path, family, link, redact_ids=redact_ids) as (run, tracker, fleet), fleet():
        await until(lambda: run.gateway.engine.session(tracker))
        await settled(run, tracker, WANTED[family])
    path = only(tmp_path)
    dialogue = load(path)
    assert dialogue.outcome is not None
    assert dialogue.outcome.state == "confirmed"
    assert (dialogue.device_id == IMEI) is not redact_ids
    if redact_ids:
        for form in redact.forms(IMEI):
            told = [dialogue.bytes_of(each.device or each.gateway or "") for each in dialogue.steps]
            assert not any(form in each for each in told)
        assert IMEI not in path.read_text()
        assert IMEI not in path.name
    result = await replay(dialogue)
    assert result.ok, result.problem
    assert result.compared >= 3

    def mutate(document: Any) -> None:
        """One digit of what the gateway said last; not in its last half, where serials and times may be."""
        step = [each for each in document["steps"] if "gateway" in each][-1]
        text, at = step["gateway"], len(step["gateway"]) // 2 - 2
        step["gateway"] = f"{text[:at]}{'1' if text[at] != '1' else '2'}{text[at + 1 :]}"

    assert not (await replay(changed(dialogue, mutate), patience=1.0)).ok


async def test_secrets_stand_nowhere_after_a_full_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The key of the interface and a device's password: not in logs, recordings, answers; the recording replays."""
    exports = []
    options = {"password": PASSWORD}
    async with (
        recorded(tmp_path, "queclink", Transport.TCP, options=options) as (run, tracker, fleet),
        fleet(),
    ):
        await until(lambda: run.gateway.engine.session(tracker))
        await settled(run, tracker, WANTED["queclink"])
        for action in ("read", "status", "history"):
            exports.append(str(await run.ask(action, tracker_id=tracker)))
        raw = await run.gateway.raw_command(
            run.gateway.register.get(tracker),  # type: ignore[arg-type]
            f"AT+GTRTO={PASSWORD},1,,,,,,0001$",
            reliable=True,
            author="tests",
        )
        exports.append(str(raw))
        secret = run.secret
    logs = "".join(capsys.readouterr())
    assert "recording" in logs
    recording = only(tmp_path).read_text()
    for text in (logs, recording, *exports):
        for hidden in (PASSWORD, secret):
            assert hidden not in text
            assert hidden.encode().hex() not in text
    dialogue = load(only(tmp_path))
    assert dialogue.options["password"] == "00000000"
    assert "AT+GTFRI=00000000,1" in recording
    result = await replay(dialogue)
    assert result.ok, result.problem


async def test_a_later_revision_an_operators_command_and_a_reread_replay(tmp_path: Path) -> None:
    """GT06 frames carry numbers that count with the revision and the command."""
    async with recorded(tmp_path, "gt06", Transport.TCP) as (run, tracker, fleet):
        async with fleet():
            await until(lambda: run.gateway.engine.session(tracker))
            await settled(run, tracker, WANTED["gt06"])
        await until(lambda: run.gateway.engine.session(tracker) is None)
        async with fleet():
            await until(lambda: run.gateway.engine.session(tracker))
            await settled(run, tracker, {**WANTED["gt06"], "tracking_interval": 30})
            found = run.gateway.register.get(tracker)
            assert found is not None
            await run.gateway.raw_command(found, "PARAM#", reliable=True, author="tests", wait=5)
            await run.gateway.reread(found, wait=5)
    first, second = sorted((tmp_path / "rec").glob("*.yaml"), key=lambda path: path.stat().st_mtime_ns)
    asked = [each.do for each in load(second).steps if each.do is not None]
    assert asked[0].revision == 2
    assert (asked[1].raw, asked[2].reread) == ("PARAM#", True)
    for path in (first, second):
        result = await replay(load(path))
        assert result.ok, result.problem


async def test_an_update_that_outlives_its_link_goes_on_in_the_same_file(tmp_path: Path) -> None:
    async with recorded(tmp_path, "gt06", Transport.TCP) as (run, tracker, fleet):
        line = await run.connect("gt06")
        line.say(bytes.fromhex("78780d0103563070424410130001d4a90d0a"))
        assert (await line.hear(10)).hex() == "787805010001d9dc0d0a"
        await run.ask("update", tracker_id=tracker, tracking_settings=WANTED["gt06"])
        await line.hear(20)
        line.hang_up()
        await until(lambda: run.gateway.engine.session(tracker) is None)
        async with fleet():
            await until(lambda: run.gateway.engine.twin(tracker) is None, 10)
    dialogue = load(only(tmp_path))
    assert [bool(each.reconnect) for each in dialogue.steps].count(True) == 1
    assert dialogue.outcome is not None
    assert dialogue.outcome.state == "confirmed"
    result = await replay(dialogue)
    assert result.ok, result.problem


async def test_only_the_chosen_trackers_are_recorded(tmp_path: Path) -> None:
    async with (
        recorded(tmp_path, "gt06", Transport.TCP, trackers=["356307042441014"]) as (run, tracker, fleet),
        fleet(),
    ):
        await until(lambda: run.gateway.engine.session(tracker))
        await settled(run, tracker, WANTED["gt06"])
    assert not (tmp_path / "rec").exists()


async def test_the_bounds_hold(tmp_path: Path) -> None:
    """Every file within its bytes and whole, the newest files only, and the link is never touched."""
    async with recorded(tmp_path, "gt06", Transport.TCP, max_bytes=4096, max_files=2) as (run, tracker, _):
        line = await run.connect("gt06")
        login = bytes.fromhex("78780d0103563070424410130001d4a90d0a")
        for _ in range(3):
            line.say(login * 200)
            await line.hear(2000)
            line.hang_up()
            await until(lambda: run.gateway.engine.session(tracker) is None)
            line = await run.connect("gt06")
    found = sorted((tmp_path / "rec").glob("*.yaml"))
    assert len(found) == 2
    for path in found:
        assert 3900 < path.stat().st_size <= 4096
        assert load(path).steps[0].device == login.hex()


async def test_no_more_recordings_are_open_than_files_may_be(tmp_path: Path) -> None:
    async with recorded(tmp_path, "gt06", Transport.TCP, max_files=1) as (run, tracker, _):
        other = await run.add("123456789012345", "concox_x3")
        with structlog.testing.capture_logs() as logs:
            for login, found in (("0103563070424410130001d4a9", tracker), ("01012345678901234500018cdd", other)):
                line = await run.connect("gt06")
                line.say(bytes.fromhex(f"78780d{login}0d0a"))
                assert (await line.hear(10)).hex() == "787805010001d9dc0d0a"
                assert run.gateway.engine.session(found) is not None
        assert [each["event"] for each in logs if each["log_level"] == "warning"] == [
            "not recorded: as many recordings as max_files allows are open"
        ]
    assert load(only(tmp_path)).device_id == IMEI


async def test_a_full_disk_costs_the_recording_and_not_the_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with recorded(tmp_path, "gt06", Transport.TCP) as (run, _, _):
        login = bytes.fromhex("78780d0103563070424410130001d4a90d0a")
        line = await run.connect("gt06")
        line.say(login)
        await line.hear(10)
        real = os.write
        monkeypatch.setattr(os, "write", lambda fd, data: real(fd, data[:7]))
        with structlog.testing.capture_logs() as logs:
            line.say(login)
            assert (await line.hear(10)).hex() == "787805010001d9dc0d0a"
        assert any(each["event"] == "recording ended" and "No space left" in each["reason"] for each in logs)
        monkeypatch.undo()
    assert [each.device or each.gateway for each in load(only(tmp_path)).steps] == [
        login.hex(),
        "787805010001d9dc0d0a",
    ]


def test_a_killed_process_leaves_a_whole_file(tmp_path: Path) -> None:
    """kill -9 while it writes; and any cut inside the last line."""
    program = """
import sys, itertools
from pathlib import Path
from tracker_gateway.recording.script import About, Script
from tracker_gateway.recording.tape import TapeFile
head = dict(kind="dialogue", family="gt06", device_id="1", model="m", provenance=dict(kind="recording", source="s"))
tape = TapeFile.create(Path(sys.argv[1]), "1", head, [{"device": "00"}], max_bytes=1 << 24, now=0)
print("ready", flush=True)
for number in itertools.count():
    tape.append({"at": number, "device": "ab" * 3000})
"""
    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        while next(iter(tmp_path.glob("*.yaml"))).stat().st_size < 100_000:
            pass
        os.kill(child.pid, signal.SIGKILL)
    (path,) = tmp_path.glob("*.yaml")
    whole = load(path)
    assert len(whole.steps) > 10
    data = path.read_bytes()[:50_000]
    for cut in range(49_000, 50_000, 91):
        path.write_bytes(data[:cut])
        assert {len(each.device or "") for each in load(path).steps} == {2, 6000}


def test_steps_with_every_byte_are_read_back_as_written(tmp_path: Path) -> None:
    every = bytes(range(256))
    head = {
        "kind": "dialogue",
        "family": "queclink",
        "device_id": "1",
        "model": "gl300",
        "encoding": "ascii",
        "provenance": {"kind": "recording", "source": "s"},
    }
    tape = TapeFile.create(tmp_path, "../1", head, [{"device": every.decode("latin-1")}], max_bytes=9999, now=0)
    assert tape.append({"at": 1.5, "gateway": "x", "channel": "a/\u007f"})
    tape.end({"state": "confirmed"})
    assert tape.path.name == ".._1-19700101T000000Z-1.recording.yaml"
    found = load(tape.path)
    assert found.bytes_of(found.steps[0].device or "") == every
    assert (found.steps[1].at, found.steps[1].channel) == (1.5, "a/\x7f")
    assert found.outcome is not None


def test_foreign_files_are_never_deleted(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.recording.yaml", "c.recording.yaml"):
        (tmp_path / name).write_text("x")
        os.utime(tmp_path / name, (ord(name[0]), ord(name[0])))
    assert make_room(tmp_path, 2, frozenset({tmp_path / "b.recording.yaml"})) == [tmp_path / "c.recording.yaml"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.yaml", "b.recording.yaml"]


def test_a_first_step_that_does_not_fit_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(TapeError, match="larger than 20"):
        TapeFile.create(tmp_path, "1", {"kind": "dialogue"}, [{"device": "00"}], max_bytes=20, now=0)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("device_id", "form"),
    [
        ("356307042441013", r"35\d{13}"),
        ("a0000012345678", r"[a-f]\d{13}"),
        ("0004A30B001A2B3C", r"[1-9]\d{3}[A-F]\d\d[A-F]\d{3}[A-F]\d[A-F]\d[A-F]"),
        ("user/phone-1", r"[a-z]{4}/[a-z]{5}-\d"),
    ],
)
def test_made_up_ids_have_the_form_of_the_real_one(device_id: str, form: str) -> None:
    found = redact.made_up(device_id, b"salt")
    assert re.fullmatch(form, found)
    assert found != device_id
    assert redact.made_up(device_id, b"salt") == found
    assert redact.made_up(device_id, b"other") != found


def test_the_check_digit_is_that_of_an_imei() -> None:
    """The example of GSMA and 3GPP texts: 49015420323751 has the check digit 8."""
    assert redact._check_digit("49015420323751") == "8"


def test_what_cannot_be_renamed_is_left_out() -> None:
    """A login with a wrong checksum is no frame, but tells the id all the same: as BCD it is found by its form."""
    redactor = redact.Redactor(registry.get("queclink"), salt=b"s")
    redactor.rename(IMEI)
    assert redactor.piece(b"\x01" + bytes.fromhex("0" + IMEI)) is None
    assert redactor.piece(IMEI.encode("utf-16-be")) is None
    assert redactor.piece(b"+SACK:11F0$") == b"+SACK:11F0$"
    assert redactor.dropped == 2


def test_nothing_is_lost_or_added_between_frames() -> None:
    cutter = redact.Cutter(registry.get("gt06"), Transport.TCP)
    login = bytes.fromhex("78780d0103563070424410130001d4a90d0a")
    data = b"??" + login + b"\x00\x01" + login + login[:7]
    pieces = [piece for byte in data for piece in cutter.device(bytes((byte,)))]
    assert b"".join(pieces) + cutter.rest() == data
    assert pieces.count(login) == 2
    assert cutter.device_ids == [IMEI]


def test_what_is_asked_before_anybody_spoke_stands_first(tmp_path: Path) -> None:
    """Serial ports: it is known from the start who is there, and the gateway speaks first."""
    family = registry.get("queclink")
    redactor = redact.Redactor(family, salt=None, secrets=[b"s3cret"])
    script = Script(family, Transport.SERIAL, redactor, began=100.0, max_bytes=9999)
    script.do({"raw": "AT+GTRTO=s3cret,1,,,,,,0001$"}, 100.5)
    script.gateway(b"AT+GTRTO=s3cret,1,,,,,,0001$\r\n", "", 100.5)
    script.device(b"+ACK:GTRTO,1A0102,135790246811220,,,0001,20100310172830,11F1$\r\n", "", 101.25)
    path = script.identify(About("135790246811220", "gl300", "a test", "2020-01-01"), tmp_path, wall=0.0)
    assert path is not None
    script.end()
    steps = load(path).steps
    assert steps[0].do is not None
    assert steps[0].do.raw == "AT+GTRTO=000000,1,,,,,,0001$"
    assert steps[1].gateway == "AT+GTRTO=000000,1,,,,,,0001$"
    assert "".join(each.device or "" for each in steps).rstrip() == (
        "+ACK:GTRTO,1A0102,135790246811220,,,0001,20100310172830,11F1$"
    )
    assert next(each.at for each in steps if each.device) == 1.25


@pytest.mark.parametrize(
    ("family", "frame", "renamed"),
    [
        # The first frame is printed in the Concox protocol v1.8.1; the CRC-16/X.25 of the second, over 0d 01 .. 00 01,
        # was worked out bit by bit with a program that gives 8cdd for the first.
        ("gt06", "78780d01012345678901234500018cdd0d0a", "78780d0103563070424410130001d4a90d0a"),
        ("teltonika", "000f313233343536373839303132333435", "000f333536333037303432343431303133"),
    ],
)
def test_a_renamed_login_differs_in_id_and_checksum_only(family: str, frame: str, renamed: str) -> None:
    found = registry.get(family).rename(bytes.fromhex(frame), "123456789012345", IMEI)
    assert found.hex() == renamed


def test_every_documented_queclink_frame_is_renamed_and_still_understood() -> None:
    """HEX and new binary frames too: what the stream says of the new frame is what it said of the old one."""
    family = registry.get("queclink")
    text = (Path(__file__).parents[2] / "firmware-fixtures" / "queclink" / "frames.yaml").read_text()
    heads = {}
    for scalar in yaml.scan(text):
        if not isinstance(scalar, yaml.ScalarToken):
            continue
        try:
            data = bytes.fromhex(scalar.value)
        except ValueError:
            data = scalar.value.encode("latin-1", "ignore")
        for event in family.stream().feed(data):
            if isinstance(event, Message) and event.device_id and len(event.device_id) == 15:
                renamed = family.rename(event.frame, event.device_id, IMEI)
                (again,) = family.stream().feed(renamed)
                assert isinstance(again, Message)
                assert (again.device_id, again.checksum, again.kind) == (IMEI, event.checksum, event.kind)
                assert not any(form in renamed for form in redact.forms(event.device_id))
                heads[event.frame[:2]] = event.checksum
    assert {b"+R", b"+A", b"+E", b"+\0"} <= set(heads), heads
