-- How many resources stand under a grant is counted at each creation, and open orders by verb each
-- time that somebody looks at the state: in the index alone.  The columns of its condition are in it
-- because a query that names them would look into the table.
DROP INDEX resource_grant_there;
CREATE INDEX resource_grant_there ON resource (grant_, part_of, absent_ms) WHERE absent_ms = 0;
DROP INDEX order_grant_open;
CREATE INDEX order_grant_open ON order_ (grant_, verb, issued_ms, closed_ms, superseded_ms) WHERE closed_ms = 0 AND superseded_ms = 0;
