/* Accounts: one person of one unit with one role.  Registering and assigning are two people's work,
 * by policies/roles.def. */
#include <stdio.h>
#include <string.h>

#include "controller/account.h"
#include "controller/auth.h"
#include "controller/clocks.h"
#include "controller/commit.h"
#include "controller/controller.h"
#include "controller/listing.h"
#include "controller/paging.h"
#include "controller/notice.h"
#include "controller/own.h"
#include "controller/routes.h"
#include "controller/signin.h"
#include "drivers/crypto/digest.h"
#include "policies/person.h"
#include "policies/roles.h"

/* An account as the store has it. */
struct row {
    struct w_account a; /* role: in force or asked for */
    int role;           /* in force, ROLE_NONE while it is only registered */
};

static void
row_read(const struct db_rows *r, int64_t now_ms, struct row *out)
{
    struct w_account *a = &out->a;

    memset(out, 0, sizeof(*out));
    (void)snprintf(a->id, sizeof(a->id), "%s", db_str(r, 0));
    (void)snprintf(a->login, sizeof(a->login), "%s", db_str(r, 1));
    (void)snprintf(a->name, sizeof(a->name), "%s", db_str(r, 2));
    (void)snprintf(a->unit, sizeof(a->unit), "%s", db_str(r, 3));
    (void)snprintf(a->employer, sizeof(a->employer), "%s", db_str(r, 4));
    out->role = (int)db_int(r, 5);
    a->role = out->role != ROLE_NONE ? out->role : (int)db_int(r, 7);
    a->disabled = db_int(r, 6) != 0;
    (void)snprintf(a->letter_sha256, sizeof(a->letter_sha256), "%s", db_str(r, 8));
    a->expires_at_ms = db_int(r, 9);
    a->state = a->disabled              ? ACC_DISABLED
               : out->role == ROLE_NONE ? ACC_REGISTERED
               : db_int(r, 10) > now_ms ? ACC_LOCKED
                                        : ACC_ACTIVE;
}

static int
row_load(struct tx *t, const char *id, struct row *out, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    if (DB_QUERY(t->d, DB_ACCOUNT_GET, &r, e, DBS(id)) < 0 || (rc = db_next(r, e)) < 0)
        return -1;
    if (rc == 0)
        return err_set(e, BY_E_NOT_FOUND, "no account %s", id);
    row_read(r, t->now_ms, out);
    return 0;
}

int
api_account_list(struct api_call *k, struct tx *t, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    struct w_account_list *out = k->out;
    struct paging p;
    struct row one;
    int rc;

    if (PAGING_OPEN(&p, k, out, account, 0, e) < 0 ||
        DB_QUERY(t->d, DB_ACCOUNT_LIST, &r, e, DBS(p.from.text), DBI(p.from.limit)) < 0)
        return -1;
    while ((rc = db_next(r, e)) == 1) {
        struct w_account *to;

        row_read(r, t->now_ms, &one);
        to = paging_add(&p, 0, "", one.a.login);
        if (to != NULL)
            *to = one.a;
    }
    return rc;
}

int
api_session_me(struct api_call *k, struct tx *t, struct err *e)
{
    struct row one;

    if (row_load(t, k->who.account, &one, e) < 0)
        return -1;
    memcpy(k->out, &one.a, sizeof(one.a));
    return 0;
}

/* ---- registration --------------------------------------------------------------------------- */

/* The kind of a unit; NOT_FOUND. */
static int
unit_kind(struct db *d, const char *unit, int *kind, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    if (DB_QUERY(d, DB_UNIT_GET, &r, e, DBS(unit)) < 0 || (rc = db_next(r, e)) < 0)
        return -1;
    if (rc == 0)
        return err_field(e, BY_E_NOT_FOUND, "unit",
                         "no unit %s: register it first (POST /v1/units)", unit);
    *kind = (int)db_int(r, 3);
    return 0;
}

int
prepare_account_add(struct api_call *k, struct err *e)
{
    const struct w_account *in = k->in;
    char *hash = arena_alloc(k->a, PASSWORD_HASH);

    k->prepared = hash;
    if (in->id_number == NULL)
        return err_field(e, BY_E_INVALID, "id_number",
                         "the person's id number is missing: one person has one account");
    if (!person_id_is_possible(in->id_number))
        return err_field(e, BY_E_INVALID, "id_number",
                         "that is no id number: 18 characters, the last one checks the others");
    return password_hash_in(in->id_number, k->c->store, hash, e);
}

static int
same_person(struct db *d, const char *hash, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    if (DB_QUERY(d, DB_ACCOUNT_SAME_PERSON, &r, e, DBS(hash)) < 0 || (rc = db_next(r, e)) < 0)
        return -1;
    return rc == 0 ? 0
                   : err_field(e, BY_E_CONFLICT, "id_number",
                               "this person has an account already, '%s': one person, one account",
                               db_str(r, 0));
}

static const char *
assigner_name(unsigned role)
{
    for (int r = ROLE_ADMIN; r < ROLE__MAX; r++)
        if (own_role((enum w_role)r) == roles_assigner(role))
            return w_role_names[r];
    return "nobody";
}

static int
role_judged(enum roles_verdict v, const struct w_account *a, struct err *e)
{
    switch (v) {
    case ROLES_OK:
        return 0;
    case ROLES_SELF:
        return err_set(e, BY_E_DENIED, "nobody gives a role to himself");
    case ROLES_BY:
        return err_field(e, BY_E_DENIED, "role", "the role '%s' is given by '%s'",
                         w_role_names[a->role], assigner_name(own_role((enum w_role)a->role)));
    case ROLES_NOW:
        return err_set(e, BY_E_DENIED,
                       "the account '%s' has a role that you do not give: have it disabled and "
                       "register the person anew",
                       a->login);
    case ROLES_KIND:
        return err_field(
            e, BY_E_CONFLICT, "role",
            "the role '%s' is not for the people of a unit of this kind: see units list",
            w_role_names[a->role]);
    case ROLES_EMPLOYER:
        return err_field(e, BY_E_INVALID, "employer",
                         "the company that the person works for is missing: every act of the "
                         "provider names it");
    case ROLES_UNKNOWN:
        return err_field(e, BY_E_INVALID, "role", "no such role can be given");
    }
    return err_set(e, BY_E_BUG, "no such verdict");
}

/* As the bit that roles.def names kinds of units by. */
static unsigned
kind_bit(int kind)
{
    return kind > UNIT_NONE ? 1U << (kind - 1) : 0;
}

/* It waits for who gives the role; the bureau has its deadline for that (G13). */
static int
account_waits(struct api_call *k, struct tx *t, const struct w_account *a, struct err *e)
{
    unsigned by = roles_assigner(own_role((enum w_role)a->role));
    struct clock_row clock = {0};
    struct clock_spec s = {.kind = CLK_ACCOUNT,
                           .subject_kind = "account",
                           .subject = a->id,
                           .title = a->login,
                           .unit = a->unit,
                           .start_ms = t->now_ms};

    if (by == AZ_BUREAU && clock_start(t, k->who.account, &s, &clock, e) < 0)
        return -1;
    return notice_waits(t, INBOX_ACCOUNT, by,
                        &(struct notice){.kind = NOTICE_ACCOUNT_WAITS,
                                         .subject = a->id,
                                         .title = a->login,
                                         .due_ms = clock.due_ms},
                        e);
}

int
api_account_add(struct api_call *k, struct tx *t, struct err *e)
{
    const struct w_account *in = k->in;
    struct w_account *out = k->out;
    int kind;

    if (k->who.role == ROLE_BUREAU && in->role != ROLE_TENANT)
        return err_field(e, BY_E_DENIED, "role",
                         "the bureau registers people of tenants; the system administrator others");
    if (unit_kind(t->d, in->unit, &kind, e) < 0 ||
        role_judged(
            roles_fits(own_role((enum w_role)in->role), kind_bit(kind), in->employer[0] != '\0'),
            in, e) < 0 ||
        same_person(t->d, k->prepared, e) < 0)
        return -1;
    *out = *in;
    out->id_number = NULL;
    out->state = ACC_REGISTERED;
    random_uuid(out->id);
    if (DB_EXEC(t->d, DB_ACCOUNT_REGISTER, NULL, e, DBS(out->id), DBS(in->login), DBS(in->name),
                DBS(in->unit), DBS(in->employer), DBI(in->role), DBI(t->now_ms),
                DBS((const char *)k->prepared), DBS(in->letter_sha256), DBI(in->expires_at_ms)) < 0)
        return e->code == BY_E_CONFLICT
                   ? err_field(e, BY_E_CONFLICT, "login",
                               "the login '%s' is taken: one person, one account", in->login)
                   : -1;
    return account_waits(k, t, out, e);
}

/* ---- roles ---------------------------------------------------------------------------------- */

static int
others_of_role(struct tx *t, int role, const char *but, int64_t *n, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;

    if (DB_QUERY(t->d, DB_ACCOUNT_OTHERS, &r, e, DBI(role), DBI(t->now_ms), DBS(but)) < 0 ||
        db_next(r, e) != 1)
        return -1;
    *n = db_int(r, 0);
    return 0;
}

/* Of each of the three administrators one must be left. */
static int
account_not_last(struct tx *t, const struct row *one, struct err *e)
{
    int64_t others = 0;

    if (one->a.disabled || !roles_must_stay(own_role((enum w_role)one->role)))
        return 0;
    if (others_of_role(t, one->role, one->a.id, &others, e) < 0)
        return -1;
    return others > 0 ? 0
                      : err_set(e, BY_E_CONFLICT,
                                "'%s' is the last with the role '%s': another one must be there "
                                "first",
                                one->a.login, w_role_names[one->role]);
}

static int
assign_allowed(struct api_call *k, struct tx *t, const struct row *one, struct err *e)
{
    struct roles_case c = {.by = own_role(k->who.role),
                           .role = own_role((enum w_role)one->a.role),
                           .now = own_role((enum w_role)one->role),
                           .employer = one->a.employer[0] != '\0',
                           .self = strcmp(one->a.id, k->who.account) == 0};
    int64_t guards = 0;
    int kind;

    if (one->a.disabled)
        return err_set(e, BY_E_CONFLICT, "the account '%s' is disabled", one->a.login);
    if (unit_kind(t->d, one->a.unit, &kind, e) < 0 ||
        others_of_role(t, ROLE_SECADMIN, "", &guards, e) < 0)
        return -1;
    c.kind = kind_bit(kind);
    c.none_yet = guards == 0;
    return role_judged(roles_judge(&c), &one->a, e);
}

static int
account_answer_token(struct api_call *k, struct tx *t, struct w_account *out, struct err *e)
{
    char token[ACCOUNT_TOKEN];

    if (account_token(t, out->id, token, e) < 0)
        return -1;
    out->one_time_token = arena_strdup(k->a, token);
    return 0;
}

static void
account_end_sessions(struct controller *c, void *arg)
{
    auth_account_end(c->auth, arg, NULL);
}

/* Sessions carry a role, so they end with it. */
static int
account_end_all(struct tx *t, const char *id, struct err *e)
{
    if (DB_EXEC(t->d, DB_SESSION_END_ACCOUNT, NULL, e, DBS(id)) < 0 ||
        DB_EXEC(t->d, DB_ONE_TIME_CLEAR, NULL, e, DBS(id)) < 0)
        return -1;
    commit_after(t, account_end_sessions, arena_strdup(tx_arena(t), id));
    return 0;
}

int
api_account_assign(struct api_call *k, struct tx *t, struct err *e)
{
    const struct w_assign_request *in = k->in;
    struct row one;

    if (row_load(t, k->id, &one, e) < 0)
        return -1;
    if (in->role != ROLE_NONE)
        one.a.role = in->role;
    if (in->employer[0] != '\0')
        memcpy(one.a.employer, in->employer, sizeof(one.a.employer));
    if (assign_allowed(k, t, &one, e) < 0 ||
        (one.a.role != one.role && account_not_last(t, &one, e) < 0) ||
        account_end_all(t, k->id, e) < 0 ||
        DB_EXEC(t->d, DB_ACCOUNT_ASSIGN, NULL, e, DBI(one.a.role), DBS(one.a.employer),
                DBS(k->id)) < 0 ||
        clock_meet(t, k->who.account, CLK_ACCOUNT, k->id, t->now_ms, e) < 0 ||
        signin_refresh(t, k->id, e) < 0)
        return -1;
    one.a.state = ACC_ACTIVE;
    memcpy(k->out, &one.a, sizeof(one.a));
    if (notice_add(t,
                   &(struct notice){.kind = NOTICE_ACCOUNT_ASSIGNED,
                                    .account = k->id,
                                    .subject = k->id,
                                    .title = w_role_names[one.a.role]},
                   e) < 0)
        return -1;
    return account_answer_token(k, t, k->out, e);
}

int
api_account_token(struct api_call *k, struct tx *t, struct err *e)
{
    struct row one;

    if (row_load(t, k->id, &one, e) < 0)
        return -1;
    if (one.a.disabled || one.role == ROLE_NONE)
        return err_set(e, BY_E_CONFLICT, "the account '%s' is %s", one.a.login,
                       w_account_state_names[one.a.state]);
    memcpy(k->out, &one.a, sizeof(one.a));
    return account_answer_token(k, t, k->out, e);
}

int
api_account_unlock(struct api_call *k, struct tx *t, struct err *e)
{
    struct row one;

    if (row_load(t, k->id, &one, e) < 0 ||
        DB_EXEC(t->d, DB_ACCOUNT_LOCK, NULL, e, DBI(0), DBS(k->id)) < 0 ||
        signin_refresh(t, k->id, e) < 0)
        return -1;
    if (one.a.state == ACC_LOCKED)
        one.a.state = ACC_ACTIVE;
    memcpy(k->out, &one.a, sizeof(one.a));
    return 0;
}

int
api_account_end_sessions(struct api_call *k, struct tx *t, struct err *e)
{
    struct row one;

    if (row_load(t, k->id, &one, e) < 0 || account_end_all(t, k->id, e) < 0)
        return -1;
    memcpy(k->out, &one.a, sizeof(one.a));
    return 0;
}

int
api_account_reset_factors(struct api_call *k, struct tx *t, struct err *e)
{
    return api_account_end_sessions(k, t, e) < 0
               ? -1
               : DB_EXEC(t->d, DB_FACTOR_DELETE_ALL, NULL, e, DBS(k->id));
}

int
api_account_sessions(struct api_call *k, struct tx *t, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    struct w_session_list *out = k->out;
    struct row one;
    int rc;

    if (row_load(t, k->id, &one, e) < 0 ||
        DB_QUERY(t->d, DB_SESSION_LIST, &r, e, DBS(k->id), DBI(t->now_ms)) < 0)
        return -1;
    while ((rc = db_next(r, e)) == 1) {
        struct w_session_view *v = listing_add(&out->items, sizeof(*v), k->a);

        (void)snprintf(v->id, sizeof(v->id), "%s", db_str(r, 0));
        v->created_at_ms = db_int(r, 1);
        v->expires_at_ms = db_int(r, 2);
        v->idle_ms = db_int(r, 3);
    }
    return rc;
}

int
api_account_disable(struct api_call *k, struct tx *t, struct err *e)
{
    struct row one;

    if (row_load(t, k->id, &one, e) < 0 || account_not_last(t, &one, e) < 0 ||
        account_end_all(t, k->id, e) < 0 ||
        DB_EXEC(t->d, DB_ACCOUNT_DISABLE, NULL, e, DBS(k->id)) < 0 ||
        clock_cancel(t, k->who.account, CLK_ACCOUNT, k->id, "the account was disabled", e) < 0 ||
        signin_refresh(t, k->id, e) < 0)
        return -1;
    one.a.disabled = true;
    one.a.state = ACC_DISABLED;
    memcpy(k->out, &one.a, sizeof(one.a));
    return 0;
}
