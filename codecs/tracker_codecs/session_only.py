"""Base of the families whose session is public and whose settings commands are not.

Such a family knows who a device is, what it reports and what is owed to it, and frames an operator's own command where
that framing is public. It sets and reads nothing: each setting is answered with the family's `reason`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence

from tracker_codecs import guards
from tracker_codecs.contract import (
    NO_FAULTS,
    Capability,
    Clock,
    Command,
    Datum,
    Dialogue,
    Emulator,
    Family,
    Faults,
    Kind,
    Match,
    Message,
    Outcome,
    Problem,
    Purpose,
    Settings,
    Severity,
    Stream,
    Target,
    Transport,
    Value,
    utc_now,
)
from tracker_codecs.errors import LocalError
from tracker_codecs.text import clean

#: The usual name of the one variant, which carries no field.
SESSION = "session"


class SessionOnlyFamily(Family):
    """A family without settings. A subclass gives its facts and `reason`, `decoder`, `unit` and the bytes-in methods.

    Where the framing of commands is public it gives `envelope` too, and `answers` where their answers are.
    """

    #: Why no setting can be pushed, for people: what is not public, and what is.
    reason: str
    variants: Mapping[str, Mapping[str, Capability]] = {SESSION: {}}
    acknowledgement_proves = "nothing of settings: no command that sets one is public"
    #: What answers a raw command, in words.
    expects = "any reply of the device"

    # -- for a subclass to give -------------------------------------------------------------------------------------
    @abstractmethod
    def decoder(self, transport: Transport, clock: Clock) -> Stream:
        """`stream`, for a transport that the family uses."""

    @abstractmethod
    def unit(
        self,
        device_id: str,
        variant: str,
        transport: Transport,
        settings: Settings,
        faults: Faults,
        options: Mapping[str, Value],
    ) -> Emulator:
        """`emulator`, for a variant and a transport that the family has."""

    def envelope(self, target: Target, text: str) -> bytes:
        """The bytes of an operator's command given as text. Raises LocalError for a text that does not fit.

        Default: the framing is not public, so only bytes can be sent.
        """
        raise LocalError(f"the framing of {self.name}'s commands is not public; give bytes", parameter="command")

    def answers(self, target: Target, text: str, message: Message) -> Match:
        """What a message means to a raw command. Default: any reply of this device answers it."""
        mine = message.kind is Kind.REPLY and message.device_id == target.device_id
        return Match.DONE if mine else Match.NO

    def secrets(self, target: Target, text: str) -> tuple[bytes, ...]:
        """Byte strings within the command's bytes that must not be shown, such as a password."""
        return ()

    # -- done here --------------------------------------------------------------------------------------------------
    def stream(self, transport: Transport = Transport.TCP, clock: Clock = utc_now) -> Stream:
        """A decoder for what a device says. Raises LocalError for a transport the family does not use."""
        guards.over(self, transport)
        return self.decoder(transport, clock)

    def check(self, target: Target, settings: Settings) -> list[Problem]:
        """Every setting is unsupported, with the family's reason."""
        self.capabilities(target)
        return [Problem(name, Severity.UNSUPPORTED, self.reason) for name in settings]

    def apply(self, target: Target, settings: Settings) -> Dialogue:
        """Raises LocalError with the family's reason: there is nothing to send."""
        raise LocalError(self.reason, parameter=next(iter(settings), ""))

    def read(self, target: Target, wanted: Sequence[str]) -> Dialogue:
        """Asks nothing and tells nothing."""
        yield from ()
        return Outcome({})

    def raw(self, target: Target, text: str | bytes) -> Command:
        """An operator's own command: text in the family's envelope, bytes as they are.

        Raises LocalError for a command that is empty or does not fit the envelope.
        """
        if not text or (isinstance(text, str) and not text.strip()):
            raise LocalError("there is nothing to send", parameter="command")
        payload = text if isinstance(text, bytes) else self.envelope(target, text)
        shown = text.hex() if isinstance(text, bytes) else clean(text)
        words = "" if isinstance(text, bytes) else text

        def match(message: Message) -> Match:
            return self.answers(target, words, message)

        timeout = self.limits.reply_timeout
        secrets = self.secrets(target, words)
        return Command(payload, shown, Purpose.RAW, self.expects, match, timeout=timeout, secrets=secrets)

    def emulator(
        self,
        device_id: str,
        variant: str,
        *,
        transport: Transport = Transport.TCP,
        settings: Settings | None = None,
        faults: Faults = NO_FAULTS,
        options: Mapping[str, Value] | None = None,
    ) -> Emulator:
        """A device of this variant. Raises LocalError for a variant or a transport that the family has not."""
        guards.known(self, variant, transport)
        return self.unit(device_id, variant, transport, settings or {}, faults, options or {})


class SessionOnlyEmulator(Emulator):
    """A device that connects without a word and obeys nothing; a subclass gives `report` and whatever else is said."""

    def __init__(self, device_id: str, settings: Settings) -> None:
        self.device_id = device_id
        self._settings = dict(settings)

    @property
    def settings(self) -> dict[str, Value]:
        """As they were given: nothing changes them."""
        return dict(self._settings)

    def connect(self) -> list[Datum]:
        """Nothing: no login."""
        return []

    def receive(self, data: bytes, channel: str = "") -> list[Datum]:
        """Nothing."""
        return []
