"""A device on a port of this machine, spoken to directly: dialogues over it, shown as they happen, and kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace

from tracker_codecs.contract import Command, Dialogue, Message, Outcome, Purpose, Reply, Transport
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.family import Family
from tracker_codecs.text import clean

from tracker_gateway.delivery.ledger import mask, mask_text
from tracker_gateway.sessions.session import Session
from tracker_gateway.transports.port import LineForm, Port
from tracker_gateway.transports.talk import Talk, TalkFailed

#: Bytes of a line that are shown, and steps that are kept for a recording.
SHOWN, MAX_STEPS = 48, 20_000

Show = Callable[[str], None]


class BenchError(Exception):
    """It cannot be done; the text says why."""


class Interrupted(Exception):
    """The user broke it off; what was written stands in the line's `written`."""


@dataclass(slots=True)
class Step:
    """Bytes that one side said, `at` seconds after the beginning."""

    device: bool
    data: bytes
    at: float


class BenchLine(Session):
    """An open port with a device behind it."""

    def __init__(self, port: Port, show: Show, *, patience: float | None = None) -> None:
        self.transport = Transport.SERIAL
        self.peer = port.path
        self.conversation = None
        self.link_options = {}
        self.port = port
        self.heard = self.good = self.garbage = 0  # bytes, frames, pieces that are no frame
        self.steps: list[Step] = []
        #: Commands that change something, and what came back; None: nothing yet.
        self.written: dict[str, tuple[Command, Reply | None]] = {}
        self._show = show
        self._secrets: set[bytes] = set()
        self._patience = patience
        self._talk: Talk | None = None
        self._lost = ""
        self._began = time.monotonic()
        self._interrupts = 0
        port.heard = self._came
        port.lost = self._gone

    def speak(self, family: Family) -> None:
        """Take what comes for this family's from now on."""
        self.family = family
        self._stream = family.stream(Transport.SERIAL)

    # -- Session ------------------------------------------------------------------------------------------------------
    def write(self, data: bytes, channel: str = "") -> bool:
        """See Session."""
        taken = self.port.write(data)
        if taken:
            self._keep(device=False, data=data)
        return taken

    def close(self, reason: str) -> None:
        """See Session."""
        self.port.abort()

    # -- dialogues ----------------------------------------------------------------------------------------------------
    async def run(self, dialogue: Dialogue) -> Outcome:
        """Hold this dialogue. Raises BenchError, Interrupted."""
        if self._lost:
            raise BenchError(self._lost)
        self._talk = Talk(self, self._hurried(dialogue), on_wrote=self._wrote, on_reply=self._replied)
        try:
            return await self._talk.run()
        except TalkFailed as error:
            if self._interrupts:
                raise Interrupted from None
            raise BenchError(str(error)) from None
        finally:
            self._talk = None

    def interrupt(self) -> None:
        """The user wants it to end: at once where nothing was changed yet, else after the change is complete.

        A second time ends it at once in any case.
        """
        self._interrupts += 1
        if self._talk is None:
            return
        if self.written and self._interrupts == 1:
            self._show("interrupted: the change under way is brought to its end; once more ends it now")
        else:
            self._talk.fail("interrupted")

    @property
    def lost(self) -> bool:
        """The port went by itself."""
        return bool(self._lost)

    @property
    def interrupted(self) -> bool:
        """The user wants it to end."""
        return self._interrupts > 0

    def _hurried(self, dialogue: Dialogue) -> Generator[Command, Reply, Outcome]:
        """The dialogue with no wait longer than asked for."""
        if self._patience is None:
            return (yield from dialogue)
        try:
            command = next(dialogue)
            while True:
                reply = yield replace(command, timeout=min(command.timeout, self._patience))
                command = dialogue.send(reply)
        except StopIteration as stop:
            outcome: Outcome = stop.value
            return outcome
        finally:
            dialogue.close()

    def _wrote(self, command: Command) -> None:
        if command.purpose is Purpose.WRITE:
            self.written[command.text] = (command, None)
        self._secrets.update(command.secrets)
        self._show(
            f"-> {self._hex(command.payload)}  {command.purpose.value.replace('_', '-')}: {clean(command.text, 200)}"
        )

    def _replied(self, command: Command, reply: Reply) -> None:
        if command.purpose is Purpose.WRITE:
            self.written[command.text] = (command, reply)
        for message in reply.messages:
            self._show(f"<- {self._hex(message.frame)}  {self.meaning(message)}")
        if not reply.messages:
            self._show(f"<- {reply.verdict.value}; expected was {command.expects}")

    def meaning(self, message: Message) -> str:
        """What a frame says, in one line."""
        try:
            found = self.family.fields(message)
        except (PeerError, LocalError) as error:
            return clean(str(error), 200)
        told = ", ".join(f"{name}={value}" for name, value in found.items() if name != "protocol")
        return clean(mask_text(told or message.text or message.kind.value, self._secrets), 300)

    def _hex(self, data: bytes) -> str:
        data, _ = mask(data, self._secrets)
        return data[:SHOWN].hex() + (f"... ({len(data)} bytes)" if len(data) > SHOWN else "")

    # -- the port -----------------------------------------------------------------------------------------------------
    def _came(self, data: bytes) -> None:
        self.heard += len(data)
        self._keep(device=True, data=data)
        for event in self._stream.feed(data):
            if isinstance(event, PeerError):
                self.garbage += 1
            else:
                self.good += 1
                if event.owed:
                    self.write(event.owed)
                if self._talk is not None:
                    self._talk.hear(event)

    def _gone(self, reason: str) -> None:
        self._lost = reason
        if self._talk is not None:
            self._talk.fail(reason)

    def _keep(self, *, device: bool, data: bytes) -> None:
        if self.steps and self.steps[-1].device and device:
            self.steps[-1].data += data
        elif len(self.steps) < MAX_STEPS:
            self.steps.append(Step(device, data, time.monotonic() - self._began))


async def opened(path: str, form: LineForm, family: Family, show: Show, *, patience: float | None = None) -> BenchLine:
    """A port, open; `patience`: s that an answer may take at most. Raises PortError."""
    port = Port(path, form)
    line = BenchLine(port, show, patience=patience)
    line.speak(family)
    await port.open()
    return line
