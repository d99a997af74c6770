#include "drivers/crypto/base64.h"

#include <limits.h>
#include <string.h>

#include <openssl/evp.h>

const char *
base64_encode(const void *bytes, size_t len, struct arena *a)
{
    char *text = arena_alloc(a, (len + 2) / 3 * 4 + 1);

    (void)EVP_EncodeBlock((unsigned char *)text, bytes, (int)len);
    return text;
}

int
base64_decode(const char *text, struct arena *a, const void **bytes, size_t *len, struct err *e)
{
    size_t n = strlen(text);
    unsigned char *out = arena_alloc(a, n + 1);
    int got;

    if (n == 0 || n % 4 != 0 || n > INT_MAX / 2 ||
        (got = EVP_DecodeBlock(out, (const unsigned char *)text, (int)n)) < 0)
        return err_set(e, BY_E_INVALID, "it is not base64");
    for (size_t pad = 0; pad < 2 && text[n - 1 - pad] == '='; pad++)
        got--;
    if (strcmp(base64_encode(out, (size_t)got, a), text) != 0) /* blanks, bits beyond the end */
        return err_set(e, BY_E_INVALID, "it is not canonical base64");
    *bytes = out;
    *len = (size_t)got;
    return 0;
}
