#ifndef BY_POLICIES_TEXT_H
#define BY_POLICIES_TEXT_H
/* Reasons in words: a bounded text in the caller's memory.  Too long is cut at the end, never
 * beyond cap; always NUL-terminated when cap is above 0.  Pure. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text {
    char *s;
    size_t len, cap;
};

struct text text_on(char *s, size_t cap);
void text_add(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/** 1/100 percent as "12.34 %". */
void text_add_percent(struct text *t, uint64_t hundredths);
/** "60 d", "3 h 5 min", "20 s", "250 ms": the two largest units that are not 0. */
void text_add_span(struct text *t, int64_t ms);
#endif
