#include "controller/certificate_page.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static void
add_text(struct strbuf *out, const char *s)
{
    for (; s != NULL && *s != '\0'; s++)
        switch (*s) {
        case '&':
            strbuf_adds(out, "&amp;");
            break;
        case '<':
            strbuf_adds(out, "&lt;");
            break;
        case '>':
            strbuf_adds(out, "&gt;");
            break;
        case '"':
            strbuf_adds(out, "&quot;");
            break;
        case '\'':
            strbuf_adds(out, "&#39;");
            break;
        default:
            strbuf_addc(out, *s);
        }
}

static void
add_row(struct strbuf *out, const char *label, const char *value)
{
    strbuf_addf(out, "<tr><th>%s</th><td>", label);
    add_text(out, value);
    strbuf_adds(out, "</td></tr>\n");
}

static void
add_time(struct strbuf *out, const char *label, int64_t ms, int tz_minutes)
{
    time_t s = (time_t)(ms / 1000 + (int64_t)tz_minutes * 60);
    struct tm tm;
    char text[64];

    (void)gmtime_r(&s, &tm);
    (void)snprintf(text, sizeof(text), "%d年%d月%d日 %02d:%02d:%02d", tm.tm_year + 1900,
                   tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
    add_row(out, label, text);
}

static const char *
kind_word(int kind)
{
    switch ((enum w_res_kind)kind) {
    case RES_VM:
        return "云主机";
    case RES_VOLUME:
        return "云硬盘";
    case RES_NETWORK:
        return "网络";
    case RES_NONE:
    case RES__MAX:
        break;
    }
    return "资源";
}

/* The words of a host's report, which are English, as the page shows them. */
static const char *
copy_word(const char *what)
{
    static const struct {
        const char *en, *zh;
    } words[] = {
        {"root disk", "系统盘"},     {"data volume", "数据盘"}, {"seed", "初始化盘"},
        {"saved state", "休眠存档"}, {"NVRAM", "固件变量存储"}, {"serial log", "串口日志"},
        {"snapshot", "快照"},        {"overlay", "叠加盘"},
    };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcmp(words[i].en, what) == 0)
            return words[i].zh;
    return what;
}

static void
add_copies(struct strbuf *out, const struct w_erasure *x)
{
    strbuf_adds(out, "<h2>副本清单</h2>\n<table><tr><th>副本</th><th>位置</th><th>大小（字节）</th>"
                     "<th>已覆写（字节）</th><th>回读为零（字节）</th></tr>\n");
    for (size_t i = 0; i < x->copies.n; i++) {
        const struct w_erased_copy *c = JM_ITEM(x->copies, struct w_erased_copy, i);

        strbuf_adds(out, "<tr><td>");
        add_text(out, copy_word(c->what));
        strbuf_adds(out, "</td><td class=\"path\">");
        add_text(out, c->path);
        if (c->existed)
            strbuf_addf(out, "</td><td>%llu</td><td>%llu</td><td>%llu</td></tr>\n",
                        (unsigned long long)c->size_bytes, (unsigned long long)c->overwritten_bytes,
                        (unsigned long long)c->read_back_bytes);
        else
            strbuf_adds(out, "</td><td colspan=\"3\">不存在此副本</td></tr>\n");
    }
    strbuf_adds(out, "</table>\n");
}

static const char head[] =
    "<!DOCTYPE html>\n<html lang=\"zh-CN\"><head><meta charset=\"utf-8\">"
    "<title>数据清除证明</title>\n<style>\n"
    "body{font-family:'Noto Serif CJK SC','SimSun',serif;max-width:48em;margin:2em auto;"
    "color:#000}\nh1{text-align:center;letter-spacing:.3em}h2{font-size:1.1em}\n"
    "table{border-collapse:collapse;width:100%}th,td{border:1px solid #444;padding:.35em .6em;"
    "text-align:left;vertical-align:top}\nth{width:9em;font-weight:normal;background:#f2f2f2}"
    ".path,.hash{word-break:break-all;font-family:monospace;font-size:.85em}\n"
    "@media print{body{margin:0}}\n</style></head><body>\n<h1>数据清除证明</h1>\n";

void
certificate_page(const struct w_certificate *c, const char *paper_sha256, int tz_minutes,
                 struct strbuf *out)
{
    const struct w_erasure *x = &c->erasure;

    strbuf_adds(out, head);
    strbuf_adds(out, "<table>\n");
    add_row(out, "证明编号", c->id);
    add_row(out, "批复文号", c->number);
    add_row(out, "使用单位", c->unit_name);
    add_row(out, "信息系统", c->system_name);
    add_row(out, "资源类别", kind_word(x->kind));
    add_row(out, "资源名称", c->resource_name);
    add_row(out, "资源标识", x->resource);
    add_row(out, "资源配置工单", x->order);
    add_row(out, "宿主机", x->host);
    add_time(out, "开始清除", x->started_at_ms, tz_minutes);
    add_time(out, "清除完成", x->finished_at_ms, tz_minutes);
    add_time(out, "签发时间", c->issued_at_ms, tz_minutes);
    add_row(out, "清除方法",
            x->never_made ? "从未建成，未曾写入数据，无可覆写"
                          : "对已分配区段原位覆写，落盘后回读核对");
    add_row(out, "宿主机原文", x->method);
    strbuf_adds(out, "</table>\n");
    add_copies(out, x);
    strbuf_adds(out, x->never_made ? "<h2>从未建成</h2>\n<p>该资源的磁盘从未建成，未曾写入数据，"
                                     "宿主机上亦无其文件。宿主机原文："
                                   : "<h2>未能覆写的部分</h2>\n<p>下列部分不在覆写之列："
                                     "更早被文件系统释放或丢弃的块，固态盘自行重映射的块。"
                                     "宿主机原文：");
    add_text(out, x->limits);
    strbuf_adds(out,
                "</p>\n<h2>核验</h2>\n<p>本页由签名文件生成，以签名文件为准。签名文件内含宿主机"
                "以其证书密钥签署的清除报告和控制端工单密钥的签名，可离线核验。</p>\n<p "
                "class=\"hash\">签名文件 SHA-256：");
    add_text(out, paper_sha256);
    strbuf_adds(out, "</p>\n<table><tr><th>服务提供方（盖章）</th><td>&nbsp;</td>"
                     "<th>使用单位（盖章）</th><td>&nbsp;</td></tr></table>\n</body></html>\n");
}
