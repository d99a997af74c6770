#include "drivers/crypto/totp.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/crypto/digest.h"

static unsigned
mac(const EVP_MD *md, const void *key, size_t key_len, const void *bytes, size_t len,
    unsigned char out[EVP_MAX_MD_SIZE])
{
    unsigned n = 0;

    if (HMAC(md, key, (int)key_len, bytes, len, out, &n) == NULL)
        abort(); /* as digest.h: a hash that cannot be computed */
    return n;
}

void
totp_code(enum totp_alg alg, const uint8_t *secret, size_t len, uint64_t step, char out[7])
{
    unsigned char counter[8], sum[EVP_MAX_MD_SIZE];
    unsigned n, at;
    uint32_t v;

    for (int i = 0; i < 8; i++)
        counter[i] = (unsigned char)(step >> (8 * (7 - i)));
    n = mac(alg == TOTP_SHA256 ? EVP_sha256() : EVP_sha1(), secret, len, counter, 8, sum);
    at = sum[n - 1] & 15U; /* dynamic truncation, RFC 4226, 5.3 */
    v = (uint32_t)(sum[at] & 0x7f) << 24 | (uint32_t)sum[at + 1] << 16 |
        (uint32_t)sum[at + 2] << 8 | sum[at + 3];
    (void)snprintf(out, 7, "%06u", v % 1000000U);
}

uint64_t
totp_find(enum totp_alg alg, const uint8_t *secret, size_t len, const char *code, int64_t now_ms,
          uint64_t last)
{
    uint64_t now = (uint64_t)(now_ms / TOTP_STEP_MS), found = 0;
    char want[7];

    if (strlen(code) != 6)
        return 0;
    for (uint64_t step = now - TOTP_SKEW; step <= now + TOTP_SKEW; step++) {
        totp_code(alg, secret, len, step, want);
        if (CRYPTO_memcmp(want, code, 6) == 0 && step > last)
            found = step;
    }
    return found;
}

void
totp_base32(const uint8_t secret[TOTP_SECRET], char out[TOTP_BASE32])
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    uint32_t bits = 0;
    int have = 0;
    char *p = out;

    for (size_t i = 0; i < TOTP_SECRET; i++) {
        bits = bits << 8 | secret[i];
        for (have += 8; have >= 5; have -= 5)
            *p++ = digits[bits >> (have - 5) & 31];
    }
    *p = '\0'; /* 160 bits are 32 digits, none is left over */
}

void
mac_sha256_hex(const void *key, size_t key_len, const char *text, char out[65])
{
    unsigned char sum[EVP_MAX_MD_SIZE];

    (void)mac(EVP_sha256(), key, key_len, text, strlen(text), sum);
    digest_hex(sum, out);
}
