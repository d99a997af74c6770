#include <CUnit/CUnit.h>
#include <string.h>

#include "controller/certificate_page.h"

static struct w_erased_copy copies[] = {
    {.what = "root disk",
     .path = "/pool/by-1",
     .size_bytes = 1024,
     .overwritten_bytes = 512,
     .read_back_bytes = 512,
     .existed = true},
    {.what = "saved state", .path = "/save/<x>&'\"", .existed = false},
};

static struct w_certificate
sample(void)
{
    struct w_certificate c = {
        .version = 1,
        .id = "33333333-3333-4333-8333-333333333333",
        .number = "京政数〔2026〕1号",
        .system_name = "不动产登记",
        .unit_name = "某局",
        .resource_name = "web-1",
        .issued_at_ms = 1767225600000, /* 2026-01-01 00:00 UTC */
        .erasure = {.kind = RES_VM,
                    .method = "one pass of zeros, fsync, read back",
                    .limits = "flash <remaps>"},
    };
    c.erasure.copies = (struct jm_list){copies, 2};
    return c;
}

static void
shows_every_copy_and_the_limits(void)
{
    struct strbuf b = {0};
    struct w_certificate c = sample();

    certificate_page(&c, "abc123", 480, &b);
    const char *s = strbuf_peek(&b);
    CU_ASSERT_PTR_NOT_NULL(strstr(s, "数据清除证明"));
    CU_ASSERT_PTR_NOT_NULL(strstr(s, "京政数〔2026〕1号"));
    CU_ASSERT_PTR_NOT_NULL(strstr(s, "系统盘"));
    CU_ASSERT_PTR_NOT_NULL(strstr(s, "<td>1024</td><td>512</td><td>512</td>"));
    CU_ASSERT_PTR_NOT_NULL(strstr(s, "不存在此副本"));
    CU_ASSERT_PTR_NOT_NULL(strstr(s, "flash &lt;remaps&gt;"));
    CU_ASSERT_PTR_NOT_NULL(strstr(s, "abc123"));
    CU_ASSERT_PTR_NOT_NULL(strstr(s, "2026年1月1日 08:00:00"));
    strbuf_clear(&b);
}

static void
lets_no_markup_through(void)
{
    struct strbuf b = {0};
    struct w_certificate c = sample();

    certificate_page(&c, "<script>", 0, &b);
    CU_ASSERT_PTR_NULL(strstr(strbuf_peek(&b), "<script>"));
    CU_ASSERT_PTR_NULL(strstr(strbuf_peek(&b), "/save/<x>"));
    CU_ASSERT_PTR_NOT_NULL(strstr(strbuf_peek(&b), "/save/&lt;x&gt;&amp;&#39;&quot;"));
    strbuf_clear(&b);
}

static void
says_when_nothing_was_ever_made(void)
{
    struct strbuf b = {0};
    struct w_certificate c = sample();

    c.erasure.never_made = true;
    c.erasure.copies = (struct jm_list){&copies[1], 1};
    certificate_page(&c, "abc123", 480, &b);
    CU_ASSERT_PTR_NOT_NULL(strstr(strbuf_peek(&b), "从未建成"));
    CU_ASSERT_PTR_NULL(strstr(strbuf_peek(&b), "原位覆写"));
    strbuf_clear(&b);
}

CU_TestInfo certificate_page_tests[] = {
    {"shows every copy and the limits", shows_every_copy_and_the_limits},
    {"says when nothing was ever made", says_when_nothing_was_ever_made},
    {"lets no markup through", lets_no_markup_through},
    CU_TEST_INFO_NULL,
};
