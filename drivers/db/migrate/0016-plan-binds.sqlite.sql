-- What a plan takes from the totals of a grant of free shape, and returns (version 2 of the paper).
ALTER TABLE plan ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE plan_line ADD COLUMN less_vcpus INTEGER NOT NULL DEFAULT 0;
ALTER TABLE plan_line ADD COLUMN less_mem_mib INTEGER NOT NULL DEFAULT 0;
ALTER TABLE plan_line ADD COLUMN less_disk_gib INTEGER NOT NULL DEFAULT 0;
CREATE INDEX plan_line_resource ON plan_line (resource);
CREATE INDEX plan_binds ON plan (grant_) WHERE version > 1;
