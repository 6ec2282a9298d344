/*
 * Operations for what the writer has and nobody here wants: walked over, kept nowhere.
 */
#include "schemas/c/schema_compile.h"

static enum err compile_skipped_loop(struct compiler *c, const struct schema_node *w)
{
    uint32_t begin = c->ops_n;
    bool item_consumes = w->kind == SCHEMA_MAP; /* the key */
    bool value_consumes;
    enum err err = compile_emit(c, (struct decoder_op){.code = OP_SKIP_LOOP});

    if (err == ERR_OK && w->kind == SCHEMA_MAP)
        err = compile_emit(c, (struct decoder_op){.code = OP_SKIP_BYTES});
    if (err == ERR_OK)
        err = compile_type(c, w->members[0].type, (struct target){0}, &value_consumes);
    if (err == ERR_OK)
        err = compile_emit(c, (struct decoder_op){.code = OP_NEXT, .to = (uint16_t)(begin + 1)});
    if (err != ERR_OK)
        return err;
    c->ops[begin].arg = item_consumes || value_consumes;
    compile_land(c, begin);
    return ERR_OK;
}

static enum err compile_skipped_raw(struct compiler *c, uint32_t n, bool *consumes)
{
    *consumes = n > 0;
    return n == 0 ? ERR_OK : compile_emit(c, (struct decoder_op){.code = OP_SKIP_RAW, .arg = n});
}

static enum err compile_skipped_record(struct compiler *c, const struct schema_node *w,
                                       bool *consumes)
{
    *consumes = false;
    for (uint32_t i = 0; i < w->members_n; i++) {
        bool field_consumes;
        enum err err = compile_type(c, w->members[i].type, (struct target){0}, &field_consumes);

        if (err != ERR_OK)
            return err;
        *consumes = *consumes || field_consumes;
    }
    return ERR_OK;
}

enum err compile_skipped(struct compiler *c, const struct schema_node *w, bool *consumes)
{
    *consumes = true;
    switch (w->kind) {
    case SCHEMA_NULL: *consumes = false; return ERR_OK;
    case SCHEMA_BOOLEAN: return compile_skipped_raw(c, 1, consumes);
    case SCHEMA_FLOAT: return compile_skipped_raw(c, 4, consumes);
    case SCHEMA_DOUBLE: return compile_skipped_raw(c, 8, consumes);
    case SCHEMA_FIXED: return compile_skipped_raw(c, w->fixed_bytes, consumes);
    case SCHEMA_INT:
    case SCHEMA_LONG:
    case SCHEMA_ENUM: return compile_emit(c, (struct decoder_op){.code = OP_SKIP_LONG});
    case SCHEMA_BYTES:
    case SCHEMA_STRING: return compile_emit(c, (struct decoder_op){.code = OP_SKIP_BYTES});
    case SCHEMA_ARRAY:
    case SCHEMA_MAP: return compile_skipped_loop(c, w);
    default: return compile_skipped_record(c, w, consumes);
    }
}
