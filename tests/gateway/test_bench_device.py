"""A GNSS receiver at the bench: the emulated ones always, a real one with `pytest -m hardware --device PORT`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.gateway.cli_runner import Result, tg
from tests.gateway.serial_world import CASES, device, plugged

NAME = "tracking_interval_ms"


@dataclass
class Bench:
    """A device to speak to."""

    port: str
    more: tuple[str, ...]
    records: Path

    def __call__(self, command: str, *arguments: str) -> Result:
        return tg("bench", command, self.port, *arguments, *self.more)

    def said(self, command: str, *arguments: str) -> Any:
        done = self(command, *arguments, "--json")
        assert done.code == 0, done.err
        return orjson.loads(done.out)


@pytest.fixture(params=["ubx", "pmtk", pytest.param("hardware", marks=pytest.mark.hardware)])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    """Whatever it was set to before, a real device is set to again."""
    with ExitStack() as undo:
        if request.param == "hardware":
            port = request.config.getoption("--device")
            if not port:
                pytest.fail("name the port of the device: pytest -m hardware --device PORT")
            model = request.config.getoption("--device-model")
            made = Bench(port, ("--model", model) if model else (), tmp_path)
            before = made.said("read")
            undo.callback(lambda: made("apply", orjson.dumps(before).decode(), "--records", str(tmp_path)))
        else:
            undo.enter_context(plugged(device(request.param, tmp_path / "tty")))
            made = Bench(str(tmp_path / "tty"), ("--model", CASES[request.param][0]), tmp_path)
        yield made


def test_it_says_who_it_is(bench: Bench) -> None:
    told = bench.said("identify")
    assert told["firmware"]
    assert told["model"]


def test_its_rate_is_set_and_read_back_after_the_port_was_closed(bench: Bench) -> None:
    for interval in (500, 1000):
        (row,) = bench.said("apply", f'{{"{NAME}": {interval}}}', "--records", str(bench.records))
        assert (row["reported"], row["state"], row["strength"]) == (interval, "confirmed", "read_back")
        assert bench.said("read") == {NAME: interval}
        assert bench("verify", f'{{"{NAME}": {interval}}}').code == 0
        assert bench("diff", f'{{"{NAME}": {interval + 100}}}').code == 1
    assert len(list(bench.records.glob("*.json"))) == 2
