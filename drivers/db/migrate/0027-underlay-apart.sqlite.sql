-- An address between hosts is one host's; what another says of it is refused, and why is shown.
ALTER TABLE host ADD COLUMN underlay_why TEXT NOT NULL DEFAULT '';
UPDATE host SET underlay = '' WHERE underlay <> '' AND (state = 'revoked' OR EXISTS (
    SELECT 1 FROM host other WHERE other.underlay = host.underlay AND other.id < host.id));
CREATE UNIQUE INDEX host_underlay ON host (underlay) WHERE underlay <> '';
-- A machine that must be apart from others of its system (2): later ones stay away from its host.
ALTER TABLE resource ADD COLUMN apart INTEGER NOT NULL DEFAULT 0;
