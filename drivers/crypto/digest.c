#include "drivers/crypto/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/base/scope.h"

SCOPE_FN(EVP_MD_CTX_free, EVP_MD_CTX)

static const EVP_MD *
digest_md(enum digest_alg alg)
{
    switch (alg) {
    case DIGEST_SHA256:
        return EVP_sha256();
    case DIGEST_SM3:
        return EVP_sm3();
    }
    return NULL;
}

void
digest_parts(enum digest_alg alg, const struct digest_part *parts, size_t n,
             uint8_t out[DIGEST_BYTES])
{
    SCOPED(EVP_MD_CTX_free) EVP_MD_CTX *c = EVP_MD_CTX_new();

    if (c == NULL || EVP_DigestInit_ex(c, digest_md(alg), NULL) != 1)
        abort();
    for (size_t i = 0; i < n; i++)
        if (EVP_DigestUpdate(c, parts[i].bytes, parts[i].len) != 1)
            abort();
    if (EVP_DigestFinal_ex(c, out, NULL) != 1)
        abort();
}

void
digest_hex(const uint8_t hash[DIGEST_BYTES], char out[65])
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < DIGEST_BYTES; i++) {
        out[2 * i] = digits[hash[i] >> 4];
        out[2 * i + 1] = digits[hash[i] & 15];
    }
    out[64] = '\0';
}

static int
digest_nibble(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int
digest_from_hex(const char *hex, uint8_t out[DIGEST_BYTES], struct err *e)
{
    uint8_t bytes[DIGEST_BYTES];

    for (size_t i = 0; i < DIGEST_BYTES; i++) {
        int high = digest_nibble(hex[2 * i]);
        int low = high < 0 ? -1 : digest_nibble(hex[2 * i + 1]);

        if (low < 0)
            return err_set(e, BY_E_INVALID, "a hash must be 64 hex digits in lower case");
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    if (hex[64] != '\0')
        return err_set(e, BY_E_INVALID, "a hash must be 64 hex digits, no more");
    memcpy(out, bytes, sizeof(bytes));
    return 0;
}

static void
digest_text(enum digest_alg alg, const void *bytes, size_t len, char out[65])
{
    uint8_t hash[DIGEST_BYTES];

    digest_parts(alg, &(struct digest_part){bytes, len}, 1, hash);
    digest_hex(hash, out);
}

void
digest_sha256_hex(const void *bytes, size_t len, char out[65])
{
    digest_text(DIGEST_SHA256, bytes, len, out);
}

void
digest_sm3_hex(const void *bytes, size_t len, char out[65])
{
    digest_text(DIGEST_SM3, bytes, len, out);
}

int
digest_file_sha256_hex(const char *path, char out[65], struct err *e)
{
    SCOPED(EVP_MD_CTX_free) EVP_MD_CTX *c = EVP_MD_CTX_new();
    SCOPED(fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    SCOPED(free) char *buf = malloc(1 << 18);
    uint8_t hash[DIGEST_BYTES];
    ssize_t n;

    if (fd < 0)
        return err_set(e, errno == ENOENT ? BY_E_NOT_FOUND : BY_E_IO, "cannot open '%s': %s", path,
                       strerror(errno));
    if (c == NULL || buf == NULL || EVP_DigestInit_ex(c, EVP_sha256(), NULL) != 1)
        return err_set(e, BY_E_NOMEM, "no memory to hash '%s'", path);
    for (;;) {
        n = read(fd, buf, 1 << 18);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_set(e, BY_E_IO, "cannot read '%s': %s", path, strerror(errno));
        if (n == 0)
            break;
        if (EVP_DigestUpdate(c, buf, (size_t)n) != 1)
            return err_set(e, BY_E_BUG, "cannot hash '%s'", path);
    }
    if (EVP_DigestFinal_ex(c, hash, NULL) != 1)
        return err_set(e, BY_E_BUG, "cannot hash '%s'", path);
    digest_hex(hash, out);
    return 0;
}

void
random_bytes(void *out, size_t len)
{
    if (len > 1 << 20 || RAND_bytes(out, (int)len) != 1)
        abort(); /* a guessable id or token is worse than no process */
}

static void
uuid_text(uint8_t b[16], uint8_t version, char out[37])
{
    b[6] = (uint8_t)((b[6] & 0x0f) | version << 4);
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
    (void)snprintf(out, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
                   b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12],
                   b[13], b[14], b[15]);
}

void
random_uuid(char out[37])
{
    uint8_t b[16];

    random_bytes(b, sizeof(b));
    uuid_text(b, 4, out);
}

void
random_uuid_at(int64_t at_ms, char out[37])
{
    uint8_t b[16];

    random_bytes(b, sizeof(b));
    for (int i = 0; i < 6; i++)
        b[i] = (uint8_t)((uint64_t)at_ms >> (40 - 8 * i));
    uuid_text(b, 7, out);
}

void
random_token(const char *prefix, char *out, size_t size)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    size_t n = strlen(prefix);
    uint8_t b[33] = {0};

    if (size < n + 44)
        abort();
    random_bytes(b, 32);
    memcpy(out, prefix, n);
    for (size_t i = 0; i < 43; i++) { /* 43 * 6 = 258 bits: the last two are the zero byte's */
        size_t bit = i * 6;
        unsigned pair = (unsigned)b[bit / 8] << 8 | (bit / 8 + 1 < sizeof(b) ? b[bit / 8 + 1] : 0U);

        out[n + i] = alphabet[pair >> (10 - bit % 8) & 63];
    }
    out[n + 43] = '\0';
}
