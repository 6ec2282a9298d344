/*
 * How schema_compile*.c work together: the tables under construction and what they share. Private.
 */
#ifndef SCHEMAS_C_SCHEMA_COMPILE_H
#define SCHEMAS_C_SCHEMA_COMPILE_H

#include "schemas/c/decoder_ops.h"
#include "schemas/c/schema_parse.h"
#include "schemas/c/schema_reader.h"

/* Where the ops of a value put it, and how it may be absent. */
struct target {
    const struct reader_field *field; /* NULL: nobody wants it */
    uint16_t at;
    uint16_t has_at;
};

struct compiler {
    struct decoder_op *ops;
    uint16_t *jumps;
    uint8_t *symbols;
    uint32_t ops_n;
    uint32_t jumps_n;
    uint32_t symbols_n;
    uint32_t visits_n;      /* types looked at */
    unsigned int depth;     /* types around the current one */
    bool hopeless;          /* a limit was reached: no other branch of a union can help */
    const char *field_name; /* innermost field, for messages */
    struct err_detail *detail;
};

/* ERR_UNSUPPORTED with the words for it. */
enum err compile_too_large(struct compiler *c) MUST_CHECK;
enum err compile_no_match(struct compiler *c, const struct schema_node *w) MUST_CHECK;

enum err compile_emit(struct compiler *c, struct decoder_op op) MUST_CHECK;
enum err compile_reserve_jumps(struct compiler *c, uint32_t n, uint32_t *first) MUST_CHECK;
/* Lets ops[from] go to the op that is emitted next. */
void compile_land(struct compiler *c, uint32_t from);

/* Emits what reads one value of the writer's type `w`. *consumes: it takes at least a byte. */
enum err compile_type(struct compiler *c, const struct schema_node *w, struct target t,
                      bool *consumes) MUST_CHECK;
/* The same for a `w` that is no union and that nobody wants. */
enum err compile_skipped(struct compiler *c, const struct schema_node *w,
                         bool *consumes) MUST_CHECK;
/* The same for a `w` that is no union, into t.field, which is there. */
enum err compile_wanted(struct compiler *c, const struct schema_node *w,
                        struct target t) MUST_CHECK;
enum err compile_record(struct compiler *c, const struct schema_node *w,
                        const struct reader_record *record) MUST_CHECK;

#endif
