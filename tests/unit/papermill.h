#ifndef BY_TESTS_UNIT_PAPERMILL_H
#define BY_TESTS_UNIT_PAPERMILL_H
/* Papers for tests of the agent: a root, the bureau's and the controller's keys, a statement that
 * names them, one grant of a network, a volume and a machine, and orders on them.  Aborts when
 * anything fails.  Threads: one. */
#include "drivers/base/arena.h"
#include "drivers/codec/wire.h"
#include "drivers/crypto/paper.h"

struct mill {
    struct arena a;
    struct sigkey *root, *bureau, *controller, *stranger;
    const char *root_pem, *keys; /* keys: the statement's envelope */
    struct w_grant grant;
    const char *grant_text;
    char host[W_ID], store[W_ID];
    char net[W_ID], vol[W_ID], vm[W_ID], root_vol[W_ID], seed_vol[W_ID];
    char image[W_HASH];
    int64_t now_ms;
};

/** image: SHA-256 of the base image. */
void mill_open(struct mill *m, const char *alg, const char *image);
void mill_close(struct mill *m);
/** Orders of generation 1, before signing; change what the test is about. */
void mill_net_order(struct mill *m, struct w_order *o);
void mill_vol_order(struct mill *m, struct w_order *o);
void mill_vm_order(struct mill *m, struct w_order *o);
/** Sign; text lives as long as the mill. */
const char *mill_sign_order(struct mill *m, const struct sigkey *k, const struct w_order *o);
const char *mill_sign_grant(struct mill *m, const struct sigkey *k, const struct w_grant *g);
const char *mill_sign_plan(struct mill *m, const struct sigkey *k, const struct w_plan *p);
/** A plan of one line on a resource. */
void mill_plan(struct mill *m, struct w_plan *p, int kind, const char *resource, int verb);
/** A full answer with keys, the grant and these orders; plans may be added by the caller. */
void mill_answer(struct mill *m, const char *const *orders, size_t n, struct w_desired_answer *out);
#endif
