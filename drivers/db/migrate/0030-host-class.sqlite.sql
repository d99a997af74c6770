-- Class of a host's storage pool, as the provider names it; '' is none.
ALTER TABLE host ADD COLUMN pool_class TEXT NOT NULL DEFAULT '';
