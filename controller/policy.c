#include "controller/policy.h"

#include <string.h>

static const char shipped[] = {
#include "controller/policy_default.h"
    0};

const char *
policy_shipped(void)
{
    return shipped;
}

static int
policy_read(struct db_rows *r, struct arena *a, struct w_policy *out, struct err *e)
{
    int rc = db_next(r, e);

    if (rc < 0)
        return -1;
    if (rc == 0)
        return err_set(e, BY_E_NOT_FOUND, "the store has no such policy");
    return W_DECODE(policy, db_str(r, 0), db_len(r, 0), JM_PEER, a, out, e);
}

int
policy_in_force(struct db *d, struct arena *a, struct w_policy *out, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;

    if (db_query(d, DB_POLICY_NEWEST, NULL, 0, &r, e) < 0)
        return -1;
    return policy_read(r, a, out, e);
}

int
policy_by_version(struct db *d, const char *version, struct arena *a, struct w_policy *out,
                  struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;

    if (DB_QUERY(d, DB_POLICY_VERSION, &r, e, DBS(version)) < 0)
        return -1;
    return policy_read(r, a, out, e);
}

static int
policy_sound(const struct w_policy *p, struct err *e)
{
    if (p->window_ms < p->slot_ms)
        return err_field(e, BY_E_INVALID, "window_ms",
                         "the observation window is shorter than one slot");
    if (p->slot_ms < p->sample_ms)
        return err_field(e, BY_E_INVALID, "slot_ms", "a slot is shorter than one sample");
    if (p->slot_ms % 1000 != 0 || 86400000 % p->slot_ms != 0)
        return err_field(e, BY_E_INVALID, "slot_ms",
                         "a slot must be whole seconds and divide a day");
    return 0;
}

int
policy_store(struct db *d, const char *document, const char *account, int64_t now_ms,
             struct arena *a, struct w_policy *out, struct err *e)
{
    SCOPED(strbuf) struct strbuf b = {0};

    if (W_DECODE(policy, document, strlen(document), JM_PEOPLE, a, out, e) < 0 ||
        policy_sound(out, e) < 0)
        return err_wrap(e, "policy document");
    jm_encode(schema_policy, out, &b);
    if (DB_EXEC(d, DB_POLICY_ADD, NULL, e, DBS(out->version), DBS(strbuf_peek(&b)), DBS(account),
                DBI(now_ms)) == 0)
        return 0;
    if (e != NULL && e->code == BY_E_CONFLICT)
        return err_field(e, BY_E_CONFLICT, "version",
                         "a policy version '%s' exists already: a version is never changed, give "
                         "the new one another name",
                         out->version);
    return -1;
}
