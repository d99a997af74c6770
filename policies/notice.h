#ifndef BY_POLICIES_NOTICE_H
#define BY_POLICIES_NOTICE_H
/* Notices (通知): their kinds and texts, who takes which, and when the next mail may go.  Pure. */
#include <stdbool.h>
#include <stdint.h>

enum notice_kind {
    NOTICE_KIND_NONE,
#define NOTICE(NAME, word, text) NOTICE_##NAME,
#include "policies/notice.def"
#undef NOTICE
    NOTICE_KIND__MAX
};

#define NOTICE_DIGEST_MS INT64_C(600000) /* between two mails to one account */

/** In English, a key for say(); "" for no kind. */
const char *notice_text(enum notice_kind k);
/** Is the kind among these words, with commas between?  "" names all.  A test goes through. */
bool notice_takes(const char *kinds, enum notice_kind k);
/** Every word is a kind's. */
bool notice_kinds_ok(const char *kinds);
/** When the next mail to an account goes, which was last written to at last_ms (0: never). */
int64_t notice_mail_at(int64_t now_ms, int64_t last_ms);
/** One plain address, NAME@DOMAIN: nothing that a mail server could take for more. */
bool notice_address_ok(const char *address);
/** Where a hook may be: https anywhere, http on this machine only; no password in it. */
bool notice_url_ok(const char *url);
/** May a notice go to this address (IPv6, or IPv4 as ::ffff:a.b.c.d)?  Not to link-local, multicast
 * or reserved ones and not to none; without TLS only to this machine. */
bool notice_ip_ok(const unsigned char ip[16], bool plain);
#endif
