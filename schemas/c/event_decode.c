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

#define AT(type)  ((type *)(void *)(base + op->at))
#define HAS_BIT   (*(uint32_t *)(void *)(base + op->has_at))
#define GO(index) goto *labels[(op = ops + (index))->code]
#define NEXT()    goto *labels[(++op)->code]
/* An absent value: the next operation. A present one: its bit is set, and it follows. */
#define UNLESS_NULL()                                                                              \
    do {                                                                                           \
        if (LIKELY(p < d->end && *p == 2 * op->arg)) {                                             \
            p++;                                                                                   \
            NEXT();                                                                                \
        }                                                                                          \
        READ(get_index(d, p, 2, &index));                                                          \
        if (index == op->arg)                                                                      \
            NEXT();                                                                                \
        HAS_BIT |= op->bit;                                                                        \
    } while (0)
#define READ(expression)                                                                           \
    do {                                                                                           \
        p = (expression);                                                                          \
        if (__builtin_expect(p == NULL, 0))                                                        \
            return d->err;                                                                         \
    } while (0)

/* Threaded code: every operation jumps to the next one's label itself, which the branch predictor
 * follows better than one common jump. */
static enum err run_ops(struct decode *d, const struct event_decoder *decoder, const uint8_t *p,
                        uint8_t *base)
{
#define X(op) &&on_##op,
    static const void *const labels[] = {DECODER_OP_TABLE(X)};
#undef X
    const struct decoder_op *const ops = decoder->ops;
    const struct decoder_op *op = ops;
    uint32_t index;
    int64_t ignored;

    GO(0);
on_NULLABLE_LONG:
    UNLESS_NULL();
on_LONG:
    READ(get_long(d, p, AT(int64_t)));
    NEXT();
on_LONGS:
    for (index = 0; index < op->n; index++)
        READ(get_long(d, p, AT(int64_t) + index));
    NEXT();
on_NULLABLE_INT:
    UNLESS_NULL();
on_INT:
    READ(get_int(d, p, AT(int32_t)));
    NEXT();
on_NULLABLE_BOOL:
    UNLESS_NULL();
on_BOOL:
    READ(get_bool(d, p, AT(bool)));
    NEXT();
on_NULLABLE_BYTES:
    UNLESS_NULL();
on_BYTES:
    READ(get_bytes(d, p, AT(struct bytes)));
    NEXT();
on_NULLABLE_UUID:
    UNLESS_NULL();
on_UUID:
    READ(get_uuid(d, p, AT(struct event_uuid)));
    NEXT();
on_SYMBOL:
    READ(get_index(d, p, op->n, &index));
    *AT(unsigned int) = decoder->symbols[op->arg + index];
    NEXT();
on_NULLABLE:
    if (LIKELY(p < d->end && *p == 2 * op->arg)) {
        p++;
        GO(op->to);
    }
    READ(get_index(d, p, 2, &index));
    if (index == op->arg)
        GO(op->to);
    if (op->bit != 0)
        HAS_BIT |= op->bit;
    NEXT();
on_PRESENT:
    HAS_BIT |= op->bit;
    NEXT();
on_NULLS:
    index = leading_nulls(d, p, op->n);
    p += index;
    GO(decoder->jumps[op->arg + index]);
on_UNION:
    READ(get_index(d, p, op->n, &index));
    GO(decoder->jumps[op->arg + index]);
on_JUMP:
    GO(op->to);
on_FAIL:
    return ERR_MALFORMED;
on_RUNS:
on_CPU_IDS:
on_PAIRS:
    READ(enter(d, p, op->code - OP_RUNS, base + op->at, &base));
    if (leave(d, &base))
        GO(op->to);
    NEXT();
on_SKIP_LOOP:
    READ(enter_skipped(d, p, op->arg == 0, base));
    if (leave(d, &base))
        GO(op->to);
    NEXT();
on_ELEMENT:
    READ(get_bytes(d, p, AT(struct bytes)));
    if (!(p < d->end && *p == 2 * op[1].arg))
        NEXT();
    p++;
    if (--d->loop->left > 0) {
        base += d->loop->stride;
        goto on_ELEMENT;
    }
    op = ops + op[1].to;
    goto end_of_block;
on_NEXT:
    if (--d->loop->left > 0) {
        base += d->loop->stride;
        GO(op->to);
    }
end_of_block:
    READ(next_block_or_end(d, p, d->loop, &base));
    if (!leave(d, &base))
        GO(op->to);
    NEXT();
on_SET_INT:
    *AT(int32_t) = (int32_t)op->arg;
    NEXT();
on_SET_LONG:
    *AT(int64_t) = (int32_t)op->arg;
    NEXT();
on_SKIP_LONG:
    READ(get_long(d, p, &ignored));
    NEXT();
on_SKIP_BYTES:
    READ(skip_bytes(d, p));
    NEXT();
on_SKIP_RAW:
    READ(skip_raw(d, p, op->arg));
    NEXT();
on_END:
    return p == d->end ? ERR_OK : ERR_MALFORMED;
}

/* Through the library, which has wider stores: for a size that it knows, gcc emits `rep stos`. */
static void clear(struct event *event)
{
    size_t size = sizeof *event;

    __asm__("" : "+r"(size));
    memset(event, 0, size);
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
    d.err = ERR_OK;
    d.arena = (uint8_t *)arena;
    d.loop = d.loops;
    d.used[POOL_RUNS] = d.used[POOL_CPU_IDS] = d.used[POOL_PAIRS] = 0;
    clear(event);
    return run_ops(&d, decoder, body.ptr, (uint8_t *)event);
}

uint64_t event_decoder_fingerprint(const struct event_decoder *decoder)
{
    return decoder->fingerprint;
}
