#ifndef BY_CONTROLLER_INIT_H
#define BY_CONTROLLER_INIT_H
/* Making a new store: root key, order key, CA, first key statement, first account.  Everything is
 * built in DIR/.init and moved into place at the end, the store last, so a crash leaves either
 * nothing that counts or a finished store; running it again completes.  Threads: main. */
#include <stdint.h>

#include "drivers/base/error.h"

struct init_options {
    const char *dir;
    const char *alg;       /* ALG_SM2 or ALG_P256 */
    const char *name;      /* of the cloud, also the first unit */
    const char *id_number; /* of the person who is 'admin', or NULL; only its hash is kept */
    const char *address;   /* to listen on, for a first configuration file; NULL: none is written */
    int64_t (*wall_ms)(void);
};

#define INIT_TOKEN 64 /* bytes that hold a one-time token */
#define INIT_TOKEN_MS (72 * INT64_C(3600000))

/** token: one-time, of the account "admin"; only its hash is stored.  Call init_finish() once a
 * person has seen it; before that another run makes a new token.  CONFLICT when DIR has a store
 * already, or keys that are not ours to replace. */
int init_run(const struct init_options *o, char token[INIT_TOKEN], struct err *e);
int init_finish(const char *dir, struct err *e);
#endif
