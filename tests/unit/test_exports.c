/* Whole lists as one stream: of one moment, bounded, cut so that clients know. */
#include <CUnit/CUnit.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "controller/commit.h"
#include "controller/exports.h"
#include "drivers/codec/csv.h"
#include "drivers/crypto/digest.h"
#include "drivers/db/store_host_flow.h"
#include "tests/unit/ctl.h"
#include "tests/unit/flow.h"

#define OK(x) CU_ASSERT_EQUAL_FATAL(x, 0)

enum { MANY = 16000, REASON = 800 }; /* holds: more bytes than buffers between the two take */

struct scene {
    struct flow f;
    struct strbuf text;
    size_t lines;
    void (*act)(struct scene *s); /* called once, with the first bytes */
    int rc;
    struct err err;
};

static int
take(void *arg, const char *bytes, size_t n)
{
    struct scene *s = arg;
    void (*act)(struct scene * s) = s->act;

    s->act = NULL;
    if (act != NULL)
        act(s);
    for (size_t i = 0; i < n; i++)
        s->lines += bytes[i] == '\n';
    if (s->text.len < 1000000)
        strbuf_add(&s->text, bytes, n);
    return 0;
}

static int
read_list(struct scene *s, enum flow_who who, const char *path)
{
    strbuf_reset(&s->text);
    s->lines = 0;
    s->err = (struct err){0};
    s->rc = httpc_stream(s->f.people[who], path, take, s, &s->err);
    return s->rc;
}

static int
add_hold(struct scene *s, struct tx *t, int i, struct err *e)
{
    struct hold_row h = {.at_ms = t->now_ms + i, .hold = {.until_ms = t->now_ms + 36000000}};
    char reason[REASON + 1];

    memset(reason, 'x', REASON);
    reason[REASON] = '\0';
    random_uuid(h.hold.id);
    h.hold.reason = reason;
    memcpy(h.hold.host, s->f.host, W_ID);
    memcpy(h.account, s->f.account[FLOW_BUREAU], W_ID);
    return hold_insert(t->d, &h, e);
}

static int
many_step(void *arg, struct tx *t, struct err *e)
{
    for (int i = 0; i < MANY; i++)
        if (add_hold(arg, t, i, e) < 0)
            return -1;
    return 0;
}

static int
last_step(void *arg, struct tx *t, struct err *e)
{
    return add_hold(arg, t, MANY, e);
}

static void
scene_start(struct scene *s)
{
    memset(s, 0, sizeof(*s));
    flow_start(&s->f);
    OK(commit_run(s->f.ctl.c.commit, many_step, s, &s->f.err));
}

static void
scene_stop(struct scene *s)
{
    strbuf_clear(&s->text);
    flow_stop(&s->f);
}

/* ---- one moment ----------------------------------------------------------------------------- */

/* While the client holds the stream: the writer writes, others read, the same account is told that
 * it has one already. */
static void
write_and_ask(struct scene *s)
{
    struct flow *f = &s->f;
    struct w_hold_list l;

    OK(commit_run(f->ctl.c.commit, last_step, s, &f->err));
    OK(FLOW_CALL(f, f->people[FLOW_PROVIDER], "GET", "/v1/holds?limit=1", NULL, hold_list, &l));
}

static void
an_export_is_of_one_moment_and_holds_nobody_up(void)
{
    struct scene s;
    size_t before;

    scene_start(&s);
    s.act = write_and_ask;
    OK(read_list(&s, FLOW_BUREAU, "/v1/holds?format=jsonl"));
    before = s.lines;
    CU_ASSERT_EQUAL(before, MANY);
    OK(read_list(&s, FLOW_BUREAU, "/v1/holds?format=csv"));
    CU_ASSERT_EQUAL(s.lines, before + 2); /* the head, and the one that was added */
    CU_ASSERT_EQUAL(strncmp(strbuf_peek(&s.text), "\"id\",\"host\"", 11), 0);
    scene_stop(&s);
}

static void
ask_again(struct scene *s)
{
    struct flow *f = &s->f;

    CU_ASSERT_EQUAL(
        flow_call(f, f->people[FLOW_PROVIDER], "GET", "/v1/units?format=csv", NULL, NULL, 0, NULL),
        0);
    CU_ASSERT_EQUAL(f->status, 200);
    {
        struct httpc *same = ctl_client(&f->ctl, f->token[FLOW_BUREAU]);

        CU_ASSERT_EQUAL(flow_call(f, same, "GET", "/v1/holds?format=csv", NULL, NULL, 0, NULL), -1);
        CU_ASSERT_EQUAL(f->status, 503);
        CU_ASSERT(strstr(f->err.msg, "this account is under way") != NULL);
        /* To be counted is no export. */
        CU_ASSERT_EQUAL(flow_call(f, same, "GET", "/v1/hosts?format=count", NULL, NULL, 0, NULL),
                        0);
        CU_ASSERT_EQUAL(f->status, 200);
        httpc_free(same);
    }
}

static void
one_account_has_one_at_a_time(void)
{
    struct scene s;

    scene_start(&s);
    s.act = ask_again;
    OK(read_list(&s, FLOW_BUREAU, "/v1/holds?format=csv"));
    OK(read_list(&s, FLOW_BUREAU, "/v1/holds?format=csv")); /* and then the next */
    scene_stop(&s);
}

static void
a_count_ends_where_it_would_cost(void)
{
    struct scene s;

    scene_start(&s);
    OK(read_list(&s, FLOW_BUREAU, "/v1/holds?format=count"));
    CU_ASSERT_STRING_EQUAL(strbuf_peek(&s.text), "{\"count\":10000,\"more\":true}");
    OK(read_list(&s, FLOW_BUREAU, "/v1/hosts?format=count"));
    CU_ASSERT_STRING_EQUAL(strbuf_peek(&s.text), "{\"count\":1}");
    OK(read_list(&s, FLOW_BUREAU, "/v1/hosts?format=count&zone=elsewhere"));
    CU_ASSERT_STRING_EQUAL(strbuf_peek(&s.text), "{\"count\":0}");
    scene_stop(&s);
}

/* ---- cut ------------------------------------------------------------------------------------ */

static void
end_session(struct scene *s)
{
    struct httpc *same = ctl_client(&s->f.ctl, s->f.token[FLOW_BUREAU]);

    OK(flow_call(&s->f, same, "DELETE", "/v1/sessions", NULL, NULL, 0, NULL));
    httpc_free(same);
}

static void
the_end_of_a_session_cuts_its_export(void)
{
    struct scene s;

    scene_start(&s);
    s.act = end_session;
    CU_ASSERT_EQUAL(read_list(&s, FLOW_BUREAU, "/v1/holds?format=jsonl"), -1);
    CU_ASSERT(s.lines < MANY);
    CU_ASSERT_EQUAL(s.err.code, BY_E_IO);
    scene_stop(&s);
}

static void *
stop_it(void *arg)
{
    flow_pause(&((struct scene *)arg)->f);
    return NULL;
}

static void
stop_under_it(struct scene *s)
{
    pthread_t stopper;

    /* It ends although this client takes nothing more. */
    OK(pthread_create(&stopper, NULL, stop_it, s));
    OK(pthread_join(stopper, NULL));
}

static void
the_controller_stops_under_a_client_that_does_not_read(void)
{
    struct scene s;

    scene_start(&s);
    s.act = stop_under_it;
    CU_ASSERT_EQUAL(read_list(&s, FLOW_BUREAU, "/v1/holds?format=jsonl"), -1);
    CU_ASSERT(s.lines < MANY);
    flow_restart(&s.f, NULL);
    scene_stop(&s);
}

/* ---- what is refused ------------------------------------------------------------------------ */

static void
what_an_export_leaves_out_is_refused(void)
{
    static const struct {
        const char *path, *says;
    } rows[] = {
        {"/v1/units?format=csv&limit=3", "leave out ?after= and ?limit="},
        {"/v1/units?format=csv&after=unit_list~0~0~~", "leave out ?after= and ?limit="},
        {"/v1/units?format=xml", "must be one of csv, jsonl, count"},
        {"/v1/policies?format=csv", "takes no parameters"},
    };
    struct scene s = {0};

    flow_start(&s.f);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        CU_ASSERT_EQUAL(read_list(&s, FLOW_BUREAU, rows[i].path), -1);
        CU_ASSERT_EQUAL(s.err.code, BY_E_INVALID);
        CU_ASSERT(strstr(s.err.msg, rows[i].says) != NULL);
        CU_ASSERT_EQUAL(s.text.len, 0);
    }
    /* Whose role may not see the list gets no export of it either; nor who is not signed in. */
    CU_ASSERT_EQUAL(read_list(&s, FLOW_TENANT, "/v1/hosts?format=csv"), -1);
    CU_ASSERT_EQUAL(s.err.code, BY_E_DENIED);
    scene_stop(&s);
}

static void
cells_are_texts_not_formulas(void)
{
    static const struct {
        const char *in, *cell;
    } rows[] = {{"plain", "\"plain\""},
                {"", "\"\""},
                {"say \"hi\", twice\n", "\"say \"\"hi\"\", twice\n\""},
                {"=1+1", "\"'=1+1\""},
                {"+1", "\"'+1\""},
                {"-1", "\"'-1\""},
                {"@SUM(A1)", "\"'@SUM(A1)\""},
                {"\t=1", "\"'\t=1\""},
                {"\r=1", "\"'\r=1\""},
                {"\n=1", "\"'\n=1\""},
                {"＝1+1", "\"'＝1+1\""},
                {"＠x", "\"'＠x\""},
                {"1=1", "\"1=1\""},
                {"数据", "\"数据\""}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        SCOPED(strbuf) struct strbuf b = {0};

        csv_text(&b, rows[i].in, true);
        CU_ASSERT_STRING_EQUAL(strbuf_peek(&b), rows[i].cell);
    }
}

CU_TestInfo exports_tests[] = {
    {"an export is of one moment and holds nobody up",
     an_export_is_of_one_moment_and_holds_nobody_up},
    {"one account has one at a time", one_account_has_one_at_a_time},
    {"a count ends where it would cost", a_count_ends_where_it_would_cost},
    {"the end of a session cuts its export", the_end_of_a_session_cuts_its_export},
    {"the controller stops under a client that does not read",
     the_controller_stops_under_a_client_that_does_not_read},
    {"what an export leaves out is refused", what_an_export_leaves_out_is_refused},
    {"cells are texts, not formulas", cells_are_texts_not_formulas},
    CU_TEST_INFO_NULL,
};
