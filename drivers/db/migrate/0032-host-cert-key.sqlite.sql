-- Whose key signed, however many certificates the host was given since; '': given before this.
ALTER TABLE host_cert ADD COLUMN key_id TEXT NOT NULL DEFAULT '';
