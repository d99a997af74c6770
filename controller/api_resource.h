#ifndef BY_CONTROLLER_API_RESOURCE_H
#define BY_CONTROLLER_API_RESOURCE_H
/* VMs, volumes and networks as people see them, and what a unit does with its own: start, stop,
 * recycle bin, restore, erase.  Threads: reads on readers, acts in the writer. */
#include "controller/api.h"
#include "drivers/db/store_resource.h"

/** *out is zeroed. */
void resource_view_fill(const struct tx *t, const struct resource_row *r, struct arena *a,
                        struct w_resource_view *out);

int api_resource_list(struct api_call *k, struct tx *t, struct err *e);
int api_resource_get(struct api_call *k, struct tx *t, struct err *e);
int api_resource_bin(struct api_call *k, struct tx *t, struct err *e);
int api_resource_erase(struct api_call *k, struct tx *t, struct err *e);
int api_resource_restore(struct api_call *k, struct tx *t, struct err *e);
int api_resource_start(struct api_call *k, struct tx *t, struct err *e);
int api_resource_stop(struct api_call *k, struct tx *t, struct err *e);
#endif
