#ifndef BY_TESTS_UNIT_CASEWORK_H
#define BY_TESTS_UNIT_CASEWORK_H
/* What the tests of applications do again and again: documents sent, a complete application, steps
 * of its case, its approval by the signed grant. */
#include "tests/unit/flow.h"

int casework_announce(struct flow *f, enum flow_who who, const char *name, const char *sha256,
                      size_t size, struct w_attachment *out);
int casework_send_part(struct flow *f, enum flow_who who, const char *id, unsigned part,
                       const char *bytes, size_t len, struct w_attachment *out);
void casework_upload(struct flow *f, enum flow_who who, const char *text, struct w_attachment *v);
const char *casework_application_body(struct flow *f, const struct w_application *app,
                                      uint64_t rev);
struct w_application casework_complete(struct flow *f, struct w_attachment papers[3]);
int casework_move(struct flow *f, enum flow_who who, struct w_case_view *v, const char *event,
                  const char *reason);
void casework_open_case(struct flow *f, const struct w_application *app, struct w_case_view *v);
int casework_approve(struct flow *f, const struct w_case_view *v, struct w_grant *g,
                     const struct w_attachment papers[3], struct w_accepted *out);
#endif
