#ifndef BY_TESTS_UNIT_AGENTHOST_H
#define BY_TESTS_UNIT_AGENTHOST_H
/* An enrolled host in a folder of its own, on the fake hypervisor, driven without a controller.
 * Aborts when it cannot be made.  Threads: one. */
#include "agent/agent.h"
#include "tests/unit/papermill.h"

struct agenthost {
    char *tmp;
    char dir[300], world[300], pool[300], config[300];
    struct mill m;
    struct agent ag;
    bool running;
    bool guest; /* its keys are another's */
};

/** Made and enrolled, not running.  extra: more lines of configuration, or NULL. */
void agenthost_new(struct agenthost *h, const char *extra);
/** In a folder that stays, on another hypervisor; there already: as it is, and its mill has other
 * keys, so it takes no more orders. */
void agenthost_at(struct agenthost *h, const char *dir, const char *uri, const char *images,
                  const char *sha, const char *extra);
/** A second host under the keys of the first, with the same folders of pool and images; freed
 * before it. */
void agenthost_beside(struct agenthost *h, struct agenthost *first);
void agenthost_free(struct agenthost *h);
void agenthost_start(struct agenthost *h);
void agenthost_stop(struct agenthost *h);
/** As if the controller had answered. */
void agenthost_give(struct agenthost *h, const struct w_desired_answer *in);
/** Sign and give one order with everything else unchanged (not the full set). */
void agenthost_order(struct agenthost *h, const struct w_order *o);
/** Drive until what is seen of a resource is this and equal (absent: reported so); false when it
 * takes more than a minute. */
bool agenthost_until(struct agenthost *h, const char *id, enum w_seen seen);
/** Drive rounds until nothing is busy and a whole reading was taken that began now. */
bool agenthost_settle(struct agenthost *h);
/** What would be reported of a resource, SEEN_NONE when nothing; e gets the words. */
enum w_seen agenthost_seen(struct agenthost *h, const char *id, bool *equal, char *why,
                           size_t size);
#endif
