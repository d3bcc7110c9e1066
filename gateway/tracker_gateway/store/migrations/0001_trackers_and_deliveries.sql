-- Times are Unix seconds. JSON texts are UTF-8. `final` = 1: nothing will change this row any more.

CREATE TABLE trackers (
    tracker_id INTEGER PRIMARY KEY AUTOINCREMENT,
    device_id TEXT NOT NULL,
    model TEXT NOT NULL,
    owner TEXT NOT NULL,
    label TEXT NOT NULL,
    blocked INTEGER NOT NULL DEFAULT 0,
    clone INTEGER NOT NULL DEFAULT 0,
    options TEXT NOT NULL DEFAULT '{}',
    experimental INTEGER NOT NULL DEFAULT 0,
    created REAL NOT NULL
) STRICT;

CREATE UNIQUE INDEX trackers_device ON trackers (device_id) WHERE clone = 0;
CREATE INDEX trackers_owner ON trackers (owner);

-- What another process changed: one row for each tracker there ever was (0: the keys).
CREATE TABLE changes (
    tracker_id INTEGER PRIMARY KEY,
    seq INTEGER NOT NULL UNIQUE
) STRICT;

CREATE TABLE keys (
    key_id INTEGER PRIMARY KEY AUTOINCREMENT,
    owner TEXT NOT NULL,
    label TEXT NOT NULL,
    rights TEXT NOT NULL,
    digest BLOB NOT NULL UNIQUE,
    created REAL NOT NULL,
    revoked INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE desired (
    tracker_id INTEGER NOT NULL REFERENCES trackers (tracker_id) ON DELETE CASCADE,
    revision INTEGER NOT NULL,
    settings TEXT NOT NULL,
    author TEXT NOT NULL,
    time REAL NOT NULL,
    PRIMARY KEY (tracker_id, revision)
) STRICT, WITHOUT ROWID;

CREATE TABLE deliveries (
    tracker_id INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    state TEXT NOT NULL,
    final INTEGER NOT NULL DEFAULT 0,
    unsure INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    changed REAL NOT NULL,
    expires REAL NOT NULL,
    detail TEXT NOT NULL DEFAULT '',
    fields TEXT NOT NULL DEFAULT '{}',
    PRIMARY KEY (tracker_id, revision),
    FOREIGN KEY (tracker_id, revision) REFERENCES desired (tracker_id, revision) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX deliveries_open ON deliveries (tracker_id) WHERE final = 0;

-- The evidence ledger. `revision` 0: an exchange that belongs to no delivery.
CREATE TABLE exchanges (
    tracker_id INTEGER NOT NULL REFERENCES trackers (tracker_id) ON DELETE CASCADE,
    revision INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    purpose TEXT NOT NULL,
    fields TEXT NOT NULL,
    written BLOB NOT NULL,
    masked INTEGER NOT NULL,
    text TEXT NOT NULL,
    expects TEXT NOT NULL,
    verdict TEXT NOT NULL,
    reply BLOB NOT NULL,
    reply_text TEXT NOT NULL,
    sent REAL NOT NULL,
    ended REAL NOT NULL,
    PRIMARY KEY (tracker_id, revision, seq)
) STRICT, WITHOUT ROWID;

-- What the tracker itself said (field -> [value, time]), what its codec learned, and whether a re-read is asked for.
CREATE TABLE twins (
    tracker_id INTEGER PRIMARY KEY REFERENCES trackers (tracker_id) ON DELETE CASCADE,
    reported TEXT NOT NULL DEFAULT '{}',
    known TEXT NOT NULL DEFAULT '{}',
    reread REAL NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX twins_reread ON twins (tracker_id) WHERE reread > 0;
