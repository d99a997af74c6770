#include "agent/show.h"

#include <string.h>
#include <time.h>

#include "agent/config.h"
#include "agent/ident.h"
#include "agent/receipts.h"
#include "drivers/base/clock.h"
#include "drivers/virt/virt.h"

enum { OBSERVE_S = 30, OBSERVE_MAX_S = 86400, NS = 1000000000 };

static void
print_line(FILE *out, const struct receipt *t)
{
    fprintf(out, "%s  %-7s  %-8s  term %llu generation %llu%s%s\n", t->id,
            w_res_kind_names[t->order.kind], w_wanted_names[t->order.wanted],
            (unsigned long long)t->order.term, (unsigned long long)t->order.generation,
            t->facts.binned_at_ms != 0 ? "  in the recycle bin" : "",
            t->facts.absent ? "  gone" : "");
}

static void
print_all(FILE *out, const struct receipt *t)
{
    const struct receipt_facts *f = &t->facts;

    print_line(out, t);
    fprintf(out, "order            %s\n", t->order.id);
    fprintf(out, "grant            %s line %u ordinal %u\n", t->order.grant, t->order.line,
            t->order.ordinal);
    fprintf(out, "hold             %lld ms\n", (long long)t->hold_ms);
    fprintf(out, "recycle bin      since %lld (UTC ms), counted %lld ms\n",
            (long long)f->binned_at_ms, (long long)f->binned_elapsed_ms);
    fprintf(out, "filled           volume %d root %d seed %d (1 not begun, 2 filling, 3 done)\n",
            f->fill, f->root_fill, f->seed_fill);
    fprintf(out, "read back equal  %s\n", f->seen_once ? "yes" : "not yet");
    fprintf(out, "erased           %s\n", f->erased ? "yes, signed" : "no");
    fprintf(out, "%s\n", t->envelope);
    if (f->erasure != NULL)
        fprintf(out, "%s\n", f->erasure);
}

int
show_receipts(const char *dir, const char *id, FILE *out, struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    SCOPED(receipts_free) struct receipts *r = NULL;
    const struct receipt *t;
    struct ident who;

    if (ident_load(dir, &a, &who, e) < 0 ||
        receipts_read(who.receipts_dir, who.receipts, &r, e) < 0)
        return -1;
    if (id == NULL) {
        for (size_t i = 0; i < receipts_count(r); i++)
            print_line(out, receipts_at(r, i));
        return 0;
    }
    t = receipts_find(r, id);
    if (t == NULL)
        return err_set(e, BY_E_NOT_FOUND, "no receipt of %s on this host", id);
    print_all(out, t);
    return 0;
}

int
show_head(const char *dir, FILE *out, struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    SCOPED(receipts_free) struct receipts *r = NULL;
    struct ident who;

    if (ident_load(dir, &a, &who, e) < 0 ||
        receipts_read(who.receipts_dir, who.receipts, &r, e) < 0)
        return -1;
    if (receipts_head(r) == NULL)
        return err_set(e, BY_E_NOT_FOUND, "this host has seen no ledger head yet");
    fprintf(out, "%s\n", receipts_head(r));
    return 0;
}

/* ---- measuring without a controller ---- */

static const struct virt_sample *
sample_find(const struct virt_sample *v, size_t n, const char *id)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(v[i].id, id) == 0)
            return &v[i];
    return NULL;
}

/* What lies between two samples; what could not be read is printed as such. */
static void
print_measured(FILE *out, const struct virt_sample *a, const struct virt_sample *b)
{
    double s = (double)(b->taken_ns - a->taken_ns) / NS;

    fprintf(out, "%s  ", b->id);
    if (s <= 0 || a->run_id != b->run_id || b->state != VIRT_RUNNING) {
        fprintf(out, "unknown: not the same run at both ends\n");
        return;
    }
    if (a->has_cpu && b->has_cpu && b->vcpus > 0 && b->cpu_ns >= a->cpu_ns)
        fprintf(out, "cpu %6.2f %%  ", (double)(b->cpu_ns - a->cpu_ns) / NS / s / b->vcpus * 100.0);
    else
        fprintf(out, "cpu unknown  ");
    if (b->has_mem && b->mem_available_kib > 0)
        fprintf(out, "mem %6.2f %%  ",
                100.0 - (double)b->mem_usable_kib * 100.0 / (double)b->mem_available_kib);
    else
        fprintf(out, "mem unknown  ");
    if (a->has_net && b->has_net && b->net_rx_bytes >= a->net_rx_bytes)
        fprintf(out, "in %.0f B/s  out %.0f B/s", (double)(b->net_rx_bytes - a->net_rx_bytes) / s,
                (double)(b->net_tx_bytes - a->net_tx_bytes) / s);
    else
        fprintf(out, "net unknown");
    fprintf(out, "\n");
}

static void
sleep_s(long seconds)
{
    int64_t until = clock_mono_ms() + seconds * 1000, left;

    while ((left = until - clock_mono_ms()) > 0) {
        struct timespec t = {.tv_sec = left / 1000, .tv_nsec = left % 1000 * 1000000};

        (void)nanosleep(&t, NULL); /* the time left is computed again */
    }
}

int
show_observe(const char *config_file, long seconds, FILE *out, struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    const struct virt_sample *first = NULL, *second = NULL;
    size_t n_first = 0, n_second = 0;
    struct agent_config conf;
    struct virt *v = NULL;
    int rc;

    if (seconds < 0 || seconds > OBSERVE_MAX_S)
        return err_set(e, BY_E_INVALID, "--seconds takes 1 to %d", OBSERVE_MAX_S);
    if (agent_config_load(config_file, &conf, e) < 0)
        return -1;
    if (virt_open(&(struct virt_config){.uri = conf.libvirt_uri,
                                        .pool_name = conf.pool_name,
                                        .pool_path = conf.pool_path,
                                        .read_only = true},
                  &v, e) < 0)
        return -1;
    rc = v->ops->stats->sample(v, false, &a, &first, &n_first, e);
    if (rc == 0) {
        sleep_s(seconds > 0 ? seconds : OBSERVE_S);
        rc = v->ops->stats->sample(v, false, &a, &second, &n_second, e);
    }
    for (size_t i = 0; rc == 0 && i < n_second; i++) {
        const struct virt_sample *before = sample_find(first, n_first, second[i].id);

        if (before != NULL)
            print_measured(out, before, &second[i]);
    }
    virt_close(v);
    return rc;
}
