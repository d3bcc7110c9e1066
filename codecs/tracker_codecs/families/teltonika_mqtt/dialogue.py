"""The dialogues of the family `teltonika` (dialect fmb), each command put into the MQTT envelope.

A setparam longer than an SMS goes as several; its answer is what all of them give together. Sources: those of
`tracker_codecs.families.teltonika`; Teltonika wiki Codec_JSON (envelope).
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace

from tracker_codecs.contract import (
    Command,
    Dialogue,
    Message,
    Outcome,
    Reply,
    Settings,
    Target,
    Transport,
    Value,
    Verdict,
)
from tracker_codecs.families.teltonika import settings, talk, texts
from tracker_codecs.families.teltonika.family import FAMILY as TELTONIKA
from tracker_codecs.families.teltonika_mqtt import wire

#: Seconds: answers may come after several records.
TIMEOUT = 60.0


def inner(target: Target) -> Target:
    """The target as `teltonika` sees it: codec 12 has no counterpart here, so neither has its option."""
    options: Mapping[str, Value] = {k: v for k, v in target.options.items() if k != "command_codec"}
    return replace(target, transport=Transport.TCP, options=options)


def options(target: Target) -> object:
    """Raises LocalError for an option of `teltonika`, or a device id or topic option that makes no topic."""
    return settings.options(inner(target)), wire.topic(target.device_id, target.options, "command_topic")


def apply(target: Target, wanted: Settings) -> Dialogue:
    """See `Family.apply`."""
    return _wrapped(target, TELTONIKA.apply(inner(target), wanted))


def read(target: Target, wanted: Sequence[str]) -> Dialogue:
    """See `Family.read`."""
    return _wrapped(target, TELTONIKA.read(inner(target), wanted))


def raw(target: Target, text: str | bytes) -> Command:
    """See `Family.raw`: text goes into the envelope, bytes go as they are."""
    command = talk.RAW(inner(target), text)
    if isinstance(text, str):
        return command_of(target, command)
    return replace(command, channel=wire.topic(target.device_id, target.options, "command_topic"))


def _wrapped(target: Target, dialogue: Dialogue) -> Dialogue:
    """A dialogue of `teltonika`, spoken over MQTT."""
    try:
        command = next(dialogue)
        while True:
            command = dialogue.send((yield from _exchange(target, command)))
    except StopIteration as stop:
        outcome: Outcome = stop.value
        return outcome
    finally:
        dialogue.close()


def command_of(target: Target, command: Command) -> Command:
    """The command in its envelope, on the unit's command topic. Raises LocalError for one that does not fit."""
    return replace(
        command,
        payload=wire.envelope(command.text),
        channel=wire.topic(target.device_id, target.options, "command_topic"),
        expects=command.expects.replace("codec 12 reply", "RSP on the data topic"),
        timeout=TIMEOUT,
    )


def _exchange(target: Target, command: Command) -> Generator[Command, Reply, Reply]:
    if len(command.text) <= wire.MAX_COMMAND or not command.text.startswith("setparam "):
        return (yield command_of(target, command))
    heard: list[Message] = []
    verdict = Verdict.ANSWERED
    for pairs in _pieces(command.text):
        match = talk.matcher(target, talk.judge_write(pairs))
        reply = yield command_of(target, replace(command, text=texts.set_text(pairs, False), match=match))
        heard += reply.messages
        if not reply.ok:
            verdict = reply.verdict
            if not reply.assumed:
                break
    return Reply(verdict, tuple(heard))


def _pieces(text: str) -> list[dict[str, str]]:
    """Parameters and values (numbers all) of a setparam, in as many groups as the length asks for."""
    groups: list[dict[str, str]] = [{}]
    for part in text.removeprefix("setparam ").split(";"):
        key, _, value = part.partition(":")
        if groups[-1] and len(texts.set_text({**groups[-1], key: value}, False)) > wire.MAX_COMMAND:
            groups.append({})
        groups[-1][key] = value
    return groups
