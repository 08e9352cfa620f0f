-- Run at each start: every statement leaves alone what is there.

CREATE TABLE IF NOT EXISTS signups (
    email       TEXT    NOT NULL PRIMARY KEY COLLATE NOCASE,
    source      TEXT    NOT NULL,
    consent     INTEGER NOT NULL,
    -- A visitor who sends the form again is not a second lead, and not an error.
    submissions INTEGER NOT NULL DEFAULT 1,
    first_at    TEXT    NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ')),
    last_at     TEXT    NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ'))
) STRICT;

CREATE TABLE IF NOT EXISTS events (
    id          INTEGER PRIMARY KEY,
    sender      TEXT    NOT NULL,
    kind        TEXT    NOT NULL,
    -- The bytes as received: what no handler understands today can be read again tomorrow.
    payload     BLOB    NOT NULL,
    received_at TEXT    NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ')),
    -- Senders retry: the same event is kept once.
    UNIQUE (sender, kind, payload)
) STRICT;

-- Who may log in.
CREATE TABLE IF NOT EXISTS users (
    name          TEXT NOT NULL PRIMARY KEY,
    -- A PHC string, which names its algorithm and parameters: $argon2id$v=19$m=..
    password_hash TEXT NOT NULL
) STRICT;
