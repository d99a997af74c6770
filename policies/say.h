#ifndef BY_POLICIES_SAY_H
#define BY_POLICIES_SAY_H
/* Texts for people in English and Chinese, out of one table (say_zh.def).  The English is the key:
 * what has no row is said in English, and a test fails.  Notices, printed forms and the command
 * line use it; the words of JSON, logs and the ledger stay English.  Pure. */
#include <stdbool.h>
#include <stddef.h>

enum say_lang { SAY_EN, SAY_ZH };

struct say_row {
    const char *en, *zh;
};
extern const struct say_row say_rows[];
extern const size_t say_rows_count;

/** The text in this language; a constant.  gcc checks the arguments of printf against the English.
 */
const char *say(enum say_lang l, const char *english) __attribute__((format_arg(2)));
bool say_has(const char *english);
/** From zh_CN.UTF-8, zh, en …; NULL or another: English. */
enum say_lang say_lang_of(const char *locale);
/** Same conversions of printf in both: in the same order, or each of the Chinese numbered (%1$s)?
 */
bool say_fits(const struct say_row *r);

/* A format piece by piece. */
struct say_part {
    const char *before; /* literal text */
    size_t before_len;
    char kind;        /* of the conversion after it: d, s …; '%': a percent sign; 0: the end */
    unsigned arg;     /* N of %N$s; 0: the next one */
    const char *spec; /* the conversion without % and N$: ".16s", "llu" */
    size_t spec_len;
};
/** The next piece; returns where the one after it begins. */
const char *say_part(const char *format, struct say_part *out);
#endif
