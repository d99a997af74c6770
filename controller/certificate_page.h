#ifndef BY_CONTROLLER_CERTIFICATE_PAGE_H
#define BY_CONTROLLER_CERTIFICATE_PAGE_H
/* The erasure certificate as a printable Chinese page (数据清除证明): one HTML file that needs
 * nothing from outside.  Every value is escaped.  The signed JSON is the certificate; the page is
 * its likeness and says so.  Threads: any. */
#include "drivers/base/strbuf.h"
#include "drivers/codec/wire.h"

/** Append the page.  paper_sha256: hash of the signed envelope, printed on the page;
 * tz_minutes: offset of the city's time from UTC. */
void certificate_page(const struct w_certificate *c, const char *paper_sha256, int tz_minutes,
                      struct strbuf *out);
#endif
