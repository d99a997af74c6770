#ifndef BY_CONTROLLER_HOSTS_H
#define BY_CONTROLLER_HOSTS_H
/* The hosts table as people see it.  Threads: owner of the connection. */
#include "controller/api.h"

/** One host (id) or all of them (NULL), by name: struct w_host_view appended to *out.  The state is
 * worked out: silent and held come from what is known now. */
int hosts_view(struct tx *t, const char *id, struct arena *a, struct jm_list *out, struct err *e);
/** A page of them, as the call filters; a filter by state looks at some and goes on with `next`. */
int hosts_page(struct tx *t, struct api_call *k, struct w_host_list *out, struct err *e);
#endif
