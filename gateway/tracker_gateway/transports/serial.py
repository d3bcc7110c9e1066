"""Serial: a device that is registered stands on a port that is configured. Opened, asked who it is, lost, opened again.

A port that is absent, busy or forbidden is no reason not to start: it is tried again, after 1 s at first, after 30 s
at most, and stands in /gateway/health with what is wrong. A session is up once the device answered; from then on its
end is the end of the port, as silence proves nothing on a wire: what does not answer a command says so in its delivery.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

import structlog
from tracker_codecs.contract import Target
from tracker_codecs.errors import LocalError
from tracker_codecs.text import clean
from tracker_profiles import models
from tracker_profiles.errors import UnknownName

from tracker_gateway.config.links import SerialConfig
from tracker_gateway.process.address import SOCKET
from tracker_gateway.store.nouns import Tracker
from tracker_gateway.transports.link import Link
from tracker_gateway.transports.port import LineForm, Port, PortError, matching, plugged_in
from tracker_gateway.transports.room import Room
from tracker_gateway.transports.serial_link import SerialLink
from tracker_gateway.transports.talk import Talk, TalkFailed

#: Seconds before a port is tried, or its device asked, again: at first and at most.
BACKOFF, MAX_BACKOFF = 1.0, 30.0

log = structlog.stdlib.get_logger("tracker_gateway.serial")


class SerialLine:
    """A configured port and whatever happens on it."""

    def __init__(self, room: Room, config: SerialConfig) -> None:
        self.room = room
        self.rooms: Sequence[Room] = (room,)
        self.config = config
        self.problem = "not opened yet"
        self.told: dict[str, str] = {}  # what the device said of itself
        self.reopened = 0
        self._path = config.port or config.usb_id
        self._link: SerialLink | None = None
        self._task: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        room.shared.register.on_change(self._changed)
        room.shared.register.expect(config.device_id, room.transport, config.options)

    # -- for the hub --------------------------------------------------------------------------------------------------
    async def start(self) -> None:
        """Open the port, and open it again whenever it is lost."""
        facts = {"up": lambda: not self.problem, "reopened": lambda: self.reopened}
        self.room.shared.metrics.serial_port(self._path, self.room.family.name, facts)
        self._task = asyncio.create_task(self._run(), name=f"serial {self._path}")

    async def stop(self) -> None:
        """Close the port."""
        if self._link is not None:
            self._link.end("gateway", "the gateway stops")
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    @property
    def address(self) -> tuple[str, int]:
        """Its path; there is no port number."""
        return self._path, 0

    @property
    def links(self) -> Collection[Link]:
        """The open port, if it is open."""
        return () if self._link is None else (self._link,)

    def health(self) -> dict[str, Any]:
        """For `Hub.health`."""
        problem = self.problem
        if not problem and self._link is not None and self._link.garbled:
            problem = self._noise()
        return {
            "port": self._path,
            "family": self.room.family.name,
            "device_id": self.config.device_id,
            "form": str(self.form),
            "status": "degraded" if problem else "ok",
            "reopened": self.reopened,
            **({"detail": problem} if problem else {}),
            **({"device": self.told} if self.told else {}),
        }

    @property
    def form(self) -> LineForm:
        """How the port is set: as configured, else as the family's devices leave the factory."""
        config, usual = self.config, self.room.family.serial
        if config.port is not None and config.port.startswith(SOCKET):
            return LineForm(0)
        return LineForm(
            config.baudrate or (usual.baudrates[0] if usual else 115200),
            config.parity or (usual.parity if usual else "N"),
            config.stopbits or (usual.stopbits if usual else 1),
        )

    # -- one port, again and again ------------------------------------------------------------------------------------
    def _changed(self, old: Tracker | None, new: Tracker | None) -> None:
        if any(each is not None and each.device_id == self.config.device_id for each in (old, new)):
            self._news.set()

    async def _run(self) -> None:
        delay = BACKOFF
        while True:
            self._news.clear()
            served = False
            try:
                served = await self._contact()
            except PortError as error:
                self._trouble(str(error))
            except Exception as error:  # as in `Link.contain`: a codec's defect costs this contact, not the port
                self.room.stats.failures += 1
                log.error("serial port failed", port=self._path, family=self.room.family.name, exc_info=True)
                self._trouble(f"failed: {type(error).__name__}")
            delay = BACKOFF if served else delay
            await self._pause(delay, self._news)
            delay = min(delay * 2, MAX_BACKOFF)
            self.reopened += 1

    async def _pause(self, seconds: float, until: asyncio.Event) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await until.wait()

    def _tracker(self) -> Tracker:
        """The registered device. Raises PortError for one that may not be spoken to."""
        name = self.config.device_id
        tracker = self.room.shared.register.by_device(name, self.room.family.name)
        if tracker is None:
            raise PortError(f"{name} is not registered with a model of {self.room.family.name}: tracker add {name}")
        if tracker.blocked:
            raise PortError(f"{name} is blocked")
        return tracker

    async def _contact(self) -> bool:
        """Open the port and serve it until it is lost; whether its device was there. Raises PortError."""
        tracker, config, room = self._tracker(), self.config, self.room
        if config.port is None:
            assert config.vid is not None
            found = await asyncio.to_thread(plugged_in)
            self._path = matching(found, config.vid, config.pid, config.usb_serial)
        port = Port(self._path, self.form, limit=room.shared.config.write_buffer)
        await port.open()
        try:
            if not room.shared.guard.admit(port.path):
                room.stats.turned_away += 1
                raise PortError("a limit on links is reached")
            link = SerialLink(room, port, tracker.device_id, config.options, free=_free(tracker))
            room.stats.opened += 1
            room.stats.links += 1
            self._link = link
            port.lost = link.lost
            try:
                await self._pause(config.settle, link.over)  # what a unit says while it starts is nobody's
                port.heard = link.came
                return await self._serve(link)
            finally:
                self._link = None
                link.ending = link.ending or "the gateway stops"
                link.gone(link.ending)
        finally:
            await port.close()

    async def _serve(self, link: SerialLink) -> bool:
        """Ask who is there until somebody answers, then wait for the end."""
        delay, served = BACKOFF, False
        while not link.ending:
            tracker = self._tracker()
            target = self._target(tracker)
            problem = await self._who(link, target)
            if not problem and not link.ending:
                link.welcome(self._tracker(), target)
                self._fine()
                served = True
                await link.over.wait()
            elif problem and not link.ending:
                self._trouble(problem)
                await self._pause(delay, link.over)
                delay = min(delay * 2, MAX_BACKOFF)
        self._trouble(link.ending)
        return served

    def _target(self, tracker: Tracker) -> Target:
        target = self.room.shared.register.target(tracker)
        return replace(target, transport=self.room.transport, options={**self.config.options, **target.options})

    async def _who(self, link: SerialLink, target: Target) -> str:
        """Ask the device who it is; what is wrong with the answer, or empty."""
        link.heard = link.good = link.echoes = 0
        try:
            link.talk = Talk(link, self.room.family.identify(target))
            outcome = await link.talk.run()
        except (TalkFailed, LocalError) as error:
            return str(error)
        finally:
            link.talk = None
        if outcome.unanswered:
            return self._silence(link)
        told = {name: clean(value, 64) for name, value in outcome.known.items()}
        problem = link.stranger(told.get("device_id", ""))
        before = self.told.get("device_id", told.get("device_id"))
        if not problem and before != told.get("device_id"):
            log.warning("another unit is on this port", port=self._path, before=before, now=told.get("device_id"))
        self.told = told
        facts = {name: text for name, text in told.items() if name not in ("device_id", "model")}
        tracker = self.room.shared.register.by_device(self.config.device_id, self.room.family.name)
        if tracker is not None and not problem:
            self.room.shared.register.learn(tracker.tracker_id, facts)
        return problem

    def _silence(self, link: SerialLink) -> str:
        if not link.heard:
            return f"nothing comes from the device at {self.form}: is it on, and is the cable right?"
        if not link.good:
            return self._noise()
        if link.echoes == link.good:
            return "the port sends back what is written to it, and nobody answers: a looped cable, or local echo"
        return f"the device speaks, but answers no question of {self.room.family.name}: is the family right?"

    def _noise(self) -> str:
        return f"only garbage comes at {self.form}: is the baud rate right?"

    def _trouble(self, problem: str) -> None:
        if problem != self.problem:
            log.warning("serial port out of service", port=self._path, family=self.room.family.name, problem=problem)
        self.problem = problem

    def _fine(self) -> None:
        self.problem = ""
        device = {name: text for name, text in self.told.items() if name != "device_id"}
        log.info("serial device up", port=self._path, device_id=self.config.device_id, form=str(self.form), **device)


def _free(tracker: Tracker) -> bool:
    """Whether the device id is the operator's own name for the unit, which the unit itself cannot know."""
    try:
        return models.get(tracker.model).id_type.startswith("string")
    except UnknownName:
        return False
