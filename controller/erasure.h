#ifndef BY_CONTROLLER_ERASURE_H
#define BY_CONTROLLER_ERASURE_H
/* A host's signed report that it has overwritten something becomes an erasure certificate
 * (数据清除证明): checked with the key of that host's certificate, put together with the grant's
 * and the unit's names, signed by the order key.  Threads: steps in the writer. */
#include "controller/api.h"
#include "drivers/db/store_grant.h"
#include "drivers/db/store_resource.h"

/** paper: the host's envelope.  DENIED when it is not that host's, not of this order and resource,
 * or says of a copy that existed that less was read back than overwritten.  id: the certificate's.
 */
int erasure_certify(struct tx *t, const struct resource_row *r, const struct order_row *o,
                    const char *paper, struct arena *a, char id[W_ID], struct err *e);

int api_certificate_list(struct api_call *k, struct tx *t, struct err *e);
int api_certificate_get(struct api_call *k, struct tx *t, struct err *e);
#endif
