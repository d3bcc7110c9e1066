CREATE TABLE unknown_devices (
    device_id TEXT PRIMARY KEY,
    family TEXT NOT NULL,
    transport TEXT NOT NULL,
    peer TEXT NOT NULL,
    first_seen REAL NOT NULL,
    last_seen REAL NOT NULL,
    times INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX unknown_devices_seen ON unknown_devices (last_seen);

CREATE TABLE raw_commands (
    command_id INTEGER PRIMARY KEY AUTOINCREMENT,
    tracker_id INTEGER NOT NULL REFERENCES trackers (tracker_id) ON DELETE CASCADE,
    command BLOB NOT NULL,
    is_text INTEGER NOT NULL,
    reliable INTEGER NOT NULL,
    author TEXT NOT NULL,
    state TEXT NOT NULL,
    final INTEGER NOT NULL DEFAULT 0,
    detail TEXT NOT NULL DEFAULT '',
    reply BLOB NOT NULL DEFAULT X'',
    reply_text TEXT NOT NULL DEFAULT '',
    created REAL NOT NULL,
    changed REAL NOT NULL,
    expires REAL NOT NULL
) STRICT;

CREATE INDEX raw_commands_tracker ON raw_commands (tracker_id, command_id);
CREATE INDEX raw_commands_open ON raw_commands (command_id) WHERE final = 0;
