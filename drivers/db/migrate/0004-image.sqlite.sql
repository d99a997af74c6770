-- Base images.  Their bytes are files of DIR/images, named by SHA-256; what is here says what they are
-- and what may be done with them.
CREATE TABLE image (
    id TEXT NOT NULL PRIMARY KEY,
    sha256 TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    os TEXT NOT NULL,
    arch TEXT NOT NULL,
    boot INTEGER NOT NULL,
    min_disk_gib INTEGER NOT NULL DEFAULT 0,
    min_mem_mib INTEGER NOT NULL DEFAULT 0,
    default_user TEXT NOT NULL DEFAULT '',
    guest_agent INTEGER NOT NULL DEFAULT 0,
    size_bytes INTEGER NOT NULL,
    format INTEGER NOT NULL DEFAULT 0,
    virtual_bytes INTEGER NOT NULL DEFAULT 0,
    state TEXT NOT NULL,
    reason TEXT NOT NULL DEFAULT '',
    account TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    checked_ms INTEGER NOT NULL DEFAULT 0,
    publisher TEXT NOT NULL DEFAULT '',
    published_ms INTEGER NOT NULL DEFAULT 0,
    retired_ms INTEGER NOT NULL DEFAULT 0,
    UNIQUE (name, version)
);
CREATE INDEX image_state ON image (state);
