-- Plans are read page by page, newest first.
CREATE INDEX plan_page ON plan (accepted_ms, id);
