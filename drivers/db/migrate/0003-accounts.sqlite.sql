-- Units form a tree: parent '' is directly under the city.  kind: wire.h, enum w_unit_kind; units of
-- before are what the roles of their people say.
ALTER TABLE unit ADD COLUMN kind INTEGER NOT NULL DEFAULT 4;
ALTER TABLE unit ADD COLUMN parent TEXT NOT NULL DEFAULT '';
CREATE INDEX unit_parent ON unit (parent);
UPDATE unit SET kind=COALESCE((SELECT CASE min(a.role) WHEN 1 THEN 1 WHEN 2 THEN 1 WHEN 3 THEN 3 WHEN 5 THEN 6 ELSE 4 END FROM account a WHERE a.unit=unit.id), 4);

-- role is 0, nobody, until the account is assigned; asked is what it was registered for.
CREATE TABLE account_new (
    id TEXT NOT NULL PRIMARY KEY,
    login TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    unit TEXT NOT NULL REFERENCES unit (id),
    employer TEXT NOT NULL DEFAULT '',
    role INTEGER NOT NULL CHECK (role BETWEEN 0 AND 8),
    asked INTEGER NOT NULL DEFAULT 0,
    disabled INTEGER NOT NULL DEFAULT 0,
    created_ms INTEGER NOT NULL,
    id_hash TEXT UNIQUE,
    letter_sha256 TEXT NOT NULL DEFAULT '',
    expires_ms INTEGER NOT NULL DEFAULT 0,
    locked_until_ms INTEGER NOT NULL DEFAULT 0,
    password TEXT NOT NULL DEFAULT '',
    password_ms INTEGER NOT NULL DEFAULT 0
);
INSERT INTO account_new (id, login, name, unit, employer, role, asked, disabled, created_ms)
    SELECT id, login, name, unit, employer, role, role, disabled, created_ms FROM account;
DROP TABLE account;
ALTER TABLE account_new RENAME TO account;

-- 0: the session does not end by not being used.
ALTER TABLE session ADD COLUMN idle_ms INTEGER NOT NULL DEFAULT 0;

CREATE TABLE login_policy (
    seq INTEGER NOT NULL PRIMARY KEY,
    body TEXT NOT NULL,
    account TEXT NOT NULL,
    at_ms INTEGER NOT NULL
);
-- Second factors: kind 1 a signing key, 2 a secret for one-time codes, which counts once its first
-- code was shown (confirmed_ms); last_step: no code is taken twice.
CREATE TABLE factor (
    id TEXT NOT NULL PRIMARY KEY,
    account TEXT NOT NULL REFERENCES account (id),
    kind INTEGER NOT NULL,
    name TEXT NOT NULL,
    alg TEXT NOT NULL,
    secret TEXT NOT NULL,
    last_step INTEGER NOT NULL DEFAULT 0,
    created_ms INTEGER NOT NULL,
    confirmed_ms INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX factor_account ON factor (account, created_ms);
