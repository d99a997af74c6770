#ifndef BY_AGENT_ENROL_H
#define BY_AGENT_ENROL_H
/* Enrolment and renewal: the key is made here and never leaves; the controller's CA is pinned by
 * its SHA-256, the root's public key by the answer given under that CA.  Threads: one owner. */
#include "agent/ident.h"
#include "drivers/base/error.h"

struct enrol_request {
    const char *url;        /* the people's listener, https://host:port */
    const char *agents_url; /* the agents' listener; NULL: as url with port 8443 */
    const char *name;       /* host name, as the token was made for */
    const char *ca_sha256;  /* pin */
    const char *token_file; /* the one-time token, alone in a file */
    const char *dir;        /* folder to make */
    bool again;             /* a new incarnation of an enrolled host; receipts stay */
};

/** Ask for a certificate and write the folder; an enrolled one is CONFLICT unless again. */
int enrol_run(const struct enrol_request *q, struct err *e);
/** When a certificate of that validity is renewed: from two thirds of its life on, and each host at
 * its own time within a twelfth of it, so that hosts that were enrolled together do not come back
 * together. */
int64_t enrol_renew_at(const char *host, int64_t from, int64_t to);
/** A new key and request, for renewal: texts in the arena. */
int enrol_renew_request(const struct ident *id, struct arena *a, const char **key_pem,
                        const char **body, struct err *e);
/** Check the answer and make it current: id is changed to the new serial and files. */
int enrol_renew_take(struct ident *id, struct arena *a, const char *key_pem, const char *answer,
                     size_t len, struct err *e);
#endif
