#ifndef BY_CONTROLLER_NOTICE_H
#define BY_CONTROLLER_NOTICE_H
/* Notices (通知) as they are written: in the transaction of what they tell, for whom it concerns.
 * Nothing in one is a secret or about a person: number, title, due day, where to look.
 * Threads: the writer, unless said. */
#include "controller/api.h"
#include "controller/inbox.h"
#include "drivers/db/store_case.h"
#include "drivers/db/store_clock.h"
#include "policies/case_fsm.h"
#include "policies/notice.h"

struct notice {
    enum notice_kind kind;
    int role;            /* accounts of this role; 0: of any */
    const char *unit;    /* of this unit; NULL or "": of any */
    const char *account; /* this account alone; NULL or "": as above */
    const char *subject; /* id of what it is about */
    const char *title;   /* in a line: number, title */
    int64_t due_ms;      /* 0: none */
};

/** For steps. */
int notice_add(struct tx *t, const struct notice *n, struct err *e);
/** What a step of a case tells, if anything. */
int notice_case(struct tx *t, const struct case_row *c, enum case_event ev, struct err *e);
/** Something of that kind waits from now on: to those of the roles for whom it waits by inbox.def;
 * role of *what is not read. */
int notice_waits(struct tx *t, enum inbox_kind kind, unsigned roles, const struct notice *what,
                 struct err *e);
/** What an event of a clock tells. */
int notice_clock(struct tx *t, const struct clock_row *r, enum notice_kind k, enum clock_to to,
                 struct err *e);
#endif
