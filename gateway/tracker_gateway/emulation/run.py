"""Runs a fleet until told to stop, and says how it goes on standard error."""

from __future__ import annotations

import asyncio
import math
import signal
import sys
import time
from contextlib import suppress
from typing import TextIO, TypeVar

from tracker_gateway.emulation.fleet import Fleet

T = TypeVar("T")
#: Seconds between progress lines.
PROGRESS = 5.0
#: Seconds between looks whether the address refuses everyone.
LOOK = 0.25
#: Devices that must have been refused before the address is given up, if nobody got a link.
REFUSED = 10


async def run_fleet(fleet: Fleet, *, seconds: float | None = None, out: TextIO | None = None) -> bool:
    """Run the devices for so many seconds, or until SIGINT or SIGTERM; whether the address took any.

    Ends early when the address refuses everyone: all devices, or the first ten. Raises OSError for an unknown host.
    """
    out = out or sys.stderr
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    handled = []
    for each in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError, RuntimeError, ValueError):  # another platform, or not the main thread
            loop.add_signal_handler(each, ending.set)
            handled.append(each)
    started = time.monotonic()
    try:
        async with fleet:
            told = 0.0
            while not ending.is_set() and not _hopeless(fleet):
                passed = time.monotonic() - started
                left = math.inf if seconds is None else seconds - passed
                if left <= 0:
                    break
                if out.isatty() and passed - told >= PROGRESS:
                    told = passed
                    print(progress(fleet, passed), file=out, flush=True)
                with suppress(TimeoutError):
                    await asyncio.wait_for(ending.wait(), min(left, LOOK))
            reached = fleet.reached > 0
            print(progress(fleet, time.monotonic() - started), file=out, flush=True)
    finally:
        for each in handled:
            loop.remove_signal_handler(each)
    return reached


def _hopeless(fleet: Fleet) -> bool:
    """Nobody ever got a link, and enough devices tried."""
    refused = sum(bool(device.problem) for device in fleet.devices)
    return fleet.reached == 0 and refused >= min(len(fleet.devices), REFUSED)


def progress(fleet: Fleet, seconds: float) -> str:
    """One line on what the devices did so far."""
    count = fleet.counters
    parts = [
        f"{count.connected} of {len(fleet.devices)} connected",
        f"{count.reports} reports sent",
        f"{count.answered} commands answered",
        f"settings changed {count.changed} times",
    ]
    parts += [
        f"{number} {what}" for number, what in ((count.lost, "links lost"), (count.held, "reports held")) if number
    ]
    if fleet.problem and count.connected < len(fleet.devices):
        parts.append(f"last trouble: {fleet.problem}")
    return f"{seconds:6.1f} s  {', '.join(parts)}"


def allow_sockets(count: int) -> int:
    """Raise the limit on open files as far as needed and allowed; how many sockets fit."""
    try:
        import resource
    except ImportError:
        return count
    needed = count + 64
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return count
    wanted = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    return min(count, soft - 64)
