#include "controller/silence.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/hosts.h"
#include "controller/hosttable.h"

const char *
host_silence(const struct tx *t, const char *host, int64_t seen_ms, const char *unknown,
             struct arena *a)
{
    int64_t heard = host_heard_ms(t->c, host, seen_ms);

    if (!host_is_silent(t->c, heard, unknown != NULL, t->now_ms))
        return NULL;
    if (!host_is_silent(t->c, heard, false, t->now_ms))
        return arena_strdup(a, unknown); /* its agent speaks, its libvirt does not */
    return heard == 0
               ? "it has not spoken since it was enrolled"
               : arena_printf(a, "nothing heard for %" PRId64 " s", (t->now_ms - heard) / 1000);
}

const char *
silence_sentence(const char *host_name, const char *silence, int last_seen, struct arena *a)
{
    return arena_printf(a, "host %s is silent (%s): when last seen it was %s", host_name, silence,
                        w_seen_names[last_seen == SEEN_NONE ? SEEN_UNKNOWN : last_seen]);
}

int
silent_hosts_get(struct tx *t, struct arena *a, struct silent_hosts *out, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    size_t room = 0;
    int rc;

    out->n = 0;
    if (DB_QUERY(t->d, DB_HOST_FLOW_LAST, &r, e, DBI(HOSTTABLE_MAX)) < 0)
        return -1;
    while ((rc = db_next(r, e)) == 1) {
        const char *id = db_str(r, 0);

        if (!host_is_silent(t->c, host_heard_ms(t->c, id, db_int(r, 1)), db_int(r, 2) != 0,
                            t->now_ms))
            continue;
        if (out->n == room) {
            char(*more)[W_ID] = arena_alloc(a, (room = room * 2 + 8) * sizeof(*more));

            if (out->n > 0)
                memcpy(more, out->ids, out->n * sizeof(*more));
            out->ids = more;
        }
        (void)snprintf(out->ids[out->n++], W_ID, "%s", id);
    }
    return rc;
}

static int
id_cmp(const void *key, const void *at)
{
    return strcmp(key, at);
}

bool
silent_hosts_have(const struct silent_hosts *l, const char *host)
{
    return l->n > 0 && bsearch(host, l->ids, l->n, sizeof(*l->ids), id_cmp) != NULL;
}
