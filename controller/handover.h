#ifndef BY_CONTROLLER_HANDOVER_H
#define BY_CONTROLLER_HANDOVER_H
/* Handover (资源交付, G16): when the last order of a grant has been read back equal, its unit gets
 * a sheet of what was delivered, with addresses and sizes, to accept or contest.  The delivery, not
 * the acceptance, starts the unit's clock; a first sign-in by the one-time link, or the unit's own
 * word, meets it.  Threads: steps in the writer. */
#include "controller/api.h"
#include "drivers/base/strbuf.h"

#define HANDOVER_LINK_MS INT64_C(604800000) /* a link to the first sign-in is good for a week */

/** All orders of the grant are closed: hand it over, once.  Grants without a clock to configure
 * (adopted ones) were there before. */
int handover_deliver(struct tx *t, const char *grant, struct arena *a, struct err *e);

/** The printable sheet. */
void handover_page(const struct w_case_view *c, int tz_minutes, struct strbuf *out);
/** What a browser is shown of a link that is good no more. */
void handover_spent_page(struct strbuf *out);
/** What opens with the link: before it is used up, and after. */
void handover_link_page(struct strbuf *out);
void handover_signin_page(const struct w_case_view *c, struct strbuf *out);
#endif
