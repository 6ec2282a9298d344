/*
 * What a running decoder knows, and how it reads each kind of value: the parts of event_decode.c,
 * which puts them together. Private, and inline because the hot path of replay consists of it.
 *
 * A reading function takes the next byte of the record and returns the byte after the value, or
 * NULL with d->err set.
 */
#ifndef SCHEMAS_C_DECODE_STATE_H
#define SCHEMAS_C_DECODE_STATE_H

#include <endian.h>

#include "common/err.h"
#include "schemas/c/avro_buffer.h"
#include "schemas/c/avro_varint.h"
#include "schemas/c/decoder_ops.h"
#include "schemas/c/event.h"

#define LIKELY(x)     __builtin_expect(!!(x), 1)
#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* What arrays and maps of the record take elements from. */
static const struct pool {
    uint32_t at; /* offset in the arena */
    uint32_t element_bytes;
    uint32_t max;
} pools[] = {
    {offsetof(struct event_arena, runs), sizeof(struct event_run), EVENT_RUNS_MAX},
    {offsetof(struct event_arena, cpu_ids), sizeof(int32_t), EVENT_CPU_IDS_MAX},
    {offsetof(struct event_arena, pairs), sizeof(struct event_pair), EVENT_PAIRS_MAX},
};

enum { POOL_RUNS, POOL_CPU_IDS, POOL_PAIRS, POOL_N };

/* An array or map that is being read; an element's base is `stride` after that of the one before.
 */
struct loop {
    uint8_t *outer_base;
    const uint8_t *block_end; /* NULL: the block does not state its size */
    uint64_t left;            /* elements of the block from the current one on */
    uint32_t *n;              /* elements of the array so far; NULL: skipped */
    uint32_t stride;          /* 0: skipped */
    uint32_t pool;
};

struct decode {
    const uint8_t *end;
    enum err err; /* valid when a function returned NULL instead of the next byte */
    uint32_t used[POOL_N];
    uint8_t *arena;
    struct loop *loop; /* the innermost; loops[0]: none */
    struct loop loops[1 + DECODER_NESTING_MAX];
};

static const uint8_t *fail(struct decode *d, enum err err)
{
    d->err = err;
    return NULL;
}

static __attribute__((noinline)) struct avro_varint get_varint_slowly(struct decode *d,
                                                                      const uint8_t *p)
{
    struct avro_reader r = {p, d->end};
    int64_t value;
    enum err err = avro_get_long(&r, &value);

    if (err != ERR_OK)
        return (struct avro_varint){fail(d, err), 0};
    return (struct avro_varint){r.ptr, ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0)};
}

ALWAYS_INLINE struct avro_varint get_varint(struct decode *d, const uint8_t *p)
{
    struct avro_varint v = avro_varint_fast(p, d->end);

    return LIKELY(v.next != NULL) ? v : get_varint_slowly(d, p);
}

ALWAYS_INLINE const uint8_t *get_long(struct decode *d, const uint8_t *p, int64_t *value)
{
    struct avro_varint v = get_varint(d, p);

    if (LIKELY(v.next != NULL))
        *value = avro_unzigzag(v.raw);
    return v.next;
}

ALWAYS_INLINE const uint8_t *get_int(struct decode *d, const uint8_t *p, int32_t *value)
{
    struct avro_varint v = get_varint(d, p);

    if (v.raw > UINT32_MAX)
        return fail(d, ERR_MALFORMED);
    if (LIKELY(v.next != NULL))
        *value = (int32_t)avro_unzigzag(v.raw);
    return v.next;
}

ALWAYS_INLINE const uint8_t *get_bool(struct decode *d, const uint8_t *p, bool *value)
{
    if (p == d->end)
        return fail(d, ERR_TRUNCATED);
    if (*p > 1)
        return fail(d, ERR_MALFORMED);
    *value = *p == 1;
    return p + 1;
}

/* A length, at most `max`; the bytes are there. */
ALWAYS_INLINE const uint8_t *get_length(struct decode *d, const uint8_t *p, size_t max, size_t *len)
{
    struct avro_varint v = get_varint(d, p);

    if (v.next == NULL)
        return NULL;
    if ((v.raw & 1) != 0)
        return fail(d, ERR_MALFORMED);
    *len = v.raw / 2;
    if (*len > max)
        return fail(d, ERR_LIMIT);
    if (*len > (size_t)(d->end - v.next))
        return fail(d, ERR_TRUNCATED);
    return v.next;
}

ALWAYS_INLINE const uint8_t *get_bytes(struct decode *d, const uint8_t *p, struct bytes *value)
{
    size_t len;

    if (LIKELY(p < d->end && (*p & 0x81) == 0)) { /* one byte, not negative: up to 63 */
        len = *p++ / 2;
        if (len > (size_t)(d->end - p))
            return fail(d, ERR_TRUNCATED);
    } else {
        p = get_length(d, p, EVENT_STRING_MAX, &len);
        if (p == NULL)
            return NULL;
    }
    *value = (struct bytes){p, len};
    return p + len;
}

ALWAYS_INLINE const uint8_t *get_uuid(struct decode *d, const uint8_t *p, struct event_uuid *uuid)
{
    if (d->end - p < EVENT_UUID_BYTES)
        return fail(d, ERR_TRUNCATED);
    memcpy(uuid->bytes, p, EVENT_UUID_BYTES);
    return p + EVENT_UUID_BYTES;
}

/* The index of an enum or a union of `n`. */
ALWAYS_INLINE const uint8_t *get_index(struct decode *d, const uint8_t *p, uint32_t n,
                                       uint32_t *index)
{
    struct avro_varint v = get_varint(d, p);

    if (v.next == NULL)
        return NULL;
    if ((v.raw & 1) != 0 || v.raw >= 2 * (uint64_t)n)
        return fail(d, ERR_MALFORMED);
    *index = (uint32_t)v.raw / 2;
    return v.next;
}

static const uint8_t *skip_raw(struct decode *d, const uint8_t *p, size_t n)
{
    return (size_t)(d->end - p) < n ? fail(d, ERR_TRUNCATED) : p + n;
}

static const uint8_t *skip_bytes(struct decode *d, const uint8_t *p)
{
    size_t len;

    p = get_length(d, p, SIZE_MAX, &len);
    return p == NULL ? NULL : p + len;
}

/* How many of the next `n` bytes are zero before the first that is not. */
ALWAYS_INLINE uint32_t leading_nulls(const struct decode *d, const uint8_t *p, uint32_t n)
{
    uint32_t nulls = 0;

    while (nulls < n && d->end - p >= 8) {
        uint64_t word;

        memcpy(&word, p, sizeof word);
        word = le64toh(word);
        if (word != 0) {
            nulls += (uint32_t)__builtin_ctzll(word) / 8;
            return nulls < n ? nulls : n;
        }
        nulls += 8;
        p += 8;
    }
    while (nulls < n && p < d->end && *p == 0) {
        nulls++;
        p++;
    }
    return nulls < n ? nulls : n;
}

/* Reads the header of the next block: loop->left is 0 after the last one. */
ALWAYS_INLINE const uint8_t *next_block(struct decode *d, const uint8_t *p, struct loop *loop)
{
    int64_t count;
    size_t size;

    loop->block_end = NULL;
    loop->left = 0;
    p = get_long(d, p, &count);
    if (p == NULL)
        return NULL;
    loop->left = (uint64_t)count;
    if (LIKELY(count >= 0))
        return p;
    loop->left = 0 - (uint64_t)count;
    p = get_length(d, p, SIZE_MAX, &size);
    if (p != NULL)
        loop->block_end = p + size;
    return p;
}

/* The next block of an array that goes to a pool: *base is its first element. */
ALWAYS_INLINE const uint8_t *next_pool_block(struct decode *d, const uint8_t *p, struct loop *loop,
                                             uint8_t **base)
{
    const struct pool *pool = &pools[loop->pool];
    uint32_t used = d->used[loop->pool];

    p = next_block(d, p, loop);
    if (p == NULL || loop->left == 0)
        return p;
    if (loop->left > pool->max - used)
        return fail(d, ERR_LIMIT);
    *base = d->arena + pool->at + used * pool->element_bytes;
    d->used[loop->pool] = used + (uint32_t)loop->left;
    *loop->n += (uint32_t)loop->left;
    if (loop->pool == POOL_RUNS) /* the other elements are written as a whole */
        memset(*base, 0, loop->left * pool->element_bytes);
    return p;
}

/* The next block of an array that nobody wants and that has to be walked through. */
static const uint8_t *next_skipped_block(struct decode *d, const uint8_t *p, struct loop *loop,
                                         bool empty_elements)
{
    do {
        p = next_block(d, p, loop);
        if (p != NULL && loop->block_end != NULL)
            p = loop->block_end;
    } while (p != NULL && loop->left > 0 && (loop->block_end != NULL || empty_elements));
    return p;
}

/* Enters an array or map that goes to `out`; loop->left is 0 if it is empty. */
ALWAYS_INLINE const uint8_t *enter(struct decode *d, const uint8_t *p, uint32_t pool, uint8_t *out,
                                   uint8_t **base)
{
    const uint8_t *elements = d->arena + pools[pool].at + d->used[pool] * pools[pool].element_bytes;
    struct loop *loop = ++d->loop;

    memcpy(out, &elements, sizeof elements);
    loop->outer_base = *base;
    loop->n = (uint32_t *)(void *)(out + sizeof elements);
    loop->stride = pools[pool].element_bytes;
    loop->pool = pool;
    return next_pool_block(d, p, loop, base);
}

static const uint8_t *enter_skipped(struct decode *d, const uint8_t *p, bool empty_elements,
                                    uint8_t *base)
{
    struct loop *loop = ++d->loop;

    loop->outer_base = base;
    loop->n = NULL;
    loop->stride = 0;
    return next_skipped_block(d, p, loop, empty_elements);
}

/* After the last element of a block: stands at the next block's first one, or loop->left is 0. */
static const uint8_t *next_block_or_end(struct decode *d, const uint8_t *p, struct loop *loop,
                                        uint8_t **base)
{
    if (loop->n == NULL)
        return next_skipped_block(d, p, loop, false);
    if (loop->block_end != NULL && p != loop->block_end)
        return fail(d, ERR_MALFORMED);
    return next_pool_block(d, p, loop, base);
}

/* Leaves the innermost loop if it is at its end; otherwise its body is to be run. */
ALWAYS_INLINE bool leave(struct decode *d, uint8_t **base)
{
    if (d->loop->left > 0)
        return false;
    *base = d->loop->outer_base;
    d->loop--;
    return true;
}

#endif
