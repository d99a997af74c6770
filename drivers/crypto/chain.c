#include "drivers/crypto/chain.h"

#include <stdio.h>
#include <string.h>

enum { CHAIN_PARTS = 7 };

static void
chain_big_endian(uint64_t v, uint8_t out[8])
{
    for (int i = 7; i >= 0; i--, v >>= 8)
        out[i] = (uint8_t)v;
}

void
chain_hash(enum digest_alg alg, const char *prev, const struct w_ledger_entry *e, char out[65])
{
    uint8_t seq[8], at[8], lengths[CHAIN_PARTS][8], hash[DIGEST_BYTES];
    const struct digest_part parts[CHAIN_PARTS] = {
        {prev, strlen(prev)},
        {seq, sizeof(seq)},
        {at, sizeof(at)},
        {e->actor, strlen(e->actor)},
        {e->act, strlen(e->act)},
        {e->subject, strlen(e->subject)},
        {e->body_sha256, strlen(e->body_sha256)},
    };
    struct digest_part all[2 * CHAIN_PARTS];

    chain_big_endian(e->seq, seq);
    chain_big_endian((uint64_t)e->at_ms, at);
    for (size_t i = 0; i < CHAIN_PARTS; i++) {
        chain_big_endian(parts[i].len, lengths[i]);
        all[2 * i] = (struct digest_part){lengths[i], sizeof(lengths[i])};
        all[2 * i + 1] = parts[i];
    }
    digest_parts(alg, all, 2 * CHAIN_PARTS, hash);
    digest_hex(hash, out);
}

void
chain_seal(enum digest_alg alg, const char *prev, struct w_ledger_entry *e)
{
    const char *body = e->body != NULL ? e->body : "";
    char hex[65];

    digest_sha256_hex(body, strlen(body), hex);
    (void)snprintf(e->body_sha256, sizeof(e->body_sha256), "%s", hex);
    chain_hash(alg, prev, e, hex);
    (void)snprintf(e->hash, sizeof(e->hash), "%s", hex);
}
