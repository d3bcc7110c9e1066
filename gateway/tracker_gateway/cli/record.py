"""`record`: a recorder between devices and any gateway."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tracker_gateway.cli.emulate import address_of
from tracker_gateway.cli.opened import config_option, use_catalogue
from tracker_gateway.cli.output import Failure, reports_errors

if TYPE_CHECKING:
    from tracker_gateway.recording.proxy import Proxy

#: Seconds between progress lines.
PROGRESS = 5.0


@click.command()
@click.option("--listen", required=True, metavar="HOST:PORT", help="Where devices call in.")
@click.option("--against", required=True, metavar="HOST:PORT", help="The gateway everything is passed on to.")
@click.option("--codec", required=True, metavar="FAMILY", help="What is spoken, such as teltonika.")
@click.option("--transport", type=click.Choice(["tcp", "udp"]), default="tcp", show_default=True, help="The link.")
@click.option("--model", metavar="CODE", help="The devices' model, for replays.")
@click.option(
    "-o", "--output", "folder", type=click.Path(file_okay=False, path_type=Path), default=Path(), help="Where to."
)
@click.option("--redact-ids", is_flag=True, help="Replace device ids by made-up ones.")
@click.option("--mask", multiple=True, metavar="TEXT", help="Mask this, as a device's password, at equal length.")
@click.option("--seconds", type=click.FloatRange(0.1), help="Stop after so long.")
@config_option
@reports_errors
def record(
    listen: str,
    against: str,
    codec: str,
    transport: str,
    model: str | None,
    folder: Path,
    redact_ids: bool,
    mask: tuple[str, ...],
    seconds: float | None,
    config_path: Path | None,
) -> None:
    """Stand between devices and any gateway, pass everything on, and record it, until interrupted.

    One file for each device and connection; their names go to standard output at the end, progress to standard error.

    \b
    Examples:
      tracker-gateway record --listen 0.0.0.0:5127 --against 10.0.0.2:5027 --codec teltonika -o dialogues
      tracker-gateway record --listen 0.0.0.0:5104 --against 10.0.0.2:5004 --codec queclink --transport udp
    """
    from tracker_codecs import registry
    from tracker_codecs.contract import Transport

    from tracker_gateway.process.loop import run_loop
    from tracker_gateway.recording.collect import Collector
    from tracker_gateway.recording.proxy import Proxy, ProxyError

    use_catalogue(config_path)
    collector = Collector(
        registry.get(codec),
        Transport(transport),
        folder,
        lambda line: click.echo(line, err=True),
        source=f"recorded between device and gateway on a {transport} link",
        model=model,
        redact_ids=redact_ids,
        mask=mask,
    )
    proxy = Proxy(collector, address_of(listen), address_of(against))
    try:
        run_loop(_run(proxy, seconds))
    except ProxyError as error:
        raise Failure(str(error)) from None
    for path in collector.written:
        click.echo(str(path))


async def _run(proxy: Proxy, seconds: float | None) -> None:
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    handled = []
    for each in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError, RuntimeError, ValueError):  # another platform, or not the main thread
            loop.add_signal_handler(each, ending.set)
            handled.append(each)
    began = time.monotonic()
    try:
        async with proxy:
            where, to = (f"{host}:{port}" for host, port in (proxy.address, proxy.against))
            click.echo(f"recording {proxy.collector.family.name} on {where} -> {to}", err=True)
            while not ending.is_set():
                left = PROGRESS if seconds is None else seconds - (time.monotonic() - began)
                if left <= 0:
                    break
                with suppress(TimeoutError):
                    await asyncio.wait_for(ending.wait(), min(left, PROGRESS))
                if sys.stderr.isatty():
                    click.echo(_progress(proxy, began), err=True)
    finally:
        for each in handled:
            loop.remove_signal_handler(each)
    click.echo(_progress(proxy, began), err=True)


def _progress(proxy: Proxy, began: float) -> str:
    files = len(proxy.collector.written)
    return (
        f"{time.monotonic() - began:6.1f} s  {proxy.devices} devices, {proxy.open} now, "
        f"{proxy.collector.steps} pieces, {files} files"
    )
