#ifndef BY_POLICIES_CLAIM_FSM_H
#define BY_POLICIES_CLAIM_FSM_H
/* States of a claim (认领).  claim_fsm.def lists the legal moves; what is not there is refused. The
 * three ends are final: a unit whose claim ended claims anew.  Pure. */
#include <stdbool.h>

enum claim_state {
    CS_NONE, /* 0: refused */
    CS_CLAIMED,
    CS_CONFIRMED,
    CS_REFUSED,
    CS_WITHDRAWN,
    CS__MAX
};
enum claim_event { CS_EV_CONFIRM, CS_EV_REFUSE, CS_EV_WITHDRAW, CS_EV__MAX };

/** The state after the event, or CS_NONE when the move is not legal. */
enum claim_state claim_fsm_next(enum claim_state from, enum claim_event ev);
const char *claim_state_name(enum claim_state s);
#endif
