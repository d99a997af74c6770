#ifndef BY_CONTROLLER_SIGNER_H
#define BY_CONTROLLER_SIGNER_H
/* Papers that a bureau account signed: the signature is checked on a worker, and that the key is
 * the caller's own in the writer.  Threads: as said. */
#include "controller/api.h"

struct signed_paper {
    const char *text;         /* the envelope, verbatim */
    const char *body;         /* the exact signed text */
    char key[W_HASH];         /* id of the key */
    char body_sha256[W_HASH]; /* of body */
};
/** On a worker: signature, key in force and for grants.  In the arena. */
int signer_open(struct api_call *k, const char *text, const char *purpose, struct signed_paper *out,
                struct err *e);
/** In the writer: the key belongs to the caller, who is the approver that the paper names. */
int signer_check(const struct api_call *k, struct tx *t, const struct signed_paper *p,
                 const char *approver, struct err *e);
#endif
