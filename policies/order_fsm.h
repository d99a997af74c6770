#ifndef BY_POLICIES_ORDER_FSM_H
#define BY_POLICIES_ORDER_FSM_H
/* States of an order (资源配置工单).  order_fsm.def lists the legal moves; what is not there is
 * refused.  Pure. */
#include <stdbool.h>

enum order_state {
    OS_NONE,       /* 0: refused */
    OS_ISSUED,     /* signed, no word of the host yet */
    OS_OPEN,       /* the host follows it, not read back equal */
    OS_CLOSED,     /* read back and equal */
    OS_REFUSED,    /* the host refused it and said why */
    OS_SUPERSEDED, /* a newer order took its place */
    OS__MAX
};
enum order_event {
    OS_EV_UNEQUAL, /* the host follows it and what it reads back differs, or is unknown */
    OS_EV_EQUAL,
    OS_EV_REFUSE,
    OS_EV_SUPERSEDE,
    OS_EV__MAX
};

/** The state after the event, or OS_NONE when the move is not legal. */
enum order_state order_fsm_next(enum order_state from, enum order_event ev);
/** Somebody is still owed something: it counts as open. */
bool order_fsm_is_open(enum order_state s);
const char *order_state_name(enum order_state s);
#endif
