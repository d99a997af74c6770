/* Signatures of approvers elsewhere: what lies in a signature file (DER, PEM, base64), as a CMS of
 * a certificate and as a raw SM2 signature.  The corpus holds a CMS over DOC by a certificate whose
 * key was thrown away.  Properties: what checks holds over DOC and over nothing else; reading what
 * is DER already gives it back. */
#include <string.h>

#include "drivers/base/scope.h"
#include "drivers/crypto/approval_sig.h"
#include "tests/fuzz/fuzz.h"

#define DOC "{\"version\":1}"

static const char cert_pem[] = "-----BEGIN CERTIFICATE-----\n"
                               "MIIBfTCCASOgAwIBAgIUH+DDs+q0NEU05eSSiv0ia9gkvaEwCgYIKoZIzj0EAwIw\n"
                               "EzERMA8GA1UEAwwIYXBwcm92ZXIwIBcNMjYxMTI2MjEwMTE4WhgPMjEyNjExMDIy\n"
                               "MTAxMThaMBMxETAPBgNVBAMMCGFwcHJvdmVyMFkwEwYHKoZIzj0CAQYIKoZIzj0D\n"
                               "AQcDQgAEfNYP4AmIXu3/tM5Ip2QSww6jAU8tX2Xkyjgs4csuwkDc7EVtx+u6up1o\n"
                               "sEJaSv0xIgfMKFZ2jVO0RChWeWRFnKNTMFEwHQYDVR0OBBYEFKfFLsK0KXStyexp\n"
                               "TjzixeJQNsLSMB8GA1UdIwQYMBaAFKfFLsK0KXStyexpTjzixeJQNsLSMA8GA1Ud\n"
                               "EwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIgPIkxXaPbhZ4r8ShkPPpae7a+\n"
                               "m2eDtXcxOdj0Tg7Lt+4CIQCqpGlBxjUK8YBcqgOQtljImwHX0Q6WtU0DjbtuXpop\n"
                               "HA==\n"
                               "-----END CERTIFICATE-----\n";
static const char key_pem[] = "-----BEGIN PUBLIC KEY-----\n"
                              "MFkwEwYHKoZIzj0CAQYIKoEcz1UBgi0DQgAEXSU7uFSObUlp8QqZrHIg7cIbFCPx\n"
                              "yUa/Cp0Bm/MUuUW4BOhShsda5ta4KsLqGkU5wZ1WJAUOBk+vp3aW+OIy3Q==\n"
                              "-----END PUBLIC KEY-----\n";

void
fuzz_one(const uint8_t *bytes, size_t len)
{
    SCOPED(arena) struct arena a = {0};
    const void *der = NULL;
    struct err e = {0};
    size_t n = 0;

    if (approval_sig_read(bytes, len, &a, &der, &n, &e) < 0) {
        fuzz_must(e.msg[0] != '\0');
        return;
    }
    fuzz_must(bytes[0] != 0x30 || (n == len && memcmp(der, bytes, n) == 0));
    if (approval_sig_check(cert_pem, DOC, sizeof(DOC) - 1, der, n, &e) == 0)
        fuzz_must(approval_sig_check(cert_pem, DOC "x", sizeof(DOC), der, n, &e) < 0);
    else
        fuzz_planted(strstr(e.msg, "over these bytes") != NULL && n > 64);
    (void)approval_sig_check(key_pem, DOC, sizeof(DOC) - 1, der, n, &e);
}
