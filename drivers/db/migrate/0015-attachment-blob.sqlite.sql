-- Parts stay where they were uploaded to: a document that is whole says under which id they lie, the
-- first with its hash lends them to the others.  Moving 16 MiB to another key held up the writer.
ALTER TABLE attachment ADD COLUMN blob_ TEXT NOT NULL DEFAULT '';
UPDATE attachment SET blob_ = CASE WHEN whole = 1 THEN sha256 ELSE id END;
CREATE INDEX attachment_sha256 ON attachment (sha256) WHERE whole = 1;
CREATE INDEX attachment_day ON attachment (unit, at_ms);
-- Under these ids lie parts that another document has too: they are dropped a few at a time.
CREATE TABLE attachment_surplus (
    owner TEXT NOT NULL PRIMARY KEY
);
