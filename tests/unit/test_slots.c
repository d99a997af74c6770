#include <CUnit/CUnit.h>
#include <string.h>

#include "drivers/base/scope.h"
#include "policies/slots.h"

#define S INT64_C(1000)
#define T0 (INT64_C(1000000) * S) /* wall clock of second 0, a multiple of the slot */

static const struct slot_rule rule = {
    .slot_ms = 10 * S, .max_gap_ms = 12 * S, .mem_stale_ms = 30 * S};

/* A running machine of 2 vCPUs that used `cpu_ms` of CPU time in all at second `at`. */
static struct slot_sample
at(int64_t second, uint64_t cpu_ms)
{
    return (struct slot_sample){.taken_ns = second * S * 1000000,
                                .wall_ms = T0 + second * S,
                                .run_id = 1,
                                .running = true,
                                .has_cpu = true,
                                .vcpus = 2,
                                .mem_mib = 1,
                                .cpu_ns = cpu_ms * 1000000};
}

static struct slot_state state;
static struct slot_row rows[32];
static size_t n_rows;

static void
start(void)
{
    memset(&state, 0, sizeof(state));
    n_rows = 0;
}

static void
feed(struct slot_sample s)
{
    n_rows += slots_feed(&state, &rule, &s, rows + n_rows, ARRAY_LEN(rows) - n_rows);
}

static void
expect_row(size_t i, enum mo_metric metric, int64_t second, int64_t ms, uint64_t avg, uint64_t peak)
{
    CU_ASSERT_FATAL(i < n_rows);
    CU_ASSERT_EQUAL(rows[i].metric, metric);
    CU_ASSERT_EQUAL(rows[i].at_ms, T0 + second * S);
    CU_ASSERT_EQUAL(rows[i].running_ms, ms);
    CU_ASSERT_EQUAL(rows[i].avg, avg);
    CU_ASSERT_EQUAL(rows[i].peak, peak);
}

static void
gives_average_and_peak_of_a_slot(void)
{
    start();
    feed(at(0, 0));
    feed(at(5, 1000));
    CU_ASSERT_EQUAL(n_rows, 0);
    feed(at(10, 6000));
    CU_ASSERT_EQUAL(n_rows, 1);
    /* 1 s of 5 s x 2 is 10 %, 5 s of 5 s x 2 is 50 %. */
    expect_row(0, MO_CPU, 0, 10 * S, 3000, 5000);
}

static void
divides_an_interval_over_the_edge_of_a_slot(void)
{
    start();
    feed(at(4, 0));
    feed(at(14, 2000));
    feed(at(20, 2000));
    CU_ASSERT_EQUAL(n_rows, 2);
    expect_row(0, MO_CPU, 0, 6 * S, 1000, 1000);
    expect_row(1, MO_CPU, 10, 10 * S, 400, 1000);
}

static void
makes_no_number_of_what_it_could_not_measure(void)
{
    struct slot_sample broken[8];

    for (size_t i = 0; i < ARRAY_LEN(broken); i++)
        broken[i] = at(5, 500);
    broken[0].run_id = 2;       /* a new process */
    broken[1].cpu_ns = 0;       /* a counter that fell: the sample before says 100 ms */
    broken[2].running = false;  /* paused */
    broken[3].vcpus = 4;        /* resized between two samples */
    broken[4].has_cpu = false;  /* the job was busy */
    broken[5].wall_ms += 2 * S; /* the wall clock jumped */
    broken[6].wall_ms -= 2 * S; /* or fell */
    broken[7].taken_ns += 8000 * (S * 1000); /* too far apart; the wall clock goes along */
    broken[7].wall_ms += 8 * S;
    for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
        start();
        feed(at(0, 100));
        feed(broken[i]);
        n_rows += slots_flush(&state, &rule, T0 + 100 * S, rows, ARRAY_LEN(rows));
        CU_ASSERT_EQUAL(n_rows, 0);
    }
}

static void
goes_on_after_a_broken_interval(void)
{
    struct slot_sample moved = at(5, 50);

    start();
    feed(at(0, 9000));
    moved.run_id = 2;
    feed(moved);
    moved = at(10, 550);
    moved.run_id = 2;
    feed(moved);
    expect_row(0, MO_CPU, 0, 5 * S, 500, 500);
}

static void
ignores_samples_that_are_not_newer(void)
{
    start();
    feed(at(5, 1000));
    feed(at(5, 9000));
    feed(at(3, 0));
    feed(at(10, 2000));
    expect_row(0, MO_CPU, 0, 5 * S, 1000, 1000);
}

static void
fills_no_slot_twice_when_the_clock_falls(void)
{
    struct slot_sample s;

    start();
    feed(at(0, 0));
    feed(at(10, 1000));
    CU_ASSERT_EQUAL(n_rows, 1);
    for (int64_t second = 11; second < 30; second++) {
        s = at(second, 1000 + (uint64_t)second);
        s.wall_ms -= 11 * S;
        feed(s);
    }
    for (size_t i = 1; i < n_rows; i++)
        CU_ASSERT(rows[i].at_ms > T0);
}

static void
believes_the_balloon_only_when_it_is_fresh(void)
{
    struct slot_sample a = at(0, 0), b = at(10, 0);

    a.has_mem = b.has_mem = true;
    a.has_cpu = b.has_cpu = false;
    b.mem_available_kib = 900;
    b.mem_usable_kib = 388;
    b.mem_updated_s = (T0 + 9 * S) / 1000;
    start();
    feed(a);
    feed(b);
    expect_row(0, MO_MEM, 0, 10 * S, 5000, 5000); /* 512 of 1024 KiB */
    start();
    feed(a);
    b.mem_updated_s = (T0 - 21 * S) / 1000;
    feed(b);
    CU_ASSERT_EQUAL(n_rows, 0);
    b.mem_updated_s = 0;
    start();
    feed(a);
    feed(b);
    CU_ASSERT_EQUAL(n_rows, 0);
    b.mem_updated_s = (T0 + 9 * S) / 1000;
    b.mem_usable_kib = 901;
    start();
    feed(a);
    feed(b);
    CU_ASSERT_EQUAL(n_rows, 0);
}

static void
measures_rates_each_on_their_own(void)
{
    struct slot_sample a = at(0, 0), b = at(10, 0);

    a.has_net = b.has_net = a.has_block = b.has_block = true;
    a.net_rx_bytes = 500;
    b.net_rx_bytes = 100; /* a card was taken away */
    b.net_tx_bytes = 12345;
    b.block_bytes = UINT64_C(40000000000);
    start();
    feed(a);
    feed(b);
    CU_ASSERT_EQUAL(n_rows, 3);
    expect_row(0, MO_CPU, 0, 10 * S, 0, 0);
    expect_row(1, MO_NET_TX, 0, 10 * S, 1234, 1234);
    expect_row(2, MO_DISK_IO, 0, 10 * S, UINT64_C(4000000000), UINT64_C(4000000000));
}

static void
gives_out_a_slot_once_it_is_over(void)
{
    start();
    feed(at(0, 0));
    feed(at(5, 1000));
    CU_ASSERT_EQUAL(slots_flush(&state, &rule, T0 + 10 * S - 1, rows, ARRAY_LEN(rows)), 0);
    n_rows = slots_flush(&state, &rule, T0 + 10 * S, rows, ARRAY_LEN(rows));
    expect_row(0, MO_CPU, 0, 5 * S, 1000, 1000);
    CU_ASSERT_EQUAL(slots_flush(&state, &rule, T0 + 20 * S, rows, ARRAY_LEN(rows)), 0);
}

static void
says_how_many_rows_a_call_can_give(void)
{
    struct slot_rule tiny = {.slot_ms = 1000, .max_gap_ms = 5000, .mem_stale_ms = 1};
    struct slot_sample a = at(0, 0), b = at(5, 0);
    struct slot_row out[64];

    a.has_net = b.has_net = a.has_block = b.has_block = true;
    a.wall_ms += 500;
    b.wall_ms += 500;
    start();
    (void)slots_feed(&state, &tiny, &a, out, ARRAY_LEN(out));
    n_rows = slots_feed(&state, &tiny, &b, out, ARRAY_LEN(out));
    CU_ASSERT(n_rows >= 20 && n_rows <= slots_rows_max(&tiny));
    start();
    (void)slots_feed(&state, &tiny, &a, out, 0);
    memset(out, 7, sizeof(out));
    CU_ASSERT_EQUAL(slots_feed(&state, &tiny, &b, out, 2), 2);
    CU_ASSERT_EQUAL(((unsigned char *)&out[2])[0], 7);
}

CU_TestInfo slots_tests[] = {
    {"gives average and peak of a slot", gives_average_and_peak_of_a_slot},
    {"divides an interval over the edge of a slot", divides_an_interval_over_the_edge_of_a_slot},
    {"makes no number of what it could not measure", makes_no_number_of_what_it_could_not_measure},
    {"goes on after a broken interval", goes_on_after_a_broken_interval},
    {"ignores samples that are not newer", ignores_samples_that_are_not_newer},
    {"fills no slot twice when the clock falls", fills_no_slot_twice_when_the_clock_falls},
    {"believes the balloon only when it is fresh", believes_the_balloon_only_when_it_is_fresh},
    {"measures rates each on their own", measures_rates_each_on_their_own},
    {"gives out a slot once it is over", gives_out_a_slot_once_it_is_over},
    {"says how many rows a call can give", says_how_many_rows_a_call_can_give},
    CU_TEST_INFO_NULL,
};
