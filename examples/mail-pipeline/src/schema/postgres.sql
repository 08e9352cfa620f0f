-- Run at each start, as one transaction: every statement leaves alone what is there. Times are milliseconds since 1970.

-- Two programs that start at once take turns: IF NOT EXISTS alone does not keep them apart.
SELECT pg_advisory_xact_lock(7164226184);

-- One row a mail, from its arrival to its ticket: what the smoke test and the operators look at.
CREATE TABLE IF NOT EXISTS mails (
    id           TEXT    NOT NULL PRIMARY KEY,
    sender       TEXT    NOT NULL,
    subject      TEXT    NOT NULL,
    state        TEXT    NOT NULL,
    published_at BIGINT NOT NULL,
    claimed_at   BIGINT,
    done_at      BIGINT,
    -- Deliveries to the help desk that failed. A breaker or a stopped bridge counts none.
    failures     BIGINT NOT NULL DEFAULT 0,
    reason       TEXT,
    answer       TEXT,
    mailboxes    TEXT,
    tickets      TEXT,
    dedup_keys   TEXT,
    dedup_until  BIGINT
);
CREATE INDEX IF NOT EXISTS mails_by_time ON mails (published_at);
CREATE INDEX IF NOT EXISTS mails_by_sender ON mails (sender, done_at);

CREATE TABLE IF NOT EXISTS queue (
    seq          BIGINT PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    id           TEXT    NOT NULL UNIQUE,
    -- In order among themselves: the mails of one sender.
    grp          TEXT    NOT NULL,
    payload      BYTEA   NOT NULL,
    published_at BIGINT NOT NULL,
    -- Not to be claimed before: a time of waiting, or of whoever is at it.
    visible_at   BIGINT NOT NULL,
    deliveries   BIGINT NOT NULL DEFAULT 0,
    owner        TEXT    NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS queue_in_order ON queue (grp, seq);

CREATE TABLE IF NOT EXISTS dead_letters (
    id           TEXT    NOT NULL PRIMARY KEY,
    grp          TEXT    NOT NULL,
    payload      BYTEA   NOT NULL,
    published_at BIGINT NOT NULL,
    dead_at      BIGINT NOT NULL,
    deliveries   BIGINT NOT NULL,
    reason       TEXT    NOT NULL,
    answer       TEXT    NOT NULL,
    -- Where it is in the queue again. Never deleted: the letter is the evidence.
    redriven_at  BIGINT
);

-- A dead letter's way to each handler: told until it is taken, and never a dead letter itself.
CREATE TABLE IF NOT EXISTS dead_letter_jobs (
    letter       TEXT    NOT NULL,
    dead_at      BIGINT NOT NULL,
    handler      TEXT    NOT NULL,
    next_at      BIGINT NOT NULL,
    attempts     BIGINT NOT NULL DEFAULT 0,
    done_at      BIGINT,
    error        TEXT,
    PRIMARY KEY (letter, dead_at, handler)
);

-- SHA-256 of Message-ID and mailbox.
CREATE TABLE IF NOT EXISTS dedup (
    key          TEXT    NOT NULL PRIMARY KEY,
    -- Of the content: who only knows an id does not hold back another's mail.
    fingerprint  TEXT    NOT NULL,
    mail         TEXT    NOT NULL,
    state        TEXT    NOT NULL,
    claims       BIGINT NOT NULL,
    until        BIGINT NOT NULL,
    ticket       TEXT
);

CREATE TABLE IF NOT EXISTS routes (
    address      TEXT    NOT NULL PRIMARY KEY,
    mailbox      BIGINT NOT NULL
);

CREATE TABLE IF NOT EXISTS settings (
    name         TEXT    NOT NULL PRIMARY KEY,
    value        TEXT    NOT NULL
);

CREATE TABLE IF NOT EXISTS secrets (
    name         TEXT    NOT NULL PRIMARY KEY,
    sealed       BYTEA   NOT NULL,
    -- Which master key sealed it, by the start of its SHA-256.
    key_id       TEXT    NOT NULL,
    place        TEXT    NOT NULL,
    set_at       BIGINT NOT NULL,
    uses         BIGINT NOT NULL DEFAULT 0,
    used_at      BIGINT
);

CREATE TABLE IF NOT EXISTS deploys (
    seq          BIGINT NOT NULL PRIMARY KEY,
    run_id       TEXT    NOT NULL UNIQUE,
    entry        TEXT    NOT NULL,
    previous     TEXT    NOT NULL,
    hash         TEXT    NOT NULL
);

-- What became of mails that were sent, and bodies that no handler can read: as they were received.
CREATE TABLE IF NOT EXISTS events (
    id           BIGINT PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    kind         TEXT    NOT NULL,
    payload      BYTEA   NOT NULL,
    received_at  BIGINT NOT NULL,
    hash         TEXT    NOT NULL UNIQUE
);
