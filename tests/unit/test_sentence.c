#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#include "drivers/base/error.h"
#include "drivers/base/scope.h"
#include "policies/sentence.h"

static const char *
zh(const char *english, char *out, size_t size)
{
    struct text t = text_on(out, size);

    sentence_add(SAY_ZH, english, &t);
    return out;
}

/* The format with a1, a2 … for its texts and 11, 12 … for its numbers. */
static void
filled(const char *format, char *out, size_t size)
{
    struct text t = text_on(out, size);
    struct say_part p;
    unsigned next = 0;

    do {
        format = say_part(format, &p);
        text_add(&t, "%.*s", (int)p.before_len, p.before);
        if (p.kind == '%')
            text_add(&t, "%%");
        else if (p.kind != '\0')
            text_add(&t, "%s%u", p.kind == 's' ? "a" : "1", p.arg > 0 ? p.arg : ++next);
    } while (p.kind != '\0');
}

static void
every_format_is_known_by_what_it_made(void)
{
    for (size_t i = 0; i < say_rows_count; i++) {
        char english[1000], want[1000], out[1000];

        filled(say_rows[i].en, english, sizeof(english));
        filled(say_rows[i].zh, want, sizeof(want));
        if (strcmp(zh(english, out, sizeof(out)), want) != 0) {
            fprintf(stderr, "\n%s\n  is taken for: %s\n  wanted:       %s\n", english, out, want);
            CU_FAIL("a format is taken for another");
        }
    }
}

static void
sentences_are_put_into_chinese(void)
{
    static const struct {
        const char *en, *zh;
    } rows[] = {
        {"", ""},
        {"not one of ours", "not one of ours"},
        {"/etc/x: not one of ours", "/etc/x: not one of ours"},
        {"there is no order 7", "没有工单 7"},
        /* what was typed stays: behind --, and all between the quotes */
        {"--name does not belong to this command; see --help",
         "--name 不是本命令的选项；请看 --help"},
        {"'bianyun networks' has no 'restore'; it has: x",
         "“bianyun networks”没有“restore”；可用：x"},
        /* a name stays, also one that is a word of ours; a word does not */
        {"idle is in the recycle bin already", "“idle”已在回收站"},
        {"the finding says 'idle': it supports no plan", "判定结论为闲置：不能作为方案依据"},
        /* what was put before it, however often, and what a sentence holds */
        {"grant 12, line 3: no host has room for it: web: it is in another zone; db: it lacks "
         "UEFI, KVM",
         "核定配额 12，第 3 行：没有宿主机可以放置：web：在另一可用区；db：缺少 UEFI, KVM"},
        {"create web: network n1: 10.0.0.0/24 has no address left",
         "创建“web”：网络“n1”：10.0.0.0/24 已没有可用地址"},
        {"cannot open /x: No such file or directory", "无法打开 /x：没有该文件或文件夹"},
        /* numbered arguments */
        {"3 approvers are registered: no more are taken", "已登记 3 名外部批准人，不再接受更多"},
        {"no image 12ab in /srv/images", "/srv/images 中没有镜像 12ab"},
        /* made of pieces */
        {"underused: P95 of CPU averages 1.09 % < 5.00 %; largest average 10.00 % >= 10.00 %; P95 "
         "of "
         "CPU peaks 3.09 % not surely < 20.00 %; measured 100 % of 60 d (at least 90 %), 17280 "
         "slots; age 90 d 2 h (at least 60 d); policy default-1",
         "使用效率偏低：CPU 平均值 P95 1.09 % < 5.00 %；最大平均值 10.00 % >= 10.00 %；CPU 峰值 "
         "P95 "
         "3.09 % 未必低于 20.00 %；60 天 内测得 100 %（至少 90 %），共 17280 个时段；已开机 90 天 "
         "2 "
         "小时（至少 60 天）；策略 default-1"},
        {"CPU: P95 of peaks 12.00 % of 8 vCPUs + 30 % needs 2, at most halved to 4: 4; memory: "
         "unknown, "
         "no suggestion",
         "CPU：峰值 P95 为 8 个 vCPU 的 12.00 %，加 30 % 需 2 个，最多减半至 4 "
         "个：4；内存：未知，不作"
         "建议"},
        {"line 1, ordinal 2 (vm) went to host h1, of 3 hosts on record; refused: h2: it is "
         "cordoned, "
         "not ready; h3: it is another machine",
         "第 1 行第 2 个（云主机）放在宿主机“h1”，记录在案的宿主机 3 "
         "台；已拒绝：h2：状态为停止放置，未就绪"
         "；h3：是另一台机器"},
        {"no host has room for it: sim-1: it is silent, not ready; and 999 more",
         "没有宿主机可以放置：sim-1：状态为无应答，未就绪；另有 999 台"},
        {"nothing heard for 276 s; it is cordoned", "已 276 秒没有消息；已停止放置"},
        {"web on host h1: wanted running, seen stopped, generation 3; not equal: its definition "
         "differs from its order",
         "“web”在宿主机“h1”上：应为运行，实际关机，版次 3；不一致：定义与工单不同"},
        {"machine web was resized, by account 7 of the unit within its grant; undoes act 6; "
         "reason: too small",
         "machine web was resized，由本单位账号 7 在核定配额内办理；撤销操作 6；原因：too small"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char out[1000];

        if (strcmp(zh(rows[i].en, out, sizeof(out)), rows[i].zh) != 0) {
            fprintf(stderr, "\n%s\n  is:     %s\n  wanted: %s\n", rows[i].en, out, rows[i].zh);
            CU_FAIL("another sentence");
        }
    }
}

static void
english_stays_as_it_is(void)
{
    char out[100];
    struct text t = text_on(out, sizeof(out));

    sentence_add(SAY_EN, "there is no order 7", &t);
    CU_ASSERT_STRING_EQUAL(out, "there is no order 7");
}

static void
a_sentence_is_cut_before_a_character(void)
{
    char out[64];

    CU_ASSERT_STRING_EQUAL(zh("there is no order 7", out, sizeof("没有工单")), "没有工单");
    CU_ASSERT_STRING_EQUAL(zh("there is no order 7", out, sizeof("没有工单") - 1), "没有工");
    for (size_t n = 1; n < sizeof(out); n++) {
        struct err e = {0};
        char text[sizeof(e.msg) + 100];

        (void)zh("there is no order 7", out, n);
        CU_ASSERT(strlen(out) < n);
        (void)snprintf(text, sizeof(text), "%.*s", (int)n,
                       "................................................................");
        while (strlen(text) + 4 < sizeof(text))
            (void)snprintf(text + strlen(text), 4, "云");
        (void)err_set(&e, BY_E_INVALID, "%s", text);
        CU_ASSERT((strlen(e.msg) - n) % 3 == 0);
    }
}

static void
the_language_is_the_one_that_is_wanted_most(void)
{
    static const struct {
        const char *accept;
        enum say_lang l;
    } rows[] = {
        {NULL, SAY_EN},
        {"", SAY_EN},
        {"zh", SAY_ZH},
        {"zh-CN,zh;q=0.9,en;q=0.8", SAY_ZH},
        {"en-US,en;q=0.9,zh;q=0.8", SAY_EN},
        {"en;q=0.5, zh-Hans;q=0.7", SAY_ZH},
        {"fr, de;q=0.3", SAY_EN},
        {"fr, zh;q=0.001", SAY_ZH},
        {"zh;q=0", SAY_EN},
        {"*", SAY_EN},
        {",,;q=,zh;q=x", SAY_EN},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        CU_ASSERT_EQUAL(sentence_lang(rows[i].accept), rows[i].l);
}

CU_TestInfo sentence_tests[] = {
    {"every format is known by what it made", every_format_is_known_by_what_it_made},
    {"sentences are put into Chinese", sentences_are_put_into_chinese},
    {"English stays as it is", english_stays_as_it_is},
    {"a sentence is cut before a character", a_sentence_is_cut_before_a_character},
    {"the language is the one that is wanted most", the_language_is_the_one_that_is_wanted_most},
    CU_TEST_INFO_NULL,
};
