/*
 * Bytes → lifecycle events: runs the operation table that schema_compile.c made of the writer's
 * schema. One pass, no allocation, no recursion; every length, count and index is checked.
 *
 * This is the hot path of replay: single bytes, runs of nulls and varints of up to eight bytes have
 * their own short ways. The event is cleared once; a field that is null is not touched again.
 */
#include "schemas/c/codec.h"

#include "schemas/c/decode_state.h"

/* OP_RUNS, OP_PAIRS and OP_CPU_IDS store a pointer and the count behind it. */
_Static_assert(offsetof(struct event, running_n) ==
                   offsetof(struct event, running) + sizeof(const void *),
               "running and its count");
_Static_assert(offsetof(struct event_map, n) == sizeof(const void *), "a map and its count");
_Static_assert(offsetof(struct event_cpu_ids, n) == sizeof(const void *),
               "cpu ids and their count");

#define AT(type)  ((type *)(void *)(base + op->at))
#define HAS_BIT   (*(uint32_t *)(void *)(base + op->has_at))
#define GO(index) goto *labels[(op = ops + (index))->code]
#define NEXT()    goto *labels[(++op)->code]
#define READ(expression)                                                                           \
    do {                                                                                           \
        p = (expression);                                                                          \
        if (__builtin_expect(p == NULL, 0))                                                        \
            return d->err;                                                                         \
    } while (0)
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
