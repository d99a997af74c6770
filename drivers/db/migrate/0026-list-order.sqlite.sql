-- What is open is read in its order without the history beside it; what one system has, in the order of its lists.
CREATE INDEX order_open_page ON order_ (issued_ms, id) WHERE closed_ms = 0 AND superseded_ms = 0;
DROP INDEX resource_system;
DROP INDEX resource_name;
CREATE INDEX resource_system ON resource (system, name, id);
DROP INDEX grant_system;
CREATE INDEX grant_system ON grant_ (system, accepted_ms, id);
