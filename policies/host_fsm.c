#include "policies/host_fsm.h"

#include <string.h>

static const enum host_state next_state[HS__MAX][HS_EV__MAX] = {
#define T(from, ev, to) [HS_##from][HS_EV_##ev] = HS_##to,
#include "policies/host_fsm.def"
#undef T
};

enum host_state
host_fsm_next(enum host_state from, enum host_event ev)
{
    return from < HS__MAX && ev < HS_EV__MAX ? next_state[from][ev] : HS_NONE;
}

bool
host_fsm_takes_new(enum host_state s)
{
    return s == HS_READY;
}

const char *
host_state_name(enum host_state s)
{
    switch (s) {
    case HS_NONE:
        return "";
    case HS_ENROLLING:
        return "enrolling";
    case HS_READY:
        return "ready";
    case HS_CORDONED:
        return "cordoned";
    case HS_SILENT:
        return "silent";
    case HS_CORDONED_SILENT:
        return "cordoned+silent";
    case HS_REFUSED:
        return "refused";
    case HS_REVOKED:
        return "revoked";
    case HS_HELD:
        return "held";
    case HS__MAX:
        break;
    }
    return "?";
}

enum host_state
host_state_of(const char *word)
{
    for (int s = HS_NONE + 1; s < HS__MAX; s++)
        if (strcmp(host_state_name((enum host_state)s), word) == 0)
            return (enum host_state)s;
    return HS_NONE;
}
