"""A protocol family: one value that declares facts and functions, and the guards around them.

A family's `family.py` is its data sheet: `FAMILY = Family(name=..., stream=..., check=..., apply=..., ...)`. Nobody
subclasses. Whoever uses a family calls the methods below, which have the names of the functions given; they ask what
must be asked of every family (is this link, this variant, this device id, are these settings for it?) and take out what
cannot be carried, so that no family can forget it and none does it by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attrs import frozen

from tracker_codecs import defaults
from tracker_codecs.contract import (
    NO_FAULTS,
    Capability,
    Carried,
    Clock,
    Command,
    Dialogue,
    Emulator,
    Event,
    Faults,
    FieldOutcome,
    FieldState,
    Ids,
    Limits,
    Message,
    Outcome,
    Problem,
    SerialForm,
    Settings,
    Severity,
    Stream,
    Target,
    Transport,
    Unit,
    Value,
    Variants,
    utc_now,
)
from tracker_codecs.errors import LocalError


@frozen(kw_only=True)
class Family:
    """One protocol family. Stateless: everything may be called for any number of trackers at once.

    A family that gives no `apply` is known by its session only: `unsupported` says why nothing can be set.
    """

    # -- facts ------------------------------------------------------------------------------------------------------
    #: Name in configuration, models and folders: lower case, as the dossier.
    name: str
    #: One line for people.
    title: str
    #: Public sources of the facts, one line each.
    sources: tuple[str, ...]
    limits: Limits
    #: The variants this family knows, each with the profile fields it can carry.
    variants: Variants = defaults.SESSION_ONLY
    #: Variants known by their session only, in a family that sets others: to apply settings to one is an error.
    sessions: frozenset[str] = frozenset()
    #: What an acknowledgement of this family proves, in words: parsed, stored, applied, after restart.
    acknowledgement_proves: str = "nothing of settings: no command that sets one is public"
    #: Why a field that the variant does not name is not carried; or a function of target and field that tells it.
    unsupported: str | Callable[[Target, str], str] = "no public command of these units carries it"
    transports: frozenset[Transport] = frozenset({Transport.TCP})
    #: Port used by convention (for defaults in configuration); 0 where there is none.
    default_port: int = 0
    #: The serial port of this family's devices; None where no public document gives one.
    serial: SerialForm | None = None
    #: The device ids that frames of this family can name. Every id its stream tells must fit.
    ids: Ids = defaults.ANY_ID
    #: Options that a tracker's record must give before the tracker has spoken, each with an example of its value.
    needed_options: Mapping[str, Value] = {}
    #: True: the link of a refused device stays open, is answered and gets nothing more.
    hold_unregistered: bool = False
    #: True: fields that cannot be set are asked for, too; the unit tells them.
    tells_more: bool = False
    #: What the family was made of at run time: a template's specification. None for one written in Python.
    made_of: Any = None

    # -- functions, called through the methods of the same names ------------------------------------------------------
    _stream: Callable[[Transport, Clock], Stream]
    _fields: Callable[[Message], dict[str, Any]]
    _emulator: Callable[[Unit], Emulator]
    _recognise: Callable[[bytes], bool | None] = defaults.never
    _server: Callable[[bytes, str], Sequence[Event]] = defaults.nothing_public
    _refuse: Callable[[Message], bytes] = defaults.no_answer
    #: Raises LocalError for an option of the target that does not fit; asked before anything is planned for it.
    _options: Callable[[Target], object] = defaults.any_options
    #: Where the fields of a variant also hang on the transport or on options; else `variants` tells them.
    _capabilities: Callable[[Target], Mapping[str, Capability]] | None = None
    #: What is wrong with settings that the variant carries, each alone and with each other.
    _check: Callable[[Target, Settings], list[Problem]] = defaults.no_problems
    #: The dialogue that brings a tracker to settings, all of which it carries and none of which is refused (`Carried`).
    _apply: Callable[[Target, Settings], Dialogue] | None = None
    _read: Callable[[Target, Sequence[str]], Dialogue] = defaults.read_nothing
    _identify: Callable[[Target], Dialogue] = defaults.identify_nothing
    _raw: Callable[[Target, str | bytes], Command] = defaults.BYTES_ONLY
    _normalise: Callable[[bytes], bytes] = defaults.as_it_is
    _rename: Callable[[bytes, str, str], bytes] = defaults.renamed_text
    _topics: Callable[[Mapping[str, Value]], Sequence[str]] = defaults.no_topics

    # -- bytes in ---------------------------------------------------------------------------------------------------
    def stream(self, transport: Transport | None = None, clock: Clock = utc_now) -> Stream:
        """A fresh decoder for the bytes of one link, device to server; by default of the family's usual transport.

        Raises LocalError for a transport that the family does not use.
        """
        return self._stream(self._over(transport), clock)

    def recognise(self, first: bytes) -> bool | None:
        """Could a link that opens with these bytes be of this family? None: too few bytes to tell (ask again)."""
        return self._recognise(first)

    def fields(self, message: Message) -> dict[str, Any]:
        """Everything the frame says, as JSON values with plain names. Raises PeerError for a broken content."""
        return self._fields(message)

    def server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """The other direction, for people and tests: frames a server sends to the device (kind is mostly OTHER)."""
        return self._server(data, channel)

    def refuse(self, message: Message) -> bytes:
        """What to say to a device that is not ours (unregistered, blocked) when `message` identified it.

        Default: nothing, and the link is closed by the caller. A family whose devices must be answered to stay sane
        (GT06 reboots for ever) returns the owed reply and sets `hold_unregistered`.
        """
        return self._refuse(message)

    # -- settings out -----------------------------------------------------------------------------------------------
    def capabilities(self, target: Target) -> Mapping[str, Capability]:
        """Profile fields this tracker can carry. Fields absent here are unsupported by the family.

        Raises LocalError for a variant that the family has not.
        """
        carried = self._of(target.variant)
        return carried if self._capabilities is None else self._capabilities(target)

    def check(self, target: Target, settings: Settings) -> list[Problem]:
        """All problems known before sending, by the rule of `Severity`. `settings` already fit the profile.

        Raises LocalError for a variant that the family has not and for options that do not fit.
        """
        able = self.capabilities(target)
        self._options(target)
        problems, carried = [], {}
        for name, value in settings.items():
            reason = self._why_not(target, name, able.get(name))
            if reason:
                problems.append(Problem(name, Severity.UNSUPPORTED, reason))
            else:
                carried[name] = value
        if carried:
            problems += self._check(target, carried)
        order = {name: place for place, name in enumerate(settings)}
        return sorted(problems, key=lambda problem: order[problem.field])

    def apply(self, target: Target, settings: Settings) -> Dialogue:
        """Bring the tracker to `settings`: identify, read what must be kept, write, read back.

        Always writes every supported field (so that a dry run shows the bytes sent later). Its Outcome has an entry for
        every key of `settings`. Raises LocalError for what `check` refuses, for an id or an option that does not fit,
        and for a variant that is known by its session only.
        """
        able = self.capabilities(target)
        if self._apply is None or target.variant in self.sessions:
            name = next(iter(settings), "")
            raise LocalError(self._why_not(target, name, able.get(name)), parameter=name)
        problems = self.check(target, settings)
        for problem in problems:
            if problem.severity is Severity.REFUSE:
                raise LocalError(problem.reason, parameter=problem.field)
        dropped = {problem.field: problem.reason for problem in problems}
        carried = Carried(settings, dropped)
        if carried:
            self._named(target.device_id, target.transport)
        dialogue = self._apply(target, carried) if carried else defaults.identify_nothing(target)
        return _with_dropped(dialogue, settings, dropped) if dropped else dialogue

    def read(self, target: Target, wanted: Sequence[str]) -> Dialogue:
        """Ask the tracker for these profile fields; the Outcome's `reported` has what it told, `fields` is empty.

        Experimental fields are asked for where the operator switched them on. A family without read-back, or that
        carries none of the fields, gives an empty Outcome without a command.
        Raises LocalError for a variant that the family has not, an id or an option that does not fit.
        """
        able = self.capabilities(target)
        self._options(target)
        asked = [name for name in wanted if name in able and self._asked_for(target, able[name])]
        if not asked:
            return defaults.identify_nothing(target)
        self._named(target.device_id, target.transport)
        return self._read(target, asked)

    def identify(self, target: Target) -> Dialogue:
        """Ask who is there, on a link without a login (serial). `target.device_id` may be empty.

        The Outcome's `known` holds what was told of `device_id`, `model` (ours, if it is clear), `hardware` and
        `firmware`; its `fields` are empty. Default: nothing is asked, nothing is known.
        """
        return self._identify(target)

    def raw(self, target: Target, text: str | bytes) -> Command:
        """An operator's own command: text in the family's envelope; bytes go out as they are.

        Raises LocalError for a command that is empty or does not fit the envelope, a variant that the family has not,
        an id or an option that does not fit.
        """
        self._of(target.variant)
        if not text or (isinstance(text, str) and not text.strip()):
            raise LocalError("there is nothing to send", parameter="command")
        self._options(target)
        if isinstance(text, str):  # an envelope may name the unit; bytes name whom they name
            self._named(target.device_id, target.transport)
        return self._raw(target, text)

    # -- emulation --------------------------------------------------------------------------------------------------
    def emulator(
        self,
        device_id: str,
        variant: str,
        *,
        transport: Transport | None = None,
        settings: Settings | None = None,
        faults: Faults = NO_FAULTS,
        options: Mapping[str, Value] | None = None,
    ) -> Emulator:
        """A device of this variant with these true settings (else its factory settings).

        Raises LocalError for a transport or a variant that the family has not, and an id that does not fit.
        """
        link = self._over(transport)
        self._of(variant)
        self._named(device_id, link)
        return self._emulator(Unit(device_id, variant, link, settings or {}, faults, options or {}))

    # -- what differs between a recording and a replay ----------------------------------------------------------------
    def normalise(self, frame: bytes) -> bytes:
        """The frame with the parts that vary from run to run (times, serials) blanked, for comparison in replays."""
        return self._normalise(frame)

    def rename(self, frame: bytes, old: str, new: str) -> bytes:
        """The frame with device id `old` replaced by `new` (equal length) and its checksum put right, for redaction.

        A frame that does not hold the id comes back as it is. Default: for text frames without a checksum.
        Raises LocalError for a frame that cannot be renamed.
        """
        return self._rename(frame, old, new)

    # -- MQTT -------------------------------------------------------------------------------------------------------
    def topics(self, options: Mapping[str, Value]) -> Sequence[str]:
        """Topic filters to subscribe to (MQTT families)."""
        return self._topics(options)

    # -- guards -----------------------------------------------------------------------------------------------------
    @property
    def usual_transport(self) -> Transport:
        """The link that is meant where none is named: TCP where the family uses it."""
        return next(each for each in Transport if each in self.transports)

    def _over(self, transport: Transport | None) -> Transport:
        if transport is None:
            return self.usual_transport
        if transport not in self.transports:
            raise LocalError(f"{self.name} does not speak over {transport.value}", parameter="transport")
        return transport

    def _of(self, variant: str) -> Mapping[str, Capability]:
        try:
            return self.variants[variant]
        except KeyError:
            raise LocalError(f"codec {self.name} has no variant {variant!r}", parameter="variant") from None

    def _asked_for(self, target: Target, field: Capability) -> bool:
        if field.best is None:
            return self.tells_more
        return target.experimental or not field.experimental

    def _named(self, device_id: str, transport: Transport) -> None:
        if device_id or transport is not Transport.SERIAL:  # on a port nobody may be known yet
            self.ids.admit(device_id)

    def _why_not(self, target: Target, name: str, found: Capability | None) -> str:
        """Why no value of this field would be carried; empty where it is."""
        if found is None:
            return self.unsupported if isinstance(self.unsupported, str) else self.unsupported(target, name)
        if found.best is None:
            return found.reason
        if found.experimental and not target.experimental:
            return f"known with low confidence only ({found.reason}): needs the experimental switch"
        return ""


def _with_dropped(dialogue: Dialogue, settings: Settings, dropped: Mapping[str, str]) -> Dialogue:
    """The dialogue; its outcome also tells, in the order of `settings`, what was taken out before it began."""
    found = yield from dialogue
    fields = dict(found.fields)
    for name, reason in dropped.items():
        told = found.reported.get(name)
        fields[name] = FieldOutcome(FieldState.UNSUPPORTED, settings[name], told, reason=reason)
    return Outcome({name: fields[name] for name in settings}, found.reported, found.known, found.unanswered)
