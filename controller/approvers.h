#ifndef BY_CONTROLLER_APPROVERS_H
#define BY_CONTROLLER_APPROVERS_H
/* Approvers elsewhere: whose signature under an approval counts, and until when.
 * Threads: owner of the connection. */
#include "controller/api.h"
#include "drivers/crypto/approval_sig.h"

enum { APPROVERS_MAX = 1000 };

/** 1 with the approver who has this certificate or key, 0 none. */
int approver_find(struct db *d, const char *sha256, struct arena *a, struct w_approver *out,
                  struct err *e);
/** May it have signed a document of that date, imported now?  DENIED says why not. */
int approver_may(const struct w_approver *p, int64_t date_ms, int64_t now_ms, int32_t tz_minutes,
                 struct err *e);
/** Is the number held by an open import?  1 with the number of its case, 0 no. */
int import_held(struct db *d, const char *number, char case_number[32], struct err *e);
/** Its case is closed: the number is free again, or its grant holds it now. */
int import_release(struct tx *t, const char *case_id, struct err *e);
#endif
