#ifndef BY_CONTROLLER_HOSTS_H
#define BY_CONTROLLER_HOSTS_H
/* The hosts table as people see it.  Threads: owner of the connection. */
#include "controller/api.h"
#include "controller/metrics.h"
#include "policies/health.h"

/** One host; NOT_FOUND.  The state is worked out: silent and held come from what is known now. */
int hosts_view(struct tx *t, const char *id, struct arena *a, struct w_host_view *out,
               struct err *e);
/** A page of them, as the call filters; a filter by state looks at some and goes on with `next`. */
int hosts_page(struct tx *t, struct api_call *k, struct w_host_list *out, struct err *e);

/** The state of a host that was heard of then; at: the columns of HOST_HELD. */
const char *host_state_now(const struct tx *t, const struct db_rows *r, int at, const char *state,
                           int64_t heard_ms);
/** When it was last heard of: a poll that waits is a sign of life too, and only in memory. */
int64_t host_heard_ms(struct controller *c, const char *id, int64_t seen_ms);
/** Silent: it said nothing for too long, or its agent speaks and its libvirt does not. */
bool host_is_silent(struct controller *c, int64_t heard_ms, bool libvirt_unknown, int64_t now_ms);

/* All hosts, counted in one walk. */
struct hosts_tally {
    int64_t n[CM_HOST_STATES];                                /* by cm_host_states */
    const char *silent[HEALTH_NAMES], *refused[HEALTH_NAMES]; /* the first by name */
    int64_t silent_since_ms;        /* the longest of those that spoke once; 0: none is */
    const char *idle[HEALTH_NAMES]; /* shared pools whose steward does nothing for them */
    size_t n_idle;
};
int64_t hosts_in(const struct hosts_tally *h, const char *state);
int hosts_count(struct tx *t, struct arena *a, struct hosts_tally *out, struct err *e);
#endif
