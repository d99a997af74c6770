#include "controller/hosts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "controller/auth.h"
#include "controller/controller.h"
#include "controller/paging.h"
#include "controller/params.h"
#include "controller/silence.h"

enum { HOSTS_LOOKED = 2000 };

/* ---- a state ------------------------------------------------------------------------------------
 */

int64_t
host_heard_ms(struct controller *c, const char *id, int64_t seen_ms)
{
    int64_t heard = auth_host_seen(c->auth, id);

    return heard > seen_ms ? heard : seen_ms;
}

bool
host_is_silent(struct controller *c, int64_t heard_ms, bool libvirt_unknown, int64_t now_ms)
{
    return libvirt_unknown || now_ms - heard_ms > c->conf.silent_seconds * 1000;
}

const char *
host_state_now(const struct tx *t, const struct db_rows *r, int at, const char *state,
               int64_t heard_ms)
{
    if (strcmp(state, "ready") != 0 && strcmp(state, "cordoned") != 0)
        return state;
    if (host_is_silent(t->c, heard_ms, db_int(r, at + 1) != 0, t->now_ms))
        return "silent";
    return db_int(r, at) > 0 ? "held" : state;
}

/* A new host is not silent before it has spoken for the first time: nothing of ours is there. */
static const char *
state_shown(const struct tx *t, const struct db_rows *r, int at, const char *state,
            int64_t heard_ms, int64_t incarnation)
{
    return heard_ms == 0 && incarnation == 1 && strcmp(state, "ready") == 0
               ? "enrolling"
               : host_state_now(t, r, at, state, heard_ms);
}

static const char *
reason_now(const struct tx *t, const struct db_rows *r, const struct w_host_view *v,
           struct arena *a)
{
    const char *silence;

    if (strcmp(v->state, "held") == 0)
        return "an emergency hold is in force: it is observed, not changed";
    if (strcmp(v->state, "silent") != 0 &&
        (strcmp(v->state, "enrolling") != 0 || strcmp(db_str(r, 2), "enrolling") == 0))
        return db_str(r, 3)[0] == '\0' ? NULL : arena_strdup(a, db_str(r, 3));
    silence = host_silence(t, v->id, v->seen_at_ms, db_int(r, 15) != 0 ? db_str(r, 16) : NULL, a);
    return silence != NULL && strcmp(db_str(r, 2), "cordoned") == 0
               ? arena_printf(a, "%s; it is cordoned", silence)
               : silence;
}

static void
host_read(const struct tx *t, const struct db_rows *r, struct arena *a, struct w_host_view *v)
{
    (void)snprintf(v->id, sizeof(v->id), "%s", db_str(r, 0));
    (void)snprintf(v->name, sizeof(v->name), "%s", db_str(r, 1));
    v->incarnation = (uint64_t)db_int(r, 4);
    v->cpus = (uint32_t)db_int(r, 5);
    v->mem_mib = (uint64_t)db_int(r, 6);
    v->pool_bytes = (uint64_t)db_int(r, 7);
    v->pool_free_bytes = (uint64_t)db_int(r, 8);
    v->seen_at_ms = host_heard_ms(t->c, v->id, db_int(r, 9));
    v->kvm = db_int(r, 10) != 0;
    v->lock_manager = db_int(r, 11) != 0;
    v->vcpus_used = (uint32_t)db_int(r, 12);
    v->mem_used_mib = (uint64_t)db_int(r, 13);
    (void)snprintf(v->underlay, sizeof(v->underlay), "%s", db_str(r, 17));
    (void)snprintf(v->zone, sizeof(v->zone), "%s", db_str(r, 19));
    (void)snprintf(v->pool_class, sizeof(v->pool_class), "%s", db_str(r, 20));
    db_copy(r, 21, v->pool, sizeof(v->pool));
    db_copy(r, 22, v->pool_name, sizeof(v->pool_name));
    (void)snprintf(v->state, sizeof(v->state), "%s",
                   state_shown(t, r, 14, db_str(r, 2), v->seen_at_ms, db_int(r, 4)));
    v->reason = reason_now(t, r, v, a);
    if (v->reason == NULL && db_str(r, 18)[0] != '\0')
        v->reason = arena_strdup(a, db_str(r, 18));
}

/* ---- all of them --------------------------------------------------------------------------------
 */

static size_t
place_of(const char *state)
{
    size_t k = 0;

    while (k < CM_HOST_STATES - 1 && strcmp(cm_host_states[k], state) != 0)
        k++;
    return k;
}

int64_t
hosts_in(const struct hosts_tally *h, const char *state)
{
    return h->n[place_of(state)];
}

static void
tally(struct hosts_tally *h, const char *name, const char *state, int64_t heard_ms, struct arena *a)
{
    size_t nth = (size_t)h->n[place_of(state)]++;

    if (strcmp(state, "silent") == 0) {
        if (heard_ms > 0 && (h->silent_since_ms == 0 || heard_ms < h->silent_since_ms))
            h->silent_since_ms = heard_ms;
        if (nth < HEALTH_NAMES)
            h->silent[nth] = arena_strdup(a, name);
    } else if (strcmp(state, "refused") == 0 && nth < HEALTH_NAMES) {
        h->refused[nth] = arena_strdup(a, name);
    }
}

int
hosts_count(struct tx *t, struct arena *a, struct hosts_tally *out, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    memset(out, 0, sizeof(*out));
    if (DB_QUERY(t->d, DB_HOST_STATES, &r, e, DBI(t->now_ms)) < 0)
        return -1;
    while ((rc = db_next(r, e)) == 1) {
        int64_t heard = host_heard_ms(t->c, db_str(r, 0), db_int(r, 3));

        tally(out, db_str(r, 1), state_shown(t, r, 4, db_str(r, 2), heard, db_int(r, 6)), heard, a);
    }
    return rc;
}

/* ---- for people ---------------------------------------------------------------------------------
 */

int
hosts_view(struct tx *t, const char *id, struct arena *a, struct w_host_view *out, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    if (DB_QUERY(t->d, DB_HOST_VIEW_ONE, &r, e, DBI(t->now_ms), DBS(id)) < 0 ||
        (rc = db_next(r, e)) < 0)
        return -1;
    if (rc == 0)
        return err_set(e, BY_E_NOT_FOUND, "no host %s", id);
    host_read(t, r, a, out);
    return 0;
}

int
hosts_page(struct tx *t, struct api_call *k, struct w_host_list *out, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    const char *zone = param_text(k, "zone"), *state = w_host_shown_names[param_word(k, "state")];
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
