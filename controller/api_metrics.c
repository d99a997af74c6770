#include <string.h>

#include "controller/auth.h"
#include "controller/commit.h"
#include "controller/controller.h"
#include "controller/hosts.h"
#include "controller/meta.h"
#include "controller/metrics.h"
#include "controller/routes.h"
#include "drivers/crypto/digest.h"

int
api_metrics_get(struct api_call *k, struct tx *t, struct err *e)
{
    SCOPED(strbuf) struct strbuf b = {0};
    struct hosts_tally hosts;

    if (cm_collect(t, k->a, &hosts, e) < 0)
        return -1;
    metrics_text(t->c->metrics, &b);
    k->raw = arena_strdup(k->a, strbuf_peek(&b));
    k->raw_type = METRIC_TEXT_TYPE;
    return 0;
}

/* ---- the token that reads this and nothing else --------------------------------------------- */

static void
scrape_is_now(struct controller *c, void *hash)
{
    auth_scrape_set(c->auth, hash);
}

static int
scrape_set(struct api_call *k, struct tx *t, const char *hash, const char *act, struct err *e)
{
    if (meta_set(t->d, META_SCRAPE, hash, e) < 0 ||
        ledger_append(t, k->who.account, act, t->c->store, "{}", e) < 0)
        return -1;
    commit_after(t, scrape_is_now, arena_strdup(tx_arena(t), hash));
    return 0;
}

int
api_metrics_token(struct api_call *k, struct tx *t, struct err *e)
{
    struct w_scrape_token *out = k->out;
    char token[64], hash[W_HASH];

    random_token(AUTH_TOKEN_SCRAPE, token, sizeof(token));
    digest_sha256_hex(token, strlen(token), hash);
    out->token = arena_strdup(k->a, token);
    return scrape_set(k, t, hash, "metrics.token_made", e);
}

int
api_metrics_token_end(struct api_call *k, struct tx *t, struct err *e)
{
    k->status = 204;
    return scrape_set(k, t, "", "metrics.token_ended", e);
}
