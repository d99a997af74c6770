-- Causes noted beside a clock (they never stop it), and the secret address of an account's feed.
CREATE TABLE clock_cause (
    id TEXT NOT NULL PRIMARY KEY,
    clock TEXT NOT NULL REFERENCES clock (id),
    cause INTEGER NOT NULL,
    note TEXT NOT NULL,
    account TEXT NOT NULL,
    since_ms INTEGER NOT NULL,
    at_ms INTEGER NOT NULL
);
CREATE INDEX clock_cause_clock ON clock_cause (clock);
CREATE TABLE clock_feed (
    account TEXT NOT NULL PRIMARY KEY REFERENCES account (id),
    token_sha256 TEXT NOT NULL UNIQUE,
    at_ms INTEGER NOT NULL
);
CREATE INDEX clock_duty ON clock (duty_role, due_ms);
