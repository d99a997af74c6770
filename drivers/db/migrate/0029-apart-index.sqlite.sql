-- Placing asks how many machines of a system a host has, and how many of them must be apart.
DROP INDEX resource_same;
CREATE INDEX resource_same ON resource (host, system, apart) WHERE kind = 1 AND absent_ms = 0;
