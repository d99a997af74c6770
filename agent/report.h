#ifndef BY_AGENT_REPORT_H
#define BY_AGENT_REPORT_H
/* What the controller is told: what was read back of each receipt's resource, refusals, and what is
 * foreign or unclaimed.  Threads: one owner. */
#include "agent/agent.h"

struct report {
    struct arena a;
    struct w_status status;
    /* what the controller has once it acknowledges this one */
    struct report_sent {
        char id[W_ID];
        uint64_t hash;
        bool refusal, erasure;
    } * sent;
    size_t n_sent;
    uint64_t foreign_hash;
};

/** Build what changed since the last acknowledged report, or everything. */
void report_build(struct agent *ag, bool complete, uint64_t foreign_known, int64_t wall_ms,
                  int64_t mono_ms, struct report *out);
/** The controller has it. */
void report_acknowledged(struct agent *ag, const struct report *r);
/** A controller that asked for all receipts has forgotten what it was told: erasures are told
 * again. */
void report_tell_anew(struct agent *ag);
void report_clear(struct report *r);
#endif
