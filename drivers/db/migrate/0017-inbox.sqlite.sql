-- What waits for people, of every kind: each is read in the order of its deadline, or of how long it waits.
DROP INDEX case_inbox;
DROP INDEX case_inbox_unit;
CREATE INDEX case_waits ON case_ (waits, kind, due_ms, changed_ms, id);
CREATE INDEX case_waits_unit ON case_ (waits, kind, unit, due_ms, changed_ms, id);
CREATE INDEX account_waits ON account (created_ms, id) WHERE role = 0 AND disabled = 0;
CREATE INDEX claim_waits ON claim (at_ms, id) WHERE state = 1;
CREATE INDEX clock_deploy ON clock (unit, due_ms, start_ms, id)
    WHERE met_ms = 0 AND cancelled_ms = 0 AND kind = 'deploy';
CREATE INDEX clock_grant ON clock (due_ms, start_ms, id)
    WHERE met_ms = 0 AND cancelled_ms = 0 AND kind IN ('change', 'configure');
CREATE INDEX clock_waits ON clock (duty_role, due_ms, start_ms, id)
    WHERE met_ms = 0 AND cancelled_ms = 0 AND kind NOT IN ('account', 'change', 'configure', 'deploy', 'review');
CREATE INDEX clock_waits_unit ON clock (duty_role, unit, due_ms, start_ms, id)
    WHERE met_ms = 0 AND cancelled_ms = 0 AND kind NOT IN ('account', 'change', 'configure', 'deploy', 'review');
CREATE INDEX finding_waits ON finding (since_ms, id) WHERE newest = 1 AND plan = '' AND verdict IN (2, 3);
