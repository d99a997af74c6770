#include "drivers/crypto/password.h"

#include <crypt.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/base/scope.h"
#include "drivers/crypto/digest.h"

#define COST 6 /* of yescrypt; a stored hash says its own */
#define SALT 16

static int
password_crypt(const char *text, const char *setting, char out[PASSWORD_HASH], struct err *e)
{
    SCOPED(free) struct crypt_data *data = calloc(1, sizeof(*data));
    const char *got;

    if (data == NULL)
        return err_set(e, BY_E_NOMEM, "no memory to hash a password");
    got = crypt_r(text, setting, data);
    if (got == NULL || got[0] != '$' || strlen(got) >= PASSWORD_HASH)
        return err_set(e, BY_E_BUG, "libcrypt cannot hash with %.8s…", setting);
    (void)snprintf(out, PASSWORD_HASH, "%s", got);
    OPENSSL_cleanse(data, sizeof(*data)); /* it holds the text */
    return 0;
}

static int
password_salted(const char *text, const void *salt, char out[PASSWORD_HASH], struct err *e)
{
    char setting[CRYPT_GENSALT_OUTPUT_SIZE];

    if (crypt_gensalt_rn("$y$", COST, salt, SALT, setting, sizeof(setting)) == NULL)
        return err_set(e, BY_E_BUG, "libcrypt knows no yescrypt");
    return password_crypt(text, setting, out, e);
}

int
password_hash(const char *password, char out[PASSWORD_HASH], struct err *e)
{
    char salt[SALT];

    random_bytes(salt, sizeof(salt));
    return password_salted(password, salt, out, e);
}

int
password_hash_in(const char *text, const char *place, char out[PASSWORD_HASH], struct err *e)
{
    const struct digest_part parts[] = {{"bianyun person 1", 17}, {place, strlen(place)}};
    uint8_t salt[DIGEST_BYTES];

    digest_parts(DIGEST_SHA256, parts, ARRAY_LEN(parts), salt);
    return password_salted(text, salt, out, e);
}

bool
password_matches(const char *password, const char *hash)
{
    static const char zero[SALT];
    char got[PASSWORD_HASH];

    if (hash[0] == '\0') {
        (void)password_salted(password, zero, got, NULL); /* takes as long, and is no match */
        return false;
    }
    return password_crypt(password, hash, got, NULL) == 0 && strlen(got) == strlen(hash) &&
           CRYPTO_memcmp(got, hash, strlen(hash)) == 0;
}
