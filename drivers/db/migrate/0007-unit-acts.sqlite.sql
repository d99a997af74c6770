-- What units did by themselves, to be undone for a while.  what: w_unit_act; other: the machine of an
-- attach or detach; before_, after_: JSON of unit_state.
CREATE TABLE unit_act (
    seq INTEGER NOT NULL PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    at_ms INTEGER NOT NULL,
    unit TEXT NOT NULL REFERENCES unit (id),
    account TEXT NOT NULL,
    what INTEGER NOT NULL,
    resource TEXT NOT NULL REFERENCES resource (id),
    other TEXT NOT NULL DEFAULT '',
    text TEXT NOT NULL,
    before_ TEXT NOT NULL,
    after_ TEXT NOT NULL,
    until_ms INTEGER NOT NULL,
    undone_by TEXT NOT NULL DEFAULT ''
);
CREATE INDEX unit_act_unit ON unit_act (unit, seq);
CREATE INDEX unit_act_resource ON unit_act (resource, seq);
