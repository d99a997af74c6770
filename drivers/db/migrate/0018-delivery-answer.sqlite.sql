-- A delivery says when it was last tried, whether it is under way, and what the other side answered.
-- tried_ms 0: never, and then alone may it still take in more notices.
ALTER TABLE delivery ADD COLUMN tried_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE delivery ADD COLUMN flying INTEGER NOT NULL DEFAULT 0;
ALTER TABLE delivery ADD COLUMN answer TEXT NOT NULL DEFAULT '';
UPDATE delivery SET tried_ms = next_ms WHERE attempts > 0 OR state <> 1;
CREATE INDEX delivery_wait ON delivery (channel, state, to_, next_ms, id);
