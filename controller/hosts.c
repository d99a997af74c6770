#include "controller/hosts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "controller/auth.h"
#include "controller/controller.h"
#include "controller/listing.h"
#include "controller/paging.h"
#include "controller/params.h"

enum { HOSTS_MAX = 30000, HOSTS_LOOKED = 2000 };

static void
host_state(const struct tx *t, const struct db_rows *r, struct arena *a, struct w_host_view *v)
{
    const char *state = db_str(r, 2);
    int64_t quiet = t->now_ms - v->seen_at_ms;

    if (strcmp(state, "ready") == 0 || strcmp(state, "cordoned") == 0) {
        if (quiet > t->c->conf.silent_seconds * 1000) {
            state = "silent";
            v->reason = v->seen_at_ms == 0
                            ? "it has not spoken since it was enrolled"
                            : arena_printf(a, "nothing heard for %" PRId64 " s", quiet / 1000);
        } else if (db_int(r, 15) != 0) { /* its agent speaks, its libvirt does not */
            state = "silent";
            v->reason = arena_strdup(a, db_str(r, 16));
        } else if (db_int(r, 14) > 0) {
            state = "held";
            v->reason = "an emergency hold is in force: it is observed, not changed";
        }
    }
    (void)snprintf(v->state, sizeof(v->state), "%s", state);
}

static void
host_read(const struct tx *t, const struct db_rows *r, struct arena *a, struct w_host_view *v)
{
    int64_t heard;

    (void)snprintf(v->id, sizeof(v->id), "%s", db_str(r, 0));
    (void)snprintf(v->name, sizeof(v->name), "%s", db_str(r, 1));
    v->reason = db_str(r, 3)[0] == '\0' ? NULL : arena_strdup(a, db_str(r, 3));
    v->incarnation = (uint64_t)db_int(r, 4);
    v->cpus = (uint32_t)db_int(r, 5);
    v->mem_mib = (uint64_t)db_int(r, 6);
    v->pool_bytes = (uint64_t)db_int(r, 7);
    v->pool_free_bytes = (uint64_t)db_int(r, 8);
    v->seen_at_ms = db_int(r, 9);
    v->kvm = db_int(r, 10) != 0;
    v->lock_manager = db_int(r, 11) != 0;
    v->vcpus_used = (uint32_t)db_int(r, 12);
    v->mem_used_mib = (uint64_t)db_int(r, 13);
    (void)snprintf(v->underlay, sizeof(v->underlay), "%s", db_str(r, 17));
    heard = auth_host_seen(t->c->auth, v->id);
    if (heard > v->seen_at_ms)
        v->seen_at_ms = heard;
    host_state(t, r, a, v);
    if (v->reason == NULL && db_str(r, 18)[0] != '\0')
        v->reason = arena_strdup(a, db_str(r, 18));
}

int
hosts_view(struct tx *t, const char *id, struct arena *a, struct jm_list *out, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    if ((id != NULL ? DB_QUERY(t->d, DB_HOST_VIEW_ONE, &r, e, DBI(t->now_ms), DBS(id))
                    : DB_QUERY(t->d, DB_HOST_VIEW, &r, e, DBI(t->now_ms), DBS(""), DBS(""), DBS(""),
                               DBI(HOSTS_MAX))) < 0)
        return -1;
    while ((rc = db_next(r, e)) == 1)
        host_read(t, r, a, listing_add(out, sizeof(struct w_host_view), a));
    return rc;
}

int
hosts_page(struct tx *t, struct api_call *k, struct w_host_list *out, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    const char *zone = param_text(k, "zone"), *state = param_text(k, "state");
    struct w_host_view one;
    struct paging p;
    int rc = 0, looked = 0;

    if (PAGING_OPEN(&p, k, out, host_view, 0, e) < 0 ||
        DB_QUERY(t->d, DB_HOST_VIEW, &r, e, DBI(t->now_ms), DBS(p.from.text), DBS(zone), DBS(zone),
                 DBI(state[0] == '\0' ? p.from.limit : HOSTS_LOOKED + 1)) < 0)
        return -1;
    while (out->next == NULL && (rc = db_next(r, e)) == 1) {
        struct w_host_view *to;

        if (++looked > HOSTS_LOOKED) { /* the rest is for the next page */
            paging_stop(&p);
            return 0;
        }
        memset(&one, 0, sizeof(one));
        host_read(t, r, k->a, &one);
        if (state[0] != '\0' && strcmp(state, one.state) != 0) {
            paging_pass(&p, 0, "", one.name);
            continue;
        }
        to = paging_add(&p, 0, "", one.name);
        if (to != NULL)
            *to = one;
    }
    return rc < 0 ? -1 : 0;
}
