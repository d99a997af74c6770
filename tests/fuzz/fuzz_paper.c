/* Signed papers.  The corpus holds papers of one key whose private part was thrown away.
 * Properties: what checks was signed by it (its body is one of those four); parsing what we write
 * of a parsed envelope gives the same. */
#include <string.h>

#include "drivers/base/scope.h"
#include "drivers/base/strbuf.h"
#include "drivers/crypto/paper.h"
#include "tests/fuzz/fuzz.h"

static const char public_pem[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEohGx7413MH0U/odbYNTTzLnkSUeV\n"
    "gsj65JozHr5qMry2K57EBHATi5ykNUFwWrLOFYk/4YHV417sGwV3R2FKtQ==\n"
    "-----END PUBLIC KEY-----\n";
static const char *const signed_bodies[] = {"{\"a\":1}", "{\"n\":1}", "{\"n\":2}", "{\"n\":3}"};

static const struct sigkey *
key_get(void)
{
    static struct sigkey *k;
    struct err e;

    if (k == NULL && sigkey_from_pem(public_pem, &k, &e) < 0)
        abort();
    return k;
}

static void
check(const struct w_envelope *env, const char *purpose, const char *batch_purpose)
{
    struct err e = {0};
    int known = 0;

    if (paper_check(env, purpose, batch_purpose, key_get(), &e) < 0) {
        fuzz_must(e.msg[0] != '\0');
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(signed_bodies); i++)
        known |= strcmp(env->body, signed_bodies[i]) == 0;
    fuzz_must(known); /* else the signature was forged */
}

void
fuzz_one(const uint8_t *bytes, size_t len)
{
    SCOPED(strbuf) struct strbuf one = {0};
    SCOPED(strbuf) struct strbuf two = {0};
    SCOPED(arena) struct arena a = {0};
    struct w_envelope env, again;
    struct err e = {0};

    if (paper_parse((const char *)bytes, len, &a, &env, &e) < 0)
        return;
    jm_encode(schema_envelope, &env, &one);
    fuzz_must(paper_parse(one.s, one.len, &a, &again, &e) == 0);
    jm_encode(schema_envelope, &again, &two);
    fuzz_must(strcmp(one.s, two.s) == 0);
    check(&env, PAPER_GRANT, NULL);
    check(&env, PAPER_ORDER, PAPER_ORDER_BATCH);
    check(&env, PAPER_ORDER, NULL);
    fuzz_planted(env.path.n >= 4 && JM_ITEM(env.path, struct w_path_step, 0)->left &&
                 strcmp(env.purpose, PAPER_ORDER) == 0);
}
