#ifndef BY_CONTROLLER_AUTH_H
#define BY_CONTROLLER_AUTH_H
/* Who is calling: sessions by the SHA-256 of their token, hosts by the fingerprint of their
 * certificate.  All of them are here, read from the store at start and changed only after a commit,
 * so a miss is a refusal and needs no look into the store.  Threads: any. */
#include <stdint.h>

#include "controller/api.h"
#include "drivers/base/error.h"
#include "drivers/db/db.h"

#define AUTH_SESSIONS 20000         /* at once, all accounts */
#define AUTH_SESSIONS_OF_ACCOUNT 32 /* a new one ends the oldest */
#define AUTH_TOKEN_SESSION "bys_"   /* prefixes, for secret scanners */
#define AUTH_TOKEN_ONE_TIME "byo_"
#define AUTH_TOKEN_HOST "byh_"
#define AUTH_TOKEN_SCRAPE "bym_"

struct auth;

struct auth_session {
    char token_sha256[W_HASH];
    struct caller who;
    int64_t expires_ms;
    int64_t idle_ms; /* ends when not used for so long; 0: never */
    int64_t used_ms;
};
struct auth_cert {
    char fingerprint[W_HASH];
    char host[W_ID];
    uint64_t incarnation;
    int64_t not_after_ms;
};

int auth_new(struct auth **out, struct err *e);
void auth_free(struct auth *a);
/** Replace everything by what the store has. */
int auth_load(struct auth *a, struct db *d, int64_t now_ms, struct err *e);

/** UNAUTHENTICATED when the token is unknown or expired. */
int auth_session_find(struct auth *a, const char *token, int64_t now_ms, struct caller *out,
                      struct err *e);
/** The session is still there and has not ended. */
bool auth_session_alive(struct auth *a, const char *token_sha256, int64_t now_ms);
void auth_session_add(struct auth *a, const struct auth_session *s);
void auth_session_end(struct auth *a, const char *token_sha256);
/** End every session of an account but `keep` (NULL: all). */
void auth_account_end(struct auth *a, const char *account, const char *keep);
/** Forget the sessions that have ended by themselves. */
void auth_sweep(struct auth *a, int64_t now_ms);
size_t auth_session_count(struct auth *a);
/** The token that reads metrics and nothing else; its hash "" ends it. */
void auth_scrape_set(struct auth *a, const char *token_sha256);
bool auth_scrape_is(struct auth *a, const char *token);

/** UNAUTHENTICATED unless the fingerprint is in force and the URI of the certificate agrees. */
int auth_cert_find(struct auth *a, const char *fingerprint, const char *uri, int64_t now_ms,
                   struct caller *out, struct err *e);
/** Of one that auth_cert_find() refuses, and that TLS has checked: true when the store does not
 * know it at all, as after an older backup was put back, and has another one of that host and
 * incarnation in force.  Its holder may ask for a new certificate, and nothing else. */
bool auth_cert_lost(struct auth *a, const char *fingerprint, const char *uri, int64_t now_ms,
                    struct caller *out);
void auth_cert_add(struct auth *a, const struct auth_cert *c);
/** Forget one certificate. */
void auth_cert_end(struct auth *a, const char *fingerprint);
/** Forget every certificate of a host but `keep` (NULL: all); gone(fingerprint) for each. */
void auth_host_end(struct auth *a, const char *host, const char *keep,
                   void (*gone)(void *arg, const char *fingerprint), void *arg);
/** When the host last spoke, in memory; 0 not since the start. */
int64_t auth_host_seen(struct auth *a, const char *host);
#endif
