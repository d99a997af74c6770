#ifndef BY_POLICIES_HOST_FSM_H
#define BY_POLICIES_HOST_FSM_H
/* States of a host (宿主机).  host_fsm.def lists the legal moves; what is not there is refused.
 * Pure. */
#include <stdbool.h>

enum host_state {
    HS_NONE, /* 0: refused */
    HS_ENROLLING,
    HS_READY,
    HS_CORDONED,
    HS_SILENT,
    HS_CORDONED_SILENT,
    HS_REVOKED,
    HS_REFUSED, /* two machines use its key */
    HS_HELD,    /* ready, and under an emergency hold: no event leads here, it ends by itself */
    HS__MAX
};
enum host_event {
    HS_EV_ENROL,
    HS_EV_HEARD, /* a word of its agent */
    HS_EV_LOST,  /* none for too long, or its libvirt does not answer */
    HS_EV_CORDON,
    HS_EV_UNCORDON,
    HS_EV_REFUSE, /* a boot id that had ended speaks again */
    HS_EV_REVOKE,
    HS_EV__MAX
};

/** The state after the event, or HS_NONE when the move is not legal. */
enum host_state host_fsm_next(enum host_state from, enum host_event ev);
/** New machines may be placed on it. */
bool host_fsm_takes_new(enum host_state s);
const char *host_state_name(enum host_state s);
/** HS_NONE for a word that names none. */
enum host_state host_state_of(const char *word);
#endif
