"""The demo: a gateway, three emulated trackers of three families, and settings that travel and come back confirmed."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from tracker_gateway.demo.cast import CAST, Actor
from tracker_gateway.demo.scenes import SCENES, Scene
from tracker_gateway.demo.show import Screen
from tracker_gateway.demo.stage import Failed, Stage, Stopwatch, staged

#: Seconds after which the whole demo is given up, and for which one step is waited for.
LIMIT = 60.0
PATIENCE = 8.0


async def play(
    out: TextIO, cast: Sequence[Actor] = CAST, scenes: Sequence[Scene] = SCENES, *, patience: float = PATIENCE
) -> int:
    """Show the scenes; 0 when every expectation held, else 1."""
    screen = Screen(out)
    watch = Stopwatch()
    stage: Stage | None = None
    trouble = ""
    try:
        with tempfile.TemporaryDirectory(prefix="tracker-gateway-demo-", ignore_cleanup_errors=True) as folder:
            async with asyncio.timeout(LIMIT), staged(Path(folder), cast, screen, patience) as stage:
                for scene in scenes:
                    try:
                        await scene(stage)
                    except Failed as failure:
                        stage.expect(str(failure), False)
    except TimeoutError:
        trouble = f"the demo did not end within {LIMIT:.0f} s"
    except Failed as failure:
        trouble = str(failure)
    expectations = [] if stage is None else list(stage.expectations)
    if trouble:
        expectations.append((trouble, False))
    screen.title("What was to be seen")
    for what, held in expectations:
        screen.verdict(what, held)
    wrong = sum(not held for _, held in expectations)
    screen.line()
    if wrong or not expectations:
        screen.line(f"{wrong} of {len(expectations)} expectations failed ({watch.passed():.1f} s).", "bad")
        return 1
    screen.line(f"All {len(expectations)} expectations held, in {watch.passed():.1f} s.", "good")
    return 0


def main() -> int:
    """Show the demo on standard output. Exit code: 0 when everything was as it should be."""
    from tracker_gateway.process import log
    from tracker_gateway.process.loop import run_loop

    log.configure("error")
    return run_loop(play(sys.stdout))
