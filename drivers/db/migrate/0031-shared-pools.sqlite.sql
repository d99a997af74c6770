-- A folder that several hosts see.  One of them, its steward, makes what is in it; paper: the signed
-- word that says so.
CREATE TABLE pool (
    id TEXT NOT NULL PRIMARY KEY, -- as the folder says
    name TEXT NOT NULL UNIQUE,
    class TEXT NOT NULL DEFAULT '',
    steward TEXT NOT NULL,
    steward_name TEXT NOT NULL,
    term INTEGER NOT NULL,
    paper TEXT NOT NULL,
    since_ms INTEGER NOT NULL, -- this steward
    found_ms INTEGER NOT NULL
);
-- The shared pool that the host tells of; '': it has one of its own.
ALTER TABLE host ADD COLUMN pool TEXT NOT NULL DEFAULT '';
CREATE INDEX host_pool ON host (pool) WHERE pool <> '';
CREATE INDEX pool_steward ON pool (steward);
