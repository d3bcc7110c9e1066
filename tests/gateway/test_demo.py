"""The demo shows what it promises, and says so when it does not."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace

import pytest
from tracker_codecs.contract import Faults
from tracker_gateway.demo import play
from tracker_gateway.demo.cast import BIKE, BOAT, PARCEL, VAN, Actor
from tracker_gateway.demo.scenes import Scene, clamped, dry_run, opening, refusals, sleeper


def demo(encoding: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[bytes]:
    """`tracker-gateway demo` in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "tracker_gateway.cli", "demo"],
        capture_output=True,
        timeout=90,
        check=False,
        env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONPATH": os.pathsep.join(sys.path), **environment},
    )


class TestWhole:
    def test_everything_holds(self) -> None:
        result = demo("utf-8", {})
        text = result.stdout.decode()
        assert result.returncode == 0, text
        assert result.stderr == b""
        for pattern in (
            r"van: confirmed by read-back ·+ ✓ ok",
            r"van: the dry run's \d+ commands equal the bytes sent ·+ ✓ ok",
            r"parcel: queued while it sleeps ·+ ✓ ok",
            r"parcel: confirmed by read-back once awake ·+ ✓ ok",
            r"bike: mismatched, though it acknowledged ·+ ✓ ok",
            r"boat \(arnavi_5\): refused with code 214, nothing public sets it ·+ ✓ ok",
            r"truck: confirmed by read-back, behind an MQTT broker ·+ ✓ ok",
            r"receiver: confirmed by read-back, on a serial port ·+ ✓ ok",
            r"bike +tracking_interval +30 +60 +read-back +mismatched",
            r"tracking_settings\.tracking_interval: must be at least 30 s",
            r"→ write +setparam 10050:60;",  # parameter of the data acquisition mode "home, on stop: min period"
            r"\$ curl -s http://127\.0\.0\.1:\d+/tracker/settings/tracking/update",
        ):
            assert re.search(pattern, text), pattern
        assert "All 15 expectations held" in text
        assert max(map(len, text.splitlines())) <= 100
        assert "\x1b" not in text  # no terminal, no colours

    def test_ascii(self) -> None:
        result = demo("ascii", {})
        assert result.returncode == 0
        assert "parcel: confirmed by read-back once awake -" in result.stdout.decode("ascii")


class TestTrouble:
    @pytest.mark.parametrize(
        ("cast", "scene", "failed"),
        [
            (
                (replace(VAN, faults=Faults(silent=True)), PARCEL, BIKE, BOAT),
                dry_run,
                "the van gets there within 1.5 s",
            ),
            (
                (VAN, PARCEL, replace(BIKE, faults=Faults()), BOAT),
                clamped,
                "bike: mismatched, though it acknowledged",
            ),
            (
                (VAN, replace(PARCEL, faults=Faults(ignore=frozenset({"tracking_interval"}))), BIKE, BOAT),
                sleeper,
                "parcel: confirmed by read-back once awake",
            ),
            ((VAN, replace(PARCEL, asleep=False), BIKE, BOAT), sleeper, "parcel: queued while it sleeps"),
            (
                (VAN, PARCEL, BIKE, replace(BOAT, model="concox_x3", asks=BIKE.asks)),
                refusals,
                "boat (arnavi_5): refused",
            ),
        ],
    )
    async def test_is_told(self, cast: tuple[Actor, ...], scene: Scene, failed: str) -> None:
        out = io.StringIO()
        assert await play(out, cast, (opening, scene), patience=1.5) == 1
        assert any(failed in line and "FAILED" in line for line in out.getvalue().splitlines()), out.getvalue()

    async def test_nothing_shown_is_no_success(self) -> None:
        assert await play(io.StringIO(), (VAN,), ()) == 1
