#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drivers/base/scope.h"
#include "drivers/crypto/digest.h"
#include "drivers/host/durable.h"
#include "drivers/host/image.h"
#include "tests/unit/tmpdir.h"

/* An image named by the hash of its bytes; path is told. */
static void
make_image(const char *dir, const char *ending, const void *bytes, size_t len, char sha[65],
           char path[512])
{
    struct err e = {0};

    digest_sha256_hex(bytes, len, sha);
    (void)snprintf(path, 512, "%s/%s%s", dir, sha, ending);
    CU_ASSERT_EQUAL_FATAL(durable_write(path, bytes, len, 0600, &e), 0);
}

static void
finds_an_image_with_the_right_bytes(void)
{
    SCOPED(tmpdir) char *dir = tmpdir_new();
    struct image im;
    struct err e = {0};
    char sha[65], path[512];

    make_image(dir, ".img", "raw bytes", 9, sha, path);
    CU_ASSERT_EQUAL(image_find(dir, sha, NULL, &im, &e), 0);
    CU_ASSERT_STRING_EQUAL(im.path, path);
    CU_ASSERT_EQUAL(im.format, FMT_RAW);
    CU_ASSERT_EQUAL(im.virtual_bytes, 9);
}

static void
refuses_other_bytes_even_after_a_good_check(void)
{
    SCOPED(tmpdir) char *dir = tmpdir_new();
    struct image im = {.virtual_bytes = 77};
    struct err e = {0};
    char sha[65], path[512], cache[512];

    (void)snprintf(cache, sizeof(cache), "%s/cache", dir);
    make_image(dir, ".img", "raw bytes", 9, sha, path);
    CU_ASSERT_EQUAL(image_find(dir, sha, cache, &im, &e), 0);
    CU_ASSERT_EQUAL(durable_write(path, "raw bytez", 9, 0600, &e), 0);
    im.virtual_bytes = 77;
    CU_ASSERT_EQUAL(image_find(dir, sha, cache, &im, &e), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_CONFLICT);
    CU_ASSERT_EQUAL(im.virtual_bytes, 77);
}

/* The cache is believed: a line forged for a wrong file lets it pass, so it must be read. */
static void
hashes_once_per_state_of_a_file(void)
{
    SCOPED(tmpdir) char *dir = tmpdir_new();
    SCOPED(strbuf) struct strbuf text = {0};
    struct image im;
    struct err e = {0};
    char sha[65], path[512], cache[512], forged[65];

    (void)snprintf(cache, sizeof(cache), "%s/cache", dir);
    make_image(dir, ".img", "raw bytes", 9, sha, path);
    for (int i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(image_find(dir, sha, cache, &im, &e), 0);
    CU_ASSERT_EQUAL(durable_read(cache, 4096, &text, &e), 0);
    CU_ASSERT_EQUAL(strchr(text.s, '\n') - text.s, (ptrdiff_t)text.len - 1); /* one line */
    memset(forged, 'a', 64);
    forged[64] = '\0';
    memcpy(text.s, forged, 64);
    CU_ASSERT_EQUAL(durable_write(cache, "damaged", 7, 0600, &e), 0);
    CU_ASSERT_EQUAL(image_find(dir, sha, cache, &im, &e), 0);
    (void)snprintf(path + strlen(dir), sizeof(path) - strlen(dir), "/%s.img", forged);
    CU_ASSERT_EQUAL(link(im.path, path), 0); /* ctime changes with it */
    CU_ASSERT_EQUAL(image_find(dir, forged, cache, &im, &e), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_CONFLICT);
}

static void
refuses_a_qcow2_that_leans_on_other_files(void)
{
    static const struct {
        const char *what;
        size_t at;
        unsigned char value;
        int result;
    } rows[] = {
        {"stands alone", 7, 3, 0},
        {"backing file", 15, 104, -1},
        {"data file", 79, 4, -1},
        {"no magic", 0, 'X', -1},
    };
    SCOPED(tmpdir) char *dir = tmpdir_new();

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        unsigned char h[104] = {'Q', 'F', 'I', 0xfb, 0, 0, 0, 3, [28] = 0x10};
        char sha[65], path[512];
        struct image im;
        struct err e = {0};

        h[rows[i].at] = rows[i].value;
        make_image(dir, ".qcow2", h, sizeof(h), sha, path);
        CU_ASSERT_EQUAL(image_find(dir, sha, NULL, &im, &e), rows[i].result);
        if (rows[i].result == 0)
            CU_ASSERT_EQUAL(im.virtual_bytes, 0x10000000u);
        if (rows[i].result < 0)
            CU_ASSERT_EQUAL(e.code, BY_E_INVALID);
    }
}

static void
says_where_a_missing_image_belongs(void)
{
    SCOPED(tmpdir) char *dir = tmpdir_new();
    struct image im;
    struct err e = {0};
    char sha[65];

    digest_sha256_hex("x", 1, sha);
    CU_ASSERT_EQUAL(image_find(dir, sha, NULL, &im, &e), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_NOT_FOUND);
    CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, dir));
    CU_ASSERT_EQUAL(image_find(dir, "../../etc/passwd", NULL, &im, &e), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_INVALID);
}

CU_TestInfo image_tests[] = {
    {"finds an image with the right bytes", finds_an_image_with_the_right_bytes},
    {"refuses other bytes even after a good check", refuses_other_bytes_even_after_a_good_check},
    {"hashes once per state of a file", hashes_once_per_state_of_a_file},
    {"refuses a qcow2 that leans on other files", refuses_a_qcow2_that_leans_on_other_files},
    {"says where a missing image belongs", says_where_a_missing_image_belongs},
    CU_TEST_INFO_NULL,
};
