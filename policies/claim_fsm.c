#include "policies/claim_fsm.h"

static const enum claim_state next_state[CS__MAX][CS_EV__MAX] = {
#define T(from, ev, to) [CS_##from][CS_EV_##ev] = CS_##to,
#include "policies/claim_fsm.def"
#undef T
};

enum claim_state
claim_fsm_next(enum claim_state from, enum claim_event ev)
{
    return from < CS__MAX && ev < CS_EV__MAX ? next_state[from][ev] : CS_NONE;
}

const char *
claim_state_name(enum claim_state s)
{
    switch (s) {
    case CS_NONE:
        return "";
    case CS_CLAIMED:
        return "claimed";
    case CS_CONFIRMED:
        return "confirmed";
    case CS_REFUSED:
        return "refused";
    case CS_WITHDRAWN:
        return "withdrawn";
    case CS__MAX:
        break;
    }
    return "?";
}
