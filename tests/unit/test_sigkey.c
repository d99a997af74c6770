#include <CUnit/CUnit.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drivers/base/scope.h"
#include "drivers/crypto/sigkey.h"

static const char *const algs[] = {ALG_SM2, ALG_P256};

static size_t
bytes_of(const char *hex, unsigned char *out)
{
    size_t n = strlen(hex) / 2;

    for (size_t i = 0; i < n; i++) {
        unsigned v = 0;

        (void)sscanf(hex + 2 * i, "%2x", &v);
        out[i] = (unsigned char)v;
    }
    return n;
}

/* The worked example of GB/T 32918.5 on the recommended curve: public key, "message digest". */
static void
takes_the_worked_example_of_the_sm2_standard(void)
{
    static const char spki[] = "3059301306072a8648ce3d020106082a811ccf5501822d03420004"
                               "09f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020"
                               "ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13";
    static const char sig_hex[] =
        "3046022100f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3"
        "022100b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa";
    unsigned char der[128], sig[80], base64[256];
    SCOPED(sigkey_free) struct sigkey *k = NULL;
    struct err e = {0};
    char pem[512];
    size_t n;

    (void)EVP_EncodeBlock(base64, der, (int)bytes_of(spki, der));
    (void)snprintf(pem, sizeof(pem),
                   "-----BEGIN PUBLIC KEY-----\n%.64s\n%s\n-----END PUBLIC KEY-----\n", base64,
                   base64 + 64);
    CU_ASSERT_EQUAL_FATAL(sigkey_from_pem(pem, &k, &e), 0);
    CU_ASSERT_STRING_EQUAL(sigkey_alg(k), ALG_SM2);
    n = bytes_of(sig_hex, sig);
    CU_ASSERT_EQUAL(sigkey_verify(k, "message digest", 14, sig, n, &e), 0);
    CU_ASSERT_EQUAL(sigkey_verify(k, "message digesu", 14, sig, n, &e), -1);
    sig[n - 1] ^= 1;
    CU_ASSERT_EQUAL(sigkey_verify(k, "message digest", 14, sig, n, &e), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_DENIED);
}

/* What OpenSSL says of an SM2 signature of ours when told another identity, or none. */
static int
verify_with_distid(const char *pem, const char *id, const unsigned char *sig, size_t len)
{
    BIO *b = BIO_new_mem_buf(pem, -1);
    EVP_PKEY *pk = PEM_read_bio_PUBKEY(b, NULL, NULL, NULL);
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pc = NULL;
    int r = EVP_DigestVerifyInit(c, &pc, EVP_sm3(), NULL, pk);

    if (r == 1 && id != NULL)
        r = EVP_PKEY_CTX_set1_id(pc, id, strlen(id));
    if (r == 1)
        r = EVP_DigestVerify(c, sig, len, (const unsigned char *)"abc", 3);
    EVP_MD_CTX_free(c);
    EVP_PKEY_free(pk);
    BIO_free(b);
    return r;
}

static void
signs_sm2_with_the_standard_identity(void)
{
    SCOPED(sigkey_free) struct sigkey *k = NULL;
    SCOPED(arena) struct arena a = {0};
    unsigned char sig[SIGKEY_MAX_SIG];
    struct err e = {0};
    const char *pem;
    size_t n = 0;

    CU_ASSERT_EQUAL_FATAL(sigkey_generate(ALG_SM2, &k, &e), 0);
    CU_ASSERT_EQUAL_FATAL(sigkey_sign(k, "abc", 3, sig, &n, &e), 0);
    pem = sigkey_public_pem(k, &a);
    CU_ASSERT_EQUAL(verify_with_distid(pem, "1234567812345678", sig, n), 1);
    CU_ASSERT_NOT_EQUAL(verify_with_distid(pem, "1234567812345679", sig, n), 1);
    CU_ASSERT_NOT_EQUAL(verify_with_distid(pem, NULL, sig, n), 1);
}

static void
refuses_signatures_of_other_keys_and_bytes(void)
{
    for (size_t i = 0; i < ARRAY_LEN(algs); i++) {
        SCOPED(sigkey_free) struct sigkey *k = NULL;
        SCOPED(sigkey_free) struct sigkey *other = NULL;
        SCOPED(sigkey_free) struct sigkey *pub = NULL;
        SCOPED(arena) struct arena a = {0};
        unsigned char sig[SIGKEY_MAX_SIG];
        struct err e = {0};
        size_t n = 0;

        CU_ASSERT_EQUAL_FATAL(sigkey_generate(algs[i], &k, &e), 0);
        CU_ASSERT_EQUAL_FATAL(sigkey_generate(algs[i], &other, &e), 0);
        CU_ASSERT_EQUAL_FATAL(sigkey_from_pem(sigkey_public_pem(k, &a), &pub, &e), 0);
        CU_ASSERT_EQUAL_FATAL(sigkey_sign(k, "abc", 3, sig, &n, &e), 0);
        CU_ASSERT_EQUAL(sigkey_verify(pub, "abc", 3, sig, n, &e), 0);
        CU_ASSERT_EQUAL(sigkey_verify(other, "abc", 3, sig, n, &e), -1);
        CU_ASSERT_EQUAL(sigkey_verify(pub, "abd", 3, sig, n, &e), -1);
        CU_ASSERT_EQUAL(sigkey_verify(pub, "abc", 2, sig, n, &e), -1);
        CU_ASSERT_EQUAL(sigkey_verify(pub, "abc", 3, sig, n - 1, &e), -1);
        CU_ASSERT_EQUAL(sigkey_verify(pub, "abc", 3, sig, 0, &e), -1);
        CU_ASSERT_FALSE(sigkey_is_private(pub));
        CU_ASSERT_EQUAL(sigkey_sign(pub, "abc", 3, sig, &n, &e), -1);
        CU_ASSERT_EQUAL(e.code, BY_E_DENIED);
    }
}

static void
keeps_key_files_private_and_never_overwrites_one(void)
{
    for (size_t i = 0; i < ARRAY_LEN(algs); i++) {
        char folder[] = "/tmp/bianyun-sigkey-XXXXXX", file[64];
        SCOPED(sigkey_free) struct sigkey *k = NULL;
        SCOPED(sigkey_free) struct sigkey *back = NULL;
        SCOPED(sigkey_free) struct sigkey *none = NULL;
        struct err e = {0};
        struct stat st;

        CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
        (void)snprintf(file, sizeof(file), "%s/key.pem", folder);
        CU_ASSERT_EQUAL_FATAL(sigkey_generate(algs[i], &k, &e), 0);
        CU_ASSERT_EQUAL(sigkey_save(k, file, &e), 0);
        CU_ASSERT_EQUAL(stat(file, &st), 0);
        CU_ASSERT_EQUAL(st.st_mode & 07777, 0600);
        CU_ASSERT_EQUAL(st.st_nlink, 1);
        CU_ASSERT_EQUAL(sigkey_save(k, file, &e), -1);
        CU_ASSERT_EQUAL(e.code, BY_E_CONFLICT);
        CU_ASSERT_EQUAL(sigkey_load(file, &back, &e), 0);
        CU_ASSERT_STRING_EQUAL(sigkey_id(back), sigkey_id(k));
        CU_ASSERT_TRUE(sigkey_is_private(back));
        CU_ASSERT_EQUAL(chmod(file, 0640), 0);
        CU_ASSERT_EQUAL(sigkey_load(file, &none, &e), -1);
        CU_ASSERT_EQUAL(e.code, BY_E_DENIED);
        CU_ASSERT_PTR_NULL(none);
        unlink(file);
        CU_ASSERT_EQUAL(sigkey_load(file, &none, &e), -1);
        CU_ASSERT_EQUAL(e.code, BY_E_NOT_FOUND);
        CU_ASSERT_EQUAL(sigkey_load(folder, &none, &e), -1);
        CU_ASSERT_EQUAL(e.code, BY_E_INVALID);
        CU_ASSERT_EQUAL(rmdir(folder), 0); /* nothing else was left in it */
        CU_ASSERT_EQUAL(sigkey_save(k, file, &e), -1);
        CU_ASSERT_EQUAL(e.code, BY_E_IO);
    }
}

static const char *
pem_of(EVP_PKEY *pk, const char *password, struct arena *a)
{
    BIO *b = BIO_new(BIO_s_mem());
    const char *pem;
    char *text;
    long n;

    (void)PEM_write_bio_PKCS8PrivateKey(b, pk, password != NULL ? EVP_aes_128_cbc() : NULL, NULL, 0,
                                        NULL, (void *)(size_t)password);
    n = BIO_get_mem_data(b, &text);
    pem = arena_strndup(a, text, (size_t)n);
    BIO_free(b);
    EVP_PKEY_free(pk);
    return pem;
}

static void
takes_only_sm2_and_p256_without_password(void)
{
    SCOPED(arena) struct arena a = {0};
    const struct {
        const char *pem;
        enum err_code code;
    } rows[] = {
        {"", BY_E_INVALID},
        {"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", BY_E_INVALID},
        {"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", BY_E_INVALID},
        {pem_of(EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"), "secret", &a), BY_E_INVALID},
        {pem_of(EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384"), NULL, &a), BY_E_UNSUPPORTED},
        {pem_of(EVP_PKEY_Q_keygen(NULL, NULL, "EC", "secp256k1"), NULL, &a), BY_E_UNSUPPORTED},
        {pem_of(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), NULL, &a), BY_E_UNSUPPORTED},
        {pem_of(EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048), NULL, &a), BY_E_UNSUPPORTED},
    };
    struct sigkey *k = NULL;
    struct err e;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        e = (struct err){0};
        CU_ASSERT_EQUAL(sigkey_from_pem(rows[i].pem, &k, &e), -1);
        CU_ASSERT_EQUAL(e.code, rows[i].code);
        CU_ASSERT_PTR_NULL(k);
    }
    CU_ASSERT_EQUAL(sigkey_generate("rsa", &k, &e), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_UNSUPPORTED);
}

CU_TestInfo sigkey_tests[] = {
    {"takes the worked example of the SM2 standard", takes_the_worked_example_of_the_sm2_standard},
    {"signs SM2 with the standard identity", signs_sm2_with_the_standard_identity},
    {"refuses signatures of other keys and bytes", refuses_signatures_of_other_keys_and_bytes},
    {"keeps key files private and never overwrites one",
     keeps_key_files_private_and_never_overwrites_one},
    {"takes only SM2 and P-256 without password", takes_only_sm2_and_p256_without_password},
    CU_TEST_INFO_NULL,
};
