#include "drivers/crypto/sigkey.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <openssl/bio.h>
#include <openssl/buffer.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "drivers/base/strbuf.h"

#define SIGKEY_DISTID "1234567812345678"
#define SIGKEY_MAX_PEM 16384

struct sigkey {
    EVP_PKEY *pk;
    bool sm2, is_private;
    char id[65];
};

SCOPE_FN(EVP_PKEY_free, EVP_PKEY)
SCOPE_FN(EVP_MD_CTX_free, EVP_MD_CTX)
SCOPE_FN(BIO_free_all, BIO)

/* The library's newest complaint, in words; its queue is empty afterwards. */
static int
sigkey_fail(struct err *e, enum err_code code, const char *what)
{
    unsigned long n = ERR_peek_last_error();
    const char *why = n != 0 ? ERR_reason_error_string(n) : NULL;

    ERR_clear_error();
    return err_set(e, code, "%s%s%s", what, why != NULL ? ": " : "", why != NULL ? why : "");
}

/* Takes pk over, also on failure. */
static int
sigkey_wrap(EVP_PKEY *pk_take, bool is_private, struct sigkey **out, struct err *e)
{
    SCOPED(EVP_PKEY_free) EVP_PKEY *pk = pk_take;
    unsigned char *der = NULL;
    struct sigkey *k;
    char group[64] = "";
    int n;

    if (!EVP_PKEY_is_a(pk, "SM2") &&
        (!EVP_PKEY_is_a(pk, "EC") || EVP_PKEY_get_group_name(pk, group, sizeof(group), NULL) != 1 ||
         strcmp(group, "prime256v1") != 0)) {
        ERR_clear_error();
        return err_set(e, BY_E_UNSUPPORTED, "only SM2 and P-256 keys are used here");
    }
    n = i2d_PUBKEY(pk, &der);
    if (n <= 0)
        return sigkey_fail(e, BY_E_INVALID, "the public part of a key cannot be written");
    k = calloc(1, sizeof(*k));
    if (k == NULL)
        abort();
    digest_sha256_hex(der, (size_t)n, k->id);
    OPENSSL_free(der);
    k->sm2 = EVP_PKEY_is_a(pk, "SM2") == 1;
    k->is_private = is_private;
    k->pk = TAKE(pk);
    *out = k;
    return 0;
}

int
sigkey_alg_digest(const char *alg, enum digest_alg *out, struct err *e)
{
    if (strcmp(alg, ALG_SM2) == 0)
        *out = DIGEST_SM3;
    else if (strcmp(alg, ALG_P256) == 0)
        *out = DIGEST_SHA256;
    else
        return err_set(e, BY_E_UNSUPPORTED,
                       "unknown signature algorithm; use " ALG_SM2 " or " ALG_P256);
    return 0;
}

int
sigkey_generate(const char *alg, struct sigkey **out, struct err *e)
{
    enum digest_alg digest;
    EVP_PKEY *pk;

    if (sigkey_alg_digest(alg, &digest, e) < 0)
        return -1;
    pk = digest == DIGEST_SM3 ? EVP_PKEY_Q_keygen(NULL, NULL, "SM2")
                              : EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    if (pk == NULL)
        return sigkey_fail(e, BY_E_UNSUPPORTED, "cannot make a key");
    return sigkey_wrap(pk, true, out, e);
}

/* Encrypted keys are refused: nothing here may ask a terminal for a password. */
static int
sigkey_no_password(char *buf, int size, int rwflag, void *arg)
{
    (void)buf;
    (void)size;
    (void)rwflag;
    (void)arg;
    return -1;
}

int
sigkey_from_pem(const char *pem, struct sigkey **out, struct err *e)
{
    bool is_private = strstr(pem, "PRIVATE KEY-----") != NULL;
    SCOPED(BIO_free_all) BIO *b = NULL;
    EVP_PKEY *pk;

    if (strlen(pem) > SIGKEY_MAX_PEM)
        return err_set(e, BY_E_TOO_LARGE, "a key of more than %d bytes is not read",
                       SIGKEY_MAX_PEM);
    b = BIO_new_mem_buf(pem, -1);
    if (b == NULL)
        return sigkey_fail(e, BY_E_NOMEM, "no memory to read a key");
    pk = is_private ? PEM_read_bio_PrivateKey(b, NULL, sigkey_no_password, NULL)
                    : PEM_read_bio_PUBKEY(b, NULL, sigkey_no_password, NULL);
    if (pk == NULL)
        return sigkey_fail(e, BY_E_INVALID, "not a PEM key without password");
    return sigkey_wrap(pk, is_private, out, e);
}

/* The whole of a small file; the caller cleanses text. */
static int
sigkey_read(int fd, const char *file, char text[SIGKEY_MAX_PEM + 1], struct err *e)
{
    size_t n = 0;

    for (;;) {
        ssize_t got = read(fd, text + n, SIGKEY_MAX_PEM - n);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_set(e, BY_E_IO, "cannot read key file '%s': %s", file, strerror(errno));
        if (got == 0)
            break;
        n += (size_t)got;
    }
    if (n == SIGKEY_MAX_PEM)
        return err_set(e, BY_E_TOO_LARGE, "'%s' is too large for a key file", file);
    text[n] = '\0';
    return 0;
}

int
sigkey_load(const char *file, struct sigkey **out, struct err *e)
{
    SCOPED(fd) int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    SCOPED(sigkey_free) struct sigkey *k = NULL;
    char text[SIGKEY_MAX_PEM + 1];
    struct stat st;
    int r;

    if (fd < 0)
        return err_set(e, errno == ENOENT ? BY_E_NOT_FOUND : BY_E_IO,
                       "cannot open key file '%s': %s", file, strerror(errno));
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return err_set(e, BY_E_INVALID, "key file '%s' is not a regular file", file);
    r = sigkey_read(fd, file, text, e);
    if (r == 0 && sigkey_from_pem(text, &k, e) < 0)
        r = err_wrap(e, "key file '%s'", file);
    OPENSSL_cleanse(text, sizeof(text));
    if (r < 0 || k == NULL)
        return -1;
    if (k->is_private && (st.st_mode & 077) != 0)
        return err_set(e, BY_E_DENIED,
                       "key file '%s' can be read by others; make it mode 0600 and think of the "
                       "key as known to them",
                       file);
    *out = TAKE(k);
    return 0;
}

static int
sigkey_write(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, text, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        text += n;
        len -= (size_t)n;
    }
    return fsync(fd);
}

static int
sigkey_sync_folder(const char *file, struct err *e)
{
    SCOPED(free) char *copy = strdup(file);
    SCOPED(fd) int fd = -1;

    if (copy == NULL)
        abort();
    fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) < 0)
        return err_set(e, BY_E_IO, "cannot sync the folder of '%s': %s", file, strerror(errno));
    return 0;
}

/* Written under another name first, then linked: the file is there whole or not at all. */
static int
sigkey_place(const char *text, size_t len, const char *file, struct err *e)
{
    SCOPED(strbuf) struct strbuf tmp = {0};
    SCOPED(fd) int fd = -1;
    int r = 0;

    strbuf_addf(&tmp, "%s.XXXXXX", file);
    fd = mkostemp(tmp.s, O_CLOEXEC); /* mode 0600 */
    if (fd < 0)
        return err_set(e, BY_E_IO, "cannot make '%s': %s", file, strerror(errno));
    if (sigkey_write(fd, text, len) < 0)
        r = err_set(e, errno == ENOSPC ? BY_E_NO_SPACE : BY_E_IO, "cannot write '%s': %s", file,
                    strerror(errno));
    else if (link(tmp.s, file) < 0)
        r = err_set(e, errno == EEXIST ? BY_E_CONFLICT : BY_E_IO, "cannot make '%s': %s", file,
                    strerror(errno));
    (void)unlink(tmp.s); /* only a second name by now, or a file that failed */
    return r < 0 ? -1 : sigkey_sync_folder(file, e);
}

int
sigkey_save(const struct sigkey *k, const char *file, struct err *e)
{
    SCOPED(BIO_free_all) BIO *b = BIO_new(BIO_s_mem());
    char *text;
    long len;
    int r;

    if (!k->is_private)
        return err_set(e, BY_E_INVALID, "only a private key is saved; '%s' was not made", file);
    if (b == NULL || PEM_write_bio_PKCS8PrivateKey(b, k->pk, NULL, NULL, 0, NULL, NULL) != 1)
        return sigkey_fail(e, BY_E_BUG, "cannot write a key as PEM");
    len = BIO_get_mem_data(b, &text);
    r = sigkey_place(text, (size_t)len, file, e);
    OPENSSL_cleanse(text, (size_t)len);
    return r;
}

void
sigkey_free(struct sigkey *k)
{
    if (k == NULL)
        return;
    EVP_PKEY_free(k->pk); /* clears its private number */
    OPENSSL_cleanse(k, sizeof(*k));
    free(k);
}

const char *
sigkey_alg(const struct sigkey *k)
{
    return k->sm2 ? ALG_SM2 : ALG_P256;
}

enum digest_alg
sigkey_digest(const struct sigkey *k)
{
    return k->sm2 ? DIGEST_SM3 : DIGEST_SHA256;
}

const char *
sigkey_id(const struct sigkey *k)
{
    return k->id;
}

bool
sigkey_is_private(const struct sigkey *k)
{
    return k->is_private;
}

char *
sigkey_public_pem(const struct sigkey *k, struct arena *a)
{
    SCOPED(BIO_free_all) BIO *b = BIO_new(BIO_s_mem());
    char *text;
    long len;

    if (b == NULL || PEM_write_bio_PUBKEY(b, k->pk) != 1)
        abort(); /* it was written as DER when the key was made */
    len = BIO_get_mem_data(b, &text);
    return arena_strndup(a, text, (size_t)len);
}

/* A context ready to sign or verify; for SM2 with the identity that the standard gives. */
static EVP_MD_CTX *
sigkey_context(const struct sigkey *k, bool sign)
{
    SCOPED(EVP_MD_CTX_free) EVP_MD_CTX *c = EVP_MD_CTX_new();
    const EVP_MD *md = k->sm2 ? EVP_sm3() : EVP_sha256();
    EVP_PKEY_CTX *pc = NULL;

    if (c == NULL || (sign ? EVP_DigestSignInit(c, &pc, md, NULL, k->pk)
                           : EVP_DigestVerifyInit(c, &pc, md, NULL, k->pk)) != 1)
        return NULL;
    if (k->sm2 && EVP_PKEY_CTX_set1_id(pc, SIGKEY_DISTID, strlen(SIGKEY_DISTID)) <= 0)
        return NULL;
    return TAKE(c);
}

int
sigkey_sign(const struct sigkey *k, const void *bytes, size_t len,
            unsigned char sig[SIGKEY_MAX_SIG], size_t *sig_len, struct err *e)
{
    SCOPED(EVP_MD_CTX_free) EVP_MD_CTX *c = NULL;
    size_t n = SIGKEY_MAX_SIG;

    if (!k->is_private)
        return err_set(e, BY_E_DENIED, "a public key cannot sign; the private one is needed");
    c = sigkey_context(k, true);
    if (c == NULL || EVP_DigestSign(c, sig, &n, bytes, len) != 1)
        return sigkey_fail(e, BY_E_BUG, "cannot sign");
    *sig_len = n;
    return 0;
}

int
sigkey_verify(const struct sigkey *k, const void *bytes, size_t len, const unsigned char *sig,
              size_t sig_len, struct err *e)
{
    SCOPED(EVP_MD_CTX_free) EVP_MD_CTX *c = sigkey_context(k, false);

    if (c == NULL)
        return sigkey_fail(e, BY_E_BUG, "cannot check a signature");
    if (EVP_DigestVerify(c, sig, sig_len, bytes, len) != 1) {
        ERR_clear_error();
        return err_set(e, BY_E_DENIED, "the signature is not of this key over these bytes");
    }
    return 0;
}
