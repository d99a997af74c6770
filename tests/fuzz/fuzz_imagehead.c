/* The beginning of a disk image that a stranger sends: four bytes of its length in sectors, then
 * its head.  Properties: what is taken names no other file, is not encrypted, has a size within
 * bounds; what is refused says why and tells nothing else; no byte beyond the given ones is read.
 */
#include <string.h>

#include "drivers/base/scope.h"
#include "drivers/host/image_head.h"
#include "drivers/host/image_tables.h"
#include "tests/fuzz/fuzz.h"

static uint64_t
be(const uint8_t *p, int n)
{
    uint64_t v = 0;

    for (int i = 0; i < n; i++)
        v = v << 8 | p[i];
    return v;
}

/* The file as far as it was given; behind it zeros, as in a file with holes. */
struct part {
    const uint8_t *bytes;
    size_t len;
    uint64_t size, asked;
};

static int
part_read(void *arg, uint64_t at, void *buf, size_t len, struct err *e)
{
    struct part *p = arg;

    (void)e;
    p->asked += len;
    fuzz_must(at <= p->size && len <= p->size - at && p->asked <= p->size + 112);
    memset(buf, 0, len);
    if (at < p->len)
        memcpy(buf, p->bytes + at, len < p->len - at ? len : p->len - at);
    return 0;
}

/* Alone, and with features that a tool may really use. */
static int
unusual(const uint8_t *h, size_t len)
{
    return len > 112 && be(h + 4, 4) == 3 && (h[79] & 16) != 0 && be(h + 104, 4) != 0 &&
           be(h + 100, 4) == 104;
}

void
fuzz_one(const uint8_t *bytes, size_t len)
{
    SCOPED(free) uint8_t *head = NULL;
    struct image_head out = {FMT_NONE, 77};
    struct err e = {0};
    uint64_t file_bytes;

    if (len < 4)
        return;
    file_bytes = be(bytes, 4) * 512;
    len -= 4;
    head = malloc(len == 0 ? 1 : len); /* exact: the sanitizer sees a step beyond */
    if (head == NULL)
        return;
    memcpy(head, bytes + 4, len);
    if (image_head_check(head, len, file_bytes, &out, &e) < 0) {
        fuzz_must(e.code == BY_E_INVALID && e.msg[0] != '\0');
        fuzz_must(out.format == FMT_NONE && out.virtual_bytes == 77);
        return;
    }
    fuzz_must(out.virtual_bytes > 0 && out.virtual_bytes <= IMAGE_VIRTUAL_MAX);
    if (out.format == FMT_RAW) {
        fuzz_must(out.virtual_bytes == file_bytes);
        fuzz_must(len < 4 || memcmp(head, "QFI\xfb", 4) != 0);
        return;
    }
    struct part p = {head, len, file_bytes, 0};
    const struct image_bytes b = {.read = part_read, .arg = &p, .size = file_bytes};

    /* Of a longer file the tables are long as well: runs would be few. */
    if (file_bytes < UINT64_C(1) << 20 && image_tables_check(&b, &e) < 0)
        fuzz_must(e.code == BY_E_INVALID && e.msg[0] != '\0');
    fuzz_must(be(head + 8, 8) == 0 && be(head + 32, 4) == 0 && be(head + 60, 4) == 0);
    fuzz_must(be(head + 4, 4) == 2 || (head[79] & 7) == 0);
    fuzz_must(be(head + 40, 8) < file_bytes && be(head + 48, 8) < file_bytes);
    fuzz_planted(unusual(head, len));
}
