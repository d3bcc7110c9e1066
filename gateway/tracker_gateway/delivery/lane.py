"""Everything that is to be done with one tracker, in its order. Exists only while there is something."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from tracker_codecs.contract import Value

from tracker_gateway.delivery.runner import Conversation, Timer
from tracker_gateway.delivery.settle import Settle
from tracker_gateway.delivery.work import Raw, Reread, Work
from tracker_gateway.store import Reported, Twin


class Lane:
    """`twin` is as the store had it when the lane was made, with what was reported since; `view` is as it is now.

    `current` is the work of the conversation; where it is over, the conversation only waits for its pending reply.
    `heard`: loop time of the last message.
    """

    __slots__ = ("conversation", "current", "heard", "raws", "reread", "settle", "timer", "tracker_id", "twin")

    def __init__(self, twin: Twin) -> None:
        self.tracker_id = twin.tracker_id
        self.twin = twin
        self.settle: Settle | None = None
        self.reread: Reread | None = None
        self.raws: list[Raw] = []
        self.conversation: Conversation | None = None
        self.current: Work | None = None
        self.timer: Timer | None = None
        self.heard = float("-inf")

    def works(self) -> Iterator[Work]:
        """What is open: an operator's own commands, the newest revision, a re-read."""
        for work in (*self.raws, self.settle, self.reread):
            if work is not None and not work.over:
                yield work

    def tidy(self) -> None:
        """Let go of what is over (the last delivery stays, for the view)."""
        self.raws = [raw for raw in self.raws if not raw.over]

    def told(self, reported: Mapping[str, Value], time: float) -> None:
        """The tracker reported this at Unix time `time`."""
        news = {name: Reported(value, time) for name, value in reported.items()}
        self.twin = replace(self.twin, reported={**self.twin.reported, **news})

    @property
    def open(self) -> bool:
        """There is something to do."""
        return next(self.works(), None) is not None

    def view(self) -> Twin:
        """The twin as it is now, what the store was not told yet included."""
        waits = self.reread is not None and not self.reread.over
        twin = replace(self.twin, reread=self.twin.reread if waits else 0.0)
        if self.settle is None:
            return twin
        return replace(twin, desired=self.settle.desired, delivery=self.settle.delivery)
