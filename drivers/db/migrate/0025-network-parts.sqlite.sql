-- A network over several hosts: its row stands on the host of its first part; each further part has a
-- row of its own, on its own host and with its own orders, that names it.
ALTER TABLE resource ADD COLUMN part_of TEXT NOT NULL DEFAULT '';
CREATE INDEX resource_part ON resource (part_of) WHERE part_of <> '';
CREATE INDEX resource_network ON resource (network, host) WHERE network <> '';
-- Which VXLAN network identifier a network has, until its last part is gone.
CREATE TABLE segment (
    vni INTEGER NOT NULL PRIMARY KEY,
    network TEXT NOT NULL UNIQUE REFERENCES resource (id)
);
