-- What every creation and every poll asks is answered from an index: names of a system, things of a
-- grant, open orders, holds in force.
CREATE INDEX resource_name ON resource (system, name) WHERE absent_ms = 0;
CREATE INDEX resource_grant_there ON resource (grant_, absent_ms) WHERE absent_ms = 0;
CREATE INDEX order_grant_open ON order_ (grant_) WHERE closed_ms = 0 AND superseded_ms = 0;
CREATE INDEX resource_same ON resource (host, system) WHERE kind = 1 AND absent_ms = 0;
CREATE INDEX hold_open ON hold (at_ms) WHERE ended_ms = 0;
