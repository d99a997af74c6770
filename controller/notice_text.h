#ifndef BY_CONTROLLER_NOTICE_TEXT_H
#define BY_CONTROLLER_NOTICE_TEXT_H
/* Notices in words.  Threads: any. */
#include "controller/notice.h"
#include "drivers/base/strbuf.h"
#include "policies/say.h"

/** One line for people: text, title, due day in the city's time. */
void notice_line(enum say_lang lang, const struct notice *n, int64_t utc_offset_min,
                 struct strbuf *out);
#endif
