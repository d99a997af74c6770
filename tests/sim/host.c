/* One host's life: its folder, its agent, its rounds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "agent/link.h"
#include "drivers/base/clock.h"
#include "drivers/base/log.h"
#include "drivers/base/strbuf.h"
#include "drivers/crypto/digest.h"
#include "drivers/host/durable.h"
#include "tests/sim/sim.h"

enum { SETTINGS_MAX = 16384 };
#define NEVER INT64_MAX

uint64_t
sim_random(struct sim *s)
{
    uint64_t z = (s->random += 0x9e3779b97f4a7c15ULL); /* splitmix64 */

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

/* Whole sections: settings of the simulator first, then those of the test. */
static int
write_config(struct sim_host *h, struct err *e)
{
    const struct sim_options *o = &h->s->o;
    SCOPED(strbuf) struct strbuf b = {0};

    strbuf_addf(&b,
                "[controller]\nurl = %s\n[samples]\nring = 200\n[libvirt]\nuri = fake://%s\n"
                "pool_path = %s/pool\nimage_dir = %s\n",
                o->agents, h->world, h->dir, o->images);
    if (o->settings == NULL)
        strbuf_addf(&b, "resync_ms = 60000\nstop_grace_ms = 100\n");
    else if (durable_read(o->settings, SETTINGS_MAX, &b, e) < 0)
        return -1;
    return durable_write(h->config, strbuf_peek(&b), b.len, 0600, e);
}

int
sim_host_prepare(struct sim_host *h, struct err *e)
{
    char path[500], text[120];
    int n = snprintf(text, sizeof(text), "cpus=%d mem_mib=%lld pool_bytes=%lld\n", h->s->o.cpus,
                     h->s->o.mem_mib, 64LL << 40);

    (void)snprintf(path, sizeof(path), "%s/pool", h->dir);
    if (durable_mkdirs(path, 0755, e) < 0 || durable_mkdirs(h->world, 0700, e) < 0 ||
        write_config(h, e) < 0)
        return -1;
    (void)snprintf(path, sizeof(path), "%s/host", h->world);
    return durable_write(path, text, (size_t)n, 0600, e);
}

void
sim_host_reboot_id(struct sim_host *h)
{
    random_uuid(h->boot);
}

int
sim_host_start(struct sim_host *h, struct err *e)
{
    struct agent_options o = {.dir = h->dir,
                              .config_file = h->config,
                              .among = {.watch = &h->watch,
                                        .wake = sim_wake,
                                        .offer = sim_crew_offer,
                                        .arg = h,
                                        .threads = h->threads,
                                        .boot = h->boot}};

    h->watch = (struct httpc_watch){sim_loop_socket, sim_loop_timer, h};
    memset(&h->ag, 0, sizeof(h->ag));
    if (agent_open(&h->ag, &o, e) < 0) {
        (void)agent_close(&h->ag);
        return err_wrap(e, "host %d", h->n);
    }
    sim_crew_join(h);
    h->open = true;
    h->round_ms = clock_mono_ms();
    sim_loop_due(h);
    return 0;
}

bool
sim_host_kill(struct sim_host *h)
{
    if (!h->open)
        return true;
    sim_crew_leave(h);
    if (!agent_close(&h->ag))
        return false;
    h->open = false;
    h->timer_ms = h->round_ms = NEVER;
    sim_loop_due(h);
    return true;
}

/* Resources whose first order has become durable here; both lists are sorted by id. */
static void
note_seen(struct sim_host *h)
{
    const struct receipts *r = h->ag.receipts;
    size_t n = receipts_count(r), old = 0;
    long long now = (long long)clock_mono_ns();
    char(*all)[W_ID];

    if (n == h->n_known)
        return;
    all = calloc(n + 1, sizeof(*all));
    if (all == NULL)
        abort(); /* out of memory */
    for (size_t i = 0; i < n; i++) {
        memcpy(all[i], receipts_at(r, i)->id, W_ID);
        while (old < h->n_known && strcmp(h->known[old], all[i]) < 0)
            old++;
        if (old < h->n_known && strcmp(h->known[old], all[i]) == 0)
            continue;
        h->s->orders++;
        if (h->s->seen != NULL)
            fprintf(h->s->seen, "%s %lld %lld %d\n", all[i], (long long)h->arrived_ns, now, h->n);
    }
    free(h->known);
    h->known = all;
    h->n_known = n;
}

void
sim_host_round(struct sim_host *h)
{
    int wait;

    if (!h->open)
        return;
    wait = agent_round(&h->ag);
    h->round_ms = clock_mono_ms() + wait;
    sim_loop_due(h);
    note_seen(h);
    h->lost = h->lost && link_polls(h->ag.link);
    if (!h->lost && h->storm_ms == 0 && h->s->storm_ms != 0 && !h->cut && link_polls(h->ag.link))
        h->storm_ms = clock_mono_ms();
}
