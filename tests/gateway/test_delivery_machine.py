"""After any faults and one quiet contact the tracker does what was asked, or the delivery says why not."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from tracker_codecs.contract import NO_FAULTS, Emulator, Faults, Transport
from tracker_gateway.delivery.states import TERMINAL
from tracker_gateway.store.nouns import DeliveryState

from tests.gateway import fake_family
from tests.gateway.delivery_world import DEVICE, Link, World

INTERVALS = st.sampled_from([60, 90, 120, 300])
CLAMP = Faults(clamp={"tracking_interval": (100, 200)})


class Machine(RuleBasedStateMachine):
    """One tracker of `model`, asked for `base` and a `tracking_interval`; `ends` are the states it may rest in.

    The store's thread decides when an answer is there, so no rule's choice may hang on it (no preconditions on the
    link): a rule that does not apply does nothing, and one example draws the same each time it runs.
    """

    model = fake_family.MODEL
    family = "fake"
    device_id = DEVICE
    transport = Transport.TCP
    base: dict[str, Any] = {"tracking_distance": 100}  # noqa: RUF012
    ends = TERMINAL

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(work)

    @initialize()
    def begin(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.folder = Path(tempfile.mkdtemp(prefix="machine-"))
        opened = World.open(
            self.folder, model=self.model, family=self.family, device_id=self.device_id, transport=self.transport
        )
        self.world: World = self.run(opened)
        self.device: Emulator = self.world.emulator()
        self.link: Link | None = None
        self.wanted: dict[str, Any] = {}

    @rule()
    def connect(self) -> None:
        if self.link is not None:
            return
        self.link = self.world.link(self.device)
        self.link.at_once = False
        self.link.login()

    @rule()
    def disconnect(self) -> None:
        if self.link is None:
            return
        self.link.down()
        self.link = None

    @rule(at=st.integers(0, 9), lost=st.booleans())
    def answer(self, at: int, lost: bool) -> None:
        if self.link is None or not self.link.answers:
            return
        said = self.link.answers.pop(at % len(self.link.answers))
        if not lost:
            self.link.hear(said)
        if not self.link.up:
            self.link = None

    @rule(loses=st.booleans(), takes=st.booleans())
    def trouble(self, loses: bool, takes: bool) -> None:
        if self.link is None:
            return
        self.link.loses, self.link.takes = loses, takes

    @rule(interval=INTERVALS)
    def update(self, interval: int) -> None:
        self.wanted = {**self.base, "tracking_interval": interval}
        self.run(self.world.update(self.wanted))

    @rule()
    def cancel(self) -> None:
        self.run(self.world.gateway.cancel(self.world.tracker))

    @rule()
    def reread(self) -> None:
        self.run(self.world.gateway.reread(self.world.tracker))

    @rule(seconds=st.sampled_from([1, 3, 31, 70, 400]))
    def wait(self, seconds: int) -> None:
        self.world.clock.pass_(seconds)

    @rule()
    def restart(self) -> None:
        self.run(self.world.restart())
        self.link = None

    @rule()
    def impostor(self) -> None:
        if self.link is None:
            return
        other = self.world.link(self.world.emulator())
        other.login()
        assert other.written == []
        self.world.clock.pass_(100)
        assert other.written == []
        other.down()

    @rule()
    def blocked_for_a_while(self) -> None:
        change = self.world.store.change_tracker
        self.run(change(self.world.tracker.tracker_id, blocked=True))
        self.run(self.world.gateway.refresh())
        before = [] if self.link is None else list(self.link.written)
        self.world.clock.pass_(100)
        assert self.link is None or self.link.written == before
        self.run(change(self.world.tracker.tracker_id, blocked=False))
        self.run(self.world.gateway.refresh())

    @rule(fault=st.sampled_from([NO_FAULTS, CLAMP]))
    @precondition(lambda self: self.family == "fake")
    def clamps(self, fault: Faults) -> None:
        self.device._faults = fault  # type: ignore[attr-defined]

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            if self.link is not None:
                self.link.down()
            self.world.clock.pass_(400)
            quiet = self.world.link(self.device)
            quiet.login()
            self.world.clock.pass_(400)
            told = self.run(self.world.sync())
            if told["state"] is not None:
                assert told["final"], told
                assert told["state"] in self.ends, told
            if told["state"] == "confirmed":
                self.same(told)
            assert not told["reread_pending"]
            self.run(self.world.flush())
            assert self.world.engine.open_lanes == 0
            assert self.world.clock.armed == 0
        finally:
            self.run(self.world.close())
            self.loop.close()
            shutil.rmtree(self.folder)

    def same(self, told: dict[str, Any]) -> None:
        """What is called confirmed, the device truly does (its own drift is told)."""
        carried = self.wanted.keys() - told["unsupported"].keys()
        assert "tracking_interval" in carried
        for name in carried:
            assert told["fields"][name]["reported"] == self.wanted[name]
            assert self.device.settings[name] == self.wanted[name], told


class Gt06(Machine):
    model = "concox_x1"
    ends = TERMINAL | {DeliveryState.ACKNOWLEDGED}  # the type has no read-back
    family = "gt06"
    device_id = "868120145233604"
    base: dict[str, Any] = {  # noqa: RUF012
        "type": "interval",
        "tracking_distance": 100,
        "tracking_angle": 30,
        "psm_interval": 600,
    }


class Queclink(Machine):
    model = "gl300"
    family = "queclink"
    device_id = "868120145233604"
    base: dict[str, Any] = {  # noqa: RUF012
        "type": "interval",
        "tracking_distance": 100,
        "tracking_angle": 30,
        "psm_interval": 600,
        "movement_detection": False,
        "non_movement_duration": 420,
    }


@pytest.mark.parametrize(("machine", "examples"), [(Machine, 60), (Gt06, 12), (Queclink, 12)])
def test_any_faults_then_one_quiet_contact(machine: type[Machine], examples: int) -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        machine,
        settings=settings(
            max_examples=examples, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
