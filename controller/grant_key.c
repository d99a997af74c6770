#include "controller/grant_key.h"

#include "controller/controller.h"
#include "controller/keys.h"
#include "controller/live.h"

int
grant_key_ready(struct tx *t, char account[W_ID], struct err *e)
{
    const struct sigkey *k = t->c->grant_key;

    if (k == NULL)
        return err_set(e, BY_E_CONFLICT,
                       "the controller holds no grant key (its setting server.grant_key): it "
                       "cannot grant by itself");
    if (live_keys_named(t->c->live, sigkey_id(k), KEY_GRANT, t->now_ms, e) < 0)
        return err_wrap(e, "the controller's grant key");
    return keys_holder(t->d, sigkey_id(k), account, e) < 0
               ? err_wrap(e, "the controller's grant key")
               : 0;
}

const char *
grant_key_note(struct tx *t, struct arena *a)
{
    struct err e = {0};
    char account[W_ID];

    if (t->c->grant_key == NULL)
        return NULL;
    if (grant_key_ready(t, account, &e) < 0)
        return arena_printf(a, "held, but it cannot be used: %s", e.msg);
    return "the controller holds a grant key and can approve by itself: weaker than a key in the "
           "bureau's hands";
}
