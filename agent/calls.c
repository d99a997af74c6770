#include "agent/calls.h"

const char *
call_text(enum agent_call c)
{
    static const char *const texts[CALL__MAX] = {
#define CALL(id, kind, text) [CALL_##id] = text,
#include "agent/calls.def"
#undef CALL
    };

    return texts[c];
}
