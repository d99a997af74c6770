#include <inttypes.h>
#include <stdio.h>

#include "controller/handover.h"
#include "controller/page.h"

static void
size_words(const struct w_handover_item *it, char out[96])
{
    double gib = (double)it->bytes / 1073741824.0;

    switch ((enum w_res_kind)it->kind) {
    case RES_VM:
        (void)snprintf(out, 96, "%" PRIu32 " vCPU，%" PRIu64 " MiB，系统盘 %.1f GiB", it->vcpus,
                       it->mem_mib, gib);
        return;
    case RES_VOLUME:
        (void)snprintf(out, 96, "%.1f GiB", gib);
        return;
    case RES_NETWORK:
    case RES_NONE:
    case RES__MAX:
        break;
    }
    out[0] = '\0';
}

static void
add_items(const struct w_handover *h, bool signin, struct strbuf *out)
{
    strbuf_addf(out, "<table><tr><th>类别</th><th>名称</th><th>规格</th><th>地址</th>%s</tr>\n",
                signin ? "<th>首次登录</th>" : "<th>资源标识</th>");
    for (size_t i = 0; i < h->items.n; i++) {
        const struct w_handover_item *it = JM_ITEM(h->items, struct w_handover_item, i);
        char size[96];

        if (signin && it->kind != RES_VM)
            continue;
        size_words(it, size);
        strbuf_addf(out, "<tr><td>%s</td><td>", page_kind(it->kind));
        page_text(out, it->name);
        strbuf_addf(out, "</td><td>%s</td><td>", size);
        page_text(out, it->address);
        strbuf_adds(out, "</td><td class=\"path\">");
        if (signin) {
            strbuf_adds(out, "ssh ");
            page_text(out, it->user[0] != '\0' ? it->user : "root");
            strbuf_addc(out, '@');
            page_text(out, it->address);
        } else {
            page_text(out, it->resource);
        }
        strbuf_adds(out, "</td></tr>\n");
    }
    strbuf_adds(out, "</table>\n");
    if (h->resources > h->items.n)
        strbuf_addf(out, "<p>共 %" PRIu32 " 项，本表列出前 %zu 项。</p>\n", h->resources,
                    h->items.n);
}

void
handover_page(const struct w_case_view *c, int tz_minutes, struct strbuf *out)
{
    const struct w_handover *h = &c->handover;

    page_begin(out, "资源交付单");
    strbuf_adds(out, "<table>\n");
    page_row(out, "办件编号", c->number);
    page_row(out, "批复文号", h->number);
    page_row(out, "使用单位", c->unit_name);
    page_row(out, "信息系统", c->system_name);
    page_time(out, "交付时间", h->delivered_at_ms, tz_minutes);
    page_row(out, "开始部署期限", h->due_day);
    strbuf_adds(out, "</table>\n<h2>交付资源</h2>\n");
    add_items(h, false, out);
    strbuf_adds(out,
                "<p>以上规格均由宿主机回读，与资源配置工单一致。开始部署的期限自交付起算，"
                "不以验收为准（管理办法第十六条）。首次登录信息由使用单位以一次性链接取得。</p>\n"
                "<table><tr><th>服务提供方（盖章）</th><td>&nbsp;</td>"
                "<th>使用单位（盖章）</th><td>&nbsp;</td></tr></table>\n");
    page_end(out);
}

void
handover_link_page(struct strbuf *out)
{
    page_begin(out, "首次登录");
    strbuf_adds(out, "<p>本链接只能使用一次。按下按钮后显示首次登录信息，并记为使用单位已开始部署。"
                     "</p>\n<form method=\"post\"><button type=\"submit\">显示首次登录信息</button>"
                     "</form>\n");
    page_end(out);
}

void
handover_spent_page(struct strbuf *out)
{
    page_begin(out, "首次登录");
    strbuf_adds(out, "<p>本链接已经用过、已被新的链接取代，或已过期。请本单位经办人重新生成："
                     "<span class=\"path\">bianyun handovers link 办件编号</span></p>\n");
    page_end(out);
}

void
handover_signin_page(const struct w_case_view *c, struct strbuf *out)
{
    const struct w_handover *h = &c->handover;

    page_begin(out, "首次登录");
    strbuf_adds(out, "<table>\n");
    page_row(out, "批复文号", h->number);
    page_row(out, "信息系统", c->system_name);
    strbuf_adds(out, "</table>\n");
    add_items(h, true, out);
    strbuf_adds(out, h->ssh_key ? "<p>以登记该信息系统时所交公钥对应的私钥登录。本平台不保存任何"
                                  "登录口令。</p>\n"
                                : "<p>该信息系统登记时未交公钥，云主机内没有可用的登录密钥：请登记"
                                  "公钥后另建，或以镜像自带方式登录。</p>\n");
    page_end(out);
}
