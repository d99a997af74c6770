#ifndef BY_DRIVERS_CRYPTO_MERKLE_H
#define BY_DRIVERS_CRYPTO_MERKLE_H
/* Merkle trees as in RFC 6962, section 2.1: leaf = H(0x00 || data), node = H(0x01 || left ||
 * right), an odd node moves up unchanged.  Threads: a built tree is immutable. */
#include "drivers/base/arena.h"
#include "drivers/codec/wire.h"
#include "drivers/crypto/digest.h"

enum { MERKLE_MAX_LEVELS = 21, MERKLE_MAX_LEAVES = 1 << 20 };

struct merkle_hash {
    uint8_t b[DIGEST_BYTES];
};
struct merkle {
    enum digest_alg alg;
    size_t levels;                                /* level 0 has the leaves, the last the root */
    struct merkle_hash *level[MERKLE_MAX_LEVELS]; /* in the arena */
    size_t n[MERKLE_MAX_LEVELS];
};

/** Hash of one leaf whose data comes in parts (at most 7). */
struct merkle_hash merkle_leaf(enum digest_alg alg, const struct digest_part *parts, size_t n);
/** Build over n leaf hashes (1 to MERKLE_MAX_LEAVES, else INVALID). */
int merkle_build(enum digest_alg alg, const struct merkle_hash *leaves, size_t n, struct arena *a,
                 struct merkle *out, struct err *e);
const struct merkle_hash *merkle_root(const struct merkle *m);
/** Path of leaf i, siblings from the leaf up; says how many steps (room: MERKLE_MAX_LEVELS). */
size_t merkle_path(const struct merkle *m, size_t i, struct w_path_step *steps);
/** The root that a leaf and a path of n steps lead to; INVALID when a hash is malformed. */
int merkle_follow(enum digest_alg alg, const struct merkle_hash *leaf,
                  const struct w_path_step *steps, size_t n, struct merkle_hash *root,
                  struct err *e);
#endif
