#ifndef BY_CONTROLLER_RECALL_H
#define BY_CONTROLLER_RECALL_H
/* What a write leaves besides its effect: the memory of its request id (account, id, body hash →
 * the same answer) and its line in the ledger (who, employer, act, subject).  Threads:
 * recall_prepare() any, the rest the writer. */
#include <stdbool.h>

#include "controller/api.h"
#include "drivers/base/strbuf.h"

#define RECALL_BODY_MAX 4096 /* a longer body is in the ledger by its hash only */

struct recall {
    char request[W_ID]; /* "" when the request carries none */
    char body_sha256[W_HASH];
    char what[160]; /* method and path */
};

/** Hash the body and note what is compared; after the body was decoded. */
void recall_prepare(struct recall *r, const struct api_call *k);
/** Was this request answered before?  Then *again, and k->status and answer are as they were; with
 * another body or for something else: CONFLICT. */
int recall_find(const struct recall *r, struct api_call *k, struct tx *t, struct strbuf *answer,
                bool *again, struct err *e);
int recall_store(const struct recall *r, const struct api_call *k, struct tx *t, const char *answer,
                 struct err *e);
/** The ledger line of a person's act; agents' reports and sign-ins write their own. */
int recall_audit(const struct recall *r, const struct api_call *k, struct tx *t, struct err *e);
#endif
