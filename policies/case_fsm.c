#include "policies/case_fsm.h"

#include "policies/authz.h"

#define CASE_IS_NONE CASE_STATE_NONE

struct move {
    enum case_state to;
    unsigned roles;
};

static const struct move moves[CASE_KIND__MAX][CASE_STATE__MAX][CASE_EVENT__MAX] = {
#define MOVE(k, from, ev, t, r) [CASE_##k][CASE_IS_##from][CASE_EV_##ev] = {CASE_IS_##t, r},
#include "policies/case_fsm.def"
};
static const unsigned waits[CASE_KIND__MAX][CASE_STATE__MAX] = {
#define WAITS(k, s, role) [CASE_##k][CASE_IS_##s] = role,
#include "policies/case_fsm.def"
};
static const bool reasons[CASE_EVENT__MAX] = {
#define EVENT(name, word, reason) [CASE_EV_##name] = reason,
#include "policies/case_fsm.def"
};
static const struct move *
move_of(enum case_kind kind, enum case_state from, enum case_event ev)
{
    return kind < CASE_KIND__MAX && from < CASE_STATE__MAX && ev < CASE_EVENT__MAX
               ? &moves[kind][from][ev]
               : &moves[0][0][0];
}

enum case_state
case_next(enum case_kind kind, enum case_state from, enum case_event ev)
{
    return move_of(kind, from, ev)->to;
}

unsigned
case_roles(enum case_kind kind, enum case_state from, enum case_event ev)
{
    return move_of(kind, from, ev)->roles;
}

unsigned
case_waits(enum case_kind kind, enum case_state s)
{
    return kind < CASE_KIND__MAX && s < CASE_STATE__MAX ? waits[kind][s] : AZ_NOBODY;
}

bool
case_is_end(enum case_kind kind, enum case_state s)
{
    for (int ev = 0; ev < CASE_EVENT__MAX; ev++)
        if (case_next(kind, s, (enum case_event)ev) != CASE_STATE_NONE)
            return false;
    return true;
}

bool
case_event_reason(enum case_event ev)
{
    return ev < CASE_EVENT__MAX && reasons[ev];
}
