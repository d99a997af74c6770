#include "controller/notice_text.h"

#include "policies/calendar.h"

void
notice_line(enum say_lang lang, const struct notice *n, int64_t utc_offset_min, struct strbuf *out)
{
    strbuf_addf(out, "%s", say(lang, notice_text(n->kind)));
    if (n->title != NULL && n->title[0] != '\0')
        strbuf_addf(out, lang == SAY_ZH ? "：%s" : ": %s", n->title);
    if (n->due_ms > 0) {
        char day[16];

        /* The last instant that is still in time. */
        cal_text(cal_day_of_ms(n->due_ms - 1, (int32_t)utc_offset_min), day);
        strbuf_addf(out, say(lang, " (until %s)"), day);
    }
}
