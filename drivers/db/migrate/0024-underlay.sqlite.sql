-- The address of a host on the network between hosts, as its agent says; '': none.
ALTER TABLE host ADD COLUMN underlay TEXT NOT NULL DEFAULT '';
