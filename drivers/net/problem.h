#ifndef BY_DRIVERS_NET_PROBLEM_H
#define BY_DRIVERS_NET_PROBLEM_H
/* Problem documents (RFC 9457): errors between programs.  Pure. */
#include "drivers/base/error.h"
#include "drivers/base/strbuf.h"
#include "policies/say.h"

/** Append the document of *e, its detail in this language; request "" when there is none. */
void problem_write(int status, const struct err *e, enum say_lang l, const char *request,
                   struct strbuf *out);
/** The opposite: *e from a document, or from the status alone when the text is no document. */
void problem_read(int status, const char *text, size_t len, struct err *e);
/** The phrase of the status line. */
const char *problem_phrase(int status);
#endif
