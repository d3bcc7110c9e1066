"""`record`: between devices and a gateway, on real sockets; what it writes replays."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tracker_codecs import registry
from tracker_codecs.contract import Transport
from tracker_gateway.emulation import Fleet, Pace
from tracker_gateway.recording.dialogue import load
from tracker_gateway.replay.embedded import replay

from tests.gateway.cli_runner import tg
from tests.gateway.running import Line, Running, config, free_port, running, until

IMEI = "356307042441013"
#: GT06 login of that IMEI, and its answer.
LOGIN, ANSWER = bytes.fromhex("78780d0103563070424410130001d4a90d0a"), bytes.fromhex("787805010001d9dc0d0a")


@asynccontextmanager
async def recorder(*arguments: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, int]]:
    """The command in a process of its own, and the port it listens on."""
    program = "from tracker_gateway.cli import main; main()"
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program, "record", "--listen", f"127.0.0.1:{free_port()}", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    try:
        assert child.stderr is not None
        first = (await asyncio.wait_for(child.stderr.readline(), 20)).decode()
        assert first.startswith("recording "), first
        yield child, int(first.split()[3].rpartition(":")[2])
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()


async def interrupted(child: asyncio.subprocess.Process) -> tuple[list[Path], str]:
    """Ctrl-C: the files it names, and what it said."""
    child.send_signal(signal.SIGINT)
    out, err = await asyncio.wait_for(child.communicate(), 10)
    assert child.returncode == 0, err
    assert b"Traceback" not in err
    return [Path(line) for line in out.decode().splitlines()], err.decode()


def address(run: Running, family: str, link: Transport) -> str:
    host, port = run.daemon.addresses[family, link]
    return f"{host}:{port}"


@pytest.mark.parametrize("redact_ids", [False, True])
async def test_a_connection_is_passed_on_recorded_and_replays(tmp_path: Path, redact_ids: bool) -> None:
    more = ["--redact-ids"] if redact_ids else []
    async with running(config(tmp_path, "gt06")) as run:
        await run.add(IMEI, "concox_x3")
        against = address(run, "gt06", Transport.TCP)
        async with recorder(
            *("--against", against, "--codec", "gt06", "--model", "concox_x3", "-o", str(tmp_path / "out"), *more)
        ) as (child, port):
            line = Line(*await asyncio.open_connection("127.0.0.1", port))
            line.say(LOGIN[:5])
            await asyncio.sleep(0.05)
            line.say(LOGIN[5:])
            assert await line.hear(10) == ANSWER
            line.say(LOGIN)
            assert await line.hear(10) == ANSWER
            files, said = await interrupted(child)
    assert "1 devices" in said
    dialogue = load(files[0])
    assert [bool(each.device) for each in dialogue.steps] == [True, False, True, False]
    assert (dialogue.device_id == IMEI) is not redact_ids
    assert (dialogue.steps[0].device == LOGIN.hex()) is not redact_ids
    result = await replay(dialogue)
    assert result.ok, result.problem
    assert result.compared == 2


async def test_datagrams_are_passed_on_recorded_and_replay(tmp_path: Path) -> None:
    async with running(config(tmp_path, ("queclink", Transport.UDP))) as run:
        tracker = await run.add(IMEI, "gl300")
        against = address(run, "queclink", Transport.UDP)
        options = ["--against", against, "--codec", "queclink", "--transport", "udp", "--model", "gl300"]
        async with recorder(*options, "-o", str(tmp_path / "out")) as (child, port):
            family = registry.get("queclink")
            emulator = family.emulator(IMEI, "gl200", transport=Transport.UDP, options={"password": "gl300"})
            async with Fleet([emulator], family, Transport.UDP, "127.0.0.1", port, pace=Pace(every=0.1)) as fleet:
                await until(lambda: run.gateway.engine.session(tracker))
                await until(lambda: fleet.counters.reports > 2)
            files, _ = await interrupted(child)
    dialogue = load(files[0])
    assert dialogue.device_id == IMEI
    assert len([each for each in dialogue.steps if each.device]) > 2
    result = await replay(dialogue)
    assert result.ok, result.problem


async def test_a_gateway_that_is_not_there_is_told_and_the_device_let_go(tmp_path: Path) -> None:
    async with recorder("--against", f"127.0.0.1:{free_port()}", "--codec", "gt06", "-o", str(tmp_path)) as (
        child,
        port,
    ):
        line = Line(*await asyncio.open_connection("127.0.0.1", port))
        assert await line.closed() == b""
        files, said = await interrupted(child)
    assert files == []
    assert "the gateway cannot be reached" in said


async def test_it_ends_by_itself_after_its_time(tmp_path: Path) -> None:
    against = ("--against", "127.0.0.1:9", "--codec", "gt06", "--seconds", "0.3", "-o", str(tmp_path))
    async with recorder(*against) as (child, _):
        await asyncio.wait_for(child.wait(), 5)
    assert child.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("--listen", "x", "--against", "a:1", "--codec", "gt06"), 2, "an address is written HOST:PORT"),
        (("--listen", "127.0.0.1:1", "--against", "a:1", "--codec", "gt07"), 1, "gt07"),
        (("--listen", "127.0.0.1:1", "--against", "a:1", "--codec", "gt06", "--transport", "udp"), 1, "over udp"),
        (("--listen", "127.0.0.1:1", "--against", "a:1", "--codec", "gt06", "--model", "gl300"), 1, "not gt06"),
        (("--listen", "192.0.2.1:5000", "--against", "a:1", "--codec", "gt06"), 1, "cannot listen on 192.0.2.1:5000"),
    ],
)
def test_wrong_use_is_one_line(arguments: tuple[str, ...], code: int, told: str) -> None:
    result = tg("record", *arguments)
    assert (result.code, told in result.err, result.err.count("\n")) == (code, True, 1), result.err
