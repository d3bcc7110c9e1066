"""The device that a `bench` command works on: how it is named, found, spoken to, and let go."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tracker_gateway.cli.opened import config_option, use_catalogue
from tracker_gateway.cli.output import Failure
from tracker_gateway.cli.values import parse_options, parse_settings

if TYPE_CHECKING:
    from tracker_gateway.bench.work import Found, Wanted

Work = Callable[["Found", "Wanted"], Awaitable[None]]


def show(line: str) -> None:
    """What happens, on standard error."""
    click.echo(line, err=True)


def device_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Which device on which port; given to the command as one `wanted`."""

    @functools.wraps(command)
    def wrapped(
        port: str,
        codec: str | None,
        model: str | None,
        device_id: str | None,
        baudrate: int | None,
        timeout: float | None,
        settle: float,
        options: tuple[str, ...],
        experimental: bool,
        config_path: Path | None,
        **rest: Any,
    ) -> Any:
        from tracker_gateway.bench.work import Wanted

        use_catalogue(config_path)
        wanted = Wanted(port, codec, model, device_id, baudrate, timeout, settle, parse_options(options), experimental)
        return command(wanted=wanted, **rest)

    for option in reversed(
        (
            click.argument("port"),
            click.option("--codec", metavar="FAMILY", help="The codec family; without it the device is asked."),
            click.option("--model", metavar="CODE", help="The model, such as ublox_m8; it names the family too."),
            click.option("--device-id", metavar="ID", help="The id, where the device does not tell its own."),
            click.option("--baudrate", type=click.IntRange(50), help="bit/s; by default the family's are tried."),
            click.option("--timeout", type=click.FloatRange(0.05), metavar="SECONDS", help="For one answer, at most."),
            click.option(
                "--settle",
                type=click.FloatRange(0, 60),
                default=0.0,
                metavar="SECONDS",
                help="Wait after opening: some boards restart then.",
            ),
            click.option("--option", "options", multiple=True, metavar="NAME=VALUE", help="An option of the codec."),
            click.option("--experimental", is_flag=True, help="Use facts of low confidence too."),
            config_option,
        )
    ):
        wrapped = option(wrapped)
    return wrapped


def settings_of(text: str) -> dict[str, Any]:
    """Settings from a file, from standard input (-), or written out as a JSON object."""
    if text == "-":
        return parse_settings(sys.stdin.read())
    return parse_settings(text if text.lstrip().startswith("{") else Path(text).read_text("utf-8"))


@contextlib.asynccontextmanager
async def _device(wanted: Wanted) -> AsyncIterator[Found]:
    """The device that answered. SIGINT ends the dialogue under way, or brings a change to its end first."""
    from tracker_gateway.bench.work import connect

    task = asyncio.current_task()
    found: Found | None = None

    def interrupted() -> None:
        if found is not None:
            found.line.interrupt()
        elif task is not None:
            task.cancel()

    with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):  # another platform, or thread
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, interrupted)
    try:
        found = await connect(wanted, show)
        yield found
    finally:
        if found is not None:
            await found.line.port.close()


def run_on(wanted: Wanted, work: Work) -> None:
    """Do this with the device. Raises Failure, Abort."""
    from tracker_gateway.bench.line import BenchError, Interrupted
    from tracker_gateway.process.loop import run_loop
    from tracker_gateway.transports.port import PortError

    async def whole() -> None:
        async with _device(wanted) as found:
            await work(found, wanted)

    try:
        run_loop(whole())
    except (BenchError, PortError) as error:
        raise Failure(str(error)) from None
    except (Interrupted, asyncio.CancelledError):
        raise click.Abort from None
