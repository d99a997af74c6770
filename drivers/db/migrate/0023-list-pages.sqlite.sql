-- Lists are read page by page in the order of an index, whatever is asked for.
CREATE INDEX finding_page ON finding (since_ms, id) WHERE newest = 1;
CREATE INDEX finding_flagged ON finding (since_ms, id) WHERE newest = 1 AND verdict IN (2, 3);
CREATE INDEX finding_unit ON finding (unit, since_ms, id) WHERE newest = 1;
DROP INDEX finding_newest;
CREATE INDEX approver_page ON approver (name, registered_ms, id);
CREATE INDEX claim_page ON claim (CASE WHEN state = 1 THEN 0 ELSE 1 END, -at_ms, id);
CREATE INDEX grant_page ON grant_ (accepted_ms, id);
DROP INDEX grant_unit;
CREATE INDEX grant_unit ON grant_ (unit, accepted_ms, id);
CREATE INDEX hold_page ON hold (at_ms, id) WHERE ended_ms = 0;
CREATE INDEX image_page ON image (name, -created_ms, id);
-- The sums of a host are read from the index alone.
DROP INDEX resource_host;
CREATE INDEX resource_host ON resource (host, kind, wanted, vcpus, mem_mib);
CREATE INDEX resource_ip ON resource (ip) WHERE ip <> '';
CREATE INDEX system_page ON system (name, id);
