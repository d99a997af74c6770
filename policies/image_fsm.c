#include "policies/image_fsm.h"

#include <string.h>

static const enum image_state next_state[IS__MAX][IS_EV__MAX] = {
#define T(from, ev, to) [IS_##from][IS_EV_##ev] = IS_##to,
#include "policies/image_fsm.def"
#undef T
};

static const char *const names[IS__MAX] = {
    [IS_NONE] = "",           [IS_UPLOADING] = "uploading", [IS_UPLOADED] = "uploaded",
    [IS_CHECKED] = "checked", [IS_PUBLISHED] = "published", [IS_RETIRED] = "retired",
    [IS_REFUSED] = "refused",
};

enum image_state
image_fsm_next(enum image_state from, enum image_event ev)
{
    return from < IS__MAX && ev < IS_EV__MAX ? next_state[from][ev] : IS_NONE;
}

bool
image_fsm_granted(enum image_state s)
{
    return s == IS_PUBLISHED;
}

bool
image_fsm_fetched(enum image_state s)
{
    return s == IS_PUBLISHED || s == IS_RETIRED;
}

const char *
image_state_name(enum image_state s)
{
    return s < IS__MAX ? names[s] : "?";
}

enum image_state
image_state_of(const char *word)
{
    for (int s = IS_NONE + 1; s < IS__MAX; s++)
        if (strcmp(names[s], word) == 0)
            return (enum image_state)s;
    return IS_NONE;
}
