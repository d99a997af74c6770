-- Machines that were there: what their hosts say of them in detail, and who claims them (认领).
ALTER TABLE unregistered ADD COLUMN found TEXT NOT NULL DEFAULT '';
CREATE TABLE claim (
    id TEXT NOT NULL PRIMARY KEY,
    host TEXT NOT NULL REFERENCES host (id),
    vm TEXT NOT NULL,
    name TEXT NOT NULL,
    system TEXT NOT NULL REFERENCES system (id),
    unit TEXT NOT NULL REFERENCES unit (id),
    account TEXT NOT NULL,
    reason TEXT NOT NULL DEFAULT '',
    state INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    found TEXT NOT NULL,
    decided_by TEXT NOT NULL DEFAULT '',
    decided_ms INTEGER NOT NULL DEFAULT 0,
    decision TEXT NOT NULL DEFAULT '',
    grant_ TEXT NOT NULL DEFAULT ''
);
CREATE INDEX claim_state ON claim (state, at_ms);
CREATE INDEX claim_unit ON claim (unit, state, at_ms);
CREATE INDEX claim_vm ON claim (vm, state);
