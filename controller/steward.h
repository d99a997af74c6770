#ifndef BY_CONTROLLER_STEWARD_H
#define BY_CONTROLLER_STEWARD_H
/* Shared pools and who their stewards are (docs/decisions/0025).  A pool is there once a host tells
 * of it; the first one that does becomes its steward.  The word that says who it is, is signed with
 * the order key when it changes, by a term that only rises, and kept as it was signed: hosts get it
 * with their polls, and what one of them holds beyond it proves what a store has lost.  Threads:
 * the writer; steward_news() also readers. */
#include "controller/api.h"
#include "drivers/db/store_host_flow.h"

#define STEWARD_OF_MAX 16 /* pools of one steward; beyond, a host founds no other */

struct pool_row {
    char id[W_ID], name[W_NAME], class[W_NAME], steward[W_ID], steward_name[W_NAME];
    uint64_t term;
    const char *paper;
    int64_t since_ms;
};
/** 1, or 0 when there is none. */
int pool_get(struct db *d, const char *id, struct arena *a, struct pool_row *out, struct err *e);

/** What a host said in its hello, by the row as it was before. */
int steward_hello(struct tx *t, const struct host_flow_row *was, const struct w_hello *in,
                  bool recovery, struct err *e);
/** The word for a host that holds one of a lower term only, or none. */
int steward_news(struct db *d, const char *host, uint64_t held, struct arena *a,
                 struct w_desired_answer *out, bool *news, struct err *e);
/** Another host, or the same anew; the next term; its hosts hear of it after the commit. */
int steward_name(struct tx *t, const char *actor, struct pool_row *p, const char *host,
                 const char *host_name, struct err *e);
/** A recovery is over: pools that were told of meanwhile get their stewards. */
int steward_restate(struct tx *t, struct err *e);
#endif
