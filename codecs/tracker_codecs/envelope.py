"""How an operator's own command travels: text in the family's envelope, bytes as they are."""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from tracker_codecs.contract import Checksum, Command, Kind, Match, Message, Purpose, Target
from tracker_codecs.errors import LocalError
from tracker_codecs.text import clean


def any_reply(target: Target, text: str, message: Message) -> Match:
    """Any sound reply of this device answers."""
    mine = message.kind is Kind.REPLY and message.device_id == target.device_id
    return Match.DONE if mine and message.checksum is not Checksum.BAD else Match.NO


def no_reply(target: Target, text: str, message: Message) -> Match:
    """Nothing answers: no public document shows an answer, or none can be told from a report."""
    return Match.NO


def as_given(text: str) -> str:
    """The text goes out as it was given."""
    return text


def no_secrets(target: Target, text: str) -> tuple[bytes, ...]:
    """Nothing in the command must be hidden."""
    return ()


@frozen(kw_only=True)
class Envelope:
    """The `raw` of a family. Called with a target and a command that is not empty; gives the Command.

    `spelled` is the text as the device is to get it (`str.strip`, for one): shown so, and handed so to the others.
    `wrap` gives the bytes of a text, raising LocalError for one that does not fit; None: only bytes can be sent.
    `answers` says what a message means to the command, whose text is empty where bytes were given. `secrets` names the
    byte strings within the command's bytes that must not be shown. `timeout` is in seconds.
    """

    wrap: Callable[[Target, str], bytes] | None = None
    spelled: Callable[[str], str] = as_given
    answers: Callable[[Target, str, Message], Match] = any_reply
    secrets: Callable[[Target, str], tuple[bytes, ...]] = no_secrets
    expects: str = "any reply of the device"
    timeout: float = 30.0

    def __call__(self, target: Target, text: str | bytes) -> Command:
        """The command. Raises LocalError for a text that does not fit the envelope."""
        if isinstance(text, bytes):
            payload, shown, words = text, text.hex(), ""
        elif self.wrap is None:
            raise LocalError("the framing of these units' commands is not public; give bytes", parameter="command")
        else:
            words = self.spelled(text)
            payload, shown = self.wrap(target, words), clean(words)

        def match(message: Message) -> Match:
            return self.answers(target, words, message)

        secrets = self.secrets(target, words)
        return Command(payload, shown, Purpose.RAW, self.expects, match, timeout=self.timeout, secrets=secrets)


def spoken(
    text: Callable[[Target, str], Command],
    *,
    answers: Callable[[Target, str, Message], Match] = any_reply,
    expects: str = "any answer",
    timeout: float = 30.0,
    secrets: Callable[[Target, str], tuple[bytes, ...]] = no_secrets,
) -> Callable[[Target, str | bytes], Command]:
    """A `raw` whose texts become commands of the family's own making; bytes go as an `Envelope` sends them."""
    as_bytes = Envelope(answers=answers, expects=expects, timeout=timeout, secrets=secrets)

    def raw(target: Target, command: str | bytes) -> Command:
        return text(target, command) if isinstance(command, str) else as_bytes(target, command)

    return raw
