#ifndef BY_POLICIES_IMAGE_FSM_H
#define BY_POLICIES_IMAGE_FSM_H
/* States of a base image.  image_fsm.def lists the legal moves; what is not there is refused.
 * Pure. */
#include <stdbool.h>

enum image_state {
    IS_NONE, /* 0: refused */
    IS_UPLOADING,
    IS_UPLOADED, /* every byte is there, not yet looked at */
    IS_CHECKED,  /* hash and header are good */
    IS_PUBLISHED,
    IS_RETIRED,
    IS_REFUSED,
    IS__MAX
};
enum image_event {
    IS_EV_AGAIN,
    IS_EV_COMPLETE,
    IS_EV_PASS,
    IS_EV_FAIL,
    IS_EV_PUBLISH,
    IS_EV_RETIRE,
    IS_EV__MAX
};

/** The state after the event, or IS_NONE when the move is not legal. */
enum image_state image_fsm_next(enum image_state from, enum image_event ev);
/** New machines may be granted on it. */
bool image_fsm_granted(enum image_state s);
/** Hosts may fetch it: for new machines, and for those that exist. */
bool image_fsm_fetched(enum image_state s);
const char *image_state_name(enum image_state s);
/** IS_NONE for a word that is none. */
enum image_state image_state_of(const char *word);
#endif
