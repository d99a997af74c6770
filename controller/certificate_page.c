#include "controller/certificate_page.h"

#include <string.h>

#include "controller/page.h"

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
        page_text(out, copy_word(c->what));
        strbuf_adds(out, "</td><td class=\"path\">");
        page_text(out, c->path);
        if (c->existed)
            strbuf_addf(out, "</td><td>%llu</td><td>%llu</td><td>%llu</td></tr>\n",
                        (unsigned long long)c->size_bytes, (unsigned long long)c->overwritten_bytes,
                        (unsigned long long)c->read_back_bytes);
        else
            strbuf_adds(out, "</td><td colspan=\"3\">不存在此副本</td></tr>\n");
    }
    strbuf_adds(out, "</table>\n");
}

void
certificate_page(const struct w_certificate *c, const char *paper_sha256, int tz_minutes,
                 struct strbuf *out)
{
    const struct w_erasure *x = &c->erasure;

    page_begin(out, "数据清除证明");
    strbuf_adds(out, "<table>\n");
    page_row(out, "证明编号", c->id);
    page_row(out, "批复文号", c->number);
    page_row(out, "使用单位", c->unit_name);
    page_row(out, "信息系统", c->system_name);
    page_row(out, "资源类别", page_kind(x->kind));
    page_row(out, "资源名称", c->resource_name);
    page_row(out, "资源标识", x->resource);
    page_row(out, "资源配置工单", x->order);
    page_row(out, "宿主机", x->host);
    page_time(out, "开始清除", x->started_at_ms, tz_minutes);
    page_time(out, "清除完成", x->finished_at_ms, tz_minutes);
    page_time(out, "签发时间", c->issued_at_ms, tz_minutes);
    page_row(out, "清除方法",
             x->never_made ? "从未建成，未曾写入数据，无可覆写"
                           : "对已分配区段原位覆写，落盘后回读核对");
    page_row(out, "宿主机原文", x->method);
    strbuf_adds(out, "</table>\n");
    add_copies(out, x);
    strbuf_adds(out, x->never_made ? "<h2>从未建成</h2>\n<p>该资源的磁盘从未建成，未曾写入数据，"
                                     "宿主机上亦无其文件。宿主机原文："
                                   : "<h2>未能覆写的部分</h2>\n<p>下列部分不在覆写之列："
                                     "更早被文件系统释放或丢弃的块，固态盘自行重映射的块。"
                                     "宿主机原文：");
    page_text(out, x->limits);
    strbuf_adds(out,
                "</p>\n<h2>核验</h2>\n<p>本页由签名文件生成，以签名文件为准。签名文件内含宿主机"
                "以其证书密钥签署的清除报告和控制端工单密钥的签名，可离线核验。</p>\n<p "
                "class=\"hash\">签名文件 SHA-256：");
    page_text(out, paper_sha256);
    strbuf_adds(out, "</p>\n<table><tr><th>服务提供方（盖章）</th><td>&nbsp;</td>"
                     "<th>使用单位（盖章）</th><td>&nbsp;</td></tr></table>\n");
    page_end(out);
}
