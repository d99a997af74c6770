/* Hosts: tokens for new ones, the list, cordon and revoke. */
#include <stdio.h>
#include <string.h>

#include "controller/auth.h"
#include "controller/commit.h"
#include "controller/controller.h"
#include "controller/hosts.h"
#include "controller/hosttable.h"
#include "controller/routes.h"
#include "controller/underlay.h"
#include "drivers/crypto/digest.h"
#include "drivers/net/httpd.h"

#define HOST_TOKEN_MS INT64_C(3600000)
#define CPU_OVERCOMMIT 400
#define MEM_OVERCOMMIT 100

int
api_host_list(struct api_call *k, struct tx *t, struct err *e)
{
    return hosts_page(t, k, k->out, e);
}

/* The host as the answer of an act on it. */
static int
host_answer(struct api_call *k, struct tx *t, struct err *e)
{
    return hosts_view(t, k->id, k->a, k->out, e);
}

/* ---- tokens --------------------------------------------------------------------------------- */

/* Invited again: what is not said stays as it is. */
static int
host_known(struct tx *t, const struct w_host_request *in, const struct db_rows *r, char id[W_ID],
           struct err *e)
{
    const char *zone = db_str(r, 2);

    if (in->zone[0] != '\0' && strcmp(in->zone, zone) != 0)
        return err_field(
            e, BY_E_CONFLICT, "zone",
            "host %s is registered already, in zone '%s': say no zone for a new token, "
            "or move it with bianyun hosts set %s --zone %s",
            in->name, zone, in->name, in->zone);
    (void)snprintf(id, W_ID, "%s", db_str(r, 0));
    return DB_EXEC(t->d, DB_HOST_OVERCOMMIT, NULL, e, DBS(zone),
                   DBI(in->cpu_overcommit_percent != 0 ? in->cpu_overcommit_percent : db_int(r, 3)),
                   DBI(in->mem_overcommit_percent != 0 ? in->mem_overcommit_percent : db_int(r, 4)),
                   DBS(id));
}

static int
host_of_name(struct tx *t, const struct w_host_request *in, char id[W_ID], struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL, *count = NULL;
    uint32_t cpu = in->cpu_overcommit_percent, mem = in->mem_overcommit_percent;
    int rc;

    cpu = cpu == 0 ? CPU_OVERCOMMIT : cpu;
    mem = mem == 0 ? MEM_OVERCOMMIT : mem;
    if (DB_QUERY(t->d, DB_HOST_BY_NAME, &r, e, DBS(in->name)) < 0 || (rc = db_next(r, e)) < 0)
        return -1;
    if (rc == 1)
        return host_known(t, in, r, id, e);
    if (db_query(t->d, DB_HOST_COUNT, NULL, 0, &count, e) < 0 || db_next(count, e) != 1)
        return -1;
    if (db_int(count, 0) >= HOSTTABLE_MAX)
        return err_set(
            e, BY_E_CONFLICT,
            "%d hosts are registered, and one controller serves no more: give host %s to "
            "a controller of its own",
            HOSTTABLE_MAX, in->name);
    random_uuid(id);
    return DB_EXEC(t->d, DB_HOST_ADD, NULL, e, DBS(id), DBS(in->name), DBS(in->zone), DBI(cpu),
                   DBI(mem), DBI(t->now_ms));
}

int
api_host_add(struct api_call *k, struct tx *t, struct err *e)
{
    const struct w_host_request *in = k->in;
    struct w_host_token *out = k->out;
    char token[64], hash[65], body[160];

    if (in->cpu_overcommit_percent != 0 && in->cpu_overcommit_percent < 100)
        return err_field(e, BY_E_INVALID, "cpu_overcommit_percent", "100 means none; less is not");
    if (in->mem_overcommit_percent != 0 && in->mem_overcommit_percent < 100)
        return err_field(e, BY_E_INVALID, "mem_overcommit_percent", "100 means none; less is not");
    random_token(AUTH_TOKEN_HOST, token, sizeof(token));
    digest_sha256_hex(token, strlen(token), hash);
    if (host_of_name(t, in, out->host, e) < 0 ||
        DB_EXEC(t->d, DB_HOST_TOKEN_CLEAR, NULL, e, DBS(out->host)) < 0 ||
        DB_EXEC(t->d, DB_HOST_TOKEN_ADD, NULL, e, DBS(hash), DBS(out->host),
                DBI(t->now_ms + HOST_TOKEN_MS)) < 0)
        return err_wrap(e, "token for host %s", in->name);
    out->token = arena_strdup(k->a, token);
    memcpy(out->ca_sha256, t->c->ca_sha256, sizeof(out->ca_sha256));
    (void)snprintf(body, sizeof(body), "{\"name\":\"%s\"}", in->name);
    return ledger_append(t, k->who.account, "host.invited", out->host, body, e);
}

/* ---- states --------------------------------------------------------------------------------- */

/* What a person does to a host, and how it was before. */
static int
host_done(struct api_call *k, struct tx *t, const char *act, const char *was, struct err *e)
{
    char body[64];

    (void)snprintf(body, sizeof(body), "{\"was\":\"%s\"}", was);
    return ledger_append(t, k->who.account, act, k->id, body, e);
}

/* 1 changed, 0 it was so already. */
static int
host_move(struct api_call *k, struct tx *t, const char *from, const char *to, const char *reason,
          struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    if (DB_QUERY(t->d, DB_HOST_ENROL_GET, &r, e, DBS(k->id)) < 0 || (rc = db_next(r, e)) < 0)
        return -1;
    if (rc == 0)
        return err_set(e, BY_E_NOT_FOUND, "no host %s", k->id);
    if (strcmp(db_str(r, 1), to) == 0)
        return 0;
    if (strcmp(db_str(r, 1), from) != 0)
        return err_set(e, BY_E_CONFLICT, "host %s is %s, not %s", db_str(r, 0), db_str(r, 1), from);
    return DB_EXEC(t->d, DB_HOST_STATE, NULL, e, DBS(to), DBS(reason), DBS(k->id)) < 0 ? -1 : 1;
}

int
api_host_cordon(struct api_call *k, struct tx *t, struct err *e)
{
    int rc = host_move(k, t, "ready", "cordoned", "nothing new is placed here", e);

    if (rc < 0 || (rc == 1 && host_done(k, t, "host.cordoned", "ready", e) < 0))
        return -1;
    return host_answer(k, t, e);
}

int
api_host_uncordon(struct api_call *k, struct tx *t, struct err *e)
{
    int rc = host_move(k, t, "cordoned", "ready", "", e);

    if (rc < 0 || (rc == 1 && host_done(k, t, "host.uncordoned", "cordoned", e) < 0))
        return -1;
    return host_answer(k, t, e);
}

static void
host_gone(void *arg, const char *fingerprint)
{
    struct controller *c = arg;

    if (c->httpd != NULL)
        httpd_revoke(c->httpd, fingerprint);
}

static void
host_revoked(struct controller *c, void *arg)
{
    auth_host_end(c->auth, arg, NULL, host_gone, c);
}

/* The answer says which shared pools lack a steward now. */
static int
pools_lack(struct api_call *k, struct tx *t, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    struct w_host_view *out = k->out;
    int rc;

    if (DB_QUERY(t->d, DB_POOL_STEWARD_OF, &r, e, DBS(k->id), DBI(1)) < 0 ||
        (rc = db_next(r, e)) < 0)
        return -1;
    if (rc == 1)
        out->reason =
            arena_printf(k->a,
                         "it was the steward of the shared pool %s, whose hosts wait for another: "
                         "bianyun pools set %s --steward HOST",
                         db_str(r, 1), db_str(r, 1));
    return 0;
}

static int
revoke_done(struct api_call *k, struct tx *t, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    char was[16];
    int rc;

    if (DB_QUERY(t->d, DB_HOST_ENROL_GET, &r, e, DBS(k->id)) < 0 || (rc = db_next(r, e)) < 0)
        return -1;
    if (rc == 0)
        return err_set(e, BY_E_NOT_FOUND, "no host %s", k->id);
    (void)snprintf(was, sizeof(was), "%s", db_str(r, 1));
    return strcmp(was, "revoked") == 0 ? 0 : host_done(k, t, "host.revoked", was, e);
}

int
api_host_revoke(struct api_call *k, struct tx *t, struct err *e)
{
    if (revoke_done(k, t, e) < 0 ||
        DB_EXEC(t->d, DB_HOST_CERT_REVOKE, NULL, e, DBI(t->now_ms), DBS(k->id), DBS("")) < 0 ||
        DB_EXEC(t->d, DB_HOST_TOKEN_CLEAR, NULL, e, DBS(k->id)) < 0 ||
        DB_EXEC(t->d, DB_HOST_STATE, NULL, e, DBS("revoked"),
                DBS("its certificate is no longer accepted; what runs there runs on, out of reach "
                    "of networks over several hosts"),
                DBS(k->id)) < 0 ||
        underlay_end(t, k->id, k->a, e) < 0 || host_answer(k, t, e) < 0 || pools_lack(k, t, e) < 0)
        return -1;
    commit_after(t, host_revoked, arena_strdup(tx_arena(t), k->id));
    return 0;
}
