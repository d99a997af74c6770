/* How people sign in; the security administrator's. */
#include <stdio.h>
#include <string.h>

#include "controller/commit.h"
#include "controller/controller.h"
#include "controller/login_policy.h"
#include "controller/routes.h"
#include "controller/signin.h"

/* MLPS level 3 as usually set: 5 failures lock for 30 minutes, 8 characters, 90 days, idle for 30
 * minutes, two factors for whoever runs the cloud. */
static const struct w_login_policy shipped = {
    .min_length = 8,
    .min_classes = 3,
    .max_age_days = 90,
    .failures = 5,
    .lock_minutes = 30,
    .idle_minutes = 30,
    .sessions = 8,
    .second_factor = "admin,auditadmin,auditor,bureau,county,provider,secadmin",
};

int
login_policy_in_force(struct db *d, struct arena *a, struct w_login_policy *out, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    if (db_query(d, DB_LOGIN_POLICY_NEWEST, NULL, 0, &r, e) < 0 || (rc = db_next(r, e)) < 0)
        return -1;
    *out = shipped;
    return rc == 0 ? 0
                   : W_DECODE(login_policy, arena_strdup(a, db_str(r, 0)), db_len(r, 0), JM_PEER, a,
                              out, e);
}

/* The role that the next word of a list names; *list moves behind it. */
static int
role_word(const char **list)
{
    size_t n = strcspn(*list, ",");
    const char *word = *list;

    *list += n + ((*list)[n] == ',' ? 1 : 0);
    for (int role = ROLE_ADMIN; role < ROLE__MAX; role++)
        if (strlen(w_role_names[role]) == n && strncmp(w_role_names[role], word, n) == 0)
            return role;
    return ROLE_NONE;
}

bool
login_policy_wants_factor(const struct w_login_policy *p, enum w_role role)
{
    for (const char *list = p->second_factor == NULL ? "" : p->second_factor; list[0] != '\0';)
        if (role_word(&list) == (int)role)
            return true;
    return false;
}

int
api_login_policy_get(struct api_call *k, struct tx *t, struct err *e)
{
    return login_policy_in_force(t->d, k->a, k->out, e);
}

static void
policy_live(struct controller *c, void *arg)
{
    signin_policy(c->signin, arg);
}

int
api_login_policy_set(struct api_call *k, struct tx *t, struct err *e)
{
    SCOPED(strbuf) struct strbuf b = {0};
    const struct w_login_policy *in = k->in;
    struct w_login_policy *live = arena_alloc(tx_arena(t), sizeof(*live));

    for (const char *list = in->second_factor == NULL ? "" : in->second_factor; list[0] != '\0';)
        if (role_word(&list) == ROLE_NONE)
            return err_field(e, BY_E_INVALID, "second_factor",
                             "roles, with commas and no blanks between: admin,bureau,…");
    jm_encode(schema_login_policy, in, &b);
    if (DB_EXEC(t->d, DB_LOGIN_POLICY_ADD, NULL, e, DBS(strbuf_peek(&b)), DBS(k->who.account),
                DBI(t->now_ms)) < 0)
        return -1;
    *live = *in;
    live->second_factor =
        in->second_factor == NULL ? "" : arena_strdup(tx_arena(t), in->second_factor);
    commit_after(t, policy_live, live);
    memcpy(k->out, in, sizeof(*in));
    return 0;
}
