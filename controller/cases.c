#include "controller/cases.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "controller/controller.h"
#include "controller/ledger.h"
#include "controller/notice.h"
#include "controller/own.h"
#include "drivers/base/strbuf.h"
#include "drivers/crypto/digest.h"
#include "policies/authz.h"
#include "policies/calendar.h"

const struct case_actor case_actor_self = {"controller", AZ_NOBODY};

struct case_actor
case_actor_of(const struct api_call *k)
{
    return (struct case_actor){k->who.account, own_role(k->who.role)};
}

/* The role of an AZ_ bit. */
static int
role_of(unsigned bit)
{
    for (int r = ROLE_NONE + 1; r < ROLE__MAX; r++)
        if (bit == own_role((enum w_role)r))
            return r;
    return ROLE_NONE;
}

/* ---- may it be done ----------------------------------------------------------------------------
 */

/* Something that can be read. */
static bool
says_something(const char *text)
{
    return text != NULL && text[strspn(text, " \t\r\n\u3000")] != '\0';
}

int
case_may(struct case_actor who, const struct case_row *c, enum case_event ev, const char *reason,
         struct err *e)
{
    enum case_kind kind = (enum case_kind)c->kind;
    enum case_state from = (enum case_state)c->state;
    unsigned roles = case_roles(kind, from, ev);

    if (case_next(kind, from, ev) == CASE_STATE_NONE)
        return err_field(e, BY_E_CONFLICT, "event", "%s is %s: '%s' is not possible from there",
                         c->number[0] == '\0' ? "the case" : c->number, w_case_state_names[from],
                         w_case_event_names[ev]);
    if (who.role == AZ_NOBODY ? roles != AZ_NOBODY : (roles & who.role) == 0)
        return err_set(e, BY_E_DENIED, "'%s' of a case of kind '%s' that is %s is not your role's",
                       w_case_event_names[ev], w_case_kind_names[kind],
                       from == CASE_STATE_NONE ? "new" : w_case_state_names[from]);
    if (case_event_reason(ev) && !says_something(reason))
        return err_field(e, BY_E_INVALID, "reason", "'%s' needs a reason: say why",
                         w_case_event_names[ev]);
    return 0;
}

/* ---- doing it ----------------------------------------------------------------------------------
 */

static int
record(struct tx *t, struct case_actor who, const struct case_row *c, enum case_event ev,
       enum case_state from, const char *reason, struct err *e)
{
    SCOPED(strbuf) struct strbuf b = {0};
    struct w_case_record rec = {.event = (int)ev,
                                .from = (int)from,
                                .kind = c->kind,
                                .state = c->state,
                                .rev = c->rev,
                                .reason = reason};
    char act[40];

    digest_sha256_hex(c->body, strlen(c->body), rec.body_sha256);
    memcpy(rec.number, c->number, sizeof(rec.number));
    memcpy(rec.grant, c->grant, sizeof(rec.grant));
    jm_encode(schema_case_record, &rec, &b);
    (void)snprintf(act, sizeof(act), "case.%s", w_case_event_names[ev]);
    if (case_step_add(t->d, c, who.account, (int)ev, reason, rec.body_sha256, e) < 0)
        return -1;
    return ledger_append(t, who.account, act, c->id, strbuf_peek(&b), e) < 0
               ? -1
               : notice_case(t, c, ev, e);
}

static int
next_number(struct tx *t, char out[32], struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    char day[16];
    int64_t n;

    if (DB_QUERY(t->d, DB_COUNTER_GET, &r, e, DBS("case")) < 0 || db_next(r, e) != 1)
        return err_wrap(e, "number of the case");
    n = db_int(r, 0) + 1;
    db_rows_free(TAKE(r));
    if (DB_EXEC(t->d, DB_COUNTER_SET, NULL, e, DBI(n), DBS("case")) < 0)
        return -1;
    cal_text(cal_day_of_ms(t->now_ms, controller_tz_minutes(t->c)), day);
    (void)snprintf(out, 32, "%.4s-%06" PRId64, day, n);
    return 0;
}

int
case_open(struct tx *t, struct case_actor who, enum case_event ev, const char *reason,
          struct case_row *c, struct err *e)
{
    c->state = CASE_STATE_NONE;
    c->number[0] = '\0';
    if (case_may(who, c, ev, reason, e) < 0 || next_number(t, c->number, e) < 0)
        return -1;
    random_uuid(c->id);
    c->state = (int)case_next((enum case_kind)c->kind, CASE_STATE_NONE, ev);
    c->waits = role_of(case_waits((enum case_kind)c->kind, (enum case_state)c->state));
    c->rev = 1;
    c->opened_ms = c->changed_ms = t->now_ms;
    if (c->due_ms == 0)
        c->due_ms = CASE_NO_DUE;
    (void)snprintf(c->opened_by, sizeof(c->opened_by), "%s", who.account);
    if (case_row_add(t->d, c, e) < 0)
        return err_wrap(e, "case %s", c->number);
    return record(t, who, c, ev, CASE_STATE_NONE, reason, e);
}

int
case_step(struct tx *t, struct case_actor who, struct case_row *c, enum case_event ev,
          const char *reason, struct err *e)
{
    enum case_state from = (enum case_state)c->state;

    if (case_may(who, c, ev, reason, e) < 0)
        return -1;
    c->state = (int)case_next((enum case_kind)c->kind, from, ev);
    c->waits = role_of(case_waits((enum case_kind)c->kind, (enum case_state)c->state));
    c->changed_ms = t->now_ms;
    if (c->waits == ROLE_NONE)
        c->due_ms = CASE_NO_DUE;
    if (case_row_set(t->d, c, e) < 0)
        return -1;
    return record(t, who, c, ev, from, reason, e);
}

int
case_load(struct api_call *k, struct tx *t, uint64_t rev, struct case_row *out, struct err *e)
{
    if (case_row_get(t->d, k->id, k->a, out, e) < 0 || own_check(k, out->unit, "case", e) < 0)
        return -1;
    if (rev != 0 && rev != out->rev)
        return err_field(e, BY_E_CONFLICT, "rev",
                         "case %s has changed meanwhile (revision %" PRIu64 ", you read %" PRIu64
                         "): look at it again, then decide",
                         out->number, out->rev, rev);
    return 0;
}

/* ---- showing it --------------------------------------------------------------------------------
 */

void
case_item_fill(const struct case_row *c, struct w_case_item *v)
{
    memset(v, 0, sizeof(*v));
    memcpy(v->id, c->id, sizeof(v->id));
    memcpy(v->number, c->number, sizeof(v->number));
    v->kind = c->kind;
    v->state = c->state;
    v->rev = c->rev;
    memcpy(v->unit, c->unit, sizeof(v->unit));
    memcpy(v->unit_name, c->unit_name, sizeof(v->unit_name));
    memcpy(v->system, c->system, sizeof(v->system));
    memcpy(v->system_name, c->system_name, sizeof(v->system_name));
    (void)snprintf(v->title, sizeof(v->title), "%s", c->title);
    v->waits = c->waits;
    v->due_ms = c->due_ms == CASE_NO_DUE ? 0 : c->due_ms;
    v->opened_at_ms = c->opened_ms;
    v->changed_at_ms = c->changed_ms;
    memcpy(v->grant, c->grant, sizeof(v->grant));
}

/* Both begin with the rows of CASE_HEAD. */
_Static_assert(offsetof(struct w_case_item, grant) == offsetof(struct w_case_view, grant) &&
                   sizeof(struct w_case_item) <= offsetof(struct w_case_view, application),
               "a case begins as its line in a list");

int
case_view_fill(struct db *d, const struct case_row *c, struct arena *a, struct w_case_view *v,
               struct err *e)
{
    struct w_case_item item;

    case_item_fill(c, &item);
    memset(v, 0, sizeof(*v));
    memcpy(v, &item, sizeof(item));
    if ((c->kind == CASE_NEW || c->kind == CASE_CHANGE) &&
        W_DECODE(application, c->body, strlen(c->body), JM_SIGNED, a, &v->application, e) < 0)
        return err_wrap(e, "case %s", c->number);
    if (c->kind == CASE_HANDOVER &&
        W_DECODE(handover, c->body, strlen(c->body), JM_SIGNED, a, &v->handover, e) < 0)
        return err_wrap(e, "case %s", c->number);
    if (c->kind == CASE_MANUAL &&
        W_DECODE(manual_order, c->body, strlen(c->body), JM_SIGNED, a, &v->manual, e) < 0)
        return err_wrap(e, "case %s", c->number);
    if (c->kind == CASE_IMPORT &&
        W_DECODE(imported, c->body, strlen(c->body), JM_SIGNED, a, &v->imported, e) < 0)
        return err_wrap(e, "case %s", c->number);
    return case_papers(d, c->id, a, &v->papers, e) < 0 || case_steps(d, c->id, a, &v->steps, e) < 0
               ? -1
               : 0;
}
