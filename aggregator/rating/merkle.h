/*
 * The Merkle tree over an hour's tenant manifests (R13): a tenant can check that its manifest is
 * one of those that the hour's root stands for without seeing any other's. Pure.
 *
 * The tree of RFC 6962, built level by level: pairs are hashed, a lone last node moves up
 * unchanged. leaf = SHA-256(00 ‖ SHA-256(statement))    node = SHA-256(01 ‖ left ‖ right) root of
 * no leaves = SHA-256(nothing)
 */
#ifndef AGGREGATOR_RATING_MERKLE_H
#define AGGREGATOR_RATING_MERKLE_H

#include "common/bytes.h"

enum { MERKLE_HASH_BYTES = 32, MERKLE_PATH_MAX = 33 };

struct merkle_hash {
    uint8_t bytes[MERKLE_HASH_BYTES];
};

struct merkle_hash merkle_leaf(struct bytes statement);

/* How many hashes merkle_build's array holds for `leaves_n` leaves, the leaves included; ≥ 1. */
size_t merkle_nodes(size_t leaves_n);
/* `tree` holds the leaves first, in order; fills in the rest up to the root. */
void merkle_build(struct merkle_hash *tree, size_t leaves_n);
struct merkle_hash merkle_root(const struct merkle_hash *tree, size_t leaves_n);

/* The siblings of leaf `index` from the bottom up; returns how many. */
size_t merkle_path(const struct merkle_hash *tree, size_t leaves_n, size_t index,
                   struct merkle_hash path[MERKLE_PATH_MAX]);
bool merkle_check(const struct merkle_hash *leaf, size_t index, size_t leaves_n,
                  const struct merkle_hash *path, size_t path_n, const struct merkle_hash *root);

#endif
