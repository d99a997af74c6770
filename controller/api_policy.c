/* The policy document in force, and putting a new one into force. */
#include <string.h>

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

    return policy_store(t->d, in->document, k->who.account, t->now_ms, k->a, k->out, e);
}
