/* The policy document in force, and putting a new one into force. */
#include <string.h>

#include "controller/grant_key.h"
#include "controller/policy.h"
#include "controller/routes.h"

int
api_policy_get(struct api_call *k, struct tx *t, struct err *e)
{
    return policy_in_force(t->d, k->a, k->out, e);
}

int
api_policy_add(struct api_call *k, struct tx *t, struct err *e)
{
    const struct w_policy_request *in = k->in;
    const struct w_policy *p = k->out;
    char account[W_ID];

    if (policy_store(t->d, in->document, k->who.account, t->now_ms, k->a, k->out, e) < 0)
        return -1;
    if (p->import_at_once && grant_key_ready(t, account, e) < 0)
        return err_field(e, BY_E_CONFLICT, "import_at_once",
                         "imports cannot be granted at once: %s", arena_strdup(k->a, e->msg));
    return 0;
}
