-- Who may approve elsewhere.  A withdrawn one stays, and its certificate or key is never taken again.
CREATE TABLE approver (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    unit TEXT NOT NULL,
    alg TEXT NOT NULL,
    sha256 TEXT NOT NULL UNIQUE,
    credential TEXT NOT NULL,
    not_before_ms INTEGER NOT NULL,
    not_after_ms INTEGER NOT NULL,
    registered_by TEXT NOT NULL,
    registered_ms INTEGER NOT NULL,
    withdrawn_ms INTEGER NOT NULL DEFAULT 0,
    reason TEXT NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX approver_name ON approver (name) WHERE withdrawn_ms = 0;
-- Approval numbers that an open case of kind import holds: one number, one grant.
CREATE TABLE import_held (
    number TEXT NOT NULL PRIMARY KEY,
    case_ TEXT NOT NULL REFERENCES case_ (id)
);
CREATE INDEX import_held_case ON import_held (case_);
