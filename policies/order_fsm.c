#include "policies/order_fsm.h"

static const enum order_state next_state[OS__MAX][OS_EV__MAX] = {
#define T(from, ev, to) [OS_##from][OS_EV_##ev] = OS_##to,
#include "policies/order_fsm.def"
#undef T
};

enum order_state
order_fsm_next(enum order_state from, enum order_event ev)
{
    return from < OS__MAX && ev < OS_EV__MAX ? next_state[from][ev] : OS_NONE;
}

bool
order_fsm_is_open(enum order_state s)
{
    return s == OS_ISSUED || s == OS_OPEN || s == OS_REFUSED;
}

const char *
order_state_name(enum order_state s)
{
    switch (s) {
    case OS_NONE:
        return "";
    case OS_ISSUED:
        return "issued";
    case OS_OPEN:
        return "open";
    case OS_CLOSED:
        return "closed";
    case OS_REFUSED:
        return "refused";
    case OS_SUPERSEDED:
        return "superseded";
    case OS__MAX:
        break;
    }
    return "?";
}
