-- What every creation asks is answered from an index: names of a system, things of a grant, open orders.
CREATE INDEX resource_name ON resource (system, name) WHERE absent_ms = 0;
CREATE INDEX resource_grant_there ON resource (grant_, absent_ms) WHERE absent_ms = 0;
CREATE INDEX order_grant_open ON order_ (grant_) WHERE closed_ms = 0 AND superseded_ms = 0;
CREATE INDEX resource_same ON resource (host, system) WHERE kind = 1 AND absent_ms = 0;
