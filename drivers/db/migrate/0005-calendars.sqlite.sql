-- Notices of days off that were imported (the shipped ones are compiled in).  The newest of a year
-- counts; earlier ones stay, so that a verdict can be made again by the calendar of its time.
CREATE TABLE calendar_import (
    seq INTEGER NOT NULL PRIMARY KEY,
    year INTEGER NOT NULL,
    body TEXT NOT NULL,
    reason TEXT NOT NULL DEFAULT '',
    account TEXT NOT NULL,
    at_ms INTEGER NOT NULL
);
