#ifndef BY_AGENT_CALLS_H
#define BY_AGENT_CALLS_H
/* Rows of calls.def: what workers do, in words for reasons and in kinds for metrics. */

enum agent_call {
#define CALL(id, kind, text) CALL_##id,
#include "agent/calls.def"
#undef CALL
    CALL__MAX
};

/** Static text. */
const char *call_text(enum agent_call c);
#endif
