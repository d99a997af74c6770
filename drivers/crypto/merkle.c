#include "drivers/crypto/merkle.h"

#include <stdlib.h>
#include <string.h>

static struct merkle_hash
merkle_node(enum digest_alg alg, const struct merkle_hash *left, const struct merkle_hash *right)
{
    const struct digest_part parts[] = {
        {"\x01", 1}, {left->b, DIGEST_BYTES}, {right->b, DIGEST_BYTES}};
    struct merkle_hash h;

    digest_parts(alg, parts, 3, h.b);
    return h;
}

struct merkle_hash
merkle_leaf(enum digest_alg alg, const struct digest_part *parts, size_t n)
{
    struct digest_part all[8] = {{"\x00", 1}};
    struct merkle_hash h;

    if (n > 7)
        abort();
    for (size_t i = 0; i < n; i++)
        all[i + 1] = parts[i];
    digest_parts(alg, all, n + 1, h.b);
    return h;
}

int
merkle_build(enum digest_alg alg, const struct merkle_hash *leaves, size_t n, struct arena *a,
             struct merkle *out, struct err *e)
{
    struct merkle m = {.alg = alg, .levels = 1};

    if (n == 0 || n > MERKLE_MAX_LEAVES)
        return err_set(e, BY_E_INVALID, "a Merkle tree has 1 to %d leaves, not %zu",
                       MERKLE_MAX_LEAVES, n);
    m.n[0] = n;
    m.level[0] = arena_alloc(a, n * sizeof(*leaves));
    memcpy(m.level[0], leaves, n * sizeof(*leaves));
    for (; m.n[m.levels - 1] > 1; m.levels++) {
        const struct merkle_hash *below = m.level[m.levels - 1];
        size_t count = m.n[m.levels - 1];
        struct merkle_hash *here = arena_alloc(a, (count + 1) / 2 * sizeof(*here));

        for (size_t i = 0; i < count; i += 2)
            here[i / 2] = i + 1 < count ? merkle_node(alg, &below[i], &below[i + 1]) : below[i];
        m.level[m.levels] = here;
        m.n[m.levels] = (count + 1) / 2;
    }
    *out = m;
    return 0;
}

const struct merkle_hash *
merkle_root(const struct merkle *m)
{
    return &m->level[m->levels - 1][0];
}

size_t
merkle_path(const struct merkle *m, size_t i, struct w_path_step *steps)
{
    size_t n = 0;

    for (size_t l = 0; l + 1 < m->levels; l++, i /= 2) {
        size_t sibling = i ^ 1;

        if (sibling >= m->n[l])
            continue; /* the odd one moves up */
        steps[n] = (struct w_path_step){.left = sibling < i};
        digest_hex(m->level[l][sibling].b, steps[n].hash);
        n++;
    }
    return n;
}

int
merkle_follow(enum digest_alg alg, const struct merkle_hash *leaf, const struct w_path_step *steps,
              size_t n, struct merkle_hash *root, struct err *e)
{
    struct merkle_hash at = *leaf, sibling;

    for (size_t i = 0; i < n; i++) {
        if (digest_from_hex(steps[i].hash, sibling.b, e) < 0)
            return err_wrap(e, "Merkle path, step %zu", i);
        at = steps[i].left ? merkle_node(alg, &sibling, &at) : merkle_node(alg, &at, &sibling);
    }
    *root = at;
    return 0;
}
