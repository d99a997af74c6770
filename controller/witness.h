#ifndef BY_CONTROLLER_WITNESS_H
#define BY_CONTROLLER_WITNESS_H
/* Hosts keep the newest ledger head that they were given.  A head of ours that our ledger does not
 * have (a higher number, or another hash under the same number) proves that this store is older
 * than what it told its hosts: recovery.  Threads: owner of the connection. */
#include "controller/api.h"

enum witness_verdict {
    WITNESS_NONE,   /* no head, or one that proves nothing (another store, not signed by us) */
    WITNESS_AGREES, /* our ledger has it */
    WITNESS_AHEAD,  /* it knows more than we do, or something else */
};
struct witness {
    enum witness_verdict verdict;
    uint64_t seq; /* its last entry, and that entry's time */
    int64_t at_ms;
    char why[500]; /* for people, when AHEAD or NONE */
};
int witness_judge(struct controller *c, struct db *d, const char *head, int64_t now_ms,
                  struct arena *a, struct witness *out, struct err *e);
/** For steps: judge, remember the host's head, enter recovery when it is ahead. */
int witness_take(struct tx *t, const char *host, const char *head, struct witness *out,
                 struct err *e);
#endif
