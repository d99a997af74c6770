/* Certificate requests as a host might send them: DER here, put into PEM form on the way.
 * Properties: a certificate that is issued has our name in it and nothing of the request's but the
 * key. */
#include <openssl/evp.h>
#include <string.h>

#include "drivers/base/scope.h"
#include "drivers/base/strbuf.h"
#include "drivers/crypto/x509.h"
#include "tests/fuzz/fuzz.h"

#define URI "bianyun:host:1b4e28ba-2fa1-41d2-883f-0016d3cca427:1"
enum { DER_MAX = 16384 };

/* One CA for the whole run: making one costs more than all the rest. */
struct ca {
    struct arena a;
    const char *key, *cert;
};

static const struct ca *
ca_get(void)
{
    static struct ca ca;
    struct err e;

    if (ca.key == NULL && x509_ca_new("fuzz CA", 30, &ca.a, &ca.key, &ca.cert, &e) < 0)
        abort();
    return &ca;
}

static void
pem_of(const uint8_t *der, size_t len, struct strbuf *pem)
{
    strbuf_adds(pem, "-----BEGIN CERTIFICATE REQUEST-----\n");
    for (size_t i = 0; i < len; i += 48) {
        unsigned char line[80];
        int n = EVP_EncodeBlock(line, der + i, (int)(len - i < 48 ? len - i : 48));

        strbuf_add(pem, line, (size_t)n);
        strbuf_addc(pem, '\n');
    }
    strbuf_adds(pem, "-----END CERTIFICATE REQUEST-----\n");
}

void
fuzz_one(const uint8_t *bytes, size_t len)
{
    const struct ca *ca = ca_get();
    SCOPED(strbuf) struct strbuf pem = {0};
    SCOPED(arena) struct arena a = {0};
    const char *cert = NULL, *uri = NULL;
    struct err e = {0};

    if (len > DER_MAX)
        return;
    pem_of(bytes, len, &pem);
    if (x509_issue(ca->key, ca->cert, pem.s, "h", URI, false, 1000, 2000, &a, &cert, &e) < 0) {
        fuzz_must(cert == NULL && e.msg[0] != '\0');
        fuzz_planted(e.code == BY_E_DENIED); /* well formed, P-256, but not signed by its key */
        return;
    }
    fuzz_must(x509_san_uri(cert, &a, &uri, &e) == 0 && strcmp(uri, URI) == 0);
}
