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
    DECODER_NULLS_MIN = 2, /* so many nullable fields in a row are worth an OP_NULLS */
};

/* clang-format off */
/* What each operation does; X(name). */
#define DECODER_OP_TABLE(X)                                                                        \
    X(END)                                                                                         \
    /* Read into base + at; the first five have a nullable form. */                                \
    X(LONG)                                                                                        \
    X(INT)                                                                                         \
    X(BOOL)                                                                                        \
    X(BYTES) /* string or bytes, as struct bytes */                                                \
    X(UUID) /* fixed 16 */                                                                         \
    X(SYMBOL) /* enum: symbols[arg + index], index < n */                                          \
    X(LONGS) /* n longs, one behind the other in record and event */                               \
    /* The same behind a union, whose branch arg (0 or 1) is null; else the bit is set. */         \
    X(NULLABLE_LONG)                                                                               \
    X(NULLABLE_INT)                                                                                \
    X(NULLABLE_BOOL)                                                                               \
    X(NULLABLE_BYTES)                                                                              \
    X(NULLABLE_UUID)                                                                               \
    /* Unions. */                                                                                  \
    X(NULLABLE) /* branch arg: go to `to`; the other: set the bit, its ops follow */               \
    X(PRESENT) /* set the bit: the writer's field is not nullable, ours is */                      \
    X(NULLS) /* n nullable fields, the i-th at jumps[arg + i]: skip the leading nulls */           \
    X(UNION) /* go to jumps[arg + index], index < n */                                             \
    X(JUMP) /* go to `to` */                                                                       \
    X(FAIL) /* a branch that our schema has no place for */                                        \
    /* Arrays and maps: a body follows, NEXT closes it; empty: go to `to`. */                      \
    X(RUNS) /* pointer and count at base + at; elements in arena->runs */                          \
    X(CPU_IDS) /* the same with arena->cpu_ids */                                                  \
    X(PAIRS) /* the same with arena->pairs; the body reads key and value */                        \
    X(SKIP_LOOP) /* elements go nowhere; arg is 0 when an element takes no bytes */                \
    X(NEXT) /* while there are elements go to `to`, the first op of the body */                    \
    X(ELEMENT) /* a body's first op: BYTES, then NULLABLE; is that null, NEXT */                   \
    /* Reader's defaults, at base + at. */                                                         \
    X(SET_INT) /* (int32_t)arg */                                                                  \
    X(SET_LONG) /* (int32_t)arg, widened */                                                        \
    /* What we do not know. */                                                                     \
    X(SKIP_LONG)                                                                                   \
    X(SKIP_BYTES)                                                                                  \
    X(SKIP_RAW) /* arg bytes */
/* clang-format on */

#define X(op) OP_##op,
enum decoder_op_code { DECODER_OP_TABLE(X) };
#undef X

struct decoder_op {
    uint8_t code;    /* enum decoder_op_code */
    uint16_t at;     /* offset of the destination */
    uint16_t has_at; /* offset of the word with the presence bit */
    uint16_t to;     /* index of the op to go to */
    union {
        uint32_t bit; /* presence bit; 0: there is none */
        uint32_t n;   /* OP_SYMBOL, OP_LONGS, OP_NULLS, OP_UNION */
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
