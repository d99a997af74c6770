#include "controller/notice.h"

#include <stdio.h>

#include "policies/authz.h"

enum { TITLE_MAX = 240 };

int
notice_add(struct tx *t, const struct notice *n, struct err *e)
{
    return DB_EXEC(t->d, DB_NOTICE_ADD, NULL, e, DBI(t->now_ms), DBI(n->kind), DBI(n->role),
                   DBS(n->unit == NULL ? "" : n->unit), DBS(n->account == NULL ? "" : n->account),
                   DBS(n->subject), DBS(n->title), DBI(n->due_ms));
}

/* A unit hears of its own; everybody else of all. */
static const char *
unit_of(int role, const char *unit)
{
    return role == ROLE_TENANT ? unit : "";
}

static enum notice_kind
case_kind_of(const struct case_row *c, enum case_event ev)
{
    switch (ev) {
    case CASE_EV_RETURN:
        return NOTICE_CASE_RETURNED;
    case CASE_EV_APPROVE:
    case CASE_EV_REDUCE:
    case CASE_EV_CONFIRM:
        return NOTICE_CASE_APPROVED;
    case CASE_EV_REJECT:
    case CASE_EV_REFUSE:
        return NOTICE_CASE_REJECTED;
    case CASE_EV_NOTE:
    case CASE_EV_EDIT:
        return NOTICE_KIND_NONE;
    case CASE_EVENT_NONE:
    case CASE_EV_OPEN:
    case CASE_EV_SUBMIT:
    case CASE_EV_RECALL:
    case CASE_EV_WITHDRAW:
    case CASE_EV_DELIVER:
    case CASE_EV_ACCEPT:
    case CASE_EV_CONTEST:
    case CASE_EV_ANSWER:
    case CASE_EV_CANCEL:
    case CASE_EVENT__MAX:
        break;
    }
    if (c->waits == ROLE_NONE || c->state == CASE_IS_DRAFT)
        return NOTICE_KIND_NONE; /* a draft waits for who wrote it */
    return c->state == CASE_IS_DELIVERED ? NOTICE_HANDOVER : NOTICE_CASE_WAITS;
}

int
notice_case(struct tx *t, const struct case_row *c, enum case_event ev, struct err *e)
{
    char title[TITLE_MAX];
    struct notice n = {.kind = case_kind_of(c, ev),
                       .role = c->waits != ROLE_NONE ? c->waits : ROLE_TENANT,
                       .subject = c->id,
                       .title = title,
                       .due_ms = c->due_ms == CASE_NO_DUE ? 0 : c->due_ms};

    if (n.kind == NOTICE_KIND_NONE)
        return 0;
    n.unit = unit_of(n.role, c->unit);
    (void)snprintf(title, sizeof(title), "%s %s", c->number, c->title);
    if (notice_add(t, &n, e) < 0)
        return -1;
    /* A county hears of what its units hear by itself; this is what it may put a remark beside. */
    if (n.role == ROLE_TENANT ||
        (case_roles((enum case_kind)c->kind, (enum case_state)c->state, CASE_EV_NOTE) &
         AZ_COUNTY) == 0)
        return 0;
    n.role = ROLE_COUNTY;
    n.unit = c->unit;
    return notice_add(t, &n, e);
}

int
notice_waits(struct tx *t, enum inbox_kind kind, unsigned roles, const struct notice *what,
             struct err *e)
{
    struct notice n = *what;

    for (int r = ROLE_ADMIN; r < ROLE__MAX; r++) {
        if ((inbox_roles(kind) & roles & 1U << (r - 1)) == 0)
            continue;
        n.role = r;
        n.unit = unit_of(r, what->unit);
        if (notice_add(t, &n, e) < 0)
            return -1;
    }
    return 0;
}

static int
clock_role(const struct clock_row *r, enum clock_to to)
{
    switch (to) {
    case CLT_UNIT:
        return ROLE_TENANT;
    case CLT_BUREAU:
        return ROLE_BUREAU;
    case CLT_AUDITOR:
        return ROLE_AUDITOR;
    case CLT_NONE:
    case CLT_DUTY:
    case CLT_HEAD:
    case CLT__MAX:
        break;
    }
    return r->duty_role;
}

int
notice_clock(struct tx *t, const struct clock_row *r, enum notice_kind k, enum clock_to to,
             struct err *e)
{
    struct notice n = {.kind = k,
                       .role = clock_role(r, to),
                       .subject = r->subject,
                       .title = r->title,
                       .due_ms = r->due_ms};

    n.unit = unit_of(n.role, r->unit);
    return notice_add(t, &n, e);
}
