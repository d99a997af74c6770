#ifndef BY_DRIVERS_NET_HEAD_H
#define BY_DRIVERS_NET_HEAD_H
/* A strict look at the head of a request before libevent's lenient parser gets it: this one only
 * refuses.  What passes has one reading: CRLF line ends, no folded lines, one Host, at most one
 * Content-Length, no Transfer-Encoding, a body only where a body belongs.  Pure. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/base/error.h"

#define HEAD_MAX_FIELDS 64

struct head {
    char method[8];
    const char *target; /* into the text; printable ASCII */
    size_t target_len;
    int64_t content_length; /* 0 without a body */
};

/** text ends with the empty line (CRLF CRLF).  On -1 *status is the HTTP status to answer with and
 * *out is unchanged. */
int head_scan(const char *text, size_t len, struct head *out, int *status, struct err *e);
/** The value of its first Accept-Language, for the answer to a head that is refused; "" without. */
void head_language(const char *text, size_t len, char *out, size_t size);
#endif
