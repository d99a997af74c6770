#include "drivers/crypto/paper.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "drivers/base/scope.h"
#include "drivers/base/strbuf.h"
#include "drivers/codec/jclass.h"
#include "drivers/crypto/merkle.h"

enum { PAPER_MAX_BODY = 262144 }; /* as the envelope's row says */

static void
paper_message(struct strbuf *m, const char *purpose, const char *body)
{
    strbuf_adds(m, purpose);
    strbuf_addc(m, '\0');
    strbuf_adds(m, body);
}

static int
paper_sign_bytes(const struct sigkey *k, const char *purpose, const char *body, struct arena *a,
                 const char **base64, struct err *e)
{
    SCOPED(strbuf) struct strbuf m = {0};
    unsigned char sig[SIGKEY_MAX_SIG];
    char text[SIGKEY_MAX_SIG * 2];
    size_t n;

    paper_message(&m, purpose, body);
    if (sigkey_sign(k, m.s, m.len, sig, &n, e) < 0)
        return err_wrap(e, "%s", purpose);
    (void)EVP_EncodeBlock((unsigned char *)text, sig, (int)n);
    *base64 = arena_strdup(a, text);
    return 0;
}

static int
paper_body_fit(const char *purpose, const char *body, struct err *e)
{
    size_t len = strlen(body);
    const char *fault;

    if (len == 0 || len > PAPER_MAX_BODY)
        return err_set(e, BY_E_TOO_LARGE, "%s: a body has 1 to %d bytes, this one %zu", purpose,
                       PAPER_MAX_BODY, len);
    fault = jclass_fault(JM_ANY, body, len);
    return fault == NULL ? 0 : err_set(e, BY_E_INVALID, "%s: the body %s", purpose, fault);
}

static const char *
paper_text(const struct sigkey *k, const char *purpose, const char *body, const char *sig,
           struct jm_list path, struct arena *a)
{
    SCOPED(strbuf) struct strbuf out = {0};
    struct w_envelope env = {.body = body, .sig = sig, .path = path};

    (void)snprintf(env.purpose, sizeof(env.purpose), "%s", purpose);
    (void)snprintf(env.key, sizeof(env.key), "%s", sigkey_id(k));
    (void)snprintf(env.alg, sizeof(env.alg), "%s", sigkey_alg(k));
    jm_encode(schema_envelope, &env, &out);
    return arena_strndup(a, out.s, out.len);
}

int
paper_sign(const struct sigkey *k, const char *purpose, const char *body, struct arena *a,
           const char **out, struct err *e)
{
    const char *sig;

    if (paper_body_fit(purpose, body, e) < 0 || paper_sign_bytes(k, purpose, body, a, &sig, e) < 0)
        return -1;
    *out = paper_text(k, purpose, body, sig, (struct jm_list){0}, a);
    return 0;
}

static struct merkle_hash
paper_leaf(enum digest_alg alg, const char *purpose, const char *body)
{
    const struct digest_part parts[] = {
        {purpose, strlen(purpose) + 1}, /* with its NUL: that is the 0 byte */
        {body, strlen(body)},
    };

    return merkle_leaf(alg, parts, ARRAY_LEN(parts));
}

int
paper_sign_batch(const struct sigkey *k, const char *purpose, const char *batch_purpose,
                 const char *const *bodies, size_t n, struct arena *a, const char **out,
                 struct err *e)
{
    struct merkle_hash *leaves;
    struct merkle m;
    const char *sig;
    char root[65];

    if (n == 1)
        return paper_sign(k, purpose, bodies[0], a, &out[0], e);
    if (n == 0 || n > MERKLE_MAX_LEAVES)
        return err_set(e, BY_E_INVALID, "a batch signs 1 to %d papers, not %zu", MERKLE_MAX_LEAVES,
                       n);
    leaves = arena_alloc(a, n * sizeof(*leaves));
    for (size_t i = 0; i < n; i++) {
        if (paper_body_fit(purpose, bodies[i], e) < 0)
            return err_wrap(e, "paper %zu of a batch", i);
        leaves[i] = paper_leaf(sigkey_digest(k), purpose, bodies[i]);
    }
    if (merkle_build(sigkey_digest(k), leaves, n, a, &m, e) < 0)
        return -1;
    digest_hex(merkle_root(&m)->b, root);
    if (paper_sign_bytes(k, batch_purpose, root, a, &sig, e) < 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        struct w_path_step steps[MERKLE_MAX_LEVELS];
        struct jm_list path = {.items = steps, .n = merkle_path(&m, i, steps)};

        out[i] = paper_text(k, purpose, bodies[i], sig, path, a);
    }
    return 0;
}

int
paper_parse(const char *text, size_t len, struct arena *a, struct w_envelope *out, struct err *e)
{
    if (W_DECODE(envelope, text, len, JM_SIGNED, a, out, e) < 0)
        return err_wrap(e, "signed paper");
    return 0;
}

/* Only the one spelling that we write ourselves: no second text of the same signature passes. */
static int
paper_signature(const char *base64, unsigned char *sig, size_t *len, struct err *e)
{
    unsigned char again[SIGKEY_MAX_SIG * 2];
    size_t n = strlen(base64), pad = 0;
    int got;

    if (n == 0 || n % 4 != 0 || n / 4 * 3 > SIGKEY_MAX_SIG + 2)
        return err_set(e, BY_E_DENIED, "the signature has no valid length");
    while (pad < 2 && base64[n - 1 - pad] == '=')
        pad++;
    got = EVP_DecodeBlock(sig, (const unsigned char *)base64, (int)n);
    if (got < 0 || (size_t)got < pad || (size_t)got - pad > SIGKEY_MAX_SIG)
        return err_set(e, BY_E_DENIED, "the signature is not base64");
    *len = (size_t)got - pad;
    if ((size_t)EVP_EncodeBlock(again, sig, (int)*len) != n || memcmp(again, base64, n) != 0)
        return err_set(e, BY_E_DENIED, "the signature is not in its one base64 form");
    return 0;
}

static int
paper_root(const struct w_envelope *env, char root[65], struct err *e)
{
    struct merkle_hash leaf, top;
    enum digest_alg alg;

    if (sigkey_alg_digest(env->alg, &alg, e) < 0)
        return -1;
    leaf = paper_leaf(alg, env->purpose, env->body);
    if (merkle_follow(alg, &leaf, env->path.items, env->path.n, &top, e) < 0)
        return -1;
    digest_hex(top.b, root);
    return 0;
}

int
paper_check(const struct w_envelope *env, const char *purpose, const char *batch_purpose,
            const struct sigkey *k, struct err *e)
{
    unsigned char sig[SIGKEY_MAX_SIG + 4];
    SCOPED(strbuf) struct strbuf m = {0};
    char root[65];
    size_t len = 0;

    if (strcmp(env->purpose, purpose) != 0)
        return err_set(e, BY_E_DENIED, "the paper is a '%s', not a '%s'", env->purpose, purpose);
    if (strcmp(env->key, sigkey_id(k)) != 0)
        return err_set(e, BY_E_DENIED, "%s: signed by key %.16s, not by %.16s", purpose, env->key,
                       sigkey_id(k));
    if (strcmp(env->alg, sigkey_alg(k)) != 0)
        return err_set(e, BY_E_DENIED, "%s: says '%s', the key is %s", purpose, env->alg,
                       sigkey_alg(k));
    if (env->path.n > 0 && batch_purpose == NULL)
        return err_set(e, BY_E_DENIED, "%s: it must be signed itself, not in a batch", purpose);
    if (paper_signature(env->sig, sig, &len, e) < 0)
        return err_wrap(e, "%s", purpose);
    if (env->path.n > 0) {
        if (paper_root(env, root, e) < 0)
            return err_wrap(e, "%s", purpose);
        paper_message(&m, batch_purpose, root);
    } else {
        paper_message(&m, purpose, env->body);
    }
    if (sigkey_verify(k, m.s, m.len, sig, len, e) < 0)
        return err_wrap(e, "%s", purpose);
    return 0;
}
