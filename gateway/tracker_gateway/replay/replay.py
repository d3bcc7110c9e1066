"""Plays the device's side of a dialogue and compares what the gateway says, byte for byte.

Only what the family declares variable (`Family.normalise`: times, serials) may differ. Bytes of the gateway are
compared frame by frame, so that it does not matter how a stream was cut.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, Protocol

from tracker_codecs.contract import Message
from tracker_codecs.family import Family

from tracker_gateway.recording.dialogue import Action, Dialogue, Outcome
from tracker_gateway.replay.peers import Peer, PeerGone

#: Seconds of silence after the last step in which nothing more may come.
SILENCE = 0.2
#: Bytes of the gateway that are kept while they are compared.
MAX_HEARD = 1 << 20


class Operator(Protocol):
    """Asks things of the gateway that is replayed against."""

    async def do(self, action: Action) -> None:
        """Do it; raises ReplayError where it is refused."""

    async def ended(self, seconds: float) -> dict[str, Any]:
        """The `sync` object of the last update, once it is final or the time is over."""


class ReplayError(Exception):
    """The replay cannot go on; the text says why."""


@dataclass
class Result:
    """How a replay went. `problem` is empty when everything was as recorded."""

    steps: int = 0
    compared: int = 0
    problem: str = ""
    log: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Everything was as recorded."""
        return not self.problem


class Replay:
    """One run. `pace`: 1 keeps the recorded times, 0 goes as fast as the answers come. `patience`: s for an answer."""

    def __init__(
        self,
        dialogue: Dialogue,
        family: Family,
        peer: Peer,
        operator: Operator | None,
        *,
        pace: float = 0.0,
        patience: float = 10.0,
    ) -> None:
        self._dialogue = dialogue
        self._family = family
        self._peer = peer
        self._operator = operator
        self._pace = pace
        self._patience = patience
        self._heard: list[tuple[bytes, str]] = []

    async def run(self) -> Result:
        """Play it to its end, or to the first difference."""
        result = Result()
        try:
            await self._peer.open()
            await self._play(result)
        except (ReplayError, PeerGone) as error:
            result.problem = f"step {result.steps}: {error}" if result.steps else str(error)
        finally:
            await self._peer.close()
        return result

    async def _play(self, result: Result) -> None:
        began = asyncio.get_running_loop().time()
        for step in self._dialogue.steps:
            result.steps += 1
            if step.at is not None and self._pace and step.gateway is None:
                late = asyncio.get_running_loop().time() - began
                await asyncio.sleep(max(0.0, step.at / self._pace - late))
            if step.device is not None:
                await self._peer.say(self._dialogue.bytes_of(step.device), step.channel)
            elif step.gateway is not None:
                await self._compare(self._dialogue.bytes_of(step.gateway), step.channel)
                result.compared += 1
            elif step.do is not None:
                if self._operator is None:
                    raise ReplayError("an update or command is asked for here, and nobody is there to ask the gateway")
                await self._operator.do(step.do)
            else:
                await self._peer.open()
                self._heard.clear()
        more = await self._more()
        if more:
            raise ReplayError(f"the gateway says more than was recorded: {more.hex()}")
        if self._dialogue.outcome is not None:
            await self._judge(self._dialogue.outcome)

    async def _compare(self, expected: bytes, channel: str) -> None:
        wanted = self._frames(expected)
        for frame in wanted:
            got, topic = await self._next(frame)
            if self._family.normalise(got) != self._family.normalise(frame):
                raise ReplayError(f"the gateway says {got.hex()}, recorded is {frame.hex()}")
            if channel and topic != channel:
                raise ReplayError(f"the gateway says it on {topic!r}, recorded is {channel!r}")

    def _frames(self, data: bytes) -> list[bytes]:
        """The frames of the gateway's bytes; the whole where they cannot be told apart."""
        events = self._family.server(data)
        frames = [event.frame for event in events if isinstance(event, Message)]
        return frames if b"".join(frames) == data else [data]

    async def _next(self, expected: bytes) -> tuple[bytes, str]:
        """The next frame of the gateway, as long as it is there: else whatever came instead."""
        try:
            async with asyncio.timeout(self._patience):
                while True:
                    if self._heard:
                        data, channel = self._heard[0]
                        first = self._frames(data)[0]
                        # A frame that cannot be told apart yet may be cut short: wait for as much as is expected.
                        if len(first) >= len(expected) or first != data:
                            take = first if first != data or len(first) <= len(expected) else first[: len(expected)]
                            self._drop(len(take))
                            return take, channel
                    await self._listen()
        except TimeoutError:
            if self._heard:
                data, channel = self._heard.pop(0)
                return data, channel
            raise ReplayError(f"the gateway says nothing, recorded is {expected.hex()}") from None

    def _drop(self, count: int) -> None:
        data, channel = self._heard[0]
        if count < len(data):
            self._heard[0] = (data[count:], channel)
        else:
            self._heard.pop(0)

    async def _listen(self) -> None:
        data, channel = await self._peer.hear()
        if self._dialogue.transport.value in ("tcp", "serial") and self._heard:
            data = self._heard.pop()[0] + data
        if sum(len(each) for each, _ in self._heard) + len(data) > MAX_HEARD:
            raise ReplayError("the gateway says far more than was recorded")
        self._heard.append((data, channel))

    async def _more(self) -> bytes:
        """What comes unasked at the end."""
        try:
            async with asyncio.timeout(SILENCE):
                while not self._heard:
                    await self._listen()
        except (TimeoutError, PeerGone):
            pass
        return b"".join(data for data, _ in self._heard)

    async def _judge(self, outcome: Outcome) -> None:
        if self._operator is None:
            return
        sync = await self._operator.ended(self._patience)
        fields = {name: each["state"] for name, each in sync["fields"].items()}
        said = (sync["state"], sync["strength"], {name: fields.get(name) for name in outcome.fields})
        wanted = (outcome.state, outcome.strength or sync["strength"], outcome.fields)
        if said != wanted:
            raise ReplayError(f"the update ended as {said}, recorded is {wanted}; {sync.get('detail') or ''}")
