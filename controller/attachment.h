#ifndef BY_CONTROLLER_ATTACHMENT_H
#define BY_CONTROLLER_ATTACHMENT_H
/* Documents: uploaded in parts, looked at by their first bytes, kept once by their hash.  Nothing
 * of them is ever unpacked or run.  Who may read one: its own unit, and whoever may see a case that
 * it belongs to.  Threads: prepare_ on workers, the rest as said. */
#include "controller/api.h"
#include "drivers/db/store_case.h"

#define ATTACHMENT_PART 524288 /* bytes of every part but the last */
#define ATTACHMENT_OPEN_MAX 16 /* uploads of an account that are not whole */
#define ATTACHMENT_STALE_MS INT64_C(86400000)
#define ATTACHMENT_DAY_BYTES INT64_C(2147483648)   /* that a unit announces within a day */
#define ATTACHMENT_LOOSE_BYTES INT64_C(4294967296) /* of a unit, that no case names */

/** In the writer: documents (list of w_case_paper) of the caller's unit join the case; anew: they
 * replace what it has. */
int attachment_add_papers(struct api_call *k, struct tx *t, const struct case_row *c,
                          const struct jm_list *papers, bool anew, struct err *e);
/** Is there what nobody needs: uploads that were left unfinished for a day, parts that another
 * document has too, documents that no case has named for keep_ms?  In the writer: drop a little of
 * it; a document that goes is in the ledger. */
int attachment_stale(struct db *d, int64_t now_ms, int64_t keep_ms, bool *any, struct err *e);
int attachment_sweep(struct tx *t, int64_t keep_ms, struct err *e);
/** Type by the first bytes, NULL when it is none that is taken. */
const char *attachment_type(const void *bytes, size_t len);
#endif
