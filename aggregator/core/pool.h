/*
 * Pools of fixed-size elements and interned strings inside a partition's block. Private to core/.
 *
 * Taking from a pool never fails: partition_step asks pool_room and blob_room before it changes
 * anything. An element taken is zeroed; index 0 is never taken.
 */
#ifndef AGGREGATOR_CORE_POOL_H
#define AGGREGATOR_CORE_POOL_H

#include "aggregator/core/state.h"

/* Elements that can still be taken. */
uint32_t pool_room(const struct partition *p, enum pool_id id);
uint32_t pool_take(struct partition *p, enum pool_id id);
void pool_give(struct partition *p, enum pool_id id, uint32_t index);

/* Whether `n` more blobs of together `bytes` bytes (blob_footprint each) fit. */
bool blob_room(const struct partition *p, uint32_t n, uint64_t bytes);
/* Bytes that a blob of `len` bytes takes in the worst case. */
uint64_t blob_footprint(size_t len);
/* The blob with this content, one reference more. The empty string is 0 and not counted. */
blob_ref blob_intern(struct partition *p, struct bytes content);
/* The blob with this content, or 0 if there is none; no reference. */
blob_ref blob_find(const struct partition *p, struct bytes content);
blob_ref blob_retain(struct partition *p, blob_ref ref);
void blob_release(struct partition *p, blob_ref ref);
/* Content, 16-byte aligned; valid until the block moves or the blob is released. */
struct bytes blob_get(const struct partition *p, blob_ref ref);
int blob_compare(const struct partition *p, blob_ref a, blob_ref b);

uint32_t bytes_hash(struct bytes b);

#endif
