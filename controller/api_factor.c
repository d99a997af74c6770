/* One's own second factors, and what to sign. */
#include <stdio.h>
#include <string.h>

#include "controller/controller.h"
#include "controller/factor.h"
#include "controller/listing.h"
#include "controller/routes.h"
#include "controller/signin.h"
#include "drivers/crypto/digest.h"
#include "drivers/crypto/sigkey.h"
#include "drivers/crypto/totp.h"

int
api_challenge_add(struct api_call *k, struct tx *t, struct err *e)
{
    const struct w_challenge_request *in = k->in;
    struct w_challenge *out = k->out;
    char *nonce = arena_alloc(k->a, SIGNIN_NONCE);

    (void)e;
    signin_challenge(t->c, in->login, t->now_ms, nonce, &out->expires_at_ms);
    out->nonce = nonce;
    (void)snprintf(out->store, sizeof(out->store), "%s", t->c->store);
    return 0;
}

static void
factor_read(const struct db_rows *r, struct w_factor *o)
{
    memset(o, 0, sizeof(*o));
    (void)snprintf(o->id, sizeof(o->id), "%s", db_str(r, 0));
    o->kind = (int)db_int(r, 1);
    (void)snprintf(o->name, sizeof(o->name), "%s", db_str(r, 2));
    (void)snprintf(o->alg, sizeof(o->alg), "%s", db_str(r, 3));
    if (o->kind == FACTOR_KEY)
        (void)snprintf(o->key, sizeof(o->key), "%s", db_str(r, 4));
    o->created_at_ms = db_int(r, 6);
    o->confirmed = db_int(r, 7) != 0;
}

int
api_factor_list(struct api_call *k, struct tx *t, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    struct w_factor_list *out = k->out;
    int rc;

    if (DB_QUERY(t->d, DB_FACTOR_LIST, &r, e, DBS(k->who.account)) < 0)
        return -1;
    while ((rc = db_next(r, e)) == 1)
        factor_read(r, listing_add(&out->items, sizeof(struct w_factor), k->a));
    return rc;
}

int
prepare_factor_add(struct api_call *k, struct err *e)
{
    SCOPED(sigkey_free) struct sigkey *key = NULL;
    const struct w_factor *in = k->in;
    struct w_factor *o = arena_alloc(k->a, sizeof(*o));

    k->prepared = o;
    *o = *in;
    o->public_pem = NULL;
    if (in->kind == FACTOR_TOTP) {
        if (in->alg[0] != '\0' && strcmp(in->alg, "sha1") != 0 && strcmp(in->alg, "sha256") != 0)
            return err_field(e, BY_E_INVALID, "alg", "codes are made with sha1 or sha256");
        if (in->alg[0] == '\0')
            memcpy(o->alg, "sha1", 5);
        return 0;
    }
    if (in->public_pem == NULL || sigkey_from_pem(in->public_pem, &key, NULL) < 0 ||
        sigkey_is_private(key))
        return err_field(e, BY_E_INVALID, "public_pem",
                         "give the public key (PEM) of an SM2 or P-256 key: bianyun keys new");
    (void)snprintf(o->alg, sizeof(o->alg), "%s", sigkey_alg(key));
    (void)snprintf(o->key, sizeof(o->key), "%s", sigkey_id(key));
    o->confirmed = true;
    return 0;
}

/* Too many, or the same key again? */
static int
factor_room(struct api_call *k, struct tx *t, const struct w_factor *o, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    struct w_factor one;
    size_t n = 0;
    int rc;

    if (DB_QUERY(t->d, DB_FACTOR_LIST, &r, e, DBS(k->who.account)) < 0)
        return -1;
    while ((rc = db_next(r, e)) == 1) {
        factor_read(r, &one);
        n++;
        if (o->kind == FACTOR_KEY && strcmp(one.key, o->key) == 0)
            return err_field(e, BY_E_CONFLICT, "public_pem", "this key is registered already");
    }
    if (rc < 0)
        return -1;
    return n < FACTORS_OF_ACCOUNT
               ? 0
               : err_set(e, BY_E_CONFLICT, "an account has at most %d second factors: remove one",
                         FACTORS_OF_ACCOUNT);
}

int
api_factor_add(struct api_call *k, struct tx *t, struct err *e)
{
    const struct w_factor *p = k->prepared;
    struct w_factor *out = k->out;
    uint8_t secret[DIGEST_BYTES] = {0};
    char kept[W_HASH], *shown;

    if (factor_room(k, t, p, e) < 0)
        return -1;
    *out = *p;
    random_uuid(out->id);
    out->created_at_ms = t->now_ms;
    (void)snprintf(kept, sizeof(kept), "%s", p->key);
    if (p->kind == FACTOR_TOTP) {
        shown = arena_alloc(k->a, TOTP_BASE32);
        random_bytes(secret, TOTP_SECRET);
        digest_hex(secret, kept);
        totp_base32(secret, shown);
        out->secret = shown;
    }
    return DB_EXEC(t->d, DB_FACTOR_ADD, NULL, e, DBS(out->id), DBS(k->who.account), DBI(out->kind),
                   DBS(out->name), DBS(out->alg), DBS(kept), DBI(t->now_ms),
                   DBI(out->confirmed ? t->now_ms : 0));
}

int
api_factor_confirm(struct api_call *k, struct tx *t, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    const struct w_factor_code *in = k->in;
    struct w_factor *out = k->out;
    uint8_t secret[DIGEST_BYTES];
    uint64_t step;
    int rc;

    if (DB_QUERY(t->d, DB_FACTOR_LIST, &r, e, DBS(k->who.account)) < 0)
        return -1;
    while ((rc = db_next(r, e)) == 1 && strcmp(db_str(r, 0), k->id) != 0)
        ;
    if (rc < 0)
        return -1;
    if (rc == 0 || db_int(r, 1) != FACTOR_TOTP)
        return err_set(e, BY_E_NOT_FOUND, "you have no such codes to confirm");
    factor_read(r, out);
    if (digest_from_hex(db_str(r, 4), secret, e) < 0)
        return -1;
    step = totp_find(strcmp(out->alg, "sha256") == 0 ? TOTP_SHA256 : TOTP_SHA1, secret, TOTP_SECRET,
                     in->code, t->now_ms, (uint64_t)db_int(r, 5));
    if (step == 0)
        return err_field(e, BY_E_DENIED, "code",
                         "that is not the code of now: check the clock of your device");
    out->confirmed = true;
    return DB_EXEC(t->d, DB_FACTOR_CONFIRM, NULL, e, DBI(t->now_ms), DBI(step), DBS(k->id),
                   DBI(step));
}

int
api_factor_remove(struct api_call *k, struct tx *t, struct err *e)
{
    int changed = 0;

    if (DB_EXEC(t->d, DB_FACTOR_DELETE, &changed, e, DBS(k->id), DBS(k->who.account)) < 0)
        return -1;
    if (changed == 0)
        return err_set(e, BY_E_NOT_FOUND, "you have no second factor %s", k->id);
    k->status = 204;
    return 0;
}
