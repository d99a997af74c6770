-- Links to a first sign-in: good once, kept as hashes.
CREATE TABLE signin_link (
    token_sha256 TEXT NOT NULL PRIMARY KEY,
    case_ TEXT NOT NULL REFERENCES case_ (id),
    account TEXT NOT NULL,
    expires_ms INTEGER NOT NULL,
    used_ms INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX signin_link_case ON signin_link (case_);
