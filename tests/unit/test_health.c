#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#include "drivers/base/scope.h"
#include "policies/health.h"
#include "policies/sentence.h"

#define NOW INT64_C(1800000000000)
#define MIN INT64_C(60000)

static const char *const two[] = {"h7", "h9"};
static const char *const seven[] = {"a1", "a2", "a3", "a4", "a5", "a6", "a7"};

static const struct health_facts well = {
    .now_ms = NOW,
    .hosts_ready = 3,
    .order_oldest_ms = NOW - 5 * MIN,
    .commit_p99_us = 20000,
    .dispatch_p99_us = 30000,
    .disk_free = INT64_C(50) << 30,
    .disk_size = INT64_C(100) << 30,
    .ledger_ms = NOW - 10 * MIN,
    .witnessed_ms = NOW - 10 * MIN,
};

static void
says_nothing_when_all_is_well(void)
{
    struct health_finding out[HEALTH_MAX];
    struct health_facts nothing = {.now_ms = NOW}, young = well;

    CU_ASSERT_EQUAL(health_judge(&well, out), 0);
    CU_ASSERT_EQUAL(health_judge(&nothing, out), 0);
    young.ledger_ms = NOW; /* entries of this minute have no witness yet */
    young.witnessed_ms = NOW - 60 * MIN;
    CU_ASSERT_EQUAL(health_judge(&young, out), 0);
}

/* Nothing English is left but what is put in as it is: commands, options, events, names, units. */
static bool
is_chinese(const char *zh)
{
    static const char *const left[] = {"bianyun", "recovery", "confirm", "quota",  "hosts",
                                       "list",    "pools",    "clocks",  "orders", "notices",
                                       "overdue", "open",     "dead",    "event",  "job",
                                       "failed",  "MiB",      "ms",      "s"};

    for (const char *p = zh; *p != '\0';) {
        size_t n = strspn(p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"), k = 0;

        while (n > 0 && k < ARRAY_LEN(left) &&
               (strlen(left[k]) != n || strncmp(left[k], p, n) != 0))
            k++;
        if (n > 0 && k == ARRAY_LEN(left) && !(n == 1 && strchr("ah", p[0]) != NULL)) {
            fprintf(stderr, "\n%.*s in %s\n", (int)n, p, zh);
            return false;
        }
        p += n > 0 ? n : 1;
    }
    return strlen(zh) > 0;
}

/* One fact each that needs somebody. */
static void
says_what_needs_somebody_and_what_to_do(void)
{
    struct health_facts f[19];
    static const struct {
        bool grave;
        const char *says;
    } want[] = {
        {true, "this store is behind its hosts and nothing is dispatched until an administrator "
               "confirms (bianyun recovery confirm)"},
        {true, "the system clock jumped and overdue verdicts are held: mend its time, then confirm "
               "it (bianyun recovery confirm)"},
        {true, "what is booked as used differs by -3 from what hosts prove (bianyun quota)"},
        {true, "2 sums of the quota ledger do not add up (bianyun quota)"},
        {true, "3 hosts are remembered otherwise than the store has them and placing may go "
               "wrong: restart the controller, it reads them anew"},
        {true, "hosts refused since two machines speak with one key: h7, h9 (bianyun hosts list)"},
        {true, "2 hosts are silent, the longest for 14 min: h7, h9 (bianyun hosts list)"},
        {true, "7 hosts are silent: a1, a2, a3, a4, a5 + 2 (bianyun hosts list)"},
        {true, "new volumes of shared pools wait, their stewards do nothing for them: h7, h9 "
               "(bianyun pools list)"},
        {true, "the disk of the store has 4000 MiB left of 102400: when it is full nothing is "
               "acknowledged any more"},
        {true, "the disk of the store has 40960 MiB left of 1048576: when it is full nothing is "
               "acknowledged any more"},
        {false, "4 legal clocks are overdue (bianyun clocks list --overdue)"},
        {false, "5 orders are open although their grant's clock has run out (bianyun orders list "
                "--open)"},
        {false, "an order has been open for 2 h 5 min (bianyun orders list --open)"},
        {false, "one of a hundred commits takes 700 ms: look at the disk of the store"},
        {false, "one of a hundred orders waits 12 s for its host"},
        {false, "no host has witnessed what the ledger wrote lately: do the hosts reach the "
                "agents' listener?"},
        {false, "1 mails or posts were given up (bianyun notices list --dead)"},
        {false, "2 jobs have not succeeded for a quarter of an hour: the log says why "
                "(event=job.failed)"},
    };
    struct health_finding out[HEALTH_MAX];
    size_t i = 0;

    for (size_t k = 0; k < ARRAY_LEN(f); k++)
        f[k] = well;
    f[i++].recovery = true;
    f[i++].clock_jumped = true;
    f[i++].drift = -3;
    f[i++].books_wrong = 2;
    f[i++].hosts_wrong = 3;
    f[i].refused = two;
    f[i++].n_refused = 2;
    f[i].silent = two;
    f[i].n_silent = 2;
    f[i++].silent_since_ms = NOW - 14 * MIN;
    f[i].silent = seven;
    f[i++].n_silent = 7;
    f[i].idle = two;
    f[i++].n_idle = 2;
    f[i++].disk_free = INT64_C(4000) << 20;
    f[i].disk_free = INT64_C(40) << 30; /* more than 5 GB, less than a twentieth */
    f[i++].disk_size = INT64_C(1) << 40;
    f[i++].clocks_overdue = 4;
    f[i++].orders_overdue = 5;
    f[i++].order_oldest_ms = NOW - 125 * MIN;
    f[i++].commit_p99_us = 700000;
    f[i++].dispatch_p99_us = 12000000;
    f[i++].witnessed_ms = NOW - 40 * MIN;
    f[i++].notices_dead = 1;
    f[i++].jobs_late = 2;
    CU_ASSERT_EQUAL_FATAL(i, ARRAY_LEN(want));
    CU_ASSERT_EQUAL_FATAL(i, ARRAY_LEN(f));
    for (i = 0; i < ARRAY_LEN(want); i++) {
        char zh[1000];
        struct text t = text_on(zh, sizeof(zh));

        CU_ASSERT_EQUAL_FATAL(health_judge(&f[i], out), 1);
        CU_ASSERT_STRING_EQUAL(out[0].text, want[i].says);
        CU_ASSERT_EQUAL(out[0].grave, want[i].grave);
        sentence_add(SAY_ZH, out[0].text, &t);
        CU_ASSERT_TRUE(is_chinese(zh));
        CU_ASSERT(want[i].says[2] == 'h' || strstr(want[i].says, "h7") == NULL ||
                  strstr(zh, "h7, h9") != NULL);
    }
}

static void
puts_what_gets_somebody_up_first(void)
{
    struct health_facts f = well;
    struct health_finding out[HEALTH_MAX];
    size_t n, grave = 0;

    f.recovery = f.clock_jumped = true;
    f.drift = f.books_wrong = f.clocks_overdue = f.orders_overdue = f.notices_dead = 1;
    f.jobs_late = 1;
    f.silent = f.refused = seven;
    f.n_silent = f.n_refused = 7;
    f.order_oldest_ms = f.witnessed_ms = 1;
    f.commit_p99_us = f.dispatch_p99_us = INT64_C(1) << 40;
    f.disk_free = 0;
    n = health_judge(&f, out);
    CU_ASSERT(n >= 15 && n <= HEALTH_MAX);
    while (grave < n && out[grave].grave)
        grave++;
    CU_ASSERT(grave >= 6);
    for (size_t i = grave; i < n; i++)
        CU_ASSERT_FALSE(out[i].grave);
}

CU_TestInfo health_tests[] = {
    {"says nothing when all is well", says_nothing_when_all_is_well},
    {"says what needs somebody and what to do", says_what_needs_somebody_and_what_to_do},
    {"puts what gets somebody up first", puts_what_gets_somebody_up_first},
    CU_TEST_INFO_NULL,
};
