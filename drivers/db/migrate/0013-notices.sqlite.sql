-- Notices: what happened and for whom, written with it; deliveries carry them out of the house.
-- notice: kind is w_notice_kind; addressed to an account, or to a role (of a unit, when given).
-- delivery: channel is w_notice_channel, to_ an account or a webhook, state w_delivery_state; id is
-- the Message-ID, the same at every attempt; more: notices that found no room in it.
CREATE TABLE notice (
    seq INTEGER NOT NULL PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    role INTEGER NOT NULL DEFAULT 0,
    unit TEXT NOT NULL DEFAULT '',
    account TEXT NOT NULL DEFAULT '',
    subject TEXT NOT NULL,
    title TEXT NOT NULL,
    due_ms INTEGER NOT NULL DEFAULT 0,
    spread INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX notice_new ON notice (spread, seq);
CREATE TABLE notice_setting (
    account TEXT NOT NULL PRIMARY KEY REFERENCES account (id),
    mail TEXT NOT NULL,
    lang TEXT NOT NULL,
    kinds TEXT NOT NULL,
    changed_ms INTEGER NOT NULL
);
CREATE TABLE webhook (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    url TEXT NOT NULL,
    kinds TEXT NOT NULL,
    account TEXT NOT NULL,
    at_ms INTEGER NOT NULL
);
CREATE TABLE delivery (
    id TEXT NOT NULL PRIMARY KEY,
    channel INTEGER NOT NULL,
    to_ TEXT NOT NULL,
    state INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    more INTEGER NOT NULL DEFAULT 0,
    made_ms INTEGER NOT NULL,
    next_ms INTEGER NOT NULL,
    error TEXT NOT NULL DEFAULT ''
);
CREATE INDEX delivery_due ON delivery (state, channel, next_ms, id);
CREATE INDEX delivery_to ON delivery (to_, next_ms);
CREATE INDEX delivery_made ON delivery (made_ms, id);
CREATE TABLE delivery_item (
    delivery TEXT NOT NULL REFERENCES delivery (id),
    notice INTEGER NOT NULL REFERENCES notice (seq),
    PRIMARY KEY (delivery, notice)
);
CREATE INDEX delivery_item_notice ON delivery_item (notice);
