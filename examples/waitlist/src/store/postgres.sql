-- Run at each start, as one transaction: every statement leaves alone what is there.

-- Two programs that start at once take turns: IF NOT EXISTS alone does not keep them apart.
SELECT pg_advisory_xact_lock(7164226183);

-- Times are texts, as in SQLite: they are written by the database and shown as they are.
CREATE TABLE IF NOT EXISTS signups (
    email       TEXT    NOT NULL,
    source      TEXT    NOT NULL,
    consent     BOOLEAN NOT NULL,
    -- A visitor who sends the form again is not a second lead, and not an error.
    submissions BIGINT  NOT NULL DEFAULT 1,
    first_at    TEXT    NOT NULL
        DEFAULT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
    last_at     TEXT    NOT NULL
        DEFAULT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
);

-- Of A to Z alone, as SQLite's NOCASE.
CREATE UNIQUE INDEX IF NOT EXISTS signups_email ON signups (lower(email COLLATE "C"));

CREATE TABLE IF NOT EXISTS events (
    id          BIGINT PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    sender      TEXT   NOT NULL,
    kind        TEXT   NOT NULL,
    -- The bytes as received: what no handler understands today can be read again tomorrow.
    payload     BYTEA  NOT NULL,
    received_at TEXT   NOT NULL
        DEFAULT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
);

-- Senders retry: the same event is kept once. A payload may be longer than an index takes.
CREATE UNIQUE INDEX IF NOT EXISTS events_once ON events (sender, kind, sha256(payload));

-- Who may log in.
CREATE TABLE IF NOT EXISTS users (
    name          TEXT NOT NULL PRIMARY KEY,
    -- A PHC string, which names its algorithm and parameters: $argon2id$v=19$m=..
    password_hash TEXT NOT NULL
);
