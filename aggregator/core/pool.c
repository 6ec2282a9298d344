/*
 * Pools and interned strings of a partition. See pool.h.
 */
#include "aggregator/core/pool.h"

#include <string.h>

static void *element(const struct partition *p, const struct pool *pool, uint32_t index)
{
    return (uint8_t *)(uintptr_t)p + pool->at + (size_t)index * pool->element_bytes;
}

uint32_t pool_room(const struct partition *p, enum pool_id id)
{
    const struct pool *pool = &p->pools[id];

    return pool->cap - pool->used + pool->free_n;
}

uint32_t pool_take(struct partition *p, enum pool_id id)
{
    struct pool *pool = &p->pools[id];
    uint32_t index;

    if (pool->free_head != 0) {
        index = pool->free_head;
        memcpy(&pool->free_head, element(p, pool, index), sizeof pool->free_head);
        pool->free_n--;
    } else {
        assert(pool->used < pool->cap);
        index = pool->used++;
    }
    memset(element(p, pool, index), 0, pool->element_bytes);
    return index;
}

void pool_give(struct partition *p, enum pool_id id, uint32_t index)
{
    struct pool *pool = &p->pools[id];

    assert(index != 0 && index < pool->used);
    memcpy(element(p, pool, index), &pool->free_head, sizeof pool->free_head);
    pool->free_head = index;
    pool->free_n++;
}

/* FNV-1a, folded: the content is not hostile to us in a way that matters (one tenant's names can at
 * worst slow down that partition's interning), and the hash never reaches any output. */
uint32_t bytes_hash(struct bytes b)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < b.len; i++)
        h = (h ^ b.ptr[i]) * UINT64_C(0x100000001b3);
    return (uint32_t)(h ^ h >> 32);
}

static uint32_t size_class_of(size_t len)
{
    uint32_t class = 0;

    for (size_t room = BLOB_MIN_BYTES; room < len; room *= 2)
        class ++;
    assert(class < BLOB_CLASSES);
    return class;
}

uint64_t blob_footprint(size_t len)
{
    return (uint64_t)BLOB_MIN_BYTES << size_class_of(len);
}

bool blob_room(const struct partition *p, uint32_t n, uint64_t bytes)
{
    const struct pool *pool = &p->pools[POOL_BLOBS];

    return pool->cap - pool->used >= n && p->blob_bytes_cap - p->blob_bytes_used >= bytes;
}

static struct blob *blob_at(const struct partition *p, blob_ref ref)
{
    return pool_at(p, POOL_BLOBS, ref);
}

static uint32_t *blob_buckets(const struct partition *p)
{
    return (uint32_t *)(uintptr_t)((const uint8_t *)p + p->blob_buckets_at);
}

struct bytes blob_get(const struct partition *p, blob_ref ref)
{
    if (ref == 0)
        return bytes_of(NULL, 0);
    const struct blob *b = blob_at(p, ref);
    return bytes_of((const uint8_t *)p + p->blob_bytes_at + b->offset, b->len);
}

blob_ref blob_find(const struct partition *p, struct bytes content)
{
    if (content.len == 0)
        return 0;
    uint32_t hash = bytes_hash(content);
    blob_ref ref = blob_buckets(p)[hash & (p->blob_buckets_n - 1)];
    while (ref != 0) {
        const struct blob *b = blob_at(p, ref);
        if (b->hash == hash && bytes_equal(blob_get(p, ref), content))
            return ref;
        ref = b->next;
    }
    return 0;
}

static blob_ref blob_new(struct partition *p, struct bytes content)
{
    uint32_t class = size_class_of(content.len);
    blob_ref ref = p->blob_free[class];

    if (ref != 0) {
        p->blob_free[class] = blob_at(p, ref)->next;
    } else {
        ref = pool_take(p, POOL_BLOBS);
        struct blob *b = blob_at(p, ref);
        b->size_class = class;
        b->offset = p->blob_bytes_used;
        assert(p->blob_bytes_cap - p->blob_bytes_used >= (uint32_t)BLOB_MIN_BYTES << class);
        p->blob_bytes_used += (uint32_t)BLOB_MIN_BYTES << class;
    }
    struct blob *b = blob_at(p, ref);
    b->len = (uint32_t)content.len;
    memcpy((uint8_t *)p + p->blob_bytes_at + b->offset, content.ptr, content.len);
    return ref;
}

blob_ref blob_intern(struct partition *p, struct bytes content)
{
    if (content.len == 0)
        return 0;
    blob_ref ref = blob_find(p, content);
    if (ref != 0)
        return blob_retain(p, ref);
    ref = blob_new(p, content);
    struct blob *b = blob_at(p, ref);
    b->refs = 1;
    b->hash = bytes_hash(content);
    uint32_t *bucket = &blob_buckets(p)[b->hash & (p->blob_buckets_n - 1)];
    b->next = *bucket;
    *bucket = ref;
    return ref;
}

blob_ref blob_retain(struct partition *p, blob_ref ref)
{
    if (ref != 0)
        blob_at(p, ref)->refs++;
    return ref;
}

void blob_release(struct partition *p, blob_ref ref)
{
    if (ref == 0)
        return;
    struct blob *b = blob_at(p, ref);
    assert(b->refs > 0);
    if (--b->refs > 0)
        return;
    uint32_t *link = &blob_buckets(p)[b->hash & (p->blob_buckets_n - 1)];
    while (*link != ref)
        link = &blob_at(p, *link)->next;
    *link = b->next;
    b->next = p->blob_free[b->size_class];
    p->blob_free[b->size_class] = ref;
}

int blob_compare(const struct partition *p, blob_ref a, blob_ref b)
{
    return a == b ? 0 : bytes_compare(blob_get(p, a), blob_get(p, b));
}
