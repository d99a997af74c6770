#ifndef BY_POLICIES_RECNAME_H
#define BY_POLICIES_RECNAME_H
/* Words of what policies/reconcile decides and sees, for logs and golden cases.  Pure; static
 * texts. */
#include "policies/model.h"

extern const char *const rec_op_names[REC_OP__MAX];
const char *rec_op_name(enum rec_op op);       /* "net_define"; "?" when out of range */
const char *rec_seen_name(enum rec_seen seen); /* as the wire's words */
#endif
