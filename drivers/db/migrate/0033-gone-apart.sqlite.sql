-- What is gone for good is a list of its own: nobody reads over it to find what is there.
DROP INDEX resource_page;
CREATE INDEX resource_page ON resource ((absent_ms > 0), name, id);
DROP INDEX resource_unit_page;
CREATE INDEX resource_unit_page ON resource (unit, (absent_ms > 0), name, id);
DROP INDEX resource_system;
CREATE INDEX resource_system ON resource (system, (absent_ms > 0), name, id);
