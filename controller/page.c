#include "controller/page.h"

#include <stdio.h>
#include <time.h>

#include "drivers/codec/wire.h"

void
page_text(struct strbuf *out, const char *s)
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

void
page_row(struct strbuf *out, const char *label, const char *value)
{
    strbuf_addf(out, "<tr><th>%s</th><td>", label);
    page_text(out, value);
    strbuf_adds(out, "</td></tr>\n");
}

void
page_time(struct strbuf *out, const char *label, int64_t ms, int tz_minutes)
{
    time_t s = (time_t)(ms / 1000 + (int64_t)tz_minutes * 60);
    struct tm tm;
    char text[64];

    (void)gmtime_r(&s, &tm);
    (void)snprintf(text, sizeof(text), "%d年%d月%d日 %02d:%02d:%02d", tm.tm_year + 1900,
                   tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
    page_row(out, label, text);
}

const char *
page_kind(int kind)
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

void
page_begin(struct strbuf *out, const char *title)
{
    strbuf_addf(
        out,
        "<!DOCTYPE html>\n<html lang=\"zh-CN\"><head><meta charset=\"utf-8\">"
        "<title>%s</title>\n<style>\n"
        "body{font-family:'Noto Serif CJK SC','SimSun',serif;max-width:48em;margin:2em auto;"
        "color:#000}\nh1{text-align:center;letter-spacing:.3em}h2{font-size:1.1em}\n"
        "table{border-collapse:collapse;width:100%%}th,td{border:1px solid #444;"
        "padding:.35em .6em;text-align:left;vertical-align:top}\n"
        "th{width:9em;font-weight:normal;background:#f2f2f2}"
        ".path,.hash{word-break:break-all;font-family:monospace;font-size:.85em}\n"
        "@media print{body{margin:0}}\n</style></head><body>\n<h1>%s</h1>\n",
        title, title);
}

void
page_end(struct strbuf *out)
{
    strbuf_adds(out, "</body></html>\n");
}
