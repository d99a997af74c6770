#include "controller/signer.h"

#include <string.h>

#include "controller/controller.h"
#include "controller/keys.h"
#include "drivers/crypto/digest.h"
#include "drivers/crypto/paper.h"

int
signer_open(struct api_call *k, const char *text, const char *purpose, struct signed_paper *out,
            struct err *e)
{
    struct w_envelope env;
    size_t len = strlen(text);

    memset(out, 0, sizeof(*out));
    out->text = text;
    if (controller_paper_check(k->c, text, len, purpose, NULL, KEY_GRANT, controller_now_ms(k->c),
                               k->a, &out->body, e) < 0 ||
        paper_parse(text, len, k->a, &env, e) < 0)
        return -1;
    memcpy(out->key, env.key, sizeof(out->key));
    digest_sha256_hex(out->body, strlen(out->body), out->body_sha256);
    return 0;
}

int
signer_check(const struct api_call *k, struct tx *t, const struct signed_paper *p,
             const char *approver, struct err *e)
{
    char holder[W_ID];

    if (strcmp(approver, k->who.account) != 0)
        return err_field(e, BY_E_DENIED, "approver",
                         "the paper names another approver than you: who signs hands it in");
    if (keys_holder(t->d, p->key, holder, e) < 0)
        return -1;
    if (strcmp(holder, k->who.account) != 0)
        return err_set(e, BY_E_DENIED,
                       "the key that signed is registered as another's: sign with your own");
    return 0;
}
