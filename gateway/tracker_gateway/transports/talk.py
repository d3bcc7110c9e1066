"""One dialogue over one link, to be awaited: who is there, on links without a login."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from tracker_codecs.contract import Command, Dialogue, Message, Outcome, Reply

from tracker_gateway.delivery.runner import Conversation
from tracker_gateway.sessions.session import Session


class TalkFailed(Exception):
    """A dialogue came to no end; the text says why."""


class Talk:
    """A dialogue under way; implements `runner.Host`. To be made in a running loop; feed it with `hear`."""

    def __init__(
        self,
        session: Session,
        dialogue: Dialogue,
        *,
        on_wrote: Callable[[Command], None] = lambda command: None,
        on_reply: Callable[[Command, Reply], None] = lambda command, reply: None,
    ) -> None:
        loop = asyncio.get_running_loop()
        self._outcome: asyncio.Future[Outcome] = loop.create_future()
        self._on_wrote = on_wrote
        self._on_reply = on_reply
        self._conversation = Conversation(session, dialogue, self, loop)

    async def run(self) -> Outcome:
        """The outcome. Raises TalkFailed."""
        self._conversation.start()
        try:
            return await self._outcome
        finally:
            self._conversation.abort()

    def hear(self, message: Message) -> None:
        """A message of the link."""
        self._conversation.hear(message)

    def drain(self) -> None:
        """End after the pending reply or its timeout: `run` raises TalkFailed."""
        self._conversation.drain()

    def fail(self, reason: str) -> None:
        """End now: `run` raises TalkFailed with this reason."""
        self._conversation.abort()
        self._end(reason)

    def _end(self, reason: str) -> None:
        if not self._outcome.done():
            self._outcome.set_exception(TalkFailed(reason))

    # -- runner.Host --------------------------------------------------------------------------------------------------
    def learned(self, conversation: Conversation, known: Mapping[str, str]) -> None:
        """See `Host`: there is nothing to keep them in."""

    def wrote(self, conversation: Conversation, command: Command) -> None:
        """See `Host`."""
        self._on_wrote(command)

    def exchanged(self, conversation: Conversation, command: Command, reply: Reply, sent: float) -> None:
        """See `Host`."""
        self._on_reply(command, reply)

    def ended(self, conversation: Conversation, outcome: Outcome) -> None:
        """See `Host`."""
        if not self._outcome.done():
            self._outcome.set_result(outcome)

    def garbled(self, conversation: Conversation, reason: str) -> None:
        """See `Host`."""
        self._end(f"the answer could not be read: {reason}")

    def failed(self, conversation: Conversation, reason: str) -> None:
        """See `Host`."""
        self._end(reason)

    def refused(self, conversation: Conversation) -> None:
        """See `Host`."""
        self._end("the port takes no bytes")

    def drained(self, conversation: Conversation) -> None:
        """See `Host`."""
        self._end("ended early")
