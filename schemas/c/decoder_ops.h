/*
 * The operation table between schema_compile.c, which builds it, and event_decode.c, which runs it.
 * Private to schemas/c: everyone else sees `struct event_decoder` through codec.h.
 *
 * A program is one pass over the writer's record. Every offset is relative to a base: the event, or
 * within an array or map the current element. Compilation guarantees, and running relies on it:
 * - every index (op, jump, symbol) is within its table, every jump out of a loop body goes to its
 *   OP_NEXT, and OP_END is reached at loop depth 0;
 * - loops nest at most DECODER_NESTING_MAX deep, and an element that is read takes at least a byte;
 * - each member of struct event is written at most once per record or element.
 */
#ifndef SCHEMAS_C_DECODER_OPS_H
#define SCHEMAS_C_DECODER_OPS_H

#include <stdint.h>

enum {
    DECODER_NESTING_MAX = 16,
    DECODER_OPS_MAX = 8192,
    DECODER_JUMPS_MAX = 8192,
    DECODER_SYMBOLS_MAX = 8192,
    DECODER_NULLS_MIN = 4, /* so many nullable fields in a row are worth an OP_NULLS */
};

enum decoder_op_code {
    OP_END,
    /* Read into base + at. */
    OP_LONG,
    OP_INT,
    OP_BOOL,
    OP_BYTES,  /* string or bytes → struct bytes */
    OP_UUID,   /* fixed 16 */
    OP_SYMBOL, /* enum: symbols[arg + index], index < n */
    /* Unions. */
    OP_NULLABLE, /* [null, T]: arg is the null branch; null → to; else set the bit, T follows */
    OP_PRESENT,  /* set the bit: the writer's field is not nullable, ours is */
    OP_NULLS,    /* n nullable fields follow, jumps[arg + i] is the i-th: skip the leading nulls */
    OP_UNION,    /* index < n → jumps[arg + index] */
    OP_JUMP,     /* → to */
    OP_FAIL,     /* a branch that our schema has no place for */
    /* Arrays and maps: the body follows, OP_NEXT closes it. */
    OP_RUNS,      /* → base + at: pointer, count; elements in arena->runs */
    OP_CPU_IDS,   /* the same with arena->cpu_ids */
    OP_PAIRS,     /* the same with arena->pairs; the body reads key and value */
    OP_SKIP_LOOP, /* elements go nowhere; arg is 0 when an element takes no bytes */
    OP_NEXT,      /* → to, the first op of the body, while there are elements */
    /* Reader's defaults. */
    OP_SET_INT,  /* base + at = (int32_t)arg */
    OP_SET_LONG, /* base + at = (int64_t)(int32_t)arg */
    /* Fields that we do not know. */
    OP_SKIP_LONG,
    OP_SKIP_BYTES,
    OP_SKIP_RAW, /* arg bytes */
};

struct decoder_op {
    uint8_t code;    /* enum decoder_op_code */
    uint16_t at;     /* offset of the destination */
    uint16_t has_at; /* offset of the word with the presence bit */
    uint16_t to;     /* index of the op to go to */
    union {
        uint32_t bit; /* presence bit; 0: there is none */
        uint32_t n;   /* OP_SYMBOL, OP_NULLS, OP_UNION */
    };
    uint32_t arg;
};

struct event_decoder {
    uint64_t fingerprint;
    const struct decoder_op *ops;
    const uint16_t *jumps;
    const uint8_t *symbols;
};

#endif
