"""Drives a dialogue without a network: against an emulator, or against nobody (dry run)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tracker_codecs.contract import (
    Command,
    Dialogue,
    Emulator,
    Match,
    Message,
    Outcome,
    Reply,
    Stream,
    Verdict,
)
from tracker_codecs.errors import LocalError

#: A dialogue longer than this is a defect of its codec.
MAX_COMMANDS = 64


@dataclass(frozen=True, slots=True)
class Exchange:
    """A command and what came of it."""

    command: Command
    reply: Reply


def collect(command: Command, messages: Iterable[Message]) -> Reply:
    """The reply that these messages make for a command; TIMEOUT when they do not complete one."""
    parts: list[Message] = []
    for message in messages:
        match = command.match(message)
        if match is Match.NO:
            continue
        parts.append(message)
        if match is Match.REFUSED:
            return Reply(Verdict.REFUSED, tuple(parts))
        if match is Match.DONE:
            return Reply(Verdict.ANSWERED, tuple(parts))
    return Reply(Verdict.TIMEOUT, tuple(parts))


def against_nobody(dialogue: Dialogue) -> tuple[list[Exchange], Outcome]:
    """The commands of a dialogue when every one is assumed accepted and nothing can be read."""
    return _drive(dialogue, lambda _: Reply(Verdict.ASSUMED))


def against_emulator(dialogue: Dialogue, emulator: Emulator, stream: Stream) -> tuple[list[Exchange], Outcome]:
    """The dialogue with an emulated device; what the device says travels through the codec's own `stream`."""
    for datum in emulator.connect():
        stream.feed(*datum)

    def answer(command: Command) -> Reply:
        heard: list[Message] = []
        for datum in emulator.receive(command.payload, command.channel):
            heard += [event for event in stream.feed(*datum) if isinstance(event, Message)]
        return collect(command, heard)

    return _drive(dialogue, answer)


def _drive(dialogue: Dialogue, answer: Callable[[Command], Reply]) -> tuple[list[Exchange], Outcome]:

    exchanges: list[Exchange] = []
    try:
        command = next(dialogue)
        while True:
            if len(exchanges) == MAX_COMMANDS:
                raise LocalError(f"the dialogue does not end within {MAX_COMMANDS} commands")
            reply = answer(command)
            exchanges.append(Exchange(command, reply))
            command = dialogue.send(reply)
    except StopIteration as stop:
        outcome: Outcome = stop.value
        return exchanges, outcome
    finally:
        dialogue.close()
