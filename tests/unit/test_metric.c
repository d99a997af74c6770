#include <CUnit/CUnit.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "agent/metrics.h"
#include "controller/jobs.h"
#include "controller/metrics.h"
#include "controller/paths.h"
#include "controller/routes.h"
#include "controller/waiting.h"
#include "drivers/base/clock.h"
#include "drivers/base/scope.h"
#include "drivers/host/durable.h"
#include "drivers/host/procinfo.h"
#include "tests/unit/agenthost.h"
#include "tests/unit/flow.h"
#include "tests/unit/promtext.h"
#include "tests/unit/tmpdir.h"

#define MS INT64_C(1000000)
#define WAIT_MS 60000

static const char *const colours[] = {"red", "green"}, *const sizes[] = {"s", "m", "l"};
static const struct metric_label colour = {"colour", colours, 2}, size = {"size", sizes, 3};
enum { COUNT, SHIRTS, WARMTH, LEVEL, TOOK, LOTS };
static const struct metric_row rows[] = {
    [COUNT] = {"t_count_total", METRIC_COUNTER, METRIC_COUNT, NULL, NULL, "How many."},
    [SHIRTS] = {"t_shirts_total", METRIC_COUNTER, METRIC_COUNT, &colour, &size, "Shirts."},
    [WARMTH] = {"t_warmth_seconds", METRIC_GAUGE, METRIC_SECONDS, NULL, NULL, "Warm for so long."},
    [LEVEL] = {"t_level", METRIC_GAUGE, METRIC_COUNT, &colour, NULL, "Level."},
    [TOOK] = {"t_took_seconds", METRIC_HISTOGRAM, METRIC_SECONDS, &colour, NULL, "It took."},
    [LOTS] = {"t_lots", METRIC_HISTOGRAM, METRIC_COUNT, NULL, NULL, "Lots."},
};

static struct metrics *
some(void)
{
    struct metrics *m = NULL;

    if (metrics_new(rows, ARRAY_LEN(rows), &m, NULL) < 0)
        abort();
    return m;
}

static void
counts_sets_and_prints_what_its_rows_say(void)
{
    static const struct {
        const char *series;
        double value;
    } want[] = {
        {"t_count_total", 5},
        {"t_shirts_total{colour=\"green\",size=\"l\"}", 2},
        {"t_shirts_total{colour=\"red\",size=\"s\"}", 0},
        {"t_warmth_seconds", -0.0015},
        {"t_level{colour=\"green\"}", 7},
        {"t_level{colour=\"red\"}", -1}, /* nobody set it: it is not there */
        {"t_took_seconds_bucket{colour=\"red\",le=\"0.002\"}", 1},
        {"t_took_seconds_bucket{colour=\"red\",le=\"0.001\"}", 0},
        {"t_took_seconds_bucket{colour=\"red\",le=\"+Inf\"}", 2},
        {"t_took_seconds_count{colour=\"red\"}", 2},
        {"t_took_seconds_sum{colour=\"red\"}", 200.002},
        {"t_lots_bucket{le=\"20\"}", 1},
        {"t_lots_bucket{le=\"10\"}", 0},
    };
    SCOPED(metrics_free) struct metrics *m = some();
    SCOPED(strbuf) struct strbuf b = {0};
    struct err e = {0};

    metric_add(m, COUNT, 0, 2);
    metric_add(m, COUNT, 0, 3);
    metric_add(m, SHIRTS, 1 * 3 + 2, 2);
    metric_set(m, WARMTH, 0, -1500000);
    metric_set(m, LEVEL, 1, 7);
    metric_observe(m, TOOK, 0, 2 * MS); /* a value on a bound is below it */
    metric_observe(m, TOOK, 0, 200000 * MS);
    metric_observe(m, LOTS, 0, 11);
    metrics_text(m, &b);
    CU_ASSERT_EQUAL(promtext_check(strbuf_peek(&b), rows, ARRAY_LEN(rows), &e), 0);
    CU_ASSERT_STRING_EQUAL(e.msg, "");
    for (size_t i = 0; i < ARRAY_LEN(want); i++)
        CU_ASSERT_DOUBLE_EQUAL(promtext_value(strbuf_peek(&b), want[i].series), want[i].value,
                               1e-9);
    CU_ASSERT_PTR_NULL(strstr(strbuf_peek(&b), "t_level{colour=\"red\"}"));
    CU_ASSERT_PTR_NOT_NULL(strstr(strbuf_peek(&b), "\nt_warmth_seconds -0.0015\n"));
    CU_ASSERT_EQUAL(metric_get(m, COUNT, 0), 5);
    CU_ASSERT_EQUAL(metric_get(m, TOOK, 0), 2);
    /* Nothing to keep it in, and series that are none: nothing happens. */
    metric_add(NULL, COUNT, 0, 1);
    metric_observe(m, TOOK, 2, 1);
    metric_set(m, ARRAY_LEN(rows), 0, 1);
    CU_ASSERT_EQUAL(metric_get(m, LEVEL, 2), METRIC_UNSET);
}

static void
the_reader_of_the_text_refuses_what_is_wrong(void)
{
    static const char good[] = "# HELP t_count_total How many.\n# TYPE t_count_total counter\n"
                               "t_count_total 1\n";
    static const char *const wrong[] = {
        "",
        "t_count_total 1\n",
        "# HELP t_count_total How many.\nt_count_total 1\n",
        "# TYPE t_count_total counter\n# HELP t_count_total How many.\nt_count_total 1\n",
        "# HELP t_count_total How many.\n# TYPE t_count_total gauge\nt_count_total 1\n",
        "# HELP t_count_total How many.\n# TYPE t_count_total counter\nt_count_total 1",
        "# HELP t_count_total How many.\n# TYPE t_count_total counter\nt_count_total -1\n",
        "# HELP t_count_total How many.\n# TYPE t_count_total counter\nt_count_total x\n",
        "# HELP t_count_total How many.\n# TYPE t_count_total counter\nt_count_total{a=\"b\"} 1\n",
        "# HELP t_count_total How many.\n# TYPE t_count_total counter\nt_count_total 1\n"
        "t_count_total 2\n",
        "# HELP t_count_total How many.\n# TYPE t_count_total counter\nother 1\n",
        "# HELP t_count_total How many.\n# TYPE t_count_total counter\nt_count_total 1\n"
        "# HELP other It.\n",
    };

    CU_ASSERT_EQUAL(promtext_check(good, rows, 1, NULL), 0);
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        CU_ASSERT_EQUAL(promtext_check(wrong[i], rows, 1, NULL), -1);
}

static void
the_last_minutes_are_told_apart_from_all_before(void)
{
    SCOPED(metrics_free) struct metrics *m = some();

    CU_ASSERT_EQUAL(metric_recent(m, TOOK, 0, 500), METRIC_UNSET);
    for (int i = 0; i < 1000; i++)
        metric_observe(m, TOOK, 0, 100 * MS);
    /* 1,000 between 50 and 100 ms: the middle of that step. */
    CU_ASSERT_EQUAL(metric_recent(m, TOOK, 0, 500), 75 * MS);
    CU_ASSERT_EQUAL(metric_recent(m, TOOK, 0, 1000), 100 * MS);
    for (int i = 0; i < METRIC_MINUTES; i++) {
        CU_ASSERT_EQUAL(metric_recent(m, TOOK, 0, 1000), 100 * MS);
        metrics_tick(m);
    }
    CU_ASSERT_EQUAL(metric_recent(m, TOOK, 0, 500), METRIC_UNSET); /* long ago */
    metric_observe(m, TOOK, 0, 1 * MS);
    CU_ASSERT_EQUAL(metric_recent(m, TOOK, 0, 990), 1 * MS);
    metric_observe(m, TOOK, 0, 900000 * MS);
    CU_ASSERT_EQUAL(metric_recent(m, TOOK, 0, 1000), 100000 * MS); /* above the last bound */
    CU_ASSERT_EQUAL(metric_recent(m, TOOK, 1, 500), METRIC_UNSET);
    CU_ASSERT_EQUAL(metric_recent(m, COUNT, 0, 500), METRIC_UNSET);
}

/* What Prometheus expects of names; promtool says the rest. */
static void
row_is_named_well(const struct metric_row *r)
{
    size_t n = strlen(r->name);

    CU_ASSERT(strncmp(r->name, "bianyun_", 8) == 0 || strncmp(r->name, "process_", 8) == 0);
    CU_ASSERT_EQUAL(strspn(r->name, "abcdefghijklmnopqrstuvwxyz_"), n);
    CU_ASSERT_EQUAL(n > 6 && strcmp(r->name + n - 6, "_total") == 0, r->kind == METRIC_COUNTER);
    CU_ASSERT_EQUAL(strstr(r->name, "_seconds") != NULL, r->unit == METRIC_SECONDS);
    CU_ASSERT_EQUAL(strstr(r->name, "_bytes") != NULL, r->unit == METRIC_BYTES);
    CU_ASSERT(strlen(r->help) > 10 && r->help[strlen(r->help) - 1] == '.');
    CU_ASSERT_PTR_NULL(strpbrk(r->help, "\\\n"));
    for (const struct metric_label *l = r->label; l != NULL; l = l == r->label ? r->label2 : NULL)
        for (size_t k = 0; k < l->n; k++)
            CU_ASSERT(l->words[k] != NULL && l->words[k][0] != '\0' &&
                      strpbrk(l->words[k], "\"\\\n") == NULL);
}

static void
rows_are_sorted_and_named_as_prometheus_wants(void)
{
    for (size_t i = 0; i < CM__MAX; i++) {
        row_is_named_well(&controller_metrics[i]);
        CU_ASSERT(i == 0 || strcmp(controller_metrics[i - 1].name, controller_metrics[i].name) < 0);
    }
    for (size_t i = 0; i < AM__MAX; i++) {
        row_is_named_well(&agent_metrics[i]);
        CU_ASSERT(i == 0 || strcmp(agent_metrics[i - 1].name, agent_metrics[i].name) < 0);
    }
}

static void
knows_what_the_process_uses(void)
{
    struct procinfo p;
    struct err e = {0};

    CU_ASSERT_EQUAL(procinfo_read(&p, &e), 0);
    CU_ASSERT(p.rss_bytes > 1 << 20 && p.rss_bytes < INT64_C(1) << 40);
    CU_ASSERT(p.cpu_ns > 0 && p.fds >= 3 && p.max_fds >= p.fds);
    CU_ASSERT(p.start_ns > INT64_C(1500000000) * 1000 * MS);
}

static void
a_wait_is_measured_from_its_first_cause_to_the_look_that_saw_it(void)
{
    SCOPED(waiting_free) struct waiting *w = NULL;

    CU_ASSERT_EQUAL(waiting_new(&w, NULL), 0);
    CU_ASSERT_EQUAL(waiting_end(w, "h1", 100), 0);
    waiting_begin(w, "h1", 10);
    waiting_begin(w, "h1", 20);
    waiting_begin(w, "h2", 30);
    CU_ASSERT_EQUAL(waiting_end(w, "h1", 9), 0); /* it looked before there was anything */
    CU_ASSERT_EQUAL(waiting_end(w, "h1", 25), 10);
    CU_ASSERT_EQUAL(waiting_end(w, "h1", 26), 0);
    waiting_begin(w, "h1", 40); /* and what is there at the end is freed */
}

static void
a_raised_figure_never_falls(void)
{
    SCOPED(metrics_free) struct metrics *m = some();

    metric_raise(m, LEVEL, 1, -3); /* nobody has set it */
    CU_ASSERT_EQUAL(metric_get(m, LEVEL, 1), -3);
    metric_raise(m, LEVEL, 1, 7);
    metric_raise(m, LEVEL, 1, 5);
    CU_ASSERT_EQUAL(metric_get(m, LEVEL, 1), 7);
    metric_raise(NULL, LEVEL, 1, 9);
}

/* ---- the controller ------------------------------------------------------------------------- */

/* The page as somebody of the provider sees it, checked; free(). */
static char *
page(struct flow *f)
{
    struct httpc_answer ans = {0};
    struct err e = {0};
    char *text;

    CU_ASSERT_EQUAL(
        httpc_call(f->people[FLOW_PROVIDER], "GET", "/metrics", NULL, 0, WAIT_MS, &ans, &e), 0);
    CU_ASSERT_EQUAL(ans.status, 200);
    text = strndup(ans.body, ans.len);
    httpc_answer_clear(&ans);
    CU_ASSERT_EQUAL(promtext_check(text, controller_metrics, CM__MAX, &e), 0);
    CU_ASSERT_STRING_EQUAL(e.msg, "");
    return text;
}

static void
tells_how_the_controller_is(void)
{
    SCOPED(free) char *before = NULL, *after = NULL;
    struct w_accepted acc;
    struct flow f;
    struct err e = {0};
    SCOPED(db_free) struct db *d = NULL;

    flow_start(&f);
    CU_ASSERT_EQUAL(flow_hello(&f), 0);
    CU_ASSERT_EQUAL(flow_grant_add(&f, flow_grant(&f, "M-1"), flow_uuid(&f), &acc), 0);
    d = ctl_db(&f.ctl);
    CU_ASSERT_EQUAL(job_run(&f.ctl.c, d, JOB_PROOF, &e), 0);
    before = page(&f);
    CU_ASSERT_EQUAL(promtext_value(before, "bianyun_hosts{state=\"ready\"}"), 1);
    CU_ASSERT_EQUAL(promtext_value(before, "bianyun_hosts{state=\"silent\"}"), 0);
    CU_ASSERT_EQUAL(promtext_value(before, "bianyun_orders{verb=\"create\",state=\"open\"}"), 4);
    CU_ASSERT_EQUAL(promtext_value(before, "bianyun_orders{verb=\"create\",state=\"overdue\"}"), 0);
    CU_ASSERT(promtext_value(before, "bianyun_clocks{state=\"open\"}") >= 1);
    CU_ASSERT_EQUAL(promtext_value(before, "bianyun_quota_drift{metric=\"vcpus\"}"), 0);
    CU_ASSERT_EQUAL(promtext_value(before, "bianyun_quota_unproven"), 1);
    CU_ASSERT_EQUAL(promtext_value(before, "bianyun_books_wrong{book=\"sums\"}"), 0);
    CU_ASSERT(promtext_value(before, "bianyun_ledger_seq") > 5);
    CU_ASSERT(promtext_value(before, "bianyun_store_bytes{file=\"db\"}") > 4096);
    CU_ASSERT(promtext_value(before, "bianyun_disk_free_bytes") > 0);
    CU_ASSERT(promtext_value(before, "bianyun_commit_seconds_count") >= 3);
    CU_ASSERT(promtext_value(before, "bianyun_tls_handshakes_total{listener=\"agents\"}") >= 1);
    CU_ASSERT(promtext_value(before, "bianyun_connections{listener=\"people\"}") >= 1);
    CU_ASSERT_EQUAL(
        promtext_value(before, "bianyun_requests_total{route=\"grant_add\",class=\"2xx\"}"), 1);
    CU_ASSERT_EQUAL(promtext_value(before, "bianyun_build_info{version=\"" BY_VERSION "\"}"), 1);
    CU_ASSERT_PTR_NULL(strstr(before, f.host)); /* no id is a label */

    f.cursor = 0;
    CU_ASSERT(flow_carry_out(&f) >= 4);
    after = page(&f);
    CU_ASSERT_EQUAL(promtext_value(after, "bianyun_orders{verb=\"create\",state=\"open\"}"), 0);
    CU_ASSERT_EQUAL(promtext_value(after, "bianyun_order_oldest_seconds"), 0);
    flow_stop(&f);
}

static void
counts_who_was_refused_and_what_is_no_route(void)
{
    SCOPED(httpc_free) struct httpc *stranger = NULL;
    SCOPED(free) char *text = NULL;
    struct httpc_answer ans = {0};
    struct flow f;

    flow_start(&f);
    stranger = ctl_client(&f.ctl, "bys_nobody");
    (void)httpc_call(stranger, "GET", "/v1/units", NULL, 0, WAIT_MS, &ans, NULL);
    httpc_answer_clear(&ans);
    (void)httpc_call(stranger, "GET", "/metrics", NULL, 0, WAIT_MS, &ans, NULL);
    CU_ASSERT_EQUAL(ans.status, 401);
    httpc_answer_clear(&ans);
    (void)httpc_call(stranger, "GET", "/v1/nothing/here", NULL, 0, WAIT_MS, &ans, NULL);
    httpc_answer_clear(&ans);
    (void)httpc_call(f.people[FLOW_TENANT], "GET", "/metrics", NULL, 0, WAIT_MS, &ans, NULL);
    CU_ASSERT_EQUAL(ans.status, 403);
    httpc_answer_clear(&ans);
    text = page(&f);
    CU_ASSERT_EQUAL(promtext_value(text, "bianyun_auth_failures_total{who=\"person\"}"), 2);
    CU_ASSERT_EQUAL(promtext_value(text, "bianyun_auth_failures_total{who=\"agent\"}"), 0);
    CU_ASSERT_EQUAL(
        promtext_value(text, "bianyun_requests_total{route=\"unit_list\",class=\"4xx\"}"), 1);
    CU_ASSERT_EQUAL(promtext_value(text, "bianyun_requests_total{route=\"none\",class=\"4xx\"}"),
                    1);
    flow_stop(&f);
}

/* Of the rest a busy machine with a small disk may complain. */
static bool
complains(const struct w_status_view *v, const char *of)
{
    for (size_t i = 0; i < v->problems.n; i++)
        if (strstr(JM_ITEM(v->problems, struct w_status_finding, i)->text, of) != NULL)
            return true;
    return false;
}

/* Somebody changes the store behind the back of the controller. */
static void
memory_is_held_against_the_store(void)
{
    struct w_status_view v;
    struct flow f;
    sqlite3 *db = NULL;
    char path[320];

    flow_start(&f);
    (void)snprintf(path, sizeof(path), "%s/%s", f.ctl.dir, PATH_STORE);
    CU_ASSERT_EQUAL(job_run(&f.ctl.c, NULL, JOB_TABLE, &f.err), 0);
    CU_ASSERT_EQUAL(metric_get(f.ctl.c.metrics, CM_BOOKS_WRONG, CM_TABLE), 0);
    CU_ASSERT_EQUAL_FATAL(sqlite3_open(path, &db), SQLITE_OK);
    CU_ASSERT_EQUAL(sqlite3_exec(db, "UPDATE host SET cpus=cpus+1", NULL, NULL, NULL), SQLITE_OK);
    (void)sqlite3_close(db);
    CU_ASSERT_EQUAL(job_run(&f.ctl.c, NULL, JOB_TABLE, &f.err), 0);
    CU_ASSERT_EQUAL(metric_get(f.ctl.c.metrics, CM_BOOKS_WRONG, CM_TABLE), 1);
    CU_ASSERT_EQUAL(
        FLOW_CALL(&f, f.people[FLOW_PROVIDER], "GET", "/v1/status", NULL, status_view, &v), 0);
    CU_ASSERT_TRUE(complains(&v, "1 hosts are remembered otherwise"));
    flow_stop(&f);
}

/* The page for people shows the same figures, to those who may see them. */
static void
the_status_says_what_needs_somebody(void)
{
    struct w_status_view v;
    struct w_accepted acc;
    struct flow f;
    struct err e = {0};
    SCOPED(db_free) struct db *d = NULL;
    SCOPED(strbuf) struct strbuf text = {0};

    flow_start(&f);
    CU_ASSERT_EQUAL(flow_hello(&f), 0);
    CU_ASSERT_EQUAL(flow_grant_add(&f, flow_grant(&f, "S-1"), flow_uuid(&f), &acc), 0);
    d = ctl_db(&f.ctl);
    CU_ASSERT_EQUAL(
        FLOW_CALL(&f, f.people[FLOW_PROVIDER], "GET", "/v1/status", NULL, status_view, &v), 0);
    jm_encode(schema_status_view, &v, &text);
    CU_ASSERT_PTR_NULL(strstr(strbuf_peek(&text), "drift")); /* nobody has looked yet */
    CU_ASSERT_EQUAL(job_run(&f.ctl.c, d, JOB_PROOF, &e), 0);
    CU_ASSERT_EQUAL(
        FLOW_CALL(&f, f.people[FLOW_PROVIDER], "GET", "/v1/status", NULL, status_view, &v), 0);
    CU_ASSERT_FALSE(complains(&v, "silent"));
    CU_ASSERT_EQUAL(v.figures.hosts_ready, 1);
    CU_ASSERT_EQUAL(v.orders_open, 4);
    CU_ASSERT(v.figures.commit_p50_us > 0 && v.figures.commit_p99_us >= v.figures.commit_p50_us);
    CU_ASSERT(v.figures.order_oldest_ms > 0 && v.figures.clocks_open >= 1);
    CU_ASSERT_EQUAL(v.figures.quota.drift, 0);
    CU_ASSERT_EQUAL(v.figures.quota.unproven, 1);
    CU_ASSERT(v.figures.disk_bytes > v.figures.disk_free_bytes);
    CU_ASSERT(v.figures.started_ms > 0 && v.figures.memory_bytes > 1 << 20);
    CU_ASSERT_EQUAL(
        FLOW_CALL(&f, f.people[FLOW_TENANT], "GET", "/v1/status", NULL, status_view, &v), 0);
    CU_ASSERT(v.figures.started_ms == 0 && v.figures.disk_bytes == 0 && v.figures.clocks_open == 0);

    ctl_clock(600000, 600000); /* ten minutes without a word of the host */
    CU_ASSERT_EQUAL(
        FLOW_CALL(&f, f.people[FLOW_PROVIDER], "GET", "/v1/status", NULL, status_view, &v), 0);
    CU_ASSERT_EQUAL(v.figures.hosts_silent, 1);
    CU_ASSERT_TRUE(complains(&v, "1 hosts are silent, the longest for 10 min"));
    CU_ASSERT_FALSE(complains(&v, "jobs have not succeeded"));
    CU_ASSERT_EQUAL(
        FLOW_CALL(&f, f.people[FLOW_TENANT], "GET", "/v1/status", NULL, status_view, &v), 0);
    CU_ASSERT_EQUAL(v.problems.n, 0); /* whose hosts these are is none of a tenant's business */
    CU_ASSERT_EQUAL(v.figures.hosts_silent, 0);
    ctl_clock(1200000, 1200000); /* no job but one ever ran */
    CU_ASSERT_EQUAL(
        FLOW_CALL(&f, f.people[FLOW_PROVIDER], "GET", "/v1/status", NULL, status_view, &v), 0);
    CU_ASSERT_TRUE(complains(&v, "6 jobs have not succeeded"));
    ctl_clock(0, 0);
    flow_stop(&f);
}

static int
status_with(struct flow *f, const char *token, const char *path)
{
    SCOPED(httpc_free) struct httpc *h = ctl_client(&f->ctl, token);
    struct httpc_answer ans = {0};
    int status;

    (void)httpc_call(h, "GET", path, NULL, 0, WAIT_MS, &ans, NULL);
    status = ans.status;
    httpc_answer_clear(&ans);
    return status;
}

static void
the_scraping_token_reads_the_figures_and_nothing_else(void)
{
    SCOPED(httpc_free) struct httpc *security = NULL;
    struct w_scrape_token first, second;
    struct caller who;
    char token[64];
    struct flow f;

    flow_start(&f);
    ctl_account(&f.ctl, ROLE_SECADMIN, &who, token);
    security = ctl_client(&f.ctl, token);
    CU_ASSERT_EQUAL(status_with(&f, "bym_x", "/metrics"), 401); /* none was made */
    CU_ASSERT_EQUAL(
        FLOW_CALL(&f, security, "POST", "/v1/metrics:token", NULL, scrape_token, &first), 0);
    CU_ASSERT_EQUAL(strncmp(first.token, "bym_", 4), 0);
    CU_ASSERT_EQUAL(status_with(&f, first.token, "/metrics"), 200);
    CU_ASSERT_EQUAL(status_with(&f, token, "/metrics"), 403); /* who makes it need not read */
    for (size_t i = 0; i < routes_count; i++)
        if ((routes[i].roles & (ROUTE_AGENT | ROUTE_OPEN | ROUTE_SCRAPE)) == 0 &&
            strcmp(routes[i].method, "GET") == 0 && strchr(routes[i].path, '{') == NULL)
            CU_ASSERT_EQUAL(status_with(&f, first.token, routes[i].path), 401);
    flow_restart(&f, NULL);
    CU_ASSERT_EQUAL(status_with(&f, first.token, "/metrics"), 200); /* it is kept, as a hash */
    httpc_free(TAKE(security));
    security = ctl_client(&f.ctl, token);
    CU_ASSERT_EQUAL(
        FLOW_CALL(&f, security, "POST", "/v1/metrics:token", NULL, scrape_token, &second), 0);
    CU_ASSERT_EQUAL(status_with(&f, first.token, "/metrics"), 401);
    CU_ASSERT_EQUAL(status_with(&f, second.token, "/metrics"), 200);
    CU_ASSERT_EQUAL(flow_call(&f, security, "DELETE", "/v1/metrics:token", NULL, NULL, 0, NULL), 0);
    CU_ASSERT_EQUAL(status_with(&f, second.token, "/metrics"), 401);
    flow_stop(&f);
}

/* ---- the agent ------------------------------------------------------------------------------ */

static void
give_network(struct agenthost *h)
{
    struct w_desired_answer in;
    struct w_order net;
    const char *text;

    mill_net_order(&h->m, &net);
    text = mill_sign_order(&h->m, h->m.controller, &net);
    mill_answer(&h->m, &text, 1, &in);
    agenthost_give(h, &in);
}

/* Rounds until the file says at least so much, or a minute is over. */
static bool
file_reaches(struct agenthost *h, const char *path, const char *series, double least)
{
    double most = least == 0 ? 0 : 1e9;

    for (int64_t until = clock_mono_ms() + 60000; clock_mono_ms() < until;) {
        SCOPED(strbuf) struct strbuf b = {0};
        double value;

        agent_wait(&h->ag, agent_round(&h->ag));
        if (durable_read(path, 1 << 20, &b, NULL) < 0)
            continue;
        value = promtext_value(strbuf_peek(&b), series);
        if (value >= least && value <= most)
            return true;
    }
    return false;
}

/* Rounds until the file has the series with more than nothing, or a minute is over. */
static bool
file_tells(struct agenthost *h, const char *path, const char *series)
{
    for (int64_t until = clock_mono_ms() + 60000; clock_mono_ms() < until;) {
        SCOPED(strbuf) struct strbuf b = {0};

        agent_wait(&h->ag, agent_round(&h->ag));
        if (durable_read(path, 1 << 20, &b, NULL) == 0 &&
            promtext_value(strbuf_peek(&b), series) > 0)
            return true;
    }
    return false;
}

static void
an_agent_writes_its_figures_where_it_is_told(void)
{
    SCOPED(strbuf) struct strbuf b = {0};
    char *dir = tmpdir_new();
    char path[300], extra[400];
    struct agenthost h;
    struct err e = {0};

    (void)snprintf(path, sizeof(path), "%s/bianyun.prom", dir);
    (void)snprintf(extra, sizeof(extra), "[metrics]\nfile = %s\nevery_ms = 100\n", path);
    agenthost_new(&h, extra);
    agenthost_start(&h);
    give_network(&h);
    CU_ASSERT_TRUE(agenthost_until(&h, h.m.net, SEEN_PRESENT));
    CU_ASSERT_TRUE(file_reaches(&h, path, "bianyun_agent_receipts", 1));
    CU_ASSERT_TRUE(file_reaches(&h, path, "bianyun_agent_workers{state=\"running\"}", 0));
    CU_ASSERT_EQUAL(durable_read(path, 1 << 20, &b, &e), 0);
    CU_ASSERT_EQUAL(promtext_check(strbuf_peek(&b), agent_metrics, AM__MAX, &e), 0);
    CU_ASSERT_STRING_EQUAL(e.msg, "");
    CU_ASSERT_EQUAL(promtext_value(strbuf_peek(&b), "bianyun_agent_hypervisor_up"), 1);
    CU_ASSERT_EQUAL(promtext_value(strbuf_peek(&b), "bianyun_agent_quarantined"), 0);
    CU_ASSERT_EQUAL(
        promtext_value(strbuf_peek(&b), "bianyun_agent_actions_total{op=\"net_define\"}"), 1);
    CU_ASSERT_EQUAL(
        promtext_value(strbuf_peek(&b), "bianyun_agent_action_failures_total{op=\"net_define\"}"),
        0);
    CU_ASSERT(promtext_value(strbuf_peek(&b), "bianyun_agent_call_seconds_count{call=\"read\"}") >=
              1);
    CU_ASSERT(
        promtext_value(strbuf_peek(&b), "bianyun_agent_call_seconds_count{call=\"network\"}") >= 1);
    CU_ASSERT_EQUAL(
        promtext_value(strbuf_peek(&b), "bianyun_agent_call_seconds_count{call=\"other\"}"), 0);
    CU_ASSERT(promtext_value(strbuf_peek(&b), "bianyun_agent_disk_free_bytes{disk=\"pool\"}") > 0);
    CU_ASSERT(promtext_value(strbuf_peek(&b), "bianyun_agent_receipts_bytes") > 100);
    CU_ASSERT(promtext_value(strbuf_peek(&b),
                             "bianyun_agent_certificate_expiry_timestamp_seconds") > 1.5e9);
    CU_ASSERT_PTR_NULL(strstr(strbuf_peek(&b), h.m.net)); /* no id is a label */
    agenthost_stop(&h);
    agenthost_free(&h);
    tmpdir_free(dir);
}

/* Base images may be on a disk of the network that hangs: no round waits for it.  What a worker
 * found is told by a later round than the one that gave it the job. */
static void
an_agent_waits_for_no_disk(void)
{
    SCOPED(strbuf) struct strbuf b = {0};
    char *dir = tmpdir_new();
    char path[300], extra[400];
    struct agenthost h;

    (void)snprintf(path, sizeof(path), "%s/bianyun.prom", dir);
    (void)snprintf(extra, sizeof(extra), "[metrics]\nfile = %s\nevery_ms = 100\n", path);
    agenthost_new(&h, extra);
    agenthost_start(&h);
    while (durable_read(path, 1 << 20, &b, NULL) < 0)
        (void)agent_round(&h.ag);
    CU_ASSERT_TRUE(h.ag.metrics_looking);
    CU_ASSERT_EQUAL(
        promtext_value(strbuf_peek(&b), "bianyun_agent_disk_free_bytes{disk=\"images\"}"), -1);
    CU_ASSERT_TRUE(file_tells(&h, path, "bianyun_agent_disk_free_bytes{disk=\"images\"}"));
    CU_ASSERT_TRUE(file_tells(&h, path, "bianyun_agent_disk_free_bytes{disk=\"receipts\"}"));
    CU_ASSERT_TRUE(file_tells(&h, path, "bianyun_agent_disk_free_bytes{disk=\"pool\"}"));
    agenthost_stop(&h);
    agenthost_free(&h);
    tmpdir_free(dir);
}

/* In place of the C library's for the whole program: a disk that hangs while it is told so. */
static pthread_mutex_t disk_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t disk_answers = PTHREAD_COND_INITIALIZER;
static char disk_hangs[300]; /* the folder on it, "" none */
static int disk_asked;

int
statvfs(const char *path, struct statvfs *out)
{
    (void)pthread_mutex_lock(&disk_lock);
    disk_asked += strcmp(path, disk_hangs) == 0;
    while (path[0] != '\0' && strcmp(path, disk_hangs) == 0)
        (void)pthread_cond_wait(&disk_answers, &disk_lock);
    (void)pthread_mutex_unlock(&disk_lock);
    return statvfs64(path, (struct statvfs64 *)(void *)out); /* the same where off_t has 64 bits */
}

static int
disk_hang(const char *path)
{
    int asked;

    (void)pthread_mutex_lock(&disk_lock);
    asked = disk_asked;
    (void)snprintf(disk_hangs, sizeof(disk_hangs), "%s", path);
    (void)pthread_cond_broadcast(&disk_answers);
    (void)pthread_mutex_unlock(&disk_lock);
    return asked;
}

static void
one_look_hangs_on_a_disk_and_the_rest_goes_on(void)
{
    SCOPED(strbuf) struct strbuf b = {0};
    char *dir = tmpdir_new();
    char path[300], extra[400];
    struct agenthost h;

    (void)snprintf(path, sizeof(path), "%s/bianyun.prom", dir);
    (void)snprintf(extra, sizeof(extra),
                   "call_deadline_ms = 2000\n[metrics]\nfile = %s\nevery_ms = 100\n", path);
    agenthost_new(&h, extra);
    agenthost_start(&h);
    (void)disk_hang(h.ag.conf.image_dir);
    CU_ASSERT_TRUE(file_reaches(&h, path, "bianyun_agent_quarantined", 1));
    for (int texts = 0; texts < 10; texts++)
        for (int64_t at = h.ag.metrics_at_ms; at == h.ag.metrics_at_ms;)
            agent_wait(&h.ag, agent_round(&h.ag));
    give_network(&h); /* calls go on beside it */
    CU_ASSERT_TRUE(agenthost_until(&h, h.m.net, SEEN_PRESENT));
    CU_ASSERT_TRUE(file_reaches(&h, path, "bianyun_agent_receipts", 1));
    CU_ASSERT_EQUAL_FATAL(durable_read(path, 1 << 20, &b, NULL), 0);
    CU_ASSERT_EQUAL(promtext_value(strbuf_peek(&b), "bianyun_agent_quarantined"), 1);
    CU_ASSERT_EQUAL(promtext_value(strbuf_peek(&b), "bianyun_agent_hypervisor_up"), 1);
    CU_ASSERT_EQUAL(disk_hang(""), 1); /* it was asked once */
    CU_ASSERT_TRUE(file_reaches(&h, path, "bianyun_agent_quarantined", 0));
    CU_ASSERT_TRUE(file_tells(&h, path, "bianyun_agent_disk_free_bytes{disk=\"images\"}"));
    agenthost_stop(&h);
    agenthost_free(&h);
    tmpdir_free(dir);
}

static void
world_file(struct agenthost *h, const char *name, const char *text)
{
    char path[400];
    struct err e = {0};

    CU_ASSERT_EQUAL_FATAL(durable_mkdirs(h->world, 0755, &e), 0);
    (void)snprintf(path, sizeof(path), "%s/%s", h->world, name);
    CU_ASSERT_EQUAL_FATAL(durable_write(path, text, strlen(text), 0644, &e), 0);
}

static void
a_call_that_hangs_is_counted_as_quarantined(void)
{
    char *dir = tmpdir_new();
    char path[300], extra[400];
    struct agenthost h;

    (void)snprintf(path, sizeof(path), "%s/bianyun.prom", dir);
    (void)snprintf(extra, sizeof(extra),
                   "call_deadline_ms = 2000\n[metrics]\nfile = %s\nevery_ms = 100\n", path);
    agenthost_new(&h, extra);
    agenthost_start(&h);
    world_file(&h, "script", "net.define 1 hang\n");
    give_network(&h);
    CU_ASSERT_TRUE(file_reaches(&h, path, "bianyun_agent_quarantined", 1));
    world_file(&h, "release", "");
    CU_ASSERT_TRUE(file_reaches(&h, path, "bianyun_agent_quarantined", 0));
    CU_ASSERT_TRUE(
        file_reaches(&h, path, "bianyun_agent_calls_overdue_total{call=\"network\"}", 1));
    agenthost_stop(&h);
    agenthost_free(&h);
    tmpdir_free(dir);
}

CU_TestInfo metric_tests[] = {
    {"counts, sets and prints what its rows say", counts_sets_and_prints_what_its_rows_say},
    {"the reader of the text refuses what is wrong", the_reader_of_the_text_refuses_what_is_wrong},
    {"a raised figure never falls", a_raised_figure_never_falls},
    {"the last minutes are told apart from all before",
     the_last_minutes_are_told_apart_from_all_before},
    {"rows are sorted and named as Prometheus wants",
     rows_are_sorted_and_named_as_prometheus_wants},
    {"knows what the process uses", knows_what_the_process_uses},
    {"a wait is measured from its first cause to the look that saw it",
     a_wait_is_measured_from_its_first_cause_to_the_look_that_saw_it},
    {"tells how the controller is", tells_how_the_controller_is},
    {"counts who was refused and what is no route", counts_who_was_refused_and_what_is_no_route},
    {"memory is held against the store", memory_is_held_against_the_store},
    {"the status says what needs somebody", the_status_says_what_needs_somebody},
    {"the scraping token reads the figures and nothing else",
     the_scraping_token_reads_the_figures_and_nothing_else},
    {"an agent writes its figures where it is told", an_agent_writes_its_figures_where_it_is_told},
    {"an agent waits for no disk", an_agent_waits_for_no_disk},
    {"one look hangs on a disk and the rest goes on",
     one_look_hangs_on_a_disk_and_the_rest_goes_on},
    {"a call that hangs is counted as quarantined", a_call_that_hangs_is_counted_as_quarantined},
    CU_TEST_INFO_NULL,
};
