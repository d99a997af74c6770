#ifndef BY_POLICIES_CASE_FSM_H
#define BY_POLICIES_CASE_FSM_H
/* Cases (办件) as tables: which move is legal, who may make it, whom a state waits for.  The rows
 * are case_fsm.def.  Pure. */
#include <stdbool.h>

enum case_kind {
    CASE_KIND_NONE,
#define KIND(name, word) CASE_##name,
#include "policies/case_fsm.def"
    CASE_KIND__MAX
};
enum case_state {
    CASE_STATE_NONE, /* not opened yet; as an answer: refused */
#define STATE(name, word) CASE_IS_##name,
#include "policies/case_fsm.def"
    CASE_STATE__MAX
};
enum case_event {
    CASE_EVENT_NONE,
#define EVENT(name, word, reason) CASE_EV_##name,
#include "policies/case_fsm.def"
    CASE_EVENT__MAX
};

/** The state after the event, or CASE_STATE_NONE when the move is not legal. */
enum case_state case_next(enum case_kind kind, enum case_state from, enum case_event ev);
/** AZ_ bits of those who may make the move; AZ_NOBODY: the controller itself, or no such move. */
unsigned case_roles(enum case_kind kind, enum case_state from, enum case_event ev);
/** AZ_ bit of who must act now, AZ_NOBODY when nobody must. */
unsigned case_waits(enum case_kind kind, enum case_state s);
/** No move leads out of it. */
bool case_is_end(enum case_kind kind, enum case_state s);
/** A reason must be given with it. */
bool case_event_reason(enum case_event ev);
#endif
