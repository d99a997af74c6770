#include <CUnit/CUnit.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/base/scope.h"
#include "drivers/host/image_head.h"
#include "drivers/host/image_tables.h"

enum { FILE_BYTES = 262144, HEAD = 65536 };

static void
put(unsigned char *h, size_t at, int bytes, uint64_t v)
{
    for (int i = 0; i < bytes; i++)
        h[at + (size_t)i] = (unsigned char)(v >> (8 * (bytes - 1 - i)));
}

/* A qcow2 of 1 GiB, clusters of 64 KiB, as qemu-img makes it. */
static void
good(unsigned char *h)
{
    memset(h, 0, HEAD);
    memcpy(h, "QFI\xfb", 4);
    put(h, 4, 4, 3);
    put(h, 20, 4, 16);
    put(h, 24, 8, UINT64_C(1) << 30);
    put(h, 36, 4, 2);
    put(h, 40, 8, 0x30000);
    put(h, 48, 8, 0x10000);
    put(h, 56, 4, 1);
    put(h, 96, 4, 4);
    put(h, 100, 4, 104);
}

static int
judge(const unsigned char *h, size_t len, uint64_t file_bytes, struct err *e)
{
    struct image_head out = {FMT_NONE, 77};
    int rc = image_head_check(h, len, file_bytes, &out, e);

    if (rc < 0) /* untouched on failure */
        CU_ASSERT(out.format == FMT_NONE && out.virtual_bytes == 77);
    return rc;
}

static void
takes_what_stands_on_its_own(void)
{
    SCOPED(free) unsigned char *h = malloc(HEAD);
    struct image_head out;
    struct err e = {0};

    good(h);
    CU_ASSERT_EQUAL(image_head_check(h, HEAD, FILE_BYTES, &out, &e), 0);
    CU_ASSERT_EQUAL(out.format, FMT_QCOW2);
    CU_ASSERT_EQUAL(out.virtual_bytes, UINT64_C(1) << 30);
    put(h, 4, 4, 2);
    put(h, 96, 8, 0); /* a version 2 ends before it */
    CU_ASSERT_EQUAL(image_head_check(h, HEAD, FILE_BYTES, &out, &e), 0);
    memset(h, 0, HEAD);
    CU_ASSERT_EQUAL(image_head_check(h, HEAD, FILE_BYTES, &out, &e), 0);
    CU_ASSERT_EQUAL(out.format, FMT_RAW);
    CU_ASSERT_EQUAL(out.virtual_bytes, FILE_BYTES);
}

static void
refuses_what_a_stranger_may_try(void)
{
    static const struct {
        const char *what;
        size_t at;
        int bytes;
        uint64_t value;
        const char *word; /* in the reason */
    } rows[] = {
        {"backing file", 8, 8, 0x200, "backing file"},
        {"version 1", 4, 4, 1, "version 1"},
        {"version 4", 4, 4, 4, "version 4"},
        {"encrypted, AES", 32, 4, 1, "encrypted"},
        {"encrypted, LUKS", 32, 4, 2, "encrypted"},
        {"snapshots", 60, 4, 1, "snapshots"},
        {"data file", 72, 8, 4, "another file"},
        {"dirty", 72, 8, 1, "dirty"},
        {"corrupt", 72, 8, 2, "corrupt"},
        {"a feature of tomorrow", 72, 8, UINT64_C(1) << 40, "not known"},
        {"no size", 24, 8, 0, "0 bytes"},
        {"8 EiB", 24, 8, UINT64_C(1) << 63, "9223372036854775808 bytes"},
        {"clusters of 2^200", 20, 4, 200, "clusters"},
        {"clusters of 1", 20, 4, 0, "clusters"},
        {"a short table", 36, 4, 1, "shorter"},
        {"a huge table", 36, 4, UINT32_MAX, "does not lie"},
        {"a table behind the end", 40, 8, UINT64_C(1) << 40, "does not lie"},
        {"a table in the header", 40, 8, 0, "does not lie"},
        {"a table between clusters", 40, 8, 0x30008, "does not lie"},
        {"no references", 56, 4, 0, "references"},
        {"references without end", 56, 4, UINT32_MAX, "references"},
        {"references behind the end", 48, 8, UINT64_C(1) << 62, "references"},
        {"counts too wide", 96, 4, 7, "reference counts"},
        {"a short header", 100, 4, 96, "length"},
        {"a long header", 100, 4, 0x20000, "length"},
        {"an odd header", 100, 4, 109, "length"},
        {"name of a backing format", 104, 8, UINT64_C(0xe2792aca) << 32, "another file"},
        {"name of a data file", 104, 8, UINT64_C(0x44415441) << 32, "another file"},
        {"an encryption header", 104, 8, UINT64_C(0x0537be77) << 32, "encrypted"},
        {"an endless extension", 104, 8, UINT64_C(0x1234567800000000) | UINT32_MAX, "longer"},
    };
    SCOPED(free) unsigned char *h = malloc(HEAD);

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = {0};

        good(h);
        if (rows[i].at == 36 && rows[i].value == 1)
            put(h, 24, 8, UINT64_C(2) << 30);
        put(h, rows[i].at, rows[i].bytes, rows[i].value);
        if (judge(h, HEAD, FILE_BYTES, &e) == 0 || e.code != BY_E_INVALID ||
            strstr(e.msg, rows[i].word) == NULL) {
            fprintf(stderr, "\n%s: '%s'\n", rows[i].what, e.msg);
            CU_FAIL(rows[i].what);
        }
    }
}

static void
refuses_a_header_cut_anywhere(void)
{
    SCOPED(free) unsigned char *h = malloc(HEAD);

    good(h);
    for (size_t len = 4; len < 0x30010; len += len < 200 ? 1 : 4096) {
        SCOPED(free) unsigned char *exact = malloc(len > HEAD ? HEAD : len); /* for the sanitizer */
        struct err e = {0};

        memcpy(exact, h, len > HEAD ? HEAD : len);
        CU_ASSERT_EQUAL(judge(exact, len > HEAD ? HEAD : len, len, &e), -1);
    }
}

/* ---- what the tables point at --------------------------------------------------------------- */

struct mem {
    const unsigned char *bytes;
    size_t len, asked; /* asked: bytes that were read in all */
};

static int
mem_read(void *arg, uint64_t at, void *buf, size_t len, struct err *e)
{
    struct mem *m = arg;

    m->asked += len;
    if (at > m->len || len > m->len - at)
        return err_set(e, BY_E_BUG, "a read beyond the end");
    memcpy(buf, m->bytes + at, len);
    return 0;
}

enum { C = 65536, WHOLE = 8 * C };

/* As good(), with all its clusters: 1 references, 2 a block of them, 3 first table, 4 and 5 second
 * tables, 6 and 7 data. */
static void
whole(unsigned char *f)
{
    memset(f, 0, WHOLE);
    good(f);
    put(f, 1 * C, 8, 2 * C);
    put(f, 3 * C, 8, UINT64_C(1) << 63 | 4 * C);
    put(f, 3 * C + 8, 8, UINT64_C(1) << 63 | 5 * C);
    put(f, 4 * C + 80, 8, UINT64_C(1) << 63 | 6 * C);
    put(f, 5 * C + 8, 8, UINT64_C(1) << 63 | 7 * C);
    put(f, 5 * C + 16, 8, 1); /* reads as zeros, without a place */
}

static void
refuses_what_points_beyond_the_end(void)
{
    static const struct {
        const char *what;
        size_t at;
        uint64_t value;
        size_t len; /* of the file */
        int rc;
    } rows[] = {
        {"as it was made", 0, 0, WHOLE, 0},
        {"its last cluster is short", 0, 0, WHOLE - C + 512, 0},
        {"cut before its last cluster", 0, 0, WHOLE - C, -1},
        {"cut within a second table", 0, 0, 5 * C + 512, -1},
        {"a second table behind the end", 3 * C, UINT64_C(1) << 63 | 8 * C, WHOLE, -1},
        {"a second table that does not end", 3 * C, 7 * C, WHOLE - 8, -1},
        {"a second table between clusters", 3 * C, 4 * C + 512, WHOLE, -1},
        {"data behind the end", 4 * C + 80, 8 * C, WHOLE, -1},
        {"data far behind it", 4 * C + 80, UINT64_C(1) << 50, WHOLE, -1},
        {"data between clusters", 4 * C + 80, 6 * C + 512, WHOLE, -1},
        {"packed data", 4 * C + 80, UINT64_C(1) << 62 | (6 * C + 77), WHOLE, 0},
        {"packed data behind the end", 4 * C + 80, UINT64_C(1) << 62 | (8 * C + 77), WHOLE, -1},
        {"references behind the end", 1 * C, 8 * C, WHOLE, -1},
        {"references between clusters", 1 * C + 8, 2 * C + 512, WHOLE, -1},
    };
    SCOPED(free) unsigned char *f = malloc(WHOLE);

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct mem m = {.bytes = f, .len = rows[i].len};
        const struct image_bytes b = {.read = mem_read, .arg = &m, .size = rows[i].len};
        struct err e = {0};

        whole(f);
        if (rows[i].at != 0)
            put(f, rows[i].at, 8, rows[i].value);
        if (image_tables_check(&b, &e) != rows[i].rc || e.code == BY_E_BUG) {
            fprintf(stderr, "\n%s: '%s'\n", rows[i].what, e.msg);
            CU_FAIL(rows[i].what);
        }
        CU_ASSERT(m.asked <= rows[i].len + 112);
    }
}

/* A first table whose entries all name the same second one would be read for days. */
static void
reads_no_more_than_the_file_has(void)
{
    SCOPED(free) unsigned char *f = malloc(WHOLE);
    struct mem m = {.bytes = f, .len = WHOLE};
    const struct image_bytes b = {.read = mem_read, .arg = &m, .size = WHOLE};
    struct err e = {0};

    whole(f);
    put(f, 36, 4, C / 8);
    for (size_t i = 0; i < C / 8; i++)
        put(f, 3 * C + 8 * i, 8, 4 * C);
    CU_ASSERT_EQUAL(image_tables_check(&b, &e), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_INVALID);
    CU_ASSERT(m.asked <= WHOLE + 112);
    memset(f, 0, WHOLE); /* no qcow2: nothing to look at */
    CU_ASSERT_EQUAL(image_tables_check(&b, &e), 0);
}

static void
refuses_other_formats_and_packed_files(void)
{
    static const char *const magics[] = {"QED",
                                         "KDMV",
                                         "conectix",
                                         "vhdxfile",
                                         "LUKS\xba\xbe",
                                         "\x1f\x8b",
                                         "\xfd\x37zXZ",
                                         "\x28\xb5\x2f\xfd",
                                         "# Disk DescriptorFile"};

    for (size_t i = 0; i < ARRAY_LEN(magics); i++) {
        unsigned char h[1024] = {0};
        struct err e = {0};

        memcpy(h, magics[i], strlen(magics[i]));
        CU_ASSERT_EQUAL(judge(h, sizeof(h), sizeof(h), &e), -1);
        CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, "qemu-img convert"));
    }
    for (size_t len = 0; len < 512; len += 73) { /* empty and tiny */
        unsigned char h[512] = {0};
        struct err e = {0};

        CU_ASSERT_EQUAL(judge(h, len, len, &e), -1);
    }
}

CU_TestInfo image_head_tests[] = {
    {"takes what stands on its own", takes_what_stands_on_its_own},
    {"refuses what a stranger may try", refuses_what_a_stranger_may_try},
    {"refuses a header cut anywhere", refuses_a_header_cut_anywhere},
    {"refuses other formats and packed files", refuses_other_formats_and_packed_files},
    {"refuses what points beyond the end", refuses_what_points_beyond_the_end},
    {"reads no more than the file has", reads_no_more_than_the_file_has},
    CU_TEST_INFO_NULL,
};
