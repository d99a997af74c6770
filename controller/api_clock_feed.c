/* One's own clocks as a calendar feed: a secret address, of which only the hash is kept. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "controller/clocks.h"
#include "controller/commit.h"
#include "controller/controller.h"
#include "controller/own.h"
#include "controller/params.h"
#include "controller/routes.h"
#include "drivers/base/strbuf.h"
#include "drivers/codec/ical.h"
#include "drivers/crypto/digest.h"

#define FEED_TOKEN "byf_"
#define KEEP_MS (INT64_C(90) * 86400000) /* how long one that has ended stays in the feed */

int
api_clock_feed_add(struct api_call *k, struct tx *t, struct err *e)
{
    struct w_clock_feed *out = k->out;
    char token[64], hash[65];

    random_token(FEED_TOKEN, token, sizeof(token));
    digest_sha256_hex(token, strlen(token), hash);
    if (DB_EXEC(t->d, DB_CLOCK_FEED_SET, NULL, e, DBS(k->who.account), DBS(hash), DBI(t->now_ms)) <
        0)
        return -1;
    out->path = arena_printf(k->a, "/v1/clocks.ics?token=%s", token);
    return ledger_append(t, k->who.account, "feed.made", k->who.account, "{}", e);
}

int
api_clock_feed_end(struct api_call *k, struct tx *t, struct err *e)
{
    k->status = 204;
    if (DB_EXEC(t->d, DB_CLOCK_FEED_END, NULL, e, DBS(k->who.account)) < 0)
        return -1;
    return ledger_append(t, k->who.account, "feed.revoked", k->who.account, "{}", e);
}

/* ---- reading ------------------------------------------------------------------------------- */

/* One answer for all that does not count: nobody learns which addresses once were. */
static int
whose_feed(struct api_call *k, struct tx *t, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    const char *token = param_text(k, "token");
    char hash[65];
    int rc;

    digest_sha256_hex(token, strlen(token), hash);
    if (DB_QUERY(t->d, DB_CLOCK_FEED_FIND, &r, e, DBS(hash), DBI(t->now_ms)) < 0 ||
        (rc = db_next(r, e)) < 0)
        return -1;
    if (rc == 0)
        return err_set(e, BY_E_NOT_FOUND,
                       "there is no such feed: it was revoked, or replaced by another address");
    (void)snprintf(k->who.account, sizeof(k->who.account), "%s", db_str(r, 0));
    (void)snprintf(k->who.unit, sizeof(k->who.unit), "%s", db_str(r, 1));
    k->who.role = (enum w_role)db_int(r, 2);
    return 0;
}

struct feed {
    struct tx *t;
    struct strbuf *b;
};

static void
day_line(struct strbuf *b, const char *name, int32_t day)
{
    struct cal_date d = cal_date(day);
    char text[24];

    (void)snprintf(text, sizeof(text), "%04d%02d%02d", d.year, d.month, d.day);
    ical_line(b, name, text);
}

static const char *
in_words(enum clock_state s)
{
    switch (s) {
    case CLS_MET:
        return "（已办结）";
    case CLS_MET_LATE:
        return "（逾期办结）";
    case CLS_LATE_FILING:
        return "（逾期提出）";
    case CLS_OVERDUE:
        return "（逾期）";
    case CLS_HELD:
        return "（时钟待确认）";
    case CLS_CANCELLED:
        return "（已撤销）";
    case CLS_NONE:
    case CLS_RUNNING:
    case CLS__MAX:
        break;
    }
    return "";
}

static int
add_event(void *arg, const struct clock_row *r, struct err *e)
{
    struct feed *f = arg;
    const struct clock_rule *rule = clock_rule(r->kind);
    enum clock_state s = clock_state_of(f->t->c, r, f->t->now_ms);
    char text[400];
    int32_t day;

    (void)e;
    if (rule == NULL || !cal_parse(r->due_day, &day))
        return 0;
    ical_line(f->b, "BEGIN", "VEVENT");
    (void)snprintf(text, sizeof(text), "%s@%s", r->id, f->t->c->store);
    ical_line(f->b, "UID", text);
    ical_instant(f->b, "DTSTAMP", f->t->now_ms);
    day_line(f->b, "DTSTART;VALUE=DATE", day);
    day_line(f->b, "DTEND;VALUE=DATE", day + 1);
    (void)snprintf(text, sizeof(text), "%s %s%s", rule->zh, r->title, in_words(s));
    ical_text(f->b, "SUMMARY", text);
    (void)snprintf(text, sizeof(text), "依据 %s\n办理时限 %s%s", rule->basis, r->due_day,
                   r->provisional ? "（日历未公布，暂定）" : "");
    ical_text(f->b, "DESCRIPTION", text);
    ical_line(f->b, "STATUS",
              s == CLS_CANCELLED ? "CANCELLED"
              : r->provisional   ? "TENTATIVE"
                                 : "CONFIRMED");
    ical_text(f->b, "CATEGORIES", rule->name);
    ical_line(f->b, "TRANSP", "TRANSPARENT");
    ical_line(f->b, "END", "VEVENT");
    return 0;
}

int
api_clock_feed(struct api_call *k, struct tx *t, struct err *e)
{
    SCOPED(strbuf) struct strbuf b = {0};
    struct feed f = {t, &b};

    if (whose_feed(k, t, e) < 0)
        return -1;
    ical_line(&b, "BEGIN", "VCALENDAR");
    ical_line(&b, "VERSION", "2.0");
    ical_line(&b, "PRODID", "-//bianyun//clocks " BY_VERSION "//ZH");
    ical_line(&b, "CALSCALE", "GREGORIAN");
    ical_line(&b, "METHOD", "PUBLISH");
    ical_text(&b, "X-WR-CALNAME", "汴云 办理时限");
    ical_line(&b, "REFRESH-INTERVAL;VALUE=DURATION", "PT1H");
    if (clock_feed_each(t->d, (int)k->who.role, own_filter(k), t->now_ms - KEEP_MS, add_event, &f,
                        e) < 0)
        return -1;
    ical_line(&b, "END", "VCALENDAR");
    k->raw = arena_strdup(k->a, strbuf_peek(&b));
    k->raw_type = "text/calendar; charset=utf-8";
    return 0;
}
