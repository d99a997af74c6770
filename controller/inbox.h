#ifndef BY_CONTROLLER_INBOX_H
#define BY_CONTROLLER_INBOX_H
/* What waits for people, of every kind, the most urgent first: kinds of cases and the rows of
 * drivers/db/inbox.def.  Each kind is read by a statement of its own in the order of its index, and
 * they are merged.  A county sees what waits for tenants below it.  Threads: any that has a tx. */
#include "controller/api.h"
#include "policies/case_fsm.h"

/* Kinds of cases have the numbers of enum case_kind. */
enum inbox_kind {
    INBOX_NONE,
#define KIND(name, word) INBOX_##name,
#include "policies/case_fsm.def"
#define INBOX(NAME, word, roles, form, state, bind, todo, command, route, source) INBOX_##NAME,
#include "drivers/db/inbox.def"
#undef INBOX
    INBOX__MAX
};

/** AZ_ bits of those whose turn a thing of this kind can be. */
unsigned inbox_roles(enum inbox_kind k);
/** It has a deadline. */
bool inbox_is_dated(enum inbox_kind k);
/** Key of say_zh.def; NULL for kinds of cases (case_todo.h). */
const char *inbox_todo(enum inbox_kind k);
/** The statement that reads it, of a scope of units or of the city. */
enum db_stmt inbox_stmt(enum inbox_kind k, bool of_unit);

struct inbox_ask {
    enum inbox_kind kind; /* INBOX_NONE: every kind */
    bool overdue;         /* only what is */
    int64_t after_due_ms, after_since_ms;
    const char *after_id; /* "": from the first */
    int limit;
    int64_t late_ms; /* overdue up to this instant; 0: nothing is */
};
/** A page, with next when there is more; the first one with how many wait. */
int inbox_page(struct api_call *k, struct tx *t, const struct inbox_ask *a,
               struct w_inbox_list *out, struct err *e);
#endif
