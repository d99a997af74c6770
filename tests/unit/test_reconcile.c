/* Golden cases of tests/cases/reconcile: {desired, observed, now, expect}.  Names that a case
 * leaves out have the values of a healthy host (the READ_ calls below say which).  CASES_UPDATE=1
 * writes the expectations anew; the diff is what gets reviewed. */
#include <CUnit/CUnit.h>
#include <dirent.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/base/arena.h"
#include "drivers/base/scope.h"
#include "drivers/base/strbuf.h"
#include "policies/reconcile.h"
#include "tests/unit/golden.h"

static const char *const kinds[] = {"", "vm", "volume", "network", NULL};
static const char *const wanteds[] = {"",       "running", "stopped", "present",
                                      "binned", "absent",  NULL};
static const char *const powers[] = {"unknown", "running", "paused", "off", "crashed", NULL};
static const char *const fills[] = {"none", "filling", "done", NULL};

static const char *
part_id(struct arena *a, struct json_object *o, const char *key, const char *id)
{
    const char *given = golden_str(o, key, NULL);

    return given != NULL ? given : arena_printf(a, "%s-%s", id, key);
}

static void
want_flags(struct json_object *o, struct rec_want *w)
{
    w->wanted_now = golden_bool(o, "wanted_now", true);
    w->held = golden_bool(o, "held", false);
    w->quarantined = golden_bool(o, "quarantined", false);
    w->may_restart = golden_bool(o, "may_restart", false);
    w->seen_once = golden_bool(o, "seen_once", false);
    w->erase_begun = golden_bool(o, "erase_begun", false);
    w->erased = golden_bool(o, "erased", false);
    w->root_fill = (enum mo_fill)golden_enum(o, "root_fill", fills, MO_FILL_DONE);
    w->seed_fill = (enum mo_fill)golden_enum(o, "seed_fill", fills, MO_FILL_DONE);
    w->fill = (enum mo_fill)golden_enum(o, "fill", fills, MO_FILL_DONE);
}

static void
want_read(struct arena *a, struct json_object *o, struct rec_want *w)
{
    w->id = golden_str(o, "id", "");
    w->kind = (enum mo_kind)golden_enum(o, "kind", kinds, MO_VM);
    w->wanted = (enum mo_wanted)golden_enum(o, "wanted", wanteds,
                                            w->kind == MO_VM ? MO_RUNNING : MO_PRESENT);
    w->system = golden_str(o, "system", NULL);
    w->term = (uint64_t)golden_int(o, "term", 1);
    w->generation = (uint64_t)golden_int(o, "generation", 1);
    w->vcpus = (uint32_t)golden_int(o, "vcpus", 2);
    w->mem_mib = (uint64_t)golden_int(o, "mem_mib", 1024);
    w->bytes = (uint64_t)golden_int(o, "bytes", 10);
    w->root = part_id(a, o, "root", w->id);
    w->seed = part_id(a, o, "seed", w->id);
    w->volumes = golden_strs(a, o, "volumes", &w->n_volumes);
    w->networks = golden_strs(a, o, "networks", &w->n_networks);
    w->binned_at_ms = golden_int(o, "binned_at_ms", 0);
    w->hold_ms = golden_int(o, "hold_ms", 1000);
    w->not_before_ms = golden_int(o, "not_before_ms", 0);
    w->stop_asked_ms = golden_int(o, "stop_asked_ms", 0);
    w->retry_at_ms = golden_int(o, "retry_at_ms", 0);
    want_flags(o, w);
}

static void
dom_read(struct arena *a, struct json_object *o, struct rec_dom *d)
{
    d->id = golden_str(o, "id", "");
    d->ours = golden_bool(o, "ours", true);
    d->power = (enum mo_power)golden_enum(o, "power", powers, MO_PW_RUNNING);
    d->term = (uint64_t)golden_int(o, "term", 1);
    d->generation = (uint64_t)golden_int(o, "generation", 1);
    d->vcpus = (uint32_t)golden_int(o, "vcpus", 2);
    d->live_vcpus = (uint32_t)golden_int(o, "live_vcpus", d->vcpus);
    d->mem_mib = (uint64_t)golden_int(o, "mem_mib", 1024);
    d->live_mem_mib = (uint64_t)golden_int(o, "live_mem_mib", (int64_t)d->mem_mib);
    d->defined = golden_bool(o, "defined", true);
    d->parts_equal = golden_bool(o, "parts_equal", true);
    d->live_parts_equal = golden_bool(o, "live_parts_equal", true);
    d->volumes = golden_strs(a, o, "volumes", &d->n_volumes);
    d->networks = golden_strs(a, o, "networks", &d->n_networks);
}

static void
vol_read(struct arena *a, struct json_object *o, struct rec_vol *v)
{
    (void)a;
    v->id = golden_str(o, "id", "");
    v->capacity_bytes = (uint64_t)golden_int(o, "capacity_bytes", 10);
}

static void
net_read(struct arena *a, struct json_object *o, struct rec_net *n)
{
    (void)a;
    n->id = golden_str(o, "id", "");
    n->ours = golden_bool(o, "ours", true);
    n->active = golden_bool(o, "active", true);
    n->term = (uint64_t)golden_int(o, "term", 1);
    n->generation = (uint64_t)golden_int(o, "generation", 1);
    n->hosts_equal = golden_bool(o, "hosts_equal", true);
}

#define READ_LIST(a, of, key, type, read, out, n)                                                  \
    do {                                                                                           \
        struct json_object *list_ = golden_get(of, key);                                           \
        size_t n_ = list_ != NULL ? json_object_array_length(list_) : 0;                           \
        type *items_ = arena_alloc(a, (n_ + 1) * sizeof(type));                                    \
        for (size_t i_ = 0; i_ < n_; i_++)                                                         \
            read(a, json_object_array_get_idx(list_, i_), &items_[i_]);                            \
        (out) = items_;                                                                            \
        (n) = n_;                                                                                  \
    } while (0)

static void
world_read(struct arena *a, struct json_object *c, struct rec_world *w)
{
    struct json_object *seen = golden_get(c, "observed");

    w->observed_ok = golden_bool(seen, "ok", true);
    w->heard = golden_bool(seen, "heard", true);
    w->clock_suspect = golden_bool(seen, "clock_suspect", false);
    w->now_ms = golden_int(c, "now", 1000000);
    w->stop_grace_ms = golden_int(c, "stop_grace_ms", 60000);
    READ_LIST(a, c, "desired", struct rec_want, want_read, w->wants, w->n_wants);
    READ_LIST(a, seen, "domains", struct rec_dom, dom_read, w->doms, w->n_doms);
    READ_LIST(a, seen, "volumes", struct rec_vol, vol_read, w->vols, w->n_vols);
    READ_LIST(a, seen, "networks", struct rec_net, net_read, w->nets, w->n_nets);
}

static void
expect_write(const struct rec_world *w, struct strbuf *out)
{
    struct rec_action act[64];
    size_t n = reconcile(w, act, ARRAY_LEN(act));

    strbuf_adds(out, "{\n    \"actions\": [");
    for (size_t i = 0; i < n; i++)
        strbuf_addf(out, "%s\n      \"%s %s: %s\"", i > 0 ? "," : "", rec_op_name(act[i].op),
                    w->wants[act[i].want].id, act[i].reason);
    strbuf_addf(out, "%s],\n    \"seen\": [", n > 0 ? "\n    " : "");
    for (size_t i = 0; i < w->n_wants; i++) {
        struct rec_verdict v = reconcile_judge(w, &w->wants[i]);

        CU_ASSERT(v.equal == (v.reason == NULL));
        strbuf_addf(out, "%s\n      \"%s %s%s%s\"", i > 0 ? "," : "", w->wants[i].id,
                    rec_seen_name(v.seen), v.equal ? ", equal" : ": ",
                    v.reason != NULL ? v.reason : "");
    }
    strbuf_addf(out, "%s]\n  }", w->n_wants > 0 ? "\n    " : "");
}

static void
case_run(struct json_object *c, struct strbuf *out)
{
    SCOPED(arena) struct arena a = {0};
    struct rec_world w = {0};

    world_read(&a, c, &w);
    expect_write(&w, out);
}

static void
answers_every_golden_case(void)
{
    CU_ASSERT(golden_run("tests/cases/reconcile", case_run) >= 40);
}

static void
answers_with_no_more_than_it_is_asked_for(void)
{
    struct rec_want wants[3] = {
        {.id = "a", .kind = MO_NETWORK, .wanted = MO_PRESENT, .wanted_now = true},
        {.id = "b", .kind = MO_NETWORK, .wanted = MO_PRESENT, .wanted_now = true},
        {.id = "c", .kind = MO_NETWORK, .wanted = MO_PRESENT, .wanted_now = true},
    };
    struct rec_world w = {.observed_ok = true, .wants = wants, .n_wants = 3};
    struct rec_action act[3] = {{.reason = "untouched"}, {.reason = "untouched"}, {.want = 77}};

    CU_ASSERT_EQUAL(reconcile(&w, act, 2), 2);
    CU_ASSERT_EQUAL(act[2].want, 77);
    CU_ASSERT_EQUAL(reconcile(&w, NULL, 0), 0);
    CU_ASSERT_EQUAL(reconcile(&w, act, 3), 3);
}

static void
names_every_operation_and_state(void)
{
    for (int i = 0; i < REC_OP__MAX; i++)
        CU_ASSERT(strlen(rec_op_name((enum rec_op)i)) > 1);
    for (int i = REC_SEEN_UNKNOWN; i < REC_SEEN__MAX; i++)
        CU_ASSERT(strlen(rec_seen_name((enum rec_seen)i)) > 1);
    CU_ASSERT_STRING_EQUAL(rec_op_name(REC_OP__MAX), "?");
}

CU_TestInfo reconcile_tests[] = {
    {"answers every golden case", answers_every_golden_case},
    {"answers with no more than it is asked for", answers_with_no_more_than_it_is_asked_for},
    {"names every operation and state", names_every_operation_and_state},
    CU_TEST_INFO_NULL,
};
