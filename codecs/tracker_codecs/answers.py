"""Matchers: which message answers a command. Narrow by default; what is not named is no answer."""

from __future__ import annotations

from collections.abc import Callable

from tracker_codecs.contract import Checksum, Kind, Match, Message, Target, Transport

Matcher = Callable[[Message], Match]
#: What the text or content of our device's reply means.
Meaning = Callable[[Message], Match]


def nothing(message: Message) -> Match:
    """No message answers: none is public."""
    return Match.NO


def accepted(message: Message) -> Match:
    """Whatever it says, it is the answer."""
    return Match.DONE


def is_ours(target: Target, message: Message, *, unnamed: bool = False) -> bool:
    """Whether a message is this device's: named so; on a serial port whatever comes. `unnamed`: or named by nobody."""
    if target.transport is Transport.SERIAL or message.device_id == target.device_id:
        return True
    return unnamed and message.device_id is None


def reply_of(target: Target, means: Meaning = accepted, *, unnamed: bool = False) -> Matcher:
    """A sound reply of this device, which `means` reads; a damaged one answers nothing.

    `unnamed`: a reply that names nobody is taken for its own.
    """

    def match(message: Message) -> Match:
        if message.kind is not Kind.REPLY or message.checksum is Checksum.BAD:
            return Match.NO
        if not is_ours(target, message, unnamed=unnamed):
            return Match.NO
        return means(message)

    return match


def told(parse: Callable[[str], object]) -> Meaning:
    """The answer is a text that can be parsed: `parse` gives None (or False) for every other."""

    def means(message: Message) -> Match:
        found = parse(message.text)
        return Match.NO if found is None or found is False else Match.DONE

    return means


def says(yes: str, no: str | Callable[[str], object] = "") -> Meaning:
    """`yes` is the whole text of an acknowledgement; `no` the beginning of a refusal's, or what tells one."""

    def means(message: Message) -> Match:
        if message.text == yes:
            return Match.DONE
        refused = (no and message.text.startswith(no)) if isinstance(no, str) else no(message.text)
        return Match.REFUSED if refused else Match.NO

    return means
