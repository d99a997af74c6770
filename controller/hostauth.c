#include "controller/hostauth.h"

#include <stdio.h>
#include <string.h>

#include "controller/auth.h"
#include "controller/commit.h"
#include "controller/controller.h"
#include "controller/listing.h"
#include "drivers/base/log.h"

struct boot_now {
    char state[16], boot[W_ID], name[W_NAME];
    int64_t incarnation;
};

static int
hostauth_now(struct tx *t, const char *host, struct boot_now *out, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    if (DB_QUERY(t->d, DB_HOST_ENROL_GET, &r, e, DBS(host)) < 0 || (rc = db_next(r, e)) < 0)
        return -1;
    if (rc == 0)
        return err_set(e, BY_E_NOT_FOUND, "no host %s", host);
    (void)snprintf(out->name, sizeof(out->name), "%s", db_str(r, 0));
    (void)snprintf(out->state, sizeof(out->state), "%s", db_str(r, 1));
    out->incarnation = db_int(r, 2);
    (void)snprintf(out->boot, sizeof(out->boot), "%s", db_str(r, 3));
    return 0;
}

static int
hostauth_known(struct tx *t, const char *host, const char *boot, int64_t incarnation, bool *known,
               struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    if (DB_QUERY(t->d, DB_HOST_BOOT_GET, &r, e, DBS(host), DBS(boot), DBI(incarnation)) < 0 ||
        (rc = db_next(r, e)) < 0)
        return -1;
    *known = rc == 1;
    return 0;
}

/* The refusal must outlast the error that tells of it, and an error rolls its step back: so it is a
 * step of its own. */
struct refusal {
    char host[W_ID];
};

static int
hostauth_refuse_step(void *arg, struct tx *t, struct err *e)
{
    struct refusal *f = arg;

    if (DB_EXEC(t->d, DB_HOST_STATE, NULL, e, DBS("refused"),
                DBS("two machines use one key: boot ids alternate; enrol each of them by itself"),
                DBS(f->host)) < 0)
        return -1;
    return ledger_append(t, "controller", "host.refused", f->host,
                         "{\"reason\":\"two live boot ids on one key\"}", e);
}

static void
hostauth_refuse_done(void *arg, const struct err *e)
{
    struct refusal *f = arg;

    if (e != NULL)
        log_error("host.refuse_failed", "host=%s reason=" LOG_Q, f->host, e->msg);
    free(f);
}

static int
hostauth_refuse(struct tx *t, const char *host, const char *name, struct err *e)
{
    struct refusal *f = calloc(1, sizeof(*f));
    struct err why = {0};

    log_error("host.refused", "host=%s name=%s reason=" LOG_Q, host, name,
              "two live boot ids on one key");
    if (f != NULL) {
        (void)snprintf(f->host, sizeof(f->host), "%s", host);
        if (commit_submit(t->c->commit, hostauth_refuse_step, hostauth_refuse_done, f, &why) < 0)
            hostauth_refuse_done(f, &why);
    }
    return err_set(e, BY_E_DENIED,
                   "host %s: a boot id that had ended speaks again, so two machines use one key; "
                   "both are refused until each is enrolled by itself",
                   name);
}

int
hostauth_boot(struct tx *t, const char *host, const char *boot, bool hello, struct err *e)
{
    struct boot_now now;
    bool known = false;

    if (hostauth_now(t, host, &now, e) < 0)
        return -1;
    if (strcmp(now.state, "refused") == 0 || strcmp(now.state, "revoked") == 0)
        return err_set(e, BY_E_DENIED, "host %s is %s: enrol it again", now.name, now.state);
    if (strcmp(now.boot, boot) == 0)
        return 0;
    if (hostauth_known(t, host, boot, now.incarnation, &known, e) < 0)
        return -1;
    if (known)
        return hostauth_refuse(t, host, now.name, e);
    if (!hello)
        return err_set(e, BY_E_DENIED, "host %s: say hello first, this boot id is new", now.name);
    if (DB_EXEC(t->d, DB_HOST_BOOT_ADD, NULL, e, DBS(host), DBS(boot), DBI(now.incarnation),
                DBI(t->now_ms)) < 0)
        return -1;
    return DB_EXEC(t->d, DB_HOST_BOOT_SET, NULL, e, DBS(boot), DBS(host));
}

int
hostauth_restate(struct tx *t, const char *host, size_t *n, struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    struct jm_list bodies = {0};
    int rc;

    *n = 0;
    {
        SCOPED(db_rows_free) struct db_rows *r = NULL;

        if (DB_QUERY(t->d, DB_ISSUE_NEWEST, &r, e, DBS(host)) < 0)
            return -1;
        while ((rc = db_next(r, e)) == 1)
            *(char **)listing_add(&bodies, sizeof(char *), &a) = arena_strdup(&a, db_str(r, 0));
        if (rc < 0)
            return -1;
    }
    for (; *n < bodies.n; (*n)++) {
        const char *body = ((char **)bodies.items)[*n];
        struct w_order o;

        if (W_DECODE(order, body, strlen(body), JM_SIGNED, &a, &o, e) < 0 ||
            order_issue(t, &o, e) < 0)
            return err_wrap(e, "restating the orders of host %s", host);
    }
    return 0;
}

int
hostauth_restate_all(struct tx *t, struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    struct jm_list hosts = {0};
    int rc;

    {
        SCOPED(db_rows_free) struct db_rows *r = NULL;

        if (DB_QUERY(t->d, DB_ISSUE_EARLIER_HOSTS, &r, e) < 0)
            return -1;
        while ((rc = db_next(r, e)) == 1)
            *(char **)listing_add(&hosts, sizeof(char *), &a) = arena_strdup(&a, db_str(r, 0));
        if (rc < 0)
            return -1;
    }
    for (size_t i = 0; i < hosts.n; i++) {
        size_t n;

        if (hostauth_restate(t, ((char **)hosts.items)[i], &n, e) < 0)
            return -1;
    }
    return 0;
}
