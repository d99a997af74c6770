/* What the simulator counted, as one JSON line: whole numbers and fractions of its own. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "agent/link.h"
#include "drivers/base/clock.h"
#include "tests/sim/sim.h"

enum { BUCKET_MS = 100 };

static double
seconds(const struct timeval *t)
{
    return (double)t->tv_sec + (double)t->tv_usec / 1e6;
}

static int
cmp(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

/* When hosts were back after the newest restoration, and how evenly they came: the most
 * connections that began in any 100 ms, counted in steps of them. */
static void
put_storm(struct sim *s, FILE *to)
{
    SCOPED(free) int64_t *back = calloc((size_t)s->o.hosts + 1, sizeof(*back));
    SCOPED(free) unsigned *buckets = calloc(SIM_CONNECT_RING, sizeof(*buckets));
    size_t n = 0, most = 0;
    size_t from = s->n_connect_at > SIM_CONNECT_RING ? s->n_connect_at - SIM_CONNECT_RING : 0;

    if (s->storm_ms == 0 || back == NULL || buckets == NULL)
        return;
    for (int i = 0; i < s->o.hosts; i++)
        if (s->hosts[i].storm_ms != 0)
            back[n++] = s->hosts[i].storm_ms - s->storm_ms;
    for (size_t i = from; i < s->n_connect_at; i++) {
        int64_t at = (s->connect_at[i % SIM_CONNECT_RING] - s->storm_ms) / BUCKET_MS;

        if (at >= 0 && at < SIM_CONNECT_RING && ++buckets[at] > most)
            most = buckets[at];
    }
    qsort(back, n, sizeof(*back), cmp);
    fprintf(to, ",\"storm_back\":%zu,\"storm_most_in_100ms\":%zu", n, most);
    if (n > 0)
        fprintf(to, ",\"storm_p50_ms\":%lld,\"storm_p99_ms\":%lld,\"storm_last_ms\":%lld",
                (long long)back[n / 2], (long long)back[n * 99 / 100], (long long)back[n - 1]);
}

void
sim_summary(struct sim *s, const char *event, FILE *to)
{
    struct rusage u;
    int open = 0, polling = 0, busy = 0;
    size_t receipts = 0;

    for (int i = 0; i < s->o.hosts; i++) {
        const struct sim_host *h = &s->hosts[i];
        struct workers_state w;

        if (!h->open)
            continue;
        open++;
        polling += link_polls(h->ag.link);
        receipts += receipts_count(h->ag.receipts);
        workers_state(h->ag.calls, &w);
        busy += h->ag.dirty || h->ag.ready != NULL || w.queued + w.running > 0;
    }
    (void)getrusage(RUSAGE_SELF, &u); /* cannot fail with these arguments */
    fprintf(to,
            "{\"event\":\"%s\",\"seed\":%llu,\"hosts\":%d,\"open\":%d,\"polling\":%d,\"busy\":%d,"
            "\"receipts\":%zu,\"first_orders\":%llu,\"connects\":%llu,\"run_s\":%.1f,"
            "\"cpu_user_s\":%.2f,\"cpu_system_s\":%.2f,\"rss_mib\":%ld",
            event, s->o.seed, s->o.hosts, open, polling, busy, receipts,
            (unsigned long long)s->orders, (unsigned long long)s->connects,
            (double)(clock_mono_ms() - s->start_ms) / 1000, seconds(&u.ru_utime),
            seconds(&u.ru_stime), u.ru_maxrss / 1024);
    put_storm(s, to);
    fprintf(to, "}\n");
    (void)fflush(to); /* a broken pipe shows at the next write */
    if (s->seen != NULL)
        (void)fflush(s->seen); /* likewise */
}
