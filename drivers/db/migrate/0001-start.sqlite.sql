-- Times are UTC milliseconds, ids are UUID text, hashes are 64 lower-case hex digits, booleans 0/1,
-- enumerations the integers of wire.h.  Signed papers are kept verbatim as text.  Every table has one
-- writer thread.  "revision" is a cursor of counter 'revision': it tells news, never authority.

-- Facts about this store, by name: see controller/meta.h for the names.
CREATE TABLE meta (
    k TEXT NOT NULL PRIMARY KEY,
    v TEXT NOT NULL
);
CREATE TABLE counter (
    k TEXT NOT NULL PRIMARY KEY,
    n INTEGER NOT NULL
);
-- Above 0, so that a cursor is never 0 once a host has heard something.
INSERT INTO counter (k, n) VALUES ('revision', 1);

-- ---- people -------------------------------------------------------------------------------------
CREATE TABLE unit (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    code TEXT NOT NULL DEFAULT '',
    created_ms INTEGER NOT NULL
);
CREATE TABLE account (
    id TEXT NOT NULL PRIMARY KEY,
    login TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    unit TEXT NOT NULL REFERENCES unit (id),
    employer TEXT NOT NULL DEFAULT '',
    role INTEGER NOT NULL CHECK (role BETWEEN 1 AND 5),
    disabled INTEGER NOT NULL DEFAULT 0,
    created_ms INTEGER NOT NULL
);
CREATE TABLE one_time_token (
    token_sha256 TEXT NOT NULL PRIMARY KEY,
    account TEXT NOT NULL REFERENCES account (id),
    expires_ms INTEGER NOT NULL,
    used_ms INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX one_time_token_account ON one_time_token (account);
CREATE TABLE session (
    token_sha256 TEXT NOT NULL PRIMARY KEY,
    account TEXT NOT NULL REFERENCES account (id),
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL
);
CREATE INDEX session_account ON session (account, created_ms);
CREATE TABLE key_statement (
    serial INTEGER NOT NULL PRIMARY KEY,
    paper TEXT NOT NULL,
    at_ms INTEGER NOT NULL
);
-- Which account holds which grant key, by the newest statement (its holder is the account's login).
CREATE TABLE account_key (
    key_id TEXT NOT NULL PRIMARY KEY,
    account TEXT NOT NULL REFERENCES account (id)
);
CREATE TABLE request (
    account TEXT NOT NULL,
    id TEXT NOT NULL,
    body_sha256 TEXT NOT NULL,
    route TEXT NOT NULL,
    status INTEGER NOT NULL,
    answer TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    PRIMARY KEY (account, id)
);
CREATE INDEX request_at ON request (at_ms);
CREATE TABLE policy (
    seq INTEGER NOT NULL PRIMARY KEY,
    version TEXT NOT NULL UNIQUE,
    body TEXT NOT NULL,
    account TEXT NOT NULL,
    at_ms INTEGER NOT NULL
);

-- ---- the ledger (审计台账) ------------------------------------------------------------------------
CREATE TABLE ledger (
    seq INTEGER NOT NULL PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    actor TEXT NOT NULL,
    act TEXT NOT NULL,
    subject TEXT NOT NULL,
    body TEXT,
    body_sha256 TEXT NOT NULL,
    hash TEXT NOT NULL
);
CREATE INDEX ledger_subject ON ledger (subject, seq);
CREATE TABLE ledger_head (
    seq INTEGER NOT NULL PRIMARY KEY,
    paper TEXT NOT NULL
);

-- ---- hosts --------------------------------------------------------------------------------------
-- state: enrolling, ready, cordoned, revoked, refused (two live boot ids).  Silent and held are
-- worked out from seen_ms and hold.
CREATE TABLE host (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    zone TEXT NOT NULL DEFAULT '',
    state TEXT NOT NULL,
    reason TEXT NOT NULL DEFAULT '',
    incarnation INTEGER NOT NULL DEFAULT 0,
    cpu_overcommit_percent INTEGER NOT NULL,
    mem_overcommit_percent INTEGER NOT NULL,
    boot TEXT NOT NULL DEFAULT '',
    agent_version TEXT NOT NULL DEFAULT '',
    arch TEXT NOT NULL DEFAULT '',
    cpus INTEGER NOT NULL DEFAULT 0,
    mem_mib INTEGER NOT NULL DEFAULT 0,
    pool_bytes INTEGER NOT NULL DEFAULT 0,
    pool_free_bytes INTEGER NOT NULL DEFAULT 0,
    kvm INTEGER NOT NULL DEFAULT 0,
    lock_manager INTEGER NOT NULL DEFAULT 0,
    seen_ms INTEGER NOT NULL DEFAULT 0,
    status_boot TEXT NOT NULL DEFAULT '',
    status_seq INTEGER NOT NULL DEFAULT 0,
    samples_boot TEXT NOT NULL DEFAULT '',
    samples_seq INTEGER NOT NULL DEFAULT 0,
    inventory_ms INTEGER NOT NULL DEFAULT 0,
    inventory_unknown INTEGER NOT NULL DEFAULT 0,
    inventory_reason TEXT NOT NULL DEFAULT '',
    receipts_wanted INTEGER NOT NULL DEFAULT 0,
    witness_seq INTEGER NOT NULL DEFAULT 0,
    witness_head TEXT NOT NULL DEFAULT '',
    revision INTEGER NOT NULL DEFAULT 0,
    promised_vcpus INTEGER NOT NULL DEFAULT 0,
    promised_mem_mib INTEGER NOT NULL DEFAULT 0,
    promised_bytes INTEGER NOT NULL DEFAULT 0,
    created_ms INTEGER NOT NULL
);
CREATE TABLE host_token (
    token_sha256 TEXT NOT NULL PRIMARY KEY,
    host TEXT NOT NULL REFERENCES host (id),
    expires_ms INTEGER NOT NULL,
    used_ms INTEGER NOT NULL DEFAULT 0,
    csr_sha256 TEXT NOT NULL DEFAULT '',
    fingerprint TEXT NOT NULL DEFAULT ''
);
CREATE TABLE host_cert (
    fingerprint TEXT NOT NULL PRIMARY KEY,
    host TEXT NOT NULL REFERENCES host (id),
    incarnation INTEGER NOT NULL,
    pem TEXT NOT NULL,
    issued_ms INTEGER NOT NULL,
    not_after_ms INTEGER NOT NULL,
    revoked_ms INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX host_cert_host ON host_cert (host, issued_ms);
-- A boot id never comes back: one that does proves two machines on one key.
CREATE TABLE host_boot (
    host TEXT NOT NULL REFERENCES host (id),
    boot TEXT NOT NULL,
    incarnation INTEGER NOT NULL,
    first_ms INTEGER NOT NULL,
    PRIMARY KEY (host, boot)
);
CREATE TABLE hold (
    id TEXT NOT NULL PRIMARY KEY,
    host TEXT NOT NULL REFERENCES host (id),
    resource TEXT NOT NULL DEFAULT '',
    until_ms INTEGER NOT NULL,
    reason TEXT NOT NULL,
    account TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    ended_ms INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX hold_host ON hold (host, ended_ms);

-- ---- what is granted ----------------------------------------------------------------------------
CREATE TABLE system (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    unit TEXT NOT NULL REFERENCES unit (id),
    mlps_level INTEGER NOT NULL,
    purpose TEXT NOT NULL,
    ssh_key TEXT NOT NULL DEFAULT '',
    created_ms INTEGER NOT NULL,
    UNIQUE (unit, name)
);
CREATE TABLE grant_ (
    id TEXT NOT NULL PRIMARY KEY,
    number TEXT NOT NULL UNIQUE,
    system TEXT NOT NULL REFERENCES system (id),
    unit TEXT NOT NULL REFERENCES unit (id),
    approver TEXT NOT NULL,
    account TEXT NOT NULL,
    approved_ms INTEGER NOT NULL,
    valid_from_ms INTEGER NOT NULL,
    valid_to_ms INTEGER NOT NULL,
    hold_ms INTEGER NOT NULL,
    paper TEXT NOT NULL,
    body_sha256 TEXT NOT NULL,
    accepted_ms INTEGER NOT NULL,
    superseded_by TEXT NOT NULL DEFAULT ''
);
CREATE INDEX grant_system ON grant_ (system);
CREATE INDEX grant_unit ON grant_ (unit, accepted_ms);
CREATE TABLE clock (
    grant_ TEXT NOT NULL PRIMARY KEY REFERENCES grant_ (id),
    start_ms INTEGER NOT NULL,
    due_day TEXT NOT NULL,
    due_ms INTEGER NOT NULL,
    provisional INTEGER NOT NULL DEFAULT 0,
    met_ms INTEGER NOT NULL DEFAULT 0,
    overdue_ms INTEGER NOT NULL DEFAULT 0
);

-- ---- what should be, and what is ------------------------------------------------------------------
-- generation, term, order_, wanted and host are written by order_issue(); the seen_ columns by status
-- reports; bytes: vm: root disk, volume: capacity; promised_: the room it takes of its host, the larger
-- of wanted and seen, summed in the host's row.
CREATE TABLE resource (
    id TEXT NOT NULL PRIMARY KEY,
    kind INTEGER NOT NULL,
    name TEXT NOT NULL,
    system TEXT NOT NULL REFERENCES system (id),
    unit TEXT NOT NULL REFERENCES unit (id),
    grant_ TEXT NOT NULL REFERENCES grant_ (id),
    line INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    host TEXT NOT NULL REFERENCES host (id),
    wanted INTEGER NOT NULL DEFAULT 0,
    term INTEGER NOT NULL DEFAULT 0,
    generation INTEGER NOT NULL DEFAULT 0,
    order_ TEXT NOT NULL DEFAULT '',
    vm TEXT NOT NULL DEFAULT '',
    network TEXT NOT NULL DEFAULT '',
    vcpus INTEGER NOT NULL DEFAULT 0,
    mem_mib INTEGER NOT NULL DEFAULT 0,
    bytes INTEGER NOT NULL DEFAULT 0,
    prior_vcpus INTEGER NOT NULL DEFAULT 0,
    prior_mem_mib INTEGER NOT NULL DEFAULT 0,
    ip TEXT NOT NULL DEFAULT '',
    bridge TEXT UNIQUE,
    cidr TEXT NOT NULL DEFAULT '',
    seen INTEGER NOT NULL DEFAULT 0,
    seen_term INTEGER NOT NULL DEFAULT 0,
    seen_generation INTEGER NOT NULL DEFAULT 0,
    seen_equal INTEGER NOT NULL DEFAULT 0,
    seen_ms INTEGER NOT NULL DEFAULT 0,
    seen_vcpus INTEGER NOT NULL DEFAULT 0,
    seen_mem_mib INTEGER NOT NULL DEFAULT 0,
    seen_bytes INTEGER NOT NULL DEFAULT 0,
    seen_code TEXT NOT NULL DEFAULT '',
    seen_reason TEXT NOT NULL DEFAULT '',
    created_ms INTEGER NOT NULL,
    binned_ms INTEGER NOT NULL DEFAULT 0,
    absent_ms INTEGER NOT NULL DEFAULT 0,
    backup_declared INTEGER NOT NULL DEFAULT 0,
    plan TEXT NOT NULL DEFAULT '',
    certificate TEXT NOT NULL DEFAULT '',
    promised_vcpus INTEGER NOT NULL DEFAULT 0,
    promised_mem_mib INTEGER NOT NULL DEFAULT 0,
    promised_bytes INTEGER NOT NULL DEFAULT 0,
    UNIQUE (grant_, line, ordinal)
);
CREATE INDEX resource_page ON resource (name, id);
CREATE INDEX resource_unit_page ON resource (unit, name, id);
CREATE INDEX resource_system ON resource (system, kind);
CREATE INDEX resource_host ON resource (host, kind);
CREATE INDEX resource_vm ON resource (vm) WHERE vm <> '';
CREATE TABLE order_ (
    id TEXT NOT NULL PRIMARY KEY,
    resource TEXT NOT NULL REFERENCES resource (id),
    kind INTEGER NOT NULL,
    grant_ TEXT NOT NULL REFERENCES grant_ (id),
    host TEXT NOT NULL REFERENCES host (id),
    incarnation INTEGER NOT NULL,
    term INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    verb INTEGER NOT NULL,
    wanted INTEGER NOT NULL,
    authority INTEGER NOT NULL,
    authority_id TEXT NOT NULL,
    body TEXT NOT NULL,
    paper TEXT NOT NULL DEFAULT '',
    revision INTEGER NOT NULL,
    issued_ms INTEGER NOT NULL,
    closed_ms INTEGER NOT NULL DEFAULT 0,
    superseded_ms INTEGER NOT NULL DEFAULT 0,
    reason TEXT NOT NULL DEFAULT '',
    UNIQUE (resource, term, generation)
);
CREATE INDEX order_host ON order_ (host, revision);
CREATE INDEX order_grant ON order_ (grant_, issued_ms);
CREATE INDEX order_issued ON order_ (issued_ms, id);
CREATE INDEX order_open ON order_ (host) WHERE closed_ms = 0 AND superseded_ms = 0;
CREATE TABLE address (
    network TEXT NOT NULL REFERENCES resource (id),
    ip TEXT NOT NULL,
    mac TEXT NOT NULL UNIQUE,
    resource TEXT NOT NULL REFERENCES resource (id),
    PRIMARY KEY (network, ip)
);
CREATE INDEX address_resource ON address (resource);
-- Double entry: each movement is two rows of one metric whose amounts sum to 0.
-- account_ is granted, free, reserved or used of the grant.
CREATE TABLE quota_entry (
    seq INTEGER NOT NULL PRIMARY KEY,
    grant_ TEXT NOT NULL REFERENCES grant_ (id),
    metric TEXT NOT NULL,
    account_ TEXT NOT NULL,
    amount INTEGER NOT NULL,
    movement TEXT NOT NULL,
    resource TEXT NOT NULL DEFAULT '',
    order_ TEXT NOT NULL DEFAULT '',
    at_ms INTEGER NOT NULL
);
CREATE INDEX quota_entry_sum ON quota_entry (grant_, metric, account_, amount);
CREATE INDEX quota_entry_resource ON quota_entry (resource, metric, account_, amount);
CREATE INDEX quota_entry_movement ON quota_entry (movement);
-- The same, summed as it is written, so that asking costs one row; the proof round holds the sums
-- against the entries.
CREATE TABLE quota_sum (
    grant_ TEXT NOT NULL REFERENCES grant_ (id),
    metric TEXT NOT NULL,
    account_ TEXT NOT NULL,
    amount INTEGER NOT NULL,
    PRIMARY KEY (grant_, metric, account_)
) WITHOUT ROWID;
-- The newest full inventory of each host: what was really found there.
CREATE TABLE inventory (
    host TEXT NOT NULL REFERENCES host (id),
    resource TEXT NOT NULL,
    kind INTEGER NOT NULL,
    seen INTEGER NOT NULL,
    vcpus INTEGER NOT NULL DEFAULT 0,
    mem_mib INTEGER NOT NULL DEFAULT 0,
    bytes INTEGER NOT NULL DEFAULT 0,
    at_ms INTEGER NOT NULL,
    PRIMARY KEY (host, resource)
);
CREATE INDEX inventory_resource ON inventory (resource);
CREATE TABLE unregistered (
    host TEXT NOT NULL REFERENCES host (id),
    id TEXT NOT NULL,
    kind INTEGER NOT NULL,
    name TEXT NOT NULL DEFAULT '',
    seen INTEGER NOT NULL,
    first_ms INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    PRIMARY KEY (host, kind, id)
);

-- ---- utilization ----------------------------------------------------------------------------------
CREATE TABLE slot (
    vm TEXT NOT NULL,
    metric INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    slot_ms INTEGER NOT NULL,
    running_ms INTEGER NOT NULL,
    avg INTEGER NOT NULL,
    peak INTEGER NOT NULL,
    PRIMARY KEY (vm, metric, at_ms)
) WITHOUT ROWID;
CREATE TABLE hist_day (
    vm TEXT NOT NULL,
    metric INTEGER NOT NULL,
    day INTEGER NOT NULL,
    avg_hist TEXT NOT NULL,
    peak_hist TEXT NOT NULL,
    n INTEGER NOT NULL,
    running_ms INTEGER NOT NULL,
    avg_sum INTEGER NOT NULL,
    avg_min INTEGER NOT NULL,
    avg_max INTEGER NOT NULL,
    peak_max INTEGER NOT NULL,
    PRIMARY KEY (vm, metric, day)
) WITHOUT ROWID;
CREATE TABLE finding (
    id TEXT NOT NULL PRIMARY KEY,
    vm TEXT NOT NULL REFERENCES resource (id),
    system TEXT NOT NULL,
    unit TEXT NOT NULL,
    grant_ TEXT NOT NULL,
    verdict INTEGER NOT NULL,
    reason TEXT NOT NULL,
    facts TEXT NOT NULL,
    policy TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    since_ms INTEGER NOT NULL,
    suggest_vcpus INTEGER NOT NULL DEFAULT 0,
    suggest_mem_mib INTEGER NOT NULL DEFAULT 0,
    newest INTEGER NOT NULL DEFAULT 1,
    plan TEXT NOT NULL DEFAULT ''
);
CREATE INDEX finding_vm ON finding (vm, at_ms);
CREATE INDEX finding_newest ON finding (newest, verdict, at_ms);

-- ---- taking away ----------------------------------------------------------------------------------
CREATE TABLE plan (
    id TEXT NOT NULL PRIMARY KEY,
    finding TEXT NOT NULL,
    grant_ TEXT NOT NULL REFERENCES grant_ (id),
    system TEXT NOT NULL,
    approver TEXT NOT NULL,
    account TEXT NOT NULL,
    issued_ms INTEGER NOT NULL,
    hold_ms INTEGER NOT NULL,
    paper TEXT NOT NULL,
    accepted_ms INTEGER NOT NULL
);
-- due lines become orders at not_before_ms; order_ '' means not yet.
CREATE TABLE plan_line (
    plan TEXT NOT NULL REFERENCES plan (id),
    n INTEGER NOT NULL,
    resource TEXT NOT NULL REFERENCES resource (id),
    verb INTEGER NOT NULL,
    vcpus INTEGER NOT NULL DEFAULT 0,
    mem_mib INTEGER NOT NULL DEFAULT 0,
    not_before_ms INTEGER NOT NULL,
    order_ TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (plan, n)
);
CREATE INDEX plan_line_due ON plan_line (not_before_ms) WHERE order_ = '';
CREATE TABLE certificate (
    id TEXT NOT NULL PRIMARY KEY,
    resource TEXT NOT NULL REFERENCES resource (id),
    unit TEXT NOT NULL,
    order_ TEXT NOT NULL,
    paper TEXT NOT NULL,
    page TEXT NOT NULL,
    issued_ms INTEGER NOT NULL
);
