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

static const char raw_bytes[600] = "raw bytes";

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

    make_image(dir, ".img", raw_bytes, sizeof(raw_bytes), sha, path);
    CU_ASSERT_EQUAL(image_find(dir, sha, NULL, &im, &e), 0);
    CU_ASSERT_STRING_EQUAL(im.path, path);
    CU_ASSERT_EQUAL(im.format, FMT_RAW);
    CU_ASSERT_EQUAL(im.virtual_bytes, sizeof(raw_bytes));
}

static void
refuses_other_bytes_even_after_a_good_check(void)
{
    SCOPED(tmpdir) char *dir = tmpdir_new();
    struct image im = {.virtual_bytes = 77};
    struct err e = {0};
    char sha[65], path[512], cache[512];

    (void)snprintf(cache, sizeof(cache), "%s/cache", dir);
    make_image(dir, ".img", raw_bytes, sizeof(raw_bytes), sha, path);
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
    make_image(dir, ".img", raw_bytes, sizeof(raw_bytes), sha, path);
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
refuses_bytes_that_are_not_what_the_name_says(void)
{
    static const unsigned char qcow2[600] = {'Q', 'F', 'I', 0xfb, 0, 0, 0, 3};
    SCOPED(tmpdir) char *dir = tmpdir_new();
    char sha[65], path[512];
    struct image im;
    struct err e = {0};

    /* QEMU, and our own look at a backing file, go by the bytes: a header in a raw file counts. */
    make_image(dir, ".img", qcow2, sizeof(qcow2), sha, path);
    CU_ASSERT_EQUAL(image_find(dir, sha, NULL, &im, &e), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_INVALID);
    make_image(dir, ".qcow2", raw_bytes, sizeof(raw_bytes), sha, path);
    CU_ASSERT_EQUAL(image_find(dir, sha, NULL, &im, &e), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_INVALID);
    CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, "raw"));
}

static void
says_that_an_image_is_missing(void)
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
    {"refuses bytes that are not what the name says",
     refuses_bytes_that_are_not_what_the_name_says},
    {"says that an image is missing", says_that_an_image_is_missing},
    CU_TEST_INFO_NULL,
};
