-- Legal clocks (办理时限) of any kind on any subject.  Until now there was one a grant: configure.
-- n, policy, calendar: what the due day was computed with; next_ms: when something is next to be
-- told or judged, 0 never; told_ms: all up to this instant has been told.
CREATE TABLE clock_any (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    subject_kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    title TEXT NOT NULL DEFAULT '',
    unit TEXT NOT NULL REFERENCES unit (id),
    duty_role INTEGER NOT NULL,
    start_ms INTEGER NOT NULL,
    event_day TEXT NOT NULL DEFAULT '',
    n INTEGER NOT NULL DEFAULT 0,
    policy TEXT NOT NULL DEFAULT '',
    calendar TEXT NOT NULL DEFAULT '',
    due_day TEXT NOT NULL,
    due_ms INTEGER NOT NULL,
    provisional INTEGER NOT NULL DEFAULT 0,
    met_ms INTEGER NOT NULL DEFAULT 0,
    overdue_ms INTEGER NOT NULL DEFAULT 0,
    cancelled_ms INTEGER NOT NULL DEFAULT 0,
    told_ms INTEGER NOT NULL DEFAULT 0,
    next_ms INTEGER NOT NULL DEFAULT 0
);
INSERT INTO clock_any (id, kind, subject_kind, subject, title, unit, duty_role, start_ms, due_day, due_ms,
    provisional, met_ms, overdue_ms, told_ms, next_ms)
  SELECT c.grant_, 'configure', 'grant', c.grant_, g.number, g.unit, 3, c.start_ms, c.due_day, c.due_ms,
    c.provisional, c.met_ms, c.overdue_ms, c.overdue_ms,
    CASE WHEN c.met_ms=0 THEN c.start_ms WHEN c.overdue_ms=0 AND c.met_ms>=c.due_ms THEN c.due_ms ELSE 0 END
  FROM clock c JOIN grant_ g ON g.id=c.grant_;
DROP TABLE clock;
ALTER TABLE clock_any RENAME TO clock;
CREATE UNIQUE INDEX clock_open ON clock (kind, subject) WHERE met_ms=0 AND cancelled_ms=0;
CREATE INDEX clock_subject ON clock (subject);
CREATE INDEX clock_due ON clock (due_ms, id);
CREATE INDEX clock_next ON clock (next_ms) WHERE next_ms>0;

-- Who was told what about a clock: at_ms is the instant that it fell due, told_ms when it was told.
CREATE TABLE clock_told (
    clock TEXT NOT NULL REFERENCES clock (id),
    what INTEGER NOT NULL,
    to_ INTEGER NOT NULL,
    days INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    told_ms INTEGER NOT NULL,
    PRIMARY KEY (clock, what, to_, days, at_ms)
);
