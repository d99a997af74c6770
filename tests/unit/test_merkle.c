#include <CUnit/CUnit.h>
#include <string.h>

#include "drivers/base/scope.h"
#include "drivers/crypto/merkle.h"

/* The eight leaves and the roots of their prefixes that implementations of RFC 6962 share. */
static const char *const leaf_data[8] = {
    "",
    "\x00",
    "\x10",
    "\x20\x21",
    "\x30\x31",
    "\x40\x41\x42\x43",
    "\x50\x51\x52\x53\x54\x55\x56\x57",
    "\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
};
static const size_t leaf_len[8] = {0, 1, 1, 2, 2, 4, 8, 16};
static const char *const known_roots[8] = {
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
};

static void
gives_the_known_roots_of_rfc_6962(void)
{
    SCOPED(arena) struct arena a = {0};
    struct merkle_hash leaves[8];
    struct err e = {0};

    for (size_t n = 1; n <= 8; n++) {
        struct merkle m;
        char hex[65];

        leaves[n - 1] =
            merkle_leaf(DIGEST_SHA256, &(struct digest_part){leaf_data[n - 1], leaf_len[n - 1]}, 1);
        CU_ASSERT_EQUAL_FATAL(merkle_build(DIGEST_SHA256, leaves, n, &a, &m, &e), 0);
        digest_hex(merkle_root(&m)->b, hex);
        CU_ASSERT_STRING_EQUAL(hex, known_roots[n - 1]);
    }
}

/* The definition of the RFC, word for word, as a second opinion. */
static struct merkle_hash
root_by_definition(enum digest_alg alg, const struct merkle_hash *d, size_t n)
{
    struct merkle_hash left, right, h;
    size_t k = 1;

    if (n == 1)
        return d[0];
    while (k * 2 < n)
        k *= 2;
    left = root_by_definition(alg, d, k);
    right = root_by_definition(alg, d + k, n - k);
    const struct digest_part parts[] = {{"\x01", 1}, {left.b, 32}, {right.b, 32}};
    digest_parts(alg, parts, 3, h.b);
    return h;
}

static void
every_path_leads_to_the_root_and_no_other_leaf_does(void)
{
    static const enum digest_alg algs[] = {DIGEST_SHA256, DIGEST_SM3};
    struct merkle_hash leaves[17];

    for (size_t g = 0; g < 2; g++)
        for (size_t n = 1; n <= 17; n++) {
            SCOPED(arena) struct arena a = {0};
            struct merkle_hash root, want;
            struct err e = {0};
            struct merkle m;

            for (size_t i = 0; i < n; i++)
                leaves[i] = merkle_leaf(algs[g], &(struct digest_part){&i, sizeof(i)}, 1);
            CU_ASSERT_EQUAL_FATAL(merkle_build(algs[g], leaves, n, &a, &m, &e), 0);
            want = root_by_definition(algs[g], leaves, n);
            CU_ASSERT_EQUAL(memcmp(&want, merkle_root(&m), sizeof(want)), 0);
            for (size_t i = 0; i < n; i++) {
                struct w_path_step steps[MERKLE_MAX_LEVELS];
                size_t len = merkle_path(&m, i, steps);

                CU_ASSERT_EQUAL(merkle_follow(algs[g], &leaves[i], steps, len, &root, &e), 0);
                CU_ASSERT_EQUAL(memcmp(&root, &want, sizeof(root)), 0);
                for (size_t k = 0; k < n; k++) {
                    (void)merkle_follow(algs[g], &leaves[k], steps, len, &root, &e);
                    CU_ASSERT_EQUAL(memcmp(&root, &want, sizeof(root)) == 0, k == i);
                }
                if (len > 0) { /* a step turned to the other side */
                    steps[len - 1].left = !steps[len - 1].left;
                    (void)merkle_follow(algs[g], &leaves[i], steps, len, &root, &e);
                    CU_ASSERT_NOT_EQUAL(memcmp(&root, &want, sizeof(root)), 0);
                }
            }
        }
}

static void
an_inner_node_is_no_leaf(void)
{
    SCOPED(arena) struct arena a = {0};
    struct merkle_hash leaves[2], as_leaf;
    struct err e = {0};
    struct merkle m;

    for (size_t i = 0; i < 2; i++)
        leaves[i] = merkle_leaf(DIGEST_SHA256, &(struct digest_part){&i, sizeof(i)}, 1);
    CU_ASSERT_EQUAL_FATAL(merkle_build(DIGEST_SHA256, leaves, 2, &a, &m, &e), 0);
    as_leaf = merkle_leaf(DIGEST_SHA256, &(struct digest_part){leaves, sizeof(leaves)}, 1);
    CU_ASSERT_NOT_EQUAL(memcmp(&as_leaf, merkle_root(&m), sizeof(as_leaf)), 0);
}

static void
refuses_empty_trees_and_broken_paths(void)
{
    SCOPED(arena) struct arena a = {0};
    struct w_path_step step = {.hash = "xyz"};
    struct merkle_hash h = {{1}}, root = {{7}};
    struct merkle m = {.levels = 77};
    struct err e = {0};

    CU_ASSERT_EQUAL(merkle_build(DIGEST_SHA256, &h, 0, &a, &m, &e), -1);
    CU_ASSERT_EQUAL(m.levels, 77);
    CU_ASSERT_EQUAL(merkle_follow(DIGEST_SHA256, &h, &step, 1, &root, &e), -1);
    CU_ASSERT_EQUAL(root.b[0], 7);
}

CU_TestInfo merkle_tests[] = {
    {"gives the known roots of RFC 6962", gives_the_known_roots_of_rfc_6962},
    {"every path leads to the root and no other leaf does",
     every_path_leads_to_the_root_and_no_other_leaf_does},
    {"an inner node is no leaf", an_inner_node_is_no_leaf},
    {"refuses empty trees and broken paths", refuses_empty_trees_and_broken_paths},
    CU_TEST_INFO_NULL,
};
