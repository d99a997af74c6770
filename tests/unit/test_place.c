/* Golden cases of tests/cases/place: {hosts, ask, expect}. */
#include <CUnit/CUnit.h>
#include <json-c/json.h>
#include <string.h>

#include "drivers/base/scope.h"
#include "drivers/base/strbuf.h"
#include "policies/host_fsm.h"
#include "policies/place.h"
#include "tests/unit/golden.h"

#define HOSTS_MAX 16
#define GIB INT64_C(1073741824)

static const char *const states[] = {"",       "enrolling",       "ready",   "cordoned",
                                     "silent", "cordoned+silent", "revoked", NULL};

static const char *const aparts[] = {"", "soft", "hard", NULL};

struct table {
    struct place_hosts hosts;
    const char *name[HOSTS_MAX];
    uint8_t state[HOSTS_MAX];
    int64_t vcpus_free[HOSTS_MAX], mem_free_mib[HOSTS_MAX], disk_free_bytes[HOSTS_MAX];
    uint32_t cpus[HOSTS_MAX], can[HOSTS_MAX], zone[HOSTS_MAX], pool_class[HOSTS_MAX],
        same[HOSTS_MAX];
    uint8_t arch[HOSTS_MAX], part[HOSTS_MAX];
};

static void
table_read(struct json_object *list, struct table *t)
{
    memset(t, 0, sizeof(*t));
    t->hosts = (struct place_hosts){.n = json_object_array_length(list),
                                    .name = t->name,
                                    .state = t->state,
                                    .vcpus_free = t->vcpus_free,
                                    .mem_free_mib = t->mem_free_mib,
                                    .disk_free_bytes = t->disk_free_bytes,
                                    .cpus = t->cpus,
                                    .can = t->can,
                                    .zone = t->zone,
                                    .pool_class = t->pool_class,
                                    .arch = t->arch,
                                    .same = t->same};
    CU_ASSERT_FATAL(t->hosts.n <= HOSTS_MAX);
    for (size_t i = 0; i < t->hosts.n; i++) {
        struct json_object *o = json_object_array_get_idx(list, i);

        t->name[i] = golden_str(o, "name", "?");
        t->state[i] = (uint8_t)golden_enum(o, "state", states, HS_READY);
        t->cpus[i] = (uint32_t)golden_int(o, "cpus", 16);
        t->vcpus_free[i] = place_free(t->cpus[i], (uint32_t)golden_int(o, "cpu_percent", 400),
                                      (uint64_t)golden_int(o, "vcpus_promised", 0));
        t->mem_free_mib[i] = place_free((uint64_t)golden_int(o, "mem_mib", 65536),
                                        (uint32_t)golden_int(o, "mem_percent", 100),
                                        (uint64_t)golden_int(o, "mem_promised", 0));
        t->disk_free_bytes[i] = golden_int(o, "disk_free_gib", 1000) * GIB;
        t->can[i] = (uint32_t)golden_int(o, "can", 7);
        t->zone[i] = (uint32_t)golden_int(o, "zone", 1);
        t->pool_class[i] = (uint32_t)golden_int(o, "class", 0);
        t->same[i] = (uint32_t)golden_int(o, "same", 0);
        t->part[i] = (uint8_t)golden_int(o, "part", 0);
        if (t->part[i] != 0)
            t->hosts.part = t->part;
        t->arch[i] = (uint8_t)place_arch_of(golden_str(o, "arch", "x86_64"));
    }
}

static void
case_run(struct json_object *c, struct strbuf *out)
{
    struct json_object *o = golden_get(c, "ask"), *group = golden_get(o, "group");
    struct place_ask ask = place_ask_new();
    struct table t;
    struct place_sums sums;
    uint8_t why[HOSTS_MAX];
    char chosen[300] = "";
    size_t best;

    table_read(golden_get(c, "hosts"), &t);
    ask.needs = (uint32_t)golden_int(o, "needs", 0);
    ask.zone = (uint32_t)golden_int(o, "zone", 0);
    ask.pool_class = (uint32_t)golden_int(o, "class", 0);
    ask.apart = (enum place_apart)golden_enum(o, "apart", aparts, PLACE_TOGETHER);
    ask.rule = (enum place_rule)golden_int(o, "rule", PLACE_RULE_2);
    ask.room_vcpus = (uint32_t)golden_int(o, "room_vcpus", 0);
    ask.room_mem_mib = golden_int(o, "room_mem_mib", 0);
    ask.room_disk_bytes = golden_int(o, "room_disk_gib", 0) * GIB;
    if (golden_get(o, "pinned") != NULL)
        ask.pinned = (size_t)golden_int(o, "pinned", 0);
    for (size_t i = 0; i < json_object_array_length(group); i++) {
        struct json_object *g = json_object_array_get_idx(group, i);

        ask.arch = place_arch_join(ask.arch, place_arch_of(golden_str(g, "arch", "")));
        place_ask_add(&ask, (uint32_t)golden_int(g, "vcpus", 0),
                      (uint64_t)golden_int(g, "mem_mib", 0),
                      (uint64_t)golden_int(g, "disk_gib", 0) * (uint64_t)GIB);
    }
    best = place(&t.hosts, &ask, why, &sums);
    CU_ASSERT_EQUAL(place(&t.hosts, &ask, why, NULL), best);
    if (best != PLACE_NOWHERE)
        (void)place_explain_choice(&t.hosts, &ask, best, &sums, chosen, sizeof(chosen));
    strbuf_addf(out, "{\n    \"host\": \"%s\",\n    \"chosen\": \"%s\",\n    \"why\": [",
                best == PLACE_NOWHERE ? "" : t.name[best], chosen);
    for (size_t i = 0; i < t.hosts.n; i++) {
        char text[200];

        CU_ASSERT(place_explain(&t.hosts, &ask, i, (enum place_why)why[i], text, sizeof(text)) > 4);
        strbuf_addf(out, "%s\n      \"%s\"", i > 0 ? "," : "", text);
    }
    strbuf_adds(out, "\n    ]\n  }");
}

static void
answers_every_golden_case(void)
{
    CU_ASSERT(golden_run("tests/cases/place", case_run) >= 12);
}

static void
finds_nowhere_among_no_hosts(void)
{
    struct place_hosts none = {0};
    struct place_ask ask = place_ask_new();

    CU_ASSERT_EQUAL(place(&none, &ask, NULL, NULL), PLACE_NOWHERE);
}

static void
does_not_overflow(void)
{
    struct place_ask ask = place_ask_new();

    place_ask_add(&ask, UINT32_MAX, UINT64_MAX, UINT64_MAX);
    place_ask_add(&ask, UINT32_MAX, UINT64_MAX, UINT64_MAX);
    CU_ASSERT_EQUAL(ask.mem_mib, INT64_MAX);
    CU_ASSERT_EQUAL(ask.disk_bytes, INT64_MAX);
    CU_ASSERT(place_free(UINT64_MAX, UINT32_MAX, 0) > 0);
    CU_ASSERT(place_free(1, 100, UINT64_MAX) < 0);
    CU_ASSERT_EQUAL(place_free(16, 400, 10), 54);
}

CU_TestInfo place_tests[] = {
    {"answers every golden case", answers_every_golden_case},
    {"finds nowhere among no hosts", finds_nowhere_among_no_hosts},
    {"does not overflow", does_not_overflow},
    CU_TEST_INFO_NULL,
};
