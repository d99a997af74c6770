-- Cases (办件) and their documents.  kind, state, event: the numbers of policies/case_fsm.def.
-- body: JSON of the kind's object.  rev rises with every step: who acts names the one that was read.
-- waits: role that must act, 0 nobody; due_ms: until when, far away when there is no clock.
CREATE TABLE case_ (
    id TEXT NOT NULL PRIMARY KEY,
    number TEXT NOT NULL UNIQUE,
    kind INTEGER NOT NULL,
    state INTEGER NOT NULL,
    rev INTEGER NOT NULL,
    unit TEXT NOT NULL REFERENCES unit (id),
    system TEXT NOT NULL DEFAULT '',
    grant_ TEXT NOT NULL DEFAULT '',
    subject TEXT NOT NULL DEFAULT '',
    title TEXT NOT NULL,
    body TEXT NOT NULL,
    waits INTEGER NOT NULL,
    due_ms INTEGER NOT NULL,
    opened_ms INTEGER NOT NULL,
    opened_by TEXT NOT NULL,
    changed_ms INTEGER NOT NULL
);
CREATE INDEX case_inbox ON case_ (waits, due_ms, id);
CREATE INDEX case_inbox_unit ON case_ (waits, unit, due_ms, id);
CREATE INDEX case_page ON case_ (opened_ms, id);
CREATE INDEX case_unit_page ON case_ (unit, opened_ms, id);
CREATE INDEX case_grant ON case_ (grant_) WHERE grant_ <> '';
CREATE TABLE case_step (
    case_ TEXT NOT NULL REFERENCES case_ (id),
    n INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    account TEXT NOT NULL,
    event INTEGER NOT NULL,
    state INTEGER NOT NULL,
    reason TEXT NOT NULL,
    body_sha256 TEXT NOT NULL,
    PRIMARY KEY (case_, n)
);
-- An attachment is a name for a blob that its unit has uploaded; equal blobs are kept once.
CREATE TABLE attachment (
    id TEXT NOT NULL PRIMARY KEY,
    unit TEXT NOT NULL REFERENCES unit (id),
    account TEXT NOT NULL,
    name TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    size INTEGER NOT NULL,
    type TEXT NOT NULL DEFAULT '',
    whole INTEGER NOT NULL DEFAULT 0,
    at_ms INTEGER NOT NULL
);
CREATE INDEX attachment_open ON attachment (account, at_ms) WHERE whole = 0;
-- Parts lie under the attachment's id while it is uploaded, under the hash once it is whole.
CREATE TABLE attachment_part (
    owner TEXT NOT NULL,
    part INTEGER NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (owner, part)
);
CREATE TABLE case_paper (
    case_ TEXT NOT NULL REFERENCES case_ (id),
    attachment TEXT NOT NULL REFERENCES attachment (id),
    what INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    PRIMARY KEY (case_, attachment)
);
CREATE INDEX case_paper_attachment ON case_paper (attachment);
INSERT INTO counter (k, n) VALUES ('case', 0);
