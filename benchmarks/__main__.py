"""`python -m benchmarks [S1] ... [S10] [R8] [R10] [START]`: S2, S4, S7, S9, START by default. Writes results.json."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks import codecs_, fleet, frames, fuzz, steady, updates
from benchmarks.bench import LOAD_CORE, Result, stay_on
from benchmarks.server import FAMILIES


def _run(work: Any) -> Any:
    import uvloop

    return uvloop.run(work)


def _s2() -> list[Result]:
    results = [_run(frames.measure(family)) for family in FAMILIES]
    return [*results, _run(frames.measure("gt06", "asyncio"))]


SCENARIOS: dict[str, Callable[[], list[Result]]] = {
    "S1": lambda: _run(fleet.idle()),
    "S2": _s2,
    "S3": lambda: _run(steady.single()),
    "S4": lambda: _run(updates.latency()),
    "S5": lambda: _run(steady.visible()),
    "S6": lambda: _run(fleet.restart()),
    "S7": lambda: [_run(updates.confirmations())],
    "S8": lambda: _run(fleet.cold()),
    "S9": codecs_.measure,
    "S10": lambda: _run(steady.soak()),
    "START": lambda: _run(fleet.startup()),
    "R8": fuzz.measure,
    "R10": lambda: _run(steady.silent()),
}
#: Those that end within two minutes together.
DEFAULT = ("S2", "S4", "S7", "S9", "START")


def show(result: Result) -> None:
    """One line."""
    mark = {True: "ok  ", False: "MISS", None: "    "}[result.ok]
    target = f"target {result.target}" if result.target else ""
    floor = f"{result.ratio:.2f} of {result.floor:,.1f} ({result.floor_name})" if result.ratio is not None else ""
    more = ", ".join(f"{name} {value}" for name, value in result.more.items())
    print(
        f"{mark} {result.name:<46} {result.figure:>10,.1f} {result.unit:<15} {target:<32} {floor}  {more}", flush=True
    )


def main() -> int:
    wanted = [name.upper() for name in sys.argv[1:]] or list(DEFAULT)
    unknown = [name for name in wanted if name not in SCENARIOS]
    if unknown:
        print(f"no scenario {', '.join(unknown)}; there are {', '.join(SCENARIOS)}", file=sys.stderr)
        return 2
    stay_on(LOAD_CORE)
    results: list[Result] = []
    for name in wanted:
        for result in SCENARIOS[name]():
            results.append(result)
            show(result)
    told = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "results": [{**asdict(each), "ratio": each.ratio} for each in results],
    }
    path = Path(__file__).with_name("results.json")
    path.write_text(json.dumps(told, indent=1))
    missed = [each.name for each in results if each.ok is False]
    print(f"written to {path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path.name}")
    print(
        f"{len(missed)} of {sum(each.ok is not None for each in results)} targets missed"
        if missed
        else "all targets met"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
