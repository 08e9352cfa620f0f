-- Run at each start: every statement leaves alone what is there. Times are milliseconds since 1970.

-- One row a mail, from its arrival to its ticket: what the smoke test and the operators look at.
CREATE TABLE IF NOT EXISTS mails (
    id           TEXT    NOT NULL PRIMARY KEY,
    sender       TEXT    NOT NULL,
    subject      TEXT    NOT NULL,
    state        TEXT    NOT NULL,
    published_at INTEGER NOT NULL,
    claimed_at   INTEGER,
    done_at      INTEGER,
    -- Deliveries to the help desk that failed. A breaker or a stopped bridge counts none.
    failures     INTEGER NOT NULL DEFAULT 0,
    reason       TEXT,
    answer       TEXT,
    mailboxes    TEXT,
    tickets      TEXT,
    dedup_keys   TEXT,
    dedup_until  INTEGER
) STRICT;
CREATE INDEX IF NOT EXISTS mails_by_time ON mails (published_at);
CREATE INDEX IF NOT EXISTS mails_by_sender ON mails (sender, done_at);

CREATE TABLE IF NOT EXISTS queue (
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,
    id           TEXT    NOT NULL UNIQUE,
    -- In order among themselves: the mails of one sender.
    grp          TEXT    NOT NULL,
    payload      BLOB    NOT NULL,
    published_at INTEGER NOT NULL,
    -- Not to be claimed before: a time of waiting, or of whoever is at it.
    visible_at   INTEGER NOT NULL,
    deliveries   INTEGER NOT NULL DEFAULT 0,
    owner        TEXT    NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX IF NOT EXISTS queue_in_order ON queue (grp, seq);

CREATE TABLE IF NOT EXISTS dead_letters (
    id           TEXT    NOT NULL PRIMARY KEY,
    grp          TEXT    NOT NULL,
    payload      BLOB    NOT NULL,
    published_at INTEGER NOT NULL,
    dead_at      INTEGER NOT NULL,
    deliveries   INTEGER NOT NULL,
    reason       TEXT    NOT NULL,
    answer       TEXT    NOT NULL,
    -- Where it is in the queue again. Never deleted: the letter is the evidence.
    redriven_at  INTEGER
) STRICT;

-- A dead letter's way to each handler: told until it is taken, and never a dead letter itself.
CREATE TABLE IF NOT EXISTS dead_letter_jobs (
    letter       TEXT    NOT NULL,
    dead_at      INTEGER NOT NULL,
    handler      TEXT    NOT NULL,
    next_at      INTEGER NOT NULL,
    attempts     INTEGER NOT NULL DEFAULT 0,
    done_at      INTEGER,
    error        TEXT,
    PRIMARY KEY (letter, dead_at, handler)
) STRICT;

-- SHA-256 of Message-ID and mailbox.
CREATE TABLE IF NOT EXISTS dedup (
    key          TEXT    NOT NULL PRIMARY KEY,
    -- Of the content: who only knows an id does not hold back another's mail.
    fingerprint  TEXT    NOT NULL,
    mail         TEXT    NOT NULL,
    state        TEXT    NOT NULL,
    claims       INTEGER NOT NULL,
    until        INTEGER NOT NULL,
    ticket       TEXT
) STRICT;

-- Deliveries by digest: whose each is, or nobody's where it was handled. Until then, in seconds since 1970.
CREATE TABLE IF NOT EXISTS replays (
    delivery     BLOB    NOT NULL PRIMARY KEY,
    owner        INTEGER,
    until        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS replays_until ON replays (until);

CREATE TABLE IF NOT EXISTS routes (
    address      TEXT    NOT NULL PRIMARY KEY,
    mailbox      INTEGER NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS settings (
    name         TEXT    NOT NULL PRIMARY KEY,
    value        TEXT    NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS secrets (
    name         TEXT    NOT NULL PRIMARY KEY,
    sealed       BLOB    NOT NULL,
    -- Which master key sealed it, by the start of its SHA-256.
    key_id       TEXT    NOT NULL,
    place        TEXT    NOT NULL,
    set_at       INTEGER NOT NULL,
    uses         INTEGER NOT NULL DEFAULT 0,
    used_at      INTEGER
) STRICT;

CREATE TABLE IF NOT EXISTS deploys (
    seq          INTEGER NOT NULL PRIMARY KEY,
    run_id       TEXT    NOT NULL UNIQUE,
    entry        TEXT    NOT NULL,
    previous     TEXT    NOT NULL,
    hash         TEXT    NOT NULL
) STRICT;

-- What became of mails that were sent, and bodies that no handler can read: as they were received.
CREATE TABLE IF NOT EXISTS events (
    id           INTEGER PRIMARY KEY,
    kind         TEXT    NOT NULL,
    payload      BLOB    NOT NULL,
    received_at  INTEGER NOT NULL,
    hash         TEXT    NOT NULL UNIQUE
) STRICT;
