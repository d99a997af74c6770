#ifndef BY_CONTROLLER_SUPERSEDE_H
#define BY_CONTROLLER_SUPERSEDE_H
/* What an approved change does: a grant that names an older one takes on its resources.  A line of
 * the new grant continues the older line of its number; where it grew, under exact shape, the
 * machines and volumes grow to it; further counts and lines are made.  Where it gives less, and the
 * unit's application asked for just that, machines become smaller, and what is given no more goes
 * into the recycle bin, never further; disks are never cut.  Anything else that the new grant does
 * not cover is refused by name.  Hosts judge the same by themselves (policies/order_check.h).
 * Threads: checks anywhere, supersede_apply() in the writer. */
#include "controller/api.h"
#include "controller/grant_expand.h"
#include "drivers/db/store_grant.h"
#include "drivers/db/store_resource.h"

struct supersede_item {
    struct resource_row r; /* as it is */
    uint32_t vcpus, vcpus_max;
    uint64_t mem_mib, mem_max_mib, bytes; /* as it will be */
    bool grows, shrinks, restart;
    bool given;          /* the new grant gives it, as it will be */
    bool drops;          /* the new grant does not give it: into the recycle bin */
    const char *warning; /* or NULL */
};
struct supersede_need {
    const char *host;
    struct expand_group need;
    char pool[W_ID]; /* shared one of that host, once it was asked; "" none */
};
struct supersede {
    const struct w_grant *g; /* the new one */
    struct grant_row row;    /* the older one */
    struct w_grant old;
    const struct w_application *asked;  /* by the unit, or NULL: then nothing is taken away */
    uint32_t top[EXPAND_LINES_MAX + 1]; /* largest ordinal of a line that is not gone */
    struct supersede_item *items;       /* everything that is not gone */
    size_t n;
    struct expand_there there[EXPAND_LINES_MAX + 1]; /* for grant_expand() */
    struct jm_list rooms;                            /* w_grant_room: growth, by host */
    struct supersede_need *needs; /* of these: what each host gives, once there is room */
    size_t n_needs;
};

/** The older grant may be superseded by this one; INVALID and CONFLICT name the line or resources.
 * asked: the application that it grants, or NULL. */
int supersede_check(struct tx *t, const struct w_grant *g, const struct w_application *asked,
                    struct arena *a, struct supersede *out, struct err *e);
/** CONFLICT when the newest grant of what is to come back, as large as it will be, gives it no
 * more.
 */
int supersede_gives(struct tx *t, const struct resource_row *r, struct arena *a, struct err *e);
/** Room for what grows and what is made on networks that are there, on their first hosts; *why NULL
 * when there is, else the host that has not. */
int supersede_rooms(struct tx *t, struct supersede *s, const struct expansion *x,
                    const struct w_policy *policy, struct arena *a, const char **why,
                    const char **host, struct err *e);
/** What supersede_rooms() found room for is gone from the hosts of these facts. */
void supersede_take_room(const struct supersede *s, struct w_placing_facts *facts);
/** Before and after of what changes, for people. */
void supersede_changes(const struct supersede *s, struct arena *a, struct jm_list *out);
/** Quota and resources move, what changes gets its order: both grants are in the store. *n orders,
 * and their views. */
int supersede_apply(struct tx *t, struct supersede *s, const char *account, int64_t restart_from_ms,
                    struct arena *a, struct w_order_view *views, size_t *n, struct err *e);
/** A recovery imported a grant: it and what it supersedes, or what supersedes it, are linked again,
 * with quota and resources. */
int supersede_recover(struct tx *t, const char *grant, struct arena *a, struct err *e);
/** Once all orders are imported: what nothing holds is not lent any more. */
int supersede_recovered(struct tx *t, struct err *e);
#endif
