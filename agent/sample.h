#ifndef BY_AGENT_SAMPLE_H
#define BY_AGENT_SAMPLE_H
/* Measuring: bulk samples on an own read-only connection in an own worker, folded into slots of
 * average and peak; finished slots wait in a bounded ring until the controller has them.  What
 * cannot be measured is left out and shows as lower coverage, never as a number.
 * Threads: the owner's, with one worker of its own. */
#include "agent/agent.h"

struct sampler;

/* Slots on their way. */
struct sample_batch {
    struct arena a;
    struct w_samples samples;
    uint64_t upto; /* ring position after the last of them */
};

int sampler_new(struct agent *ag, struct sampler **out, struct err *e);
/** As workers_run_one() and workers_stop(). */
bool sampler_run_one(struct sampler *s);
bool sampler_stop(struct sampler *s, int wait_ms);
void sampler_free(struct sampler *s); /* NULL is fine */
/** From the controller's hello; slots under way with another length are closed as they are. */
void sampler_configure(struct sampler *s, int64_t sample_ms, int64_t slot_ms);
/** Start a sample when it is due; returns milliseconds until the next. */
int sampler_step(struct sampler *s, int64_t now_mono_ms);
/** Take at most a batch of finished slots; false when there are none. */
bool sampler_batch(struct sampler *s, struct sample_batch *out);
void sampler_acknowledged(struct sampler *s, const struct sample_batch *b);
void sample_batch_clear(struct sample_batch *b);
struct sampler_state {
    uint64_t taken, missed; /* rounds; missed: failed, or not begun because one still ran */
    uint64_t slots;         /* that wait for the controller */
    uint64_t dropped;       /* slots thrown away because the ring was full */
};
void sampler_state(const struct sampler *s, struct sampler_state *out);
SCOPE_FN(sampler_free, struct sampler)
#endif
