/*
 * Bytes → lifecycle events: runs the operation table that schema_compile.c made of the writer's
 * schema. One pass, no allocation, no recursion; every length, count and index is checked.
 *
 * This is the hot path of replay: single bytes, runs of nulls and varints of up to eight bytes have
 * their own short ways. The event is cleared once; a field that is null is not touched again.
 */
#include "schemas/c/codec.h"

#include <endian.h>

#include "schemas/c/avro_buffer.h"
#include "schemas/c/avro_varint.h"
#include "schemas/c/decoder_ops.h"

#define LIKELY(x)     __builtin_expect(!!(x), 1)
#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* OP_RUNS, OP_PAIRS and OP_CPU_IDS store a pointer and the count behind it. */
_Static_assert(offsetof(struct event, running_n) ==
                   offsetof(struct event, running) + sizeof(const void *),
               "running and its count");
_Static_assert(offsetof(struct event_map, n) == sizeof(const void *), "a map and its count");
_Static_assert(offsetof(struct event_cpu_ids, n) == sizeof(const void *),
               "cpu ids and their count");

/* Elements of the arena that an array or a map of the record takes. */
struct pool {
    uint8_t *elements;
    size_t element_bytes;
    uint32_t used;
    uint32_t max;
};

enum { POOL_RUNS, POOL_CPU_IDS, POOL_PAIRS, POOL_N };

/* An array or map that is being read. */
struct loop {
    uint8_t *outer_base;
    const uint8_t *block_end; /* NULL: the block does not state its size */
    uint64_t left;            /* elements of the block from the current one on */
    struct pool *pool;        /* NULL: skipped */
    uint32_t *n;              /* elements of the array so far; NULL: skipped */
};

struct decode {
    const uint8_t *end;
    enum err err; /* valid when a function returned NULL instead of the next byte */
    unsigned int depth;
    struct pool pools[POOL_N];
    struct loop loops[DECODER_NESTING_MAX];
};

static const uint8_t *fail(struct decode *d, enum err err)
{
    d->err = err;
    return NULL;
}

static __attribute__((noinline)) const uint8_t *get_varint_slowly(struct decode *d,
                                                                  const uint8_t *p, uint64_t *raw)
{
    struct avro_reader r = {p, d->end};
    int64_t value;
    enum err err = avro_get_long(&r, &value);

    if (err != ERR_OK)
        return fail(d, err);
    *raw = ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0);
    return r.ptr;
}

ALWAYS_INLINE const uint8_t *get_varint(struct decode *d, const uint8_t *p, uint64_t *raw)
{
    const uint8_t *next = avro_varint_fast(p, d->end, raw);

    return LIKELY(next != NULL) ? next : get_varint_slowly(d, p, raw);
}

ALWAYS_INLINE const uint8_t *get_long(struct decode *d, const uint8_t *p, int64_t *value)
{
    uint64_t raw;

    p = get_varint(d, p, &raw);
    if (p != NULL)
        *value = avro_unzigzag(raw);
    return p;
}

ALWAYS_INLINE const uint8_t *get_int(struct decode *d, const uint8_t *p, int32_t *value)
{
    int64_t wide;

    p = get_long(d, p, &wide);
    if (p == NULL)
        return NULL;
    if (wide != (int32_t)wide)
        return fail(d, ERR_MALFORMED);
    *value = (int32_t)wide;
    return p;
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
    int64_t value;

    p = get_long(d, p, &value);
    if (p == NULL)
        return NULL;
    if (value < 0)
        return fail(d, ERR_MALFORMED);
    if ((uint64_t)value > max)
        return fail(d, ERR_LIMIT);
    if (value > d->end - p)
        return fail(d, ERR_TRUNCATED);
    *len = (size_t)value;
    return p;
}

ALWAYS_INLINE const uint8_t *get_bytes(struct decode *d, const uint8_t *p, struct bytes *value)
{
    size_t len;

    p = get_length(d, p, EVENT_STRING_MAX, &len);
    if (p == NULL)
        return NULL;
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
    uint64_t raw;

    p = get_varint(d, p, &raw);
    if (p == NULL)
        return NULL;
    if ((raw & 1) != 0 || raw >> 1 >= n)
        return fail(d, ERR_MALFORMED);
    *index = (uint32_t)(raw >> 1);
    return p;
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

/* How many of the next `n` bytes are zero before the first that is not. Looks only as far as eight
 * bytes at once are there: an answer that is too small costs time, not correctness. */
ALWAYS_INLINE uint32_t leading_nulls(const struct decode *d, const uint8_t *p, uint32_t n)
{
    uint32_t nulls = 0;

    while (nulls < n && d->end - p >= 8) {
        uint64_t word;

        memcpy(&word, p, sizeof word);
        word = le64toh(word);
        if (word != 0) {
            nulls += (uint32_t)__builtin_ctzll(word) / 8;
            break;
        }
        nulls += 8;
        p += 8;
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
    struct pool *pool = loop->pool;

    p = next_block(d, p, loop);
    if (p == NULL)
        return NULL;
    if (loop->left > pool->max - pool->used)
        return fail(d, ERR_LIMIT);
    *base = pool->elements + pool->used * pool->element_bytes;
    pool->used += (uint32_t)loop->left;
    *loop->n += (uint32_t)loop->left;
    if (pool == &d->pools[POOL_RUNS]) /* the other elements are written as a whole */
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

/* Enters an array or map; loop->left is 0 if it is empty. */
ALWAYS_INLINE const uint8_t *enter(struct decode *d, const uint8_t *p, struct pool *pool,
                                   uint8_t *out, uint8_t **base)
{
    struct loop *loop = &d->loops[d->depth++];
    const uint8_t *elements = pool->elements + pool->used * pool->element_bytes;

    loop->outer_base = *base;
    loop->pool = pool;
    loop->n = (uint32_t *)(void *)(out + sizeof elements);
    *loop->n = 0;
    memcpy(out, &elements, sizeof elements);
    return next_pool_block(d, p, loop, base);
}

static const uint8_t *enter_skipped(struct decode *d, const uint8_t *p, bool empty_elements,
                                    uint8_t *base)
{
    struct loop *loop = &d->loops[d->depth++];

    loop->outer_base = base;
    loop->pool = NULL;
    loop->n = NULL;
    return next_skipped_block(d, p, loop, empty_elements);
}

/* After an element: stands at the next one, or loop->left is 0 after the last. */
ALWAYS_INLINE const uint8_t *next_element(struct decode *d, const uint8_t *p, struct loop *loop,
                                          uint8_t **base)
{
    if (--loop->left > 0) {
        if (loop->pool != NULL)
            *base += loop->pool->element_bytes;
        return p;
    }
    if (loop->pool == NULL)
        return next_skipped_block(d, p, loop, false);
    if (loop->block_end != NULL && p != loop->block_end)
        return fail(d, ERR_MALFORMED);
    return next_pool_block(d, p, loop, base);
}

/* Leaves the innermost loop if it is at its end; otherwise its body is to be run. */
ALWAYS_INLINE bool leave(struct decode *d, uint8_t **base)
{
    const struct loop *loop = &d->loops[d->depth - 1];

    if (loop->left > 0)
        return false;
    *base = loop->outer_base;
    d->depth--;
    return true;
}

#define AT(type) ((type *)(void *)(base + op->at))
#define HAS_BIT  (*(uint32_t *)(void *)(base + op->has_at))

static enum err run_ops(struct decode *d, const struct event_decoder *decoder, const uint8_t *p,
                        uint8_t *base)
{
    const struct decoder_op *const ops = decoder->ops;
    const struct decoder_op *op = ops;
    uint32_t index;
    int64_t ignored;

    while (p != NULL) {
        const struct decoder_op *next = op + 1;

        switch ((enum decoder_op_code)op->code) {
        case OP_LONG: p = get_long(d, p, AT(int64_t)); break;
        case OP_INT: p = get_int(d, p, AT(int32_t)); break;
        case OP_BOOL: p = get_bool(d, p, AT(bool)); break;
        case OP_BYTES: p = get_bytes(d, p, AT(struct bytes)); break;
        case OP_UUID: p = get_uuid(d, p, AT(struct event_uuid)); break;
        case OP_SYMBOL:
            p = get_index(d, p, op->n, &index);
            if (p != NULL)
                *AT(unsigned int) = decoder->symbols[op->arg + index];
            break;
        case OP_NULLABLE:
            p = get_index(d, p, 2, &index);
            if (p != NULL && index == op->arg)
                next = ops + op->to;
            else if (p != NULL && op->bit != 0)
                HAS_BIT |= op->bit;
            break;
        case OP_PRESENT: HAS_BIT |= op->bit; break;
        case OP_NULLS:
            index = leading_nulls(d, p, op->n);
            p += index;
            next = ops + decoder->jumps[op->arg + index];
            break;
        case OP_UNION:
            p = get_index(d, p, op->n, &index);
            if (p != NULL)
                next = ops + decoder->jumps[op->arg + index];
            break;
        case OP_JUMP: next = ops + op->to; break;
        case OP_FAIL: p = fail(d, ERR_MALFORMED); break;
        case OP_RUNS:
        case OP_CPU_IDS:
        case OP_PAIRS:
            p = enter(d, p, &d->pools[op->code - OP_RUNS], base + op->at, &base);
            if (p != NULL && leave(d, &base))
                next = ops + op->to;
            break;
        case OP_SKIP_LOOP:
            p = enter_skipped(d, p, op->arg == 0, base);
            if (p != NULL && leave(d, &base))
                next = ops + op->to;
            break;
        case OP_NEXT:
            p = next_element(d, p, &d->loops[d->depth - 1], &base);
            if (p != NULL && !leave(d, &base))
                next = ops + op->to;
            break;
        case OP_SET_INT: *AT(int32_t) = (int32_t)op->arg; break;
        case OP_SET_LONG: *AT(int64_t) = (int32_t)op->arg; break;
        case OP_SKIP_LONG: p = get_long(d, p, &ignored); break;
        case OP_SKIP_BYTES: p = skip_bytes(d, p); break;
        case OP_SKIP_RAW: p = skip_raw(d, p, op->arg); break;
        case OP_END: return p == d->end ? ERR_OK : ERR_MALFORMED;
        }
        op = next;
    }
    return d->err;
}

enum err event_decode(const struct event_decoder *decoder, struct bytes body,
                      struct event_arena *arena, struct event *event)
{
    /* Only what is set below is read; zeroing the loops would cost as much as a heartbeat. */
    __attribute__((uninitialized)) struct decode d;

    if (body.len == 0)
        return ERR_TRUNCATED;
    if (body.len > EVENT_RECORD_MAX)
        return ERR_LIMIT;
    d.end = body.ptr + body.len;
    d.depth = 0;
    d.pools[POOL_RUNS] =
        (struct pool){(uint8_t *)arena->runs, sizeof arena->runs[0], 0, EVENT_RUNS_MAX};
    d.pools[POOL_CPU_IDS] =
        (struct pool){(uint8_t *)arena->cpu_ids, sizeof arena->cpu_ids[0], 0, EVENT_CPU_IDS_MAX};
    d.pools[POOL_PAIRS] =
        (struct pool){(uint8_t *)arena->pairs, sizeof arena->pairs[0], 0, EVENT_PAIRS_MAX};
    memset(event, 0, sizeof *event);
    return run_ops(&d, decoder, body.ptr, (uint8_t *)event);
}

uint64_t event_decoder_fingerprint(const struct event_decoder *decoder)
{
    return decoder->fingerprint;
}
