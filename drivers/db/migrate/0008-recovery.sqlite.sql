-- Hosts whose receipts a recovery does not wait for: somebody answers for it, with a reason.
CREATE TABLE recovery_without (
    host TEXT NOT NULL PRIMARY KEY REFERENCES host (id),
    account TEXT NOT NULL,
    reason TEXT NOT NULL,
    at_ms INTEGER NOT NULL
);
