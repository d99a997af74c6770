#ifndef BY_AGENT_IDENT_H
#define BY_AGENT_IDENT_H
/* Who this host is: a folder, made by enrolment, with identity.json, the pinned CA and root key,
 * the current key and certificate (key-N.pem, cert-N.pem: N is in identity.json, so that both
 * change in one rename), and the folder of receipts.  Threads: one owner. */
#include <stdint.h>

#include "drivers/base/arena.h"
#include "drivers/base/error.h"
#include "drivers/codec/wire.h"

struct ident {
    char host[W_ID], store[W_ID];
    char name[W_NAME];
    uint64_t incarnation;
    uint64_t serial;     /* N of key-N.pem and cert-N.pem */
    char receipts[W_ID]; /* id of the receipts' folder */
    const char *url;     /* of the agents' listener */
    /* paths and texts, in the arena */
    const char *dir, *key_file, *cert_file, *ca_file, *receipts_dir;
    const char *root_pem, *cert_pem;
};

/** Read a folder.  NOT_FOUND says how to enrol; a key that others may read is DENIED. */
int ident_load(const char *dir, struct arena *a, struct ident *out, struct err *e);
/** Write key, certificate and identity.json, durable, in this order: the last makes it so. */
int ident_save(const char *dir, const struct ident *id, const char *key_pem, const char *cert_pem,
               struct err *e);
/** Write the pinned CA and root, durable. */
int ident_pin(const char *dir, const char *ca_pem, const char *root_pem, struct err *e);
/** Take the folder for this process; BUSY when another agent has it.  The lock ends with the
 * process; *fd is kept open by the caller.  wait_ms: for one that is just ending (durable_lock). */
int ident_lock(const char *dir, int wait_ms, int *fd, struct err *e);
#endif
