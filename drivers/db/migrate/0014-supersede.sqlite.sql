-- What an approved change supersedes, and the way back from the newer grant to the older ones.
ALTER TABLE grant_ ADD COLUMN supersedes TEXT NOT NULL DEFAULT '';
CREATE INDEX grant_superseded ON grant_ (superseded_by) WHERE superseded_by <> '';
CREATE INDEX grant_supersedes ON grant_ (supersedes) WHERE supersedes <> '';
CREATE INDEX resource_grant ON resource (grant_, line, ordinal);
