#ifndef BY_CONTROLLER_API_ORDER_H
#define BY_CONTROLLER_API_ORDER_H
/* Orders as people see them.  Threads: readers. */
#include "controller/api.h"
#include "drivers/db/store_grant.h"

/** paper: with the signed envelope. */
void order_view_fill(const struct order_row *o, bool paper, struct w_order_view *out);
/** Of an order just made. */
void order_view_new(const struct w_order *o, const char *name, struct w_order_view *out);

int api_order_list(struct api_call *k, struct tx *t, struct err *e);
int api_order_get(struct api_call *k, struct tx *t, struct err *e);
#endif
