"""Records what the gateway's links hear and say, as dialogues that can be replayed.

One file a tracker and contact. When a link ends while an update is under way, the next link of that tracker goes on in
the same file, as the update does (`reconnect`). What an operator asked for is recorded where it was accepted, or (asked
for before) where its first command is written. Nothing that goes wrong here ever touches a link: the recording ends, a
line is logged.
"""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog
from tracker_codecs.contract import Target, Transport
from tracker_codecs.errors import LocalError
from tracker_codecs.family import Family

from tracker_gateway.config.file import RecordingConfig
from tracker_gateway.delivery.events import Bus, Happening, Subscription
from tracker_gateway.delivery.lane import Lane
from tracker_gateway.delivery.settle import Settle
from tracker_gateway.delivery.work import Raw, Reread
from tracker_gateway.fleet.register import Register
from tracker_gateway.recording.redact import Redactor, secret_option, secrets_of
from tracker_gateway.recording.script import About, Script
from tracker_gateway.recording.tape import SUFFIX, TapeError, make_room
from tracker_gateway.sessions.session import Session

#: Trackers whose dialogue is interrupted, that are remembered.
MAX_DORMANT = 10_000

log = structlog.stdlib.get_logger("tracker_gateway.recording")


class _Told(Subscription):
    """Hears of everything at once, not when it comes to read."""

    def __init__(self, bus: Bus, tell: Callable[[Happening], None]) -> None:
        super().__init__(bus, None)
        self._tell = tell

    def put(self, happening: Happening) -> None:
        """See `Subscription`."""
        self._tell(happening)


class LinkTape:
    """What one link says and hears. The link calls it; see `transports.room.Tape`."""

    __slots__ = ("asked", "outcome", "recorder", "revision", "script", "session", "target")

    def __init__(self, recorder: Recorder, script: Script) -> None:
        self.recorder = recorder
        self.script: Script | None = script
        self.session: Session | None = None
        self.target: Target | None = None
        self.asked: set[object] = set()
        self.revision = 0
        self.outcome: Mapping[str, Any] | None = None

    def device(self, data: bytes, channel: str = "") -> None:
        """The device said this."""
        script = self.script
        if script is not None:
            self._safely(lambda: self._said(script, script.device, data, channel))

    def owed(self, data: bytes, channel: str = "") -> None:
        """It was answered what it was owed."""
        script = self.script
        if script is not None:
            self._safely(lambda: self._said(script, script.gateway, data, channel))

    def command(self, data: bytes, channel: str = "") -> None:
        """A command was written; whose it is stands before it."""
        script = self.script
        if script is None:
            return

        def write() -> None:
            self._ask()
            self._said(script, script.gateway, data, channel)

        self._safely(write)

    def identified(self, session: Session) -> LinkTape | None:
        """It is this tracker: the tape to go on with, or None where it is not recorded."""
        return self.recorder.identified(self, session)

    def gone(self) -> None:
        """The link is over."""
        if self.script is not None:
            self._safely(lambda: self.recorder.gone(self))

    def _said(self, script: Script, said: Callable[[bytes, str, float], None], data: bytes, channel: str) -> None:
        """Where it was known who is there before anything was said (serial ports), the file begins now."""
        said(data, channel, self.recorder.clock())
        if self.session is not None and script.path is None and script.waiting:
            self.recorder.begin(self, script)

    def queued(self) -> None:
        """An update was accepted just now."""
        self._safely(self._ask_settle)

    def _safely(self, call: Callable[[], object]) -> None:
        try:
            call()
        except Exception as error:
            script, self.script = self.script, None
            expected = isinstance(error, TapeError)
            log.error("recording ended", reason=str(error) or type(error).__name__, exc_info=not expected)
            if script is not None:
                self.recorder.drop(self, script)

    # -- what was asked for -------------------------------------------------------------------------------------------
    def _ask(self) -> None:
        """What the command under way belongs to, if that is not recorded yet."""
        lane = None if self.session is None else self.session.conversation
        work = lane.current if isinstance(lane, Lane) else None
        if isinstance(work, Settle):
            self._asked_settle(work)
        elif isinstance(work, Raw):
            said = work.command.command
            action = {"raw": said} if isinstance(said, str) else {"raw_hex": said.hex()}
            self._do(("raw", work.command.command_id), action, lambda family, target: [family.raw(target, said)])
        elif isinstance(work, Reread):
            self._do(("reread", id(work)), {"reread": True})

    def _ask_settle(self) -> None:
        lane = None if self.session is None else self.session.conversation
        if isinstance(lane, Lane) and lane.settle is not None:
            self._asked_settle(lane.settle)

    def _asked_settle(self, work: Settle) -> None:
        desired = work.desired
        if ("update", desired.revision) not in self.asked:
            self.revision, self.outcome = desired.revision, None
        self._do(("update", desired.revision), {"update": dict(desired.settings), "revision": desired.revision})

    def _do(
        self, key: object, action: Mapping[str, Any], commands: Callable[[Family, Target], list[Any]] | None = None
    ) -> None:
        if key in self.asked or self.script is None:
            return
        self.asked.add(key)
        if commands is not None and self.target is not None:
            try:
                for each in commands(self.script.family, self.target):
                    self.script.redactor.hide(each.secrets)
            except LocalError:  # cannot be sent either
                pass
        self.script.do(action, self.recorder.clock())

    def final(self) -> None:
        """The newest update came to its end."""
        lane = None if self.session is None else self.session.conversation
        if isinstance(lane, Lane) and lane.settle is not None and lane.settle.desired.revision == self.revision:
            delivery = lane.settle.delivery
            fields = {name: each.state.value for name, each in delivery.fields.items()}
            self.outcome = {"state": delivery.state.value, "fields": fields}


class Recorder:
    """Implements `transports.room.Tap`. `clock`: the loop's time, s; `wall`: Unix time, s."""

    def __init__(
        self,
        config: RecordingConfig,
        register: Register,
        bus: Bus,
        clock: Callable[[], float],
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.config = config
        self.clock = clock
        self._wall = wall
        self._register = register
        self._folder = Path(config.directory)
        self._salt = secrets.token_bytes(16) if config.redact_ids else None
        self._live: dict[int, LinkTape] = {}
        self._dormant: OrderedDict[int, LinkTape] = OrderedDict()
        self._open: set[Path] = set()
        self._files = -1  # in the folder; negative: not counted yet
        self._complained = float("-inf")
        self._subscription = _Told(bus, self._happened)
        bus.add(self._subscription)
        self._bus = bus

    def stop(self) -> None:
        """No more is recorded; files that are open end as they are."""
        self._bus.remove(self._subscription)
        for tape in (*self._live.values(), *self._dormant.values()):
            if tape.script is not None:
                self._end(tape, tape.script)
        self._live.clear()
        self._dormant.clear()

    def tape(self, family: Family, transport: Transport) -> LinkTape:
        """For a link that came up."""
        redactor = Redactor(family, salt=self._salt)
        script = Script(family, transport, redactor, began=self.clock(), max_bytes=self.config.max_bytes)
        return LinkTape(self, script)

    # -- for tapes ----------------------------------------------------------------------------------------------------
    def identified(self, tape: LinkTape, session: Session) -> LinkTape | None:
        """See `LinkTape.identified`."""
        tracker = session.tracker
        wanted: Collection[str] | str = self.config.trackers
        script = tape.script
        known = tracker.tracker_id in self._dormant
        if script is None or (wanted != "all" and tracker.device_id not in wanted) or not (known or self._has_room()):
            tape.script = None
            return None
        target = self._register.target(
            tracker, transport=session.transport, link_options=session.link_options, heard=session.known
        )
        older = self._dormant.pop(tracker.tracker_id, None)
        tape.session, tape.target = session, target
        script.redactor.hide(secrets_of(target.options))
        if older is not None and older.script is not None and not older.script.full:
            tape._safely(lambda: self._resume(tape, script, older))
        elif script.waiting:
            tape._safely(lambda: self.begin(tape, script))
        if tape.script is None:
            return None
        if tracker.tracker_id not in self._live:
            self._live[tracker.tracker_id] = tape
        return tape

    def begin(self, tape: LinkTape, script: Script) -> None:
        """The file of an identified link. Raises TapeError."""
        target = tape.target
        assert target is not None
        self._make_room()
        # A model's factory password is masked as any other: the file names the mask, so that a replay writes it too.
        masked = {name: value for name, value in target.options.items() if secret_option(name)}
        own = {**tape.session.link_options, **tape.session.tracker.options} if tape.session is not None else {}
        about = About(
            device_id=target.device_id,
            model=target.model,
            source=f"recorded by a tracker gateway on a {script.transport.value} link",
            date=f"{datetime.fromtimestamp(self._wall(), UTC):%Y-%m-%d}",
            options={**masked, **own},
            known=target.known,
            experimental=target.experimental,
        )
        path = script.identify(about, self._folder, wall=self._wall())
        if path is None:
            raise TapeError("the first bytes cannot be told without the device id")
        self._open.add(path)
        log.info("recording", file=path.name, family=script.family.name)

    def _make_room(self) -> None:
        """So that one more file fits. Some at once go, so that the folder is not looked through for every new file."""
        most = self.config.max_files
        if 0 <= self._files < most:
            self._files += 1
            return
        gone = make_room(self._folder, most - most // 10, frozenset(self._open))
        self._files = 1 + sum(1 for _ in self._folder.glob(f"*{SUFFIX}"))
        if gone:
            log.info("old recordings deleted", count=len(gone))

    def _has_room(self) -> bool:
        """Fewer are open than there may be files; else the one that was interrupted longest ago ends, if there is one.

        That there is no room is said once a minute.
        """
        while len(self._open) >= self.config.max_files and self._dormant:
            self._end_oldest()
        if len(self._open) < self.config.max_files:
            return True
        if self.clock() - self._complained > 60.0:
            self._complained = self.clock()
            log.warning("not recorded: as many recordings as max_files allows are open", max_files=len(self._open))
        return False

    def _end_oldest(self) -> None:
        _, oldest = self._dormant.popitem(last=False)
        if oldest.script is not None:
            self._end(oldest, oldest.script)

    def _resume(self, tape: LinkTape, script: Script, older: LinkTape) -> None:
        """Go on in the file of an earlier link, with what this one said so far."""
        assert older.script is not None
        earlier = older.script
        said = script.take()
        earlier.reconnect(self.clock())
        tape.script, tape.asked = earlier, older.asked
        tape.revision, tape.outcome = older.revision, older.outcome
        for each in said:
            if each.action is not None:
                earlier.do(each.action, each.time)
            else:
                (earlier.device if each.who == "device" else earlier.gateway)(each.data, each.channel, each.time)

    def gone(self, tape: LinkTape) -> None:
        """See `LinkTape.gone`."""
        script = tape.script
        session = tape.session
        if script is None or session is None:
            tape.script = None
            return
        script.flush(self.clock())
        tracker_id = session.tracker.tracker_id
        if self._live.get(tracker_id) is tape:
            del self._live[tracker_id]
        tape.session = None
        unfinished = tape.revision and tape.outcome is None and not script.full
        if unfinished and tracker_id not in self._dormant:
            self._dormant[tracker_id] = tape
            if len(self._dormant) > MAX_DORMANT:
                self._end_oldest()
        else:
            self._end(tape, script)

    def drop(self, tape: LinkTape, script: Script) -> None:
        """Its recording failed: let go of it."""
        if tape.session is not None and self._live.get(tape.session.tracker.tracker_id) is tape:
            del self._live[tape.session.tracker.tracker_id]
        if script.path is not None:
            self._open.discard(script.path)
            script.end()

    def _end(self, tape: LinkTape, script: Script) -> None:
        tape.script = None
        path = script.path
        if path is None:
            return
        self._open.discard(path)
        if script.redactor.dropped:
            log.warning("steps left out that tell the device id", file=path.name, count=script.redactor.dropped)
        try:
            script.end(tape.outcome)
        except TapeError as error:
            log.error("recording ended", reason=str(error))

    def _happened(self, happening: Happening) -> None:
        tape = self._live.get(happening.tracker_id)
        if tape is None or tape.script is None or happening.kind != "delivery":
            return
        if happening.data["state"] == "queued":
            tape.queued()
        elif happening.data["final"] and happening.data["revision"] == tape.revision:
            tape.final()
