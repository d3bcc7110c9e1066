"""What the embedded database does for desired revisions, deliveries, the ledger and raw commands."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence

from tracker_codecs.contract import FieldOutcome, Settings

from tracker_gateway.store import _rows
from tracker_gateway.store.base import (
    KEEP_DELIVERIES,
    KEEP_EXCHANGES,
    KEEP_RAW,
    Delivery,
    Exchange,
    NotStored,
    RawCommand,
    Reported,
    Twin,
)
from tracker_gateway.store.nouns import DeliveryState, Desired


def accept(
    tracker_id: int,
    settings: Settings,
    author: str,
    now: float,
    expires: float,
    fields: Mapping[str, FieldOutcome],
) -> Callable[[sqlite3.Connection], Twin]:
    """A job: the next revision, its delivery, the end of the one before, and of what is too old to keep."""
    asked = dict(settings)
    packed, outcomes = _rows.dumps(asked), _rows.pack_fields(fields)

    def work(db: sqlite3.Connection) -> Twin:
        if db.execute("SELECT 1 FROM trackers WHERE tracker_id = ?", (tracker_id,)).fetchone() is None:
            raise NotStored(f"there is no tracker {tracker_id}")
        newest = "SELECT coalesce(max(revision), 0) + 1 FROM desired WHERE tracker_id = ?"
        revision = int(db.execute(newest, (tracker_id,)).fetchone()[0])
        db.execute(
            "UPDATE deliveries SET state = ?, final = 1, unsure = 0, changed = ?, detail = ? "
            "WHERE tracker_id = ? AND final = 0",
            (DeliveryState.SUPERSEDED.value, now, f"by revision {revision}", tracker_id),
        )
        db.execute(
            "INSERT INTO desired (tracker_id, revision, settings, author, time) VALUES (?, ?, ?, ?, ?)",
            (tracker_id, revision, packed, author, now),
        )
        db.execute(
            "INSERT INTO deliveries (tracker_id, revision, state, changed, expires, fields) VALUES (?, ?, ?, ?, ?, ?)",
            (tracker_id, revision, DeliveryState.QUEUED.value, now, expires, outcomes),
        )
        old = (tracker_id, revision - KEEP_DELIVERIES)
        if old[1] > 0:
            db.execute("DELETE FROM desired WHERE tracker_id = ? AND revision <= ?", old)
            db.execute("DELETE FROM exchanges WHERE tracker_id = ? AND revision <= ? AND revision > 0", old)
        reported, known, reread = _said(db, tracker_id)
        return Twin(
            tracker_id,
            Desired(revision, asked, author, now),
            Delivery(tracker_id, revision, DeliveryState.QUEUED, now, expires, fields=dict(fields)),
            reported,
            known,
            reread,
        )

    return work


def _said(db: sqlite3.Connection, tracker_id: int) -> tuple[dict[str, Reported], dict[str, str], float]:
    row = db.execute("SELECT reported, known, reread FROM twins WHERE tracker_id = ?", (tracker_id,)).fetchone()
    return (_rows.reported(row[0]), _rows.loads(row[1]), row[2]) if row else ({}, {}, 0.0)


def save(
    tracker_id: int,
    delivery: Delivery | None,
    exchanges: Sequence[Exchange],
    reported: Mapping[str, Reported] | None,
    known: Mapping[str, str] | None,
    reread: float | None,
) -> Callable[[sqlite3.Connection], None]:
    """A job: all of this in one. Of a tracker that is gone nothing is kept, and nobody minds."""
    row = None
    if delivery is not None:
        row = (
            delivery.state.value,
            delivery.final,
            delivery.unsure,
            delivery.attempts,
            delivery.changed,
            delivery.detail,
            _rows.pack_fields(delivery.fields),
            tracker_id,
            delivery.revision,
        )
    entries = [
        (
            tracker_id,
            each.revision,
            each.attempt,
            each.purpose,
            _rows.dumps(each.fields),
            each.written,
            each.text,
            each.expects,
            each.verdict,
            each.reply,
            each.reply_text,
            each.sent,
            each.ended,
            each.masked,
        )
        for each in exchanges
    ]

    def work(db: sqlite3.Connection) -> None:
        if db.execute("SELECT 1 FROM trackers WHERE tracker_id = ?", (tracker_id,)).fetchone() is None:
            return
        if row is not None:
            db.execute(
                "UPDATE deliveries SET state = ?, final = ?, unsure = ?, attempts = ?, changed = ?, detail = ?, "
                "fields = ? WHERE tracker_id = ? AND revision = ? AND final = 0",
                row,
            )
        for entry in entries:
            db.execute(
                f"INSERT INTO exchanges (tracker_id, {_rows.EXCHANGE}) VALUES "
                "(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, "
                "(SELECT coalesce(max(seq), 0) + 1 FROM exchanges WHERE tracker_id = ?1 AND revision = ?2))",
                entry,
            )
        for revision in {each.revision for each in exchanges}:
            db.execute(
                "DELETE FROM exchanges WHERE tracker_id = ?1 AND revision = ?2 AND seq <= "
                "(SELECT max(seq) FROM exchanges WHERE tracker_id = ?1 AND revision = ?2) - ?3",
                (tracker_id, revision, KEEP_EXCHANGES),
            )
        if reported is not None or known is not None or reread is not None:
            _say(db, tracker_id, reported or {}, known or {}, reread)

    return work


def _say(
    db: sqlite3.Connection,
    tracker_id: int,
    reported: Mapping[str, Reported],
    known: Mapping[str, str],
    reread: float | None,
) -> None:
    old_reported, old_known, old_reread = _said(db, tracker_id)
    db.execute(
        "INSERT INTO twins (tracker_id, reported, known, reread) VALUES (?, ?, ?, ?) ON CONFLICT (tracker_id) "
        "DO UPDATE SET reported = excluded.reported, known = excluded.known, reread = excluded.reread",
        (
            tracker_id,
            _rows.dumps(
                {name: [_rows.plain(each.value), each.time] for name, each in {**old_reported, **reported}.items()}
            ),
            _rows.dumps({**old_known, **known}),
            old_reread if reread is None else reread,
        ),
    )


def ask_reread(tracker_id: int, asked: float) -> Callable[[sqlite3.Connection], Twin]:
    """A job: keep that a re-read was asked for, and give the twin as it is then."""
    keep = save(tracker_id, None, (), None, None, asked)

    def work(db: sqlite3.Connection) -> Twin:
        keep(db)
        return _twin(db, tracker_id)

    return work


def twin(db: sqlite3.Connection, tracker_id: int) -> Twin:
    """The newest of everything of one tracker, of one moment."""
    db.execute("BEGIN")
    try:
        return _twin(db, tracker_id)
    finally:
        db.execute("COMMIT")


def _twin(db: sqlite3.Connection, tracker_id: int) -> Twin:
    newest = history(db, tracker_id, 1, None)
    reported, known, reread = _said(db, tracker_id)
    desired, delivery = newest[0] if newest else (None, None)
    return Twin(tracker_id, desired, delivery, reported, known, reread)


def pending(db: sqlite3.Connection) -> list[Twin]:
    """Twins with an open delivery or a re-read owed, by tracker id."""
    found: dict[int, Twin] = {}
    query = (
        f"SELECT tracker_id, {_rows.DESIRED}, {_rows.DELIVERY} "
        "FROM deliveries JOIN desired USING (tracker_id, revision) WHERE final = 0 ORDER BY tracker_id"
    )
    for tracker_id, *row in db.execute(query):
        desired = _rows.desired(tuple(row[:4]))
        delivery = _rows.delivery(tracker_id, desired.revision, desired.settings, tuple(row[4:]))
        found[tracker_id] = Twin(tracker_id, desired, delivery, *_said(db, tracker_id))
    for (tracker_id,) in db.execute("SELECT tracker_id FROM twins WHERE reread > 0 ORDER BY tracker_id").fetchall():
        if tracker_id not in found:
            found[tracker_id] = twin(db, tracker_id)
    return [found[tracker_id] for tracker_id in sorted(found)]


def history(db: sqlite3.Connection, tracker_id: int, limit: int, before: int | None) -> list[tuple[Desired, Delivery]]:
    """Newest first."""
    query = (
        f"SELECT {_rows.DESIRED}, {_rows.DELIVERY} FROM desired JOIN deliveries USING (tracker_id, revision) "
        "WHERE tracker_id = ? AND revision < ? ORDER BY revision DESC LIMIT ?"
    )
    found = []
    for row in db.execute(query, (tracker_id, 2**62 if before is None else before, limit)):
        desired = _rows.desired(row[:4])
        found.append((desired, _rows.delivery(tracker_id, desired.revision, desired.settings, row[4:])))
    return found


def add_raw(
    tracker_id: int, command: str | bytes, reliable: bool, author: str, now: float, expires: float
) -> Callable[[sqlite3.Connection], RawCommand]:
    """A job: keep a raw command, and let go of the oldest ones."""
    is_text = isinstance(command, str)
    data = command.encode() if isinstance(command, str) else command

    def work(db: sqlite3.Connection) -> RawCommand:
        if db.execute("SELECT 1 FROM trackers WHERE tracker_id = ?", (tracker_id,)).fetchone() is None:
            raise NotStored(f"there is no tracker {tracker_id}")
        row = db.execute(
            "INSERT INTO raw_commands "
            "(tracker_id, command, is_text, reliable, author, state, created, changed, expires) "
            f"VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING {_rows.RAW}",
            (tracker_id, data, is_text, reliable, author, DeliveryState.QUEUED.value, now, now, expires),
        ).fetchone()
        db.execute(
            "DELETE FROM raw_commands WHERE final = 1 AND tracker_id = ?1 AND command_id NOT IN "
            "(SELECT command_id FROM raw_commands WHERE tracker_id = ?1 ORDER BY command_id DESC LIMIT ?2)",
            (tracker_id, KEEP_RAW),
        )
        return _rows.raw(row)

    return work


def save_raw(db: sqlite3.Connection, command: RawCommand) -> None:
    """What became of a raw command."""
    db.execute(
        "UPDATE raw_commands SET state = ?, final = ?, detail = ?, reply = ?, reply_text = ?, changed = ? "
        "WHERE command_id = ? AND final = 0",
        (
            command.state.value,
            command.final,
            command.detail,
            command.reply,
            command.reply_text,
            command.changed,
            command.command_id,
        ),
    )
