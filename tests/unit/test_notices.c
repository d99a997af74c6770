/* Notices: written with what they tell, united, sent at least once, given up in the open. */
#include <CUnit/CUnit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "controller/commit.h"
#include "controller/notice_text.h"
#include "controller/notices.h"
#include "controller/sender.h"
#include "drivers/base/fault.h"
#include "drivers/host/durable.h"
#include "tests/unit/flow.h"

#define AFTER (NOTICE_DIGEST_MS + 1000)
#define OK(call) CU_ASSERT_EQUAL_FATAL(call, 0)

/* A way out that keeps what it was given, and fails or hangs when told to. */
struct box {
    unsigned n;
    char id[8][W_ID], to[8][200], subject[8][200], body[8][4000];
    enum err_code fail; /* OK: takes all */
    const char *hangs;  /* what goes to this address does not end */
    size_t waiting;     /* begun and not ended */
    struct {
        post_done done;
        void *arg;
        bool hangs;
    } begun[8];
};

static int
box_start(void *self, const struct post_letter *l, post_done done, void *arg, struct err *e)
{
    struct box *b = self;
    unsigned i = b->n++ % 8;

    (void)e;
    (void)snprintf(b->id[i], sizeof(b->id[i]), "%s", l->id);
    (void)snprintf(b->to[i], sizeof(b->to[i]), "%s", l->to);
    (void)snprintf(b->subject[i], sizeof(b->subject[i]), "%s",
                   l->subject == NULL ? "" : l->subject);
    (void)snprintf(b->body[i], sizeof(b->body[i]), "%s", l->body);
    b->begun[b->waiting].done = done;
    b->begun[b->waiting].arg = arg;
    b->begun[b->waiting++].hangs = b->hangs != NULL && strcmp(l->to, b->hangs) == 0;
    return 0;
}

static void
box_run(void *self, int wait_ms)
{
    struct box *b = self;
    struct err e = {0};
    size_t kept = 0;

    (void)wait_ms;
    (void)err_set(&e, b->fail, "the box is told to fail");
    for (size_t i = 0; i < b->waiting; i++)
        if (b->begun[i].hangs)
            b->begun[kept++] = b->begun[i];
        else
            b->begun[i].done(b->begun[i].arg, "taken", b->fail == BY_E_OK ? NULL : &e);
    b->waiting = kept;
}
static const struct post_ops box_ops = {.name = "box", .start = box_start, .run = box_run};

static int
add_step(void *arg, struct tx *t, struct err *e)
{
    return notice_add(t, arg, e);
}

static void
tell(struct flow *f, const struct notice *n)
{
    struct notice copy = *n;

    OK(commit_run(f->ctl.c.commit, add_step, &copy, &f->err));
}

static void
spread(struct flow *f)
{
    SCOPED(db_free) struct db *d = ctl_db(&f->ctl);

    OK(notices_spread(&f->ctl.c, d, &f->err));
}

/* As a process does that was just started: until nothing is due. */
static unsigned
send_due(struct flow *f, enum w_notice_channel ch, struct box *b)
{
    SCOPED(db_free) struct db *d = ctl_db(&f->ctl);
    SCOPED(sender_free) struct sender *s = NULL;
    const struct post p = {&box_ops, b};
    unsigned n, all = 0;

    OK(sender_new(&f->ctl.c, d, ch, &p, &s, &f->err));
    do {
        OK(sender_round(s, 0, &n, &f->err));
        all += n;
    } while (n > 0);
    return all;
}

static void
mail_server(struct controller_config *c)
{
    (void)snprintf(c->mail_server, sizeof(c->mail_server), "smtp://x");
}

static void
mail_on(struct flow *f, enum flow_who who, const char *more)
{
    struct w_notice_settings s;

    if (f->ctl.c.conf.mail_server[0] == '\0')
        flow_conf(f, mail_server);
    OK(FLOW_CALL(f, f->people[who], "POST", "/v1/me/notices",
                 flow_text(f, "{\"request\":\"%s\",\"mail\":\"p%d@example.com\"%s}", flow_uuid(f),
                           (int)who, more),
                 notice_settings, &s));
}

/* The mails that tell that an address is right are over, and ten minutes too. */
static void
settle(struct flow *f)
{
    struct box b = {0};

    spread(f);
    (void)send_due(f, CHANNEL_MAIL, &b);
    CU_ASSERT_PTR_NOT_NULL(strstr(b.body[0], say(SAY_ZH, notice_text(NOTICE_TEST))));
    ctl_clock(AFTER, AFTER);
}

static void
every_notice_has_its_text_in_both_languages(void)
{
    for (int k = NOTICE_KIND_NONE + 1; k < NOTICE_KIND__MAX; k++) {
        const char *en = notice_text((enum notice_kind)k);

        CU_ASSERT_TRUE(strlen(en) > 5);
        if (!say_has(en))
            fprintf(stderr, "\nwants: ZH(\"%s\", …)\n", en);
        CU_ASSERT_TRUE(say_has(en));
        CU_ASSERT_STRING_NOT_EQUAL(say(SAY_ZH, en), en);
    }
}

static void
a_line_says_number_title_and_the_last_day_in_time(void)
{
    const struct notice n = {.kind = NOTICE_CASE_WAITS,
                             .title = "2026-000001 云主机",
                             .due_ms = INT64_C(1767196800000)}; /* 2026-01-01 00:00 in China */
    SCOPED(strbuf) struct strbuf en = {0};
    SCOPED(strbuf) struct strbuf zh = {0};

    notice_line(SAY_EN, &n, 480, &en);
    notice_line(SAY_ZH, &n, 480, &zh);
    CU_ASSERT_STRING_EQUAL(strbuf_peek(&en),
                           "a case waits for you: 2026-000001 云主机 (until 2025-12-31)");
    CU_ASSERT_STRING_EQUAL(strbuf_peek(&zh),
                           "有办件待您办理：2026-000001 云主机（截止 2025-12-31）");
}

static void
kinds_addresses_and_urls_are_what_they_seem(void)
{
    static const char *const good[] = {"a@b.cn", "a.b-c_d+e@mail.example.com"};
    static const char *const bad[] = {"",      "a",       "@b",        "a@",    "a@b c",
                                      "a@b@c", "<a@b>",   "a@b\r\nX:", "-a@b",  "a@-b",
                                      "a,b@c", "\"a\"@b", "a@b;c",     "a@b>\n"};
    static const char *const urls[] = {"https://hook.example.com/x?y=1", "http://127.0.0.1:80/x",
                                       "http://localhost/", "http://[::1]:8080"};
    static const char *const not_urls[] = {"",
                                           "http://hook.example.com/",
                                           "http://127.0.0.1.example.com/",
                                           "http://localhosts/",
                                           "https://",
                                           "https:///x",
                                           "https://user:word@hook.example.com/",
                                           "https://hook.example.com/ x",
                                           "file:///etc/passwd",
                                           "gopher://127.0.0.1/"};

    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        CU_ASSERT_TRUE(notice_address_ok(good[i]));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        CU_ASSERT_FALSE(notice_address_ok(bad[i]));
    for (size_t i = 0; i < ARRAY_LEN(urls); i++)
        CU_ASSERT_TRUE(notice_url_ok(urls[i]));
    for (size_t i = 0; i < ARRAY_LEN(not_urls); i++)
        CU_ASSERT_FALSE(notice_url_ok(not_urls[i]));
    CU_ASSERT_TRUE(notice_kinds_ok("") && notice_kinds_ok("reminder,overdue"));
    CU_ASSERT_FALSE(notice_kinds_ok("reminder,") || notice_kinds_ok("remind") ||
                    notice_kinds_ok(",reminder") || notice_kinds_ok("reminder, overdue"));
    CU_ASSERT_TRUE(notice_takes("", NOTICE_HOLD) && notice_takes("hold,finding", NOTICE_FINDING));
    CU_ASSERT_FALSE(notice_takes("hold,finding", NOTICE_OVERDUE) ||
                    notice_takes("", NOTICE_KIND_NONE));
}

static void
at_most_one_mail_in_ten_minutes(void)
{
    CU_ASSERT_EQUAL(notice_mail_at(1000, 0), 1000);
    CU_ASSERT_EQUAL(notice_mail_at(1000, 900), 900 + NOTICE_DIGEST_MS);
    CU_ASSERT_EQUAL(notice_mail_at(NOTICE_DIGEST_MS * 3, 900), NOTICE_DIGEST_MS * 3);
}

static void
nothing_leaves_before_somebody_wants_it(void)
{
    struct flow f;
    struct box b = {0};

    flow_start(&f);
    tell(&f, &(struct notice){
                 .kind = NOTICE_OVERDUE, .role = ROLE_BUREAU, .subject = "x", .title = "A-1"});
    spread(&f);
    CU_ASSERT_EQUAL(ctl_int(&f.ctl, DB_NOTICE_LAST), 1);
    CU_ASSERT_EQUAL(send_due(&f, CHANNEL_MAIL, &b), 0);
    CU_ASSERT_EQUAL(send_due(&f, CHANNEL_WEBHOOK, &b), 0);
    flow_stop(&f);
}

static void
a_flood_becomes_one_mail_and_reaches_only_whom_it_concerns(void)
{
    struct flow f;
    struct box b = {0};

    flow_start(&f);
    mail_on(&f, FLOW_BUREAU, "");
    mail_on(&f, FLOW_TENANT, "");
    mail_on(&f, FLOW_OTHER, "");
    mail_on(&f, FLOW_PROVIDER, ",\"kinds\":\"hold\"");
    settle(&f);
    for (int i = 0; i < 60; i++)
        tell(&f, &(struct notice){.kind = NOTICE_OVERDUE,
                                  .role = ROLE_BUREAU,
                                  .subject = "x",
                                  .title = flow_text(&f, "A-%d", i)});
    tell(&f, &(struct notice){.kind = NOTICE_CASE_RETURNED,
                              .role = ROLE_TENANT,
                              .unit = f.unit[FLOW_TENANT],
                              .subject = "x",
                              .title = "B-1"});
    tell(&f, &(struct notice){
                 .kind = NOTICE_OVERDUE, .role = ROLE_PROVIDER, .subject = "x", .title = "C-1"});
    spread(&f);
    CU_ASSERT_EQUAL(send_due(&f, CHANNEL_MAIL, &b), 2);
    for (unsigned i = 0; i < 2; i++) {
        bool bureau = strcmp(b.to[i], "p1@example.com") == 0;

        CU_ASSERT_TRUE(bureau || strcmp(b.to[i], "p3@example.com") == 0);
        CU_ASSERT_PTR_NOT_NULL(strstr(b.body[i], bureau ? "A-0\r\n" : "B-1"));
        CU_ASSERT_STRING_EQUAL(b.subject[i], bureau ? "政务云通知 60 条" : "有办件退回给您");
        CU_ASSERT_EQUAL(strstr(b.body[i], "另有 10 条") != NULL, bureau);
    }
    /* What comes next waits until ten minutes have passed. */
    tell(&f, &(struct notice){
                 .kind = NOTICE_OVERDUE, .role = ROLE_BUREAU, .subject = "x", .title = "A-61"});
    spread(&f);
    CU_ASSERT_EQUAL(send_due(&f, CHANNEL_MAIL, &b), 0);
    ctl_clock(2 * AFTER, 2 * AFTER);
    CU_ASSERT_EQUAL(send_due(&f, CHANNEL_MAIL, &b), 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(b.body[2], "A-61"));
    ctl_clock(0, 0);
    flow_stop(&f);
}

static void
what_fails_is_tried_again_then_given_up_and_may_be_sent_again(void)
{
    struct flow f;
    struct box b = {.fail = BY_E_IO};
    struct w_delivery_list l;
    const struct w_delivery *x;
    struct caller late;
    struct httpc *admin;
    char token[64];
    int64_t at = AFTER;

    flow_start(&f);
    mail_on(&f, FLOW_BUREAU, "");
    settle(&f);
    tell(&f, &(struct notice){
                 .kind = NOTICE_OVERDUE, .role = ROLE_BUREAU, .subject = "x", .title = "A-1"});
    spread(&f);
    for (int i = 0; i < NOTICE_ATTEMPTS; i++) {
        CU_ASSERT_EQUAL(send_due(&f, CHANNEL_MAIL, &b), 1);
        CU_ASSERT_EQUAL(send_due(&f, CHANNEL_MAIL, &b), 0); /* not at once */
        CU_ASSERT_STRING_EQUAL(b.id[i % 8], b.id[0]);
        at += 6 * INT64_C(3600000);
        ctl_clock(at, at);
    }
    CU_ASSERT_EQUAL(send_due(&f, CHANNEL_MAIL, &b), 0);
    ctl_clock(0, 0); /* sessions do not live so long: a new one */
    ctl_person(&f.ctl, "late", NULL, ROLE_ADMIN, &late, token);
    admin = ctl_client(&f.ctl, token);
    OK(FLOW_CALL(&f, admin, "GET", "/v1/notices?state=dead", NULL, delivery_list, &l));
    CU_ASSERT_EQUAL_FATAL(l.items.n, 1);
    x = JM_ITEM(l.items, struct w_delivery, 0);
    CU_ASSERT_EQUAL(x->attempts, NOTICE_ATTEMPTS);
    CU_ASSERT_PTR_NOT_NULL(strstr(x->error, "told to fail"));
    CU_ASSERT_STRING_EQUAL(x->to, "bureau");
    b.fail = BY_E_OK;
    OK(flow_call(&f, admin, "POST", flow_text(&f, "/v1/notices/%s:retry", x->id),
                 flow_text(&f, "{\"request\":\"%s\"}", flow_uuid(&f)), NULL, 0, NULL));
    ctl_clock(at, at);
    CU_ASSERT_EQUAL(send_due(&f, CHANNEL_MAIL, &b), 1);
    CU_ASSERT_EQUAL(send_due(&f, CHANNEL_MAIL, &b), 0);
    httpc_free(admin);
    ctl_clock(0, 0);
    flow_stop(&f);
}

static void
a_crash_after_sending_sends_again_with_the_same_id(void)
{
    struct flow f;
    struct box b = {0};

    flow_start(&f);
    mail_on(&f, FLOW_BUREAU, "");
    settle(&f);
    tell(&f, &(struct notice){
                 .kind = NOTICE_OVERDUE, .role = ROLE_BUREAU, .subject = "x", .title = "A-1"});
    spread(&f);
    {
        SCOPED(db_free) struct db *d = ctl_db(&f.ctl);
        SCOPED(sender_free) struct sender *s = NULL;
        const struct post p = {&box_ops, &b};
        unsigned n = 0;

        OK(sender_new(&f.ctl.c, d, CHANNEL_MAIL, &p, &s, &f.err));
        (void)setenv("BIANYUN_FAULT", "NOTICE_SENT:1:fail", 1);
        fault_restart();
        CU_ASSERT_EQUAL(sender_round(s, 0, &n, &f.err), -1);
        (void)unsetenv("BIANYUN_FAULT");
        fault_restart();
    }
    tell(&f, &(struct notice){
                 .kind = NOTICE_OVERDUE, .role = ROLE_BUREAU, .subject = "x", .title = "A-2"});
    spread(&f);
    ctl_clock(AFTER + 60000, AFTER + 60000);
    CU_ASSERT_EQUAL(send_due(&f, CHANNEL_MAIL, &b), 1);
    CU_ASSERT_EQUAL(b.n, 2);
    CU_ASSERT_STRING_EQUAL(b.id[0], b.id[1]);
    CU_ASSERT_STRING_EQUAL(b.body[0], b.body[1]); /* the newer notice is in the next mail */
    ctl_clock(0, 0);
    flow_stop(&f);
}

static void
a_webhook_needs_its_secret_and_gets_one_post_a_notice(void)
{
    struct flow f;
    struct box b = {0};
    struct w_webhook w;
    const char *body;
    unsigned first;

    flow_start(&f);
    body = flow_text(&f,
                     "{\"request\":\"%s\",\"name\":\"desk\",\"url\":\"https://h.example.com/\","
                     "\"kinds\":\"overdue\"}",
                     flow_uuid(&f));
    CU_ASSERT_EQUAL(FLOW_CALL(&f, f.people[FLOW_ADMIN], "POST", "/v1/webhooks", body, webhook, &w),
                    -1);
    CU_ASSERT_EQUAL(f.status, 409);
    OK(durable_mkdirs(flow_text(&f, "%s/hooks", f.ctl.dir), 0700, &f.err));
    OK(durable_write(flow_text(&f, "%s/hooks/desk.secret", f.ctl.dir), "0123456789abcdef\n", 17,
                     0640, &f.err));
    CU_ASSERT_EQUAL(FLOW_CALL(&f, f.people[FLOW_ADMIN], "POST", "/v1/webhooks", body, webhook, &w),
                    -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(f.err.msg, "0600"));
    (void)chmod(flow_text(&f, "%s/hooks/desk.secret", f.ctl.dir), 0600);
    OK(FLOW_CALL(&f, f.people[FLOW_ADMIN], "POST", "/v1/webhooks", body, webhook, &w));
    tell(&f, &(struct notice){
                 .kind = NOTICE_OVERDUE, .role = ROLE_BUREAU, .subject = "x", .title = "A-1"});
    tell(&f, &(struct notice){
                 .kind = NOTICE_HOLD, .role = ROLE_BUREAU, .subject = "x", .title = "A-2"});
    tell(&f, &(struct notice){.kind = NOTICE_ACCOUNT_LOCKED,
                              .account = f.account[FLOW_TENANT],
                              .subject = "x",
                              .title = ""});
    OK(flow_call(&f, f.people[FLOW_ADMIN], "POST", flow_text(&f, "/v1/webhooks/%s:test", w.id),
                 flow_text(&f, "{\"request\":\"%s\"}", flow_uuid(&f)), NULL, 0, NULL));
    spread(&f);
    CU_ASSERT_EQUAL(send_due(&f, CHANNEL_WEBHOOK, &b), 2);
    first = strstr(b.body[0], "\"kind\":\"overdue\"") != NULL ? 0 : 1; /* of one instant */
    CU_ASSERT_PTR_NOT_NULL(strstr(b.body[first], "\"kind\":\"overdue\""));
    CU_ASSERT_PTR_NOT_NULL(strstr(b.body[first], "办理时限已过：A-1"));
    CU_ASSERT_PTR_NOT_NULL(strstr(b.body[1 - first], "\"kind\":\"test\""));
    OK(flow_call(&f, f.people[FLOW_ADMIN], "DELETE", flow_text(&f, "/v1/webhooks/%s", w.id), NULL,
                 NULL, 0, NULL));
    flow_stop(&f);
}

static void
notices_go_to_no_address_that_is_not_somebodys(void)
{
    static const struct {
        unsigned char ip[16];
        bool tls, plain;
    } rows[] = {
#define V4(a, b, c, d) {[10] = 0xff, 0xff, a, b, c, d}
        {V4(127, 0, 0, 1), true, true},
        {V4(127, 8, 8, 8), true, true},
        {V4(10, 1, 2, 3), true, false}, /* where a government's receivers are */
        {V4(192, 168, 0, 1), true, false},
        {V4(8, 8, 8, 8), true, false},
        {V4(0, 0, 0, 0), false, false},
        {V4(169, 254, 169, 254), false, false},
        {V4(224, 0, 0, 1), false, false},
        {V4(255, 255, 255, 255), false, false},
        {{[15] = 1}, true, true},
        {{[15] = 2}, false, false},
        {{0}, false, false},
        {{0x20, 0x01, [15] = 1}, true, false},
        {{0xfd, [15] = 1}, true, false},
        {{0xfe, 0x80, [15] = 1}, false, false},
        {{0xff, 0x02, [15] = 1}, false, false},
#undef V4
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CU_ASSERT_EQUAL(notice_ip_ok(rows[i].ip, false), rows[i].tls);
        CU_ASSERT_EQUAL(notice_ip_ok(rows[i].ip, true), rows[i].plain);
    }
}

/* ---- webhooks ------------------------------------------------------------------------------ */

static void
hook_on(struct flow *f, const char *name, struct w_webhook *w)
{
    const char *dir = flow_text(f, "%s/hooks", f->ctl.dir);

    OK(durable_mkdirs(dir, 0700, &f->err));
    OK(durable_write(flow_text(f, "%s/%s.secret", dir, name), "0123456789abcdef\n", 17, 0600,
                     &f->err));
    OK(FLOW_CALL(f, f->people[FLOW_ADMIN], "POST", "/v1/webhooks",
                 flow_text(f,
                           "{\"request\":\"%s\",\"name\":\"%s\","
                           "\"url\":\"https://%s.example.com/\"}",
                           flow_uuid(f), name, name),
                 webhook, w));
}

static void
overdue(struct flow *f, const char *title)
{
    tell(f, &(struct notice){
                .kind = NOTICE_OVERDUE, .role = ROLE_BUREAU, .subject = "x", .title = title});
    spread(f);
}

static void
who_hangs_delays_only_what_is_for_himself(void)
{
    struct flow f;
    struct w_webhook quick, slow;
    struct box b = {.hangs = "https://slow.example.com/"};
    const struct post p = {&box_ops, &b};
    unsigned n, got = 0;

    flow_start(&f);
    hook_on(&f, "quick", &quick);
    hook_on(&f, "slow", &slow);
    {
        SCOPED(db_free) struct db *d = ctl_db(&f.ctl);
        SCOPED(sender_free) struct sender *s = NULL;

        OK(sender_new(&f.ctl.c, d, CHANNEL_WEBHOOK, &p, &s, &f.err));
        for (int i = 0; i < 3; i++) {
            overdue(&f, "A");
            OK(sender_round(s, 0, &n, &f.err));
            got += n;
            CU_ASSERT_TRUE(sender_busy(s));
        }
        CU_ASSERT_EQUAL(got, 3);
        CU_ASSERT_EQUAL(b.n, 4); /* of the slow one a single letter is under way */
        b.hangs = NULL;
        b.begun[0].hangs = false;
        do {
            OK(sender_round(s, 0, &n, &f.err));
        } while (n > 0);
        CU_ASSERT_EQUAL(b.n, 6);
        CU_ASSERT_FALSE(sender_busy(s));
    }
    flow_stop(&f);
}

static int
flood_step(void *arg, struct tx *t, struct err *e)
{
    const struct notice n = {
        .kind = NOTICE_OVERDUE, .role = ROLE_BUREAU, .subject = "x", .title = "A"};

    (void)arg;
    for (int i = 0; i < NOTICE_WAITING_MAX + 1; i++)
        if (notice_add(t, &n, e) < 0)
            return -1;
    return 0;
}

static void
no_more_wait_for_a_webhook_than_may(void)
{
    struct flow f;
    struct w_webhook w;
    struct w_delivery_list l;
    struct w_notice_retried again;
    struct w_status_view st;

    flow_start(&f);
    hook_on(&f, "desk", &w);
    OK(commit_run(f.ctl.c.commit, flood_step, NULL, &f.err));
    spread(&f);
    OK(FLOW_CALL(&f, f.people[FLOW_ADMIN], "GET", "/v1/notices?state=dead", NULL, delivery_list,
                 &l));
    CU_ASSERT_EQUAL_FATAL(l.items.n, 1);
    CU_ASSERT_PTR_NOT_NULL(
        strstr(JM_ITEM(l.items, struct w_delivery, 0)->error, "too many notices wait"));
    /* Where people look every day it is told, and a person lets all of them go. */
    OK(FLOW_CALL(&f, f.people[FLOW_TENANT], "GET", "/v1/status", NULL, status_view, &st));
    CU_ASSERT_EQUAL(st.notices_dead, 1);
    OK(FLOW_CALL(&f, f.people[FLOW_ADMIN], "POST", "/v1/notices:retry",
                 flow_text(&f, "{\"request\":\"%s\"}", flow_uuid(&f)), notice_retried, &again));
    CU_ASSERT_EQUAL(again.notices, 1);
    OK(FLOW_CALL(&f, f.people[FLOW_TENANT], "GET", "/v1/status", NULL, status_view, &st));
    CU_ASSERT_EQUAL(st.notices_dead, 0);
    flow_stop(&f);
}

static void
what_waited_for_a_receiver_goes_once_it_is_back(void)
{
    struct flow f;
    struct w_webhook w;
    struct box b = {.fail = BY_E_IO};

    flow_start(&f);
    hook_on(&f, "desk", &w);
    for (int i = 0; i < 4; i++)
        overdue(&f, "A");
    CU_ASSERT_EQUAL(send_due(&f, CHANNEL_WEBHOOK, &b), 1); /* the others wait with it */
    b.fail = BY_E_OK;
    CU_ASSERT_EQUAL(send_due(&f, CHANNEL_WEBHOOK, &b), 0);
    ctl_clock(31000, 31000);
    CU_ASSERT_EQUAL(send_due(&f, CHANNEL_WEBHOOK, &b), 4);
    ctl_clock(0, 0);
    flow_stop(&f);
}

static void
what_is_refused_is_given_up_sooner(void)
{
    struct flow f;
    struct w_webhook w;
    struct box b = {.fail = BY_E_INVALID};
    int64_t at = 0;
    unsigned all = 0;

    flow_start(&f);
    hook_on(&f, "desk", &w);
    overdue(&f, "A");
    for (int i = 0; i < NOTICE_ATTEMPTS; i++) {
        all += send_due(&f, CHANNEL_WEBHOOK, &b);
        at += 6 * INT64_C(3600000);
        ctl_clock(at, at);
    }
    CU_ASSERT_EQUAL(all, NOTICE_REFUSALS);
    ctl_clock(0, 0);
    flow_stop(&f);
}

static void
a_test_shows_what_was_answered_and_a_person_tries_again(void)
{
    struct flow f;
    struct w_webhook w;
    struct w_delivery d, seen;
    struct box b = {.fail = BY_E_IO};
    const char *body, *retry;

    flow_start(&f);
    hook_on(&f, "desk", &w);
    body = flow_text(&f, "{\"request\":\"%s\"}", flow_uuid(&f));
    for (int i = 0; i < 2; i++) /* one request, one test */
        OK(FLOW_CALL(&f, f.people[FLOW_ADMIN], "POST", flow_text(&f, "/v1/webhooks/%s:test", w.id),
                     body, delivery, &d));
    CU_ASSERT_EQUAL(send_due(&f, CHANNEL_WEBHOOK, &b), 1);
    OK(FLOW_CALL(&f, f.people[FLOW_ADMIN], "GET", flow_text(&f, "/v1/notices/%s", d.id), NULL,
                 delivery, &seen));
    CU_ASSERT_EQUAL(seen.state, DELIVERY_WAITING);
    CU_ASSERT_EQUAL(seen.attempts, 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(seen.error, "told to fail"));
    CU_ASSERT_TRUE(seen.next_at_ms > seen.tried_at_ms && !seen.sending);
    b.fail = BY_E_OK;
    retry = flow_text(&f, "/v1/notices/%s:retry", d.id);
    OK(flow_call(&f, f.people[FLOW_ADMIN], "POST", retry,
                 flow_text(&f, "{\"request\":\"%s\"}", flow_uuid(&f)), NULL, 0, NULL));
    CU_ASSERT_EQUAL(send_due(&f, CHANNEL_WEBHOOK, &b), 1); /* now, not when it would be due */
    CU_ASSERT_STRING_EQUAL(b.id[0], b.id[1]);
    OK(FLOW_CALL(&f, f.people[FLOW_ADMIN], "GET", flow_text(&f, "/v1/notices/%s", d.id), NULL,
                 delivery, &seen));
    CU_ASSERT_EQUAL(seen.state, DELIVERY_SENT);
    CU_ASSERT_STRING_EQUAL(seen.answer, "taken");
    CU_ASSERT_EQUAL(flow_call(&f, f.people[FLOW_ADMIN], "POST", retry,
                              flow_text(&f, "{\"request\":\"%s\"}", flow_uuid(&f)), NULL, 0, NULL),
                    -1); /* what arrived is not sent again */
    flow_stop(&f);
}

static void
what_was_tried_takes_in_nothing_more_even_after_a_retry(void)
{
    struct flow f;
    struct box b = {.fail = BY_E_IO};
    struct w_delivery_list l;

    flow_start(&f);
    mail_on(&f, FLOW_BUREAU, "");
    spread(&f);
    CU_ASSERT_EQUAL(send_due(&f, CHANNEL_MAIL, &b), 1);
    OK(FLOW_CALL(&f, f.people[FLOW_ADMIN], "GET", "/v1/notices?state=waiting", NULL, delivery_list,
                 &l));
    CU_ASSERT_EQUAL_FATAL(l.items.n, 1);
    OK(flow_call(&f, f.people[FLOW_ADMIN], "POST",
                 flow_text(&f, "/v1/notices/%s:retry", JM_ITEM(l.items, struct w_delivery, 0)->id),
                 flow_text(&f, "{\"request\":\"%s\"}", flow_uuid(&f)), NULL, 0, NULL));
    overdue(&f, "A-1");
    b.fail = BY_E_OK;
    ctl_clock(1001, 1001);
    CU_ASSERT_EQUAL(send_due(&f, CHANNEL_MAIL, &b), 1);
    CU_ASSERT_STRING_EQUAL(b.id[0], b.id[1]);
    CU_ASSERT_STRING_EQUAL(b.body[0], b.body[1]);
    ctl_clock(0, 0);
    flow_stop(&f);
}

/* ---- clocks -------------------------------------------------------------------------------- */

#define YEARS (4 * 365 * INT64_C(86400000))

static void
a_clock_that_jumps_far_ahead_and_back_holds_nothing_up(void)
{
    struct flow f;
    struct w_webhook w;
    struct box b = {.fail = BY_E_IO};
    const struct post p = {&box_ops, &b};
    unsigned n;

    flow_start(&f);
    hook_on(&f, "desk", &w);
    mail_on(&f, FLOW_BUREAU, "");
    {
        SCOPED(db_free) struct db *d = ctl_db(&f.ctl);
        SCOPED(sender_free) struct sender *s = NULL;

        OK(sender_new(&f.ctl.c, d, CHANNEL_WEBHOOK, &p, &s, &f.err));
        ctl_clock(YEARS, 1000);
        overdue(&f, "A-1");
        OK(sender_round(s, 0, &n, &f.err));
        CU_ASSERT_EQUAL(n, 1); /* it fails; by that clock it would be due in years */
        b.fail = BY_E_OK;
        ctl_clock(60000, 60000);
        OK(sender_round(s, 0, &n, &f.err));
        CU_ASSERT_EQUAL(n, 1);
        CU_ASSERT_STRING_EQUAL(b.id[0], b.id[1]);
        overdue(&f, "A-2"); /* the ledger's time stays ahead; that is no reason to wait */
        OK(sender_round(s, 0, &n, &f.err));
        CU_ASSERT_EQUAL(n, 1);
    }
    /* Mails of that time are no reason for the next one to wait either, also over a start. */
    n = b.n;
    (void)send_due(&f, CHANNEL_MAIL, &b);
    CU_ASSERT_TRUE(b.n > n);
    overdue(&f, "A-3");
    n = b.n;
    ctl_clock(2 * AFTER, 2 * AFTER);
    CU_ASSERT_EQUAL(send_due(&f, CHANNEL_MAIL, &b), 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(b.body[n % 8], "A-3"));
    ctl_clock(0, 0);
    flow_stop(&f);
}

static void
a_clock_that_falls_back_an_hour_holds_nothing_up(void)
{
    struct flow f;
    struct w_webhook w;
    struct box b = {.fail = BY_E_IO};
    const struct post p = {&box_ops, &b};
    unsigned n;

    flow_start(&f);
    hook_on(&f, "desk", &w);
    overdue(&f, "A-1");
    {
        SCOPED(db_free) struct db *d = ctl_db(&f.ctl);
        SCOPED(sender_free) struct sender *s = NULL;

        OK(sender_new(&f.ctl.c, d, CHANNEL_WEBHOOK, &p, &s, &f.err));
        OK(sender_round(s, 0, &n, &f.err));
        CU_ASSERT_EQUAL(n, 1);
        OK(sender_round(s, 0, &n, &f.err));
        CU_ASSERT_EQUAL(n, 0);
        ctl_clock(-3540000, 60000);
        OK(sender_round(s, 0, &n, &f.err));
        CU_ASSERT_EQUAL(n, 1); /* by the time that passed, not an hour late */
        OK(sender_round(s, 0, &n, &f.err));
        CU_ASSERT_EQUAL(n, 0);
    }
    ctl_clock(0, 0);
    flow_stop(&f);
}

CU_TestInfo notices_tests[] = {
    {"every notice has its text in both languages", every_notice_has_its_text_in_both_languages},
    {"a line says number, title and the last day in time",
     a_line_says_number_title_and_the_last_day_in_time},
    {"kinds, addresses and urls are what they seem", kinds_addresses_and_urls_are_what_they_seem},
    {"at most one mail in ten minutes", at_most_one_mail_in_ten_minutes},
    {"nothing leaves before somebody wants it", nothing_leaves_before_somebody_wants_it},
    {"a flood becomes one mail and reaches only whom it concerns",
     a_flood_becomes_one_mail_and_reaches_only_whom_it_concerns},
    {"what fails is tried again, then given up, and may be sent again",
     what_fails_is_tried_again_then_given_up_and_may_be_sent_again},
    {"a crash after sending sends again with the same id",
     a_crash_after_sending_sends_again_with_the_same_id},
    {"a webhook needs its secret and gets one post a notice",
     a_webhook_needs_its_secret_and_gets_one_post_a_notice},
    {"notices go to no address that is not somebody's",
     notices_go_to_no_address_that_is_not_somebodys},
    {"who hangs delays only what is for himself", who_hangs_delays_only_what_is_for_himself},
    {"no more wait for a webhook than may", no_more_wait_for_a_webhook_than_may},
    {"what waited for a receiver goes once it is back",
     what_waited_for_a_receiver_goes_once_it_is_back},
    {"what is refused is given up sooner", what_is_refused_is_given_up_sooner},
    {"a test shows what was answered, and a person tries again",
     a_test_shows_what_was_answered_and_a_person_tries_again},
    {"what was tried takes in nothing more, even after a retry",
     what_was_tried_takes_in_nothing_more_even_after_a_retry},
    {"a clock that jumps far ahead and back holds nothing up",
     a_clock_that_jumps_far_ahead_and_back_holds_nothing_up},
    {"a clock that falls back an hour holds nothing up",
     a_clock_that_falls_back_an_hour_holds_nothing_up},
    CU_TEST_INFO_NULL,
};
