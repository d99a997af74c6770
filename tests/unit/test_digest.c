#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "drivers/base/scope.h"
#include "drivers/codec/jclass.h"
#include "drivers/crypto/digest.h"

#define ABC_SHA256 "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define ABC_SM3 "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"

static void
gives_the_known_answers(void)
{
    const struct digest_part parts[] = {{"a", 1}, {"", 0}, {"bc", 2}};
    uint8_t hash[DIGEST_BYTES];
    char hex[65];

    digest_sha256_hex("abc", 3, hex);
    CU_ASSERT_STRING_EQUAL(hex, ABC_SHA256);
    digest_sm3_hex("abc", 3, hex); /* GB/T 32905, example 1 */
    CU_ASSERT_STRING_EQUAL(hex, ABC_SM3);
    digest_parts(DIGEST_SM3, parts, 3, hash);
    digest_hex(hash, hex);
    CU_ASSERT_STRING_EQUAL(hex, ABC_SM3);
}

static void
reads_hex_strictly(void)
{
    static const char *const bad[] = {
        "", "ba", ABC_SHA256 "0",
        "BA7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015a "};
    uint8_t hash[DIGEST_BYTES];
    struct err e = {0};
    char hex[65];

    CU_ASSERT_EQUAL(digest_from_hex(ABC_SHA256, hash, &e), 0);
    digest_hex(hash, hex);
    CU_ASSERT_STRING_EQUAL(hex, ABC_SHA256);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        CU_ASSERT_EQUAL(digest_from_hex(bad[i], hash, &e), -1);
        digest_hex(hash, hex);
        CU_ASSERT_STRING_EQUAL(hex, ABC_SHA256);
    }
}

static void
hashes_files_and_names_those_it_cannot_read(void)
{
    char path[] = "/tmp/bianyun-digest-XXXXXX", hex[65] = "untouched";
    int fd = mkstemp(path);
    struct err e = {0};

    CU_ASSERT_FATAL(fd >= 0);
    CU_ASSERT_EQUAL(write(fd, "abc", 3), 3);
    close(fd);
    CU_ASSERT_EQUAL(digest_file_sha256_hex(path, hex, &e), 0);
    CU_ASSERT_STRING_EQUAL(hex, ABC_SHA256);
    unlink(path);
    memcpy(hex, "untouched", 10);
    CU_ASSERT_EQUAL(digest_file_sha256_hex(path, hex, &e), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_NOT_FOUND);
    CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, path));
    CU_ASSERT_EQUAL(digest_file_sha256_hex("/", hex, &e), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_IO);
    CU_ASSERT_STRING_EQUAL(hex, "untouched");
}

static void
makes_ids_and_tokens_of_the_right_form(void)
{
    char last_id[37] = "", last_token[64] = "";

    for (int i = 0; i < 200; i++) {
        char id[37], token[48];

        random_uuid(id);
        CU_ASSERT_PTR_NULL(jclass_fault(JM_UUID, id, strlen(id)));
        CU_ASSERT_EQUAL(id[14], '4');
        CU_ASSERT_PTR_NOT_NULL(strchr("89ab", id[19]));
        CU_ASSERT_STRING_NOT_EQUAL(id, last_id);
        memcpy(last_id, id, sizeof(id));
        random_token("byt_", token, sizeof(token));
        CU_ASSERT_EQUAL(strlen(token), 47);
        CU_ASSERT_EQUAL(strncmp(token, "byt_", 4), 0);
        CU_ASSERT_EQUAL(strspn(token + 4, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz012"
                                          "3456789-_"),
                        43);
        CU_ASSERT_STRING_NOT_EQUAL(token, last_token);
        memcpy(last_token, token, sizeof(token));
    }
}

static void
spreads_tokens_over_the_whole_alphabet_at_every_place(void)
{
    bool seen[43][128] = {{false}};

    for (int i = 0; i < 2000; i++) {
        char token[44];

        random_token("", token, sizeof(token));
        for (int k = 0; k < 43; k++)
            seen[k][(unsigned char)token[k] & 127] = true;
    }
    for (int k = 0; k < 43; k++) {
        int n = 0;

        for (int c = 0; c < 128; c++)
            n += seen[k][c];
        CU_ASSERT_EQUAL(n, k < 42 ? 64 : 16); /* the last carries the four bits that remain */
    }
}

CU_TestInfo digest_tests[] = {
    {"gives the known answers", gives_the_known_answers},
    {"reads hex strictly", reads_hex_strictly},
    {"hashes files and names those it cannot read", hashes_files_and_names_those_it_cannot_read},
    {"makes ids and tokens of the right form", makes_ids_and_tokens_of_the_right_form},
    {"spreads tokens over the whole alphabet at every place",
     spreads_tokens_over_the_whole_alphabet_at_every_place},
    CU_TEST_INFO_NULL,
};
