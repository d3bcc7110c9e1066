"""Every command explains itself, refuses wrong use in one line, and loads no more than it needs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import click
import pytest
from tracker_gateway import __version__
from tracker_gateway.cli import cli

from tests.gateway.cli_runner import tg


def commands(group: click.Group, *path: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, *path, name)


ALL = dict(commands(cli))


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_help(path: tuple[str, ...]) -> None:
    result = tg(*path, "--help")
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith(f"Usage: tracker-gateway {' '.join(path)}")
    assert f"  tracker-gateway {path[0]}" in result.out.split("Example", 1)[1]
    command = ALL[path]
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{' '.join(path)} {parameter.opts}"


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_unknown_option(path: tuple[str, ...]) -> None:
    result = tg(*path, "--no-such-option")
    assert (result.code, result.out) == (2, "")
    assert len(result.err.splitlines()) == 1
    assert "--no-such-option" in result.err


def test_unknown_command() -> None:
    result = tg("decod")
    assert (result.code, result.out) == (2, "")
    assert result.err == "tracker-gateway: no such command 'decod'; did you mean decode? (see tracker-gateway --help)\n"


def test_no_command_shows_the_help() -> None:
    result = tg()
    assert result.code == 2
    assert "Commands:" in result.err


def test_version() -> None:
    assert tg("--version").out == f"tracker-gateway, version {__version__}\n"


def _python(code: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False, env=environment
    )


def test_help_imports_no_subcommand() -> None:
    done = _python(
        "import sys\n"
        "from tracker_gateway.cli import run\n"
        "assert run(['--help']) == 0\n"
        "heavy = {'aiohttp', 'construct', 'pydantic', 'yaml', 'jsonschema_rs', 'structlog', 'asyncio', 'sqlite3'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    assert done.returncode == 0
    assert done.stderr == "[]\n"


def test_a_reader_that_goes_away() -> None:
    done = _python(
        "import os, sys\n"
        "reading, writing = os.pipe()\n"
        "os.close(reading)\n"
        "os.dup2(writing, 1)\n"
        "from tracker_gateway.cli import main\n"
        "sys.argv = ['tracker-gateway', 'models', 'list']\n"
        "main()\n"
    )
    assert (done.returncode, done.stderr) == (141, "")


def test_interrupted() -> None:
    done = _python(
        "import signal, sys, threading, os\n"
        "from tracker_gateway.cli import main\n"
        "threading.Timer(1, os.kill, (os.getpid(), signal.SIGINT)).start()\n"
        "sys.argv = ['tracker-gateway', 'decode', '--codec', 'x']\n"
        "import tracker_codecs.registry as registry, time\n"
        "registry.get = lambda name: time.sleep(30)\n"
        "main()\n"
    )
    assert (done.returncode, done.stderr.strip()) == (130, "")
