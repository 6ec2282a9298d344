/*
 * The Merkle tree over an hour's tenant manifests; see the header.
 */
#include "aggregator/rating/merkle.h"

#include <assert.h>

#include "common/sha256.h"

struct merkle_hash merkle_leaf(struct bytes statement)
{
    uint8_t prefixed[1 + MERKLE_HASH_BYTES] = {0};
    struct merkle_hash leaf;

    sha256_of(statement, prefixed + 1);
    sha256_of(bytes_of(prefixed, sizeof prefixed), leaf.bytes);
    return leaf;
}

static struct merkle_hash parent(const struct merkle_hash *left, const struct merkle_hash *right)
{
    uint8_t joined[1 + 2 * MERKLE_HASH_BYTES] = {1};
    struct merkle_hash node;

    memcpy(joined + 1, left->bytes, MERKLE_HASH_BYTES);
    memcpy(joined + 1 + MERKLE_HASH_BYTES, right->bytes, MERKLE_HASH_BYTES);
    sha256_of(bytes_of(joined, sizeof joined), node.bytes);
    return node;
}

size_t merkle_nodes(size_t leaves_n)
{
    size_t n = leaves_n > 0 ? leaves_n : 1;

    for (size_t level = leaves_n; level > 1; level = (level + 1) / 2)
        n += (level + 1) / 2;
    return n;
}

void merkle_build(struct merkle_hash *tree, size_t leaves_n)
{
    if (leaves_n == 0)
        sha256_of(bytes_of(NULL, 0), tree[0].bytes);
    for (size_t level = leaves_n; level > 1; level = (level + 1) / 2) {
        struct merkle_hash *above = tree + level;

        for (size_t i = 0; i + 1 < level; i += 2)
            above[i / 2] = parent(&tree[i], &tree[i + 1]);
        if (level % 2 == 1)
            above[level / 2] = tree[level - 1];
        tree = above;
    }
}

struct merkle_hash merkle_root(const struct merkle_hash *tree, size_t leaves_n)
{
    return tree[merkle_nodes(leaves_n) - 1];
}

size_t merkle_path(const struct merkle_hash *tree, size_t leaves_n, size_t index,
                   struct merkle_hash path[MERKLE_PATH_MAX])
{
    size_t n = 0;

    assert(index < leaves_n);
    for (size_t level = leaves_n; level > 1; level = (level + 1) / 2) {
        size_t sibling = index ^ 1;

        if (sibling < level)
            path[n++] = tree[sibling];
        tree += level;
        index /= 2;
    }
    return n;
}

bool merkle_check(const struct merkle_hash *leaf, size_t index, size_t leaves_n,
                  const struct merkle_hash *path, size_t path_n, const struct merkle_hash *root)
{
    struct merkle_hash node = *leaf;
    size_t used = 0;

    if (index >= leaves_n)
        return false;
    for (size_t level = leaves_n; level > 1; level = (level + 1) / 2) {
        if ((index ^ 1) < level) {
            if (used == path_n)
                return false;
            node = index % 2 == 0 ? parent(&node, &path[used]) : parent(&path[used], &node);
            used++;
        }
        index /= 2;
    }
    return used == path_n && memcmp(node.bytes, root->bytes, MERKLE_HASH_BYTES) == 0;
}
