-- Since when no case names a document that is whole, 0 while one does: such a document goes after a while.
ALTER TABLE attachment ADD COLUMN loose_ms INTEGER NOT NULL DEFAULT 0;
UPDATE attachment SET loose_ms = at_ms WHERE whole = 1 AND id NOT IN (SELECT attachment FROM case_paper);
CREATE INDEX attachment_loose ON attachment (loose_ms) WHERE loose_ms > 0;
CREATE INDEX attachment_unit_loose ON attachment (unit) WHERE loose_ms > 0;
CREATE INDEX attachment_blob ON attachment (blob_);
