/*
 * A writer's schema → the operation table that event_decode runs: schema resolution (Avro 1.11
 * specification, "Schema Resolution") done once instead of per record.
 *
 * Named types are expanded where they are used, so a recursive schema cannot be compiled, and the
 * number of nodes visited is bounded: a short text can stand for an enormous type.
 */
#include "schemas/c/schema_compile.h"

#include <stdlib.h>

#include "schemas/c/codec.h"

enum { VISITS_MAX = 64 * 1024 };

enum err compile_too_large(struct compiler *c)
{
    c->hopeless = true;
    return err_set(c->detail, ERR_UNSUPPORTED,
                   "writer schema: too large to compile, at field \"%s\"", c->field_name);
}

enum err compile_no_match(struct compiler *c, const struct schema_node *w)
{
    return err_set(c->detail, ERR_UNSUPPORTED,
                   "writer schema: field \"%s\" is of type %s, which ours cannot take",
                   c->field_name, schema_kind_name(w->kind));
}

enum err compile_emit(struct compiler *c, struct decoder_op op)
{
    if (c->ops_n == DECODER_OPS_MAX)
        return compile_too_large(c);
    c->ops[c->ops_n++] = op;
    return ERR_OK;
}

void compile_land(struct compiler *c, uint32_t from)
{
    c->ops[from].to = (uint16_t)c->ops_n;
}

enum err compile_reserve_jumps(struct compiler *c, uint32_t n, uint32_t *first)
{
    if (n > DECODER_JUMPS_MAX - c->jumps_n)
        return compile_too_large(c);
    *first = c->jumps_n;
    c->jumps_n += n;
    return ERR_OK;
}

/* An OP_NULLABLE at `begin` and the one op behind it become one, if there is such an op. */
static void fuse_nullable(struct compiler *c, uint32_t begin)
{
    struct decoder_op *op = &c->ops[begin];
    const struct decoder_op *value = op + 1;

    if (c->ops_n != begin + 2 || value->code < OP_LONG || value->code > OP_UUID)
        return;
    op->code = (uint8_t)(value->code + OP_NULLABLE_LONG - OP_LONG);
    op->at = value->at;
    c->ops_n--;
}

/* [null, T] or [T, null] into a field that may be null, or is not wanted. */
static enum err compile_nullable(struct compiler *c, const struct schema_node *w, uint32_t null_at,
                                 struct target t)
{
    const struct reader_field *field = t.field;
    uint32_t begin = c->ops_n;
    struct reader_field present;
    bool consumes;
    enum err err = compile_emit(c, (struct decoder_op){.code = OP_NULLABLE,
                                                       .has_at = t.has_at,
                                                       .bit = field == NULL ? 0 : field->bit,
                                                       .arg = null_at});

    if (field != NULL) { /* its bit is set by OP_NULLABLE */
        present = *field;
        present.nullable = false;
        t.field = &present;
    }
    if (err == ERR_OK)
        err = compile_type(c, w->members[1 - null_at].type, t, &consumes);
    if (err != ERR_OK)
        return err;
    fuse_nullable(c, begin);
    compile_land(c, begin);
    return ERR_OK;
}

/* A branch of a union that ours has no place for is an error only in a record that uses it. */
static enum err compile_branch(struct compiler *c, const struct schema_node *w, struct target t,
                               bool *matches)
{
    const struct compiler before = *c;
    bool consumes;
    enum err err = compile_type(c, w, t, &consumes);

    *matches = *matches || err == ERR_OK;
    if (err != ERR_UNSUPPORTED || c->hopeless)
        return err;
    c->ops_n = before.ops_n;
    c->jumps_n = before.jumps_n;
    c->symbols_n = before.symbols_n;
    return compile_emit(c, (struct decoder_op){.code = OP_FAIL});
}

static enum err compile_union(struct compiler *c, const struct schema_node *w, struct target t)
{
    uint32_t first, jump = 0; /* newest of the jumps to the end, which are chained by `to` */
    bool may_be_null = t.field == NULL || t.field->nullable;
    bool matches = false;
    enum err err;

    for (uint32_t i = 0; i < 2 && w->members_n == 2 && may_be_null; i++)
        if (w->members[i].type->kind == SCHEMA_NULL)
            return compile_nullable(c, w, i, t);
    err = compile_reserve_jumps(c, w->members_n, &first);
    if (err == ERR_OK)
        err =
            compile_emit(c, (struct decoder_op){.code = OP_UNION, .n = w->members_n, .arg = first});
    for (uint32_t i = 0; i < w->members_n && err == ERR_OK; i++) {
        c->jumps[first + i] = (uint16_t)c->ops_n;
        err = compile_branch(c, w->members[i].type, t, &matches);
        if (err == ERR_OK)
            err = compile_emit(c, (struct decoder_op){.code = OP_JUMP, .to = (uint16_t)jump});
        jump = c->ops_n - 1;
    }
    if (err != ERR_OK)
        return err;
    if (!matches && t.field != NULL)
        return compile_no_match(c, w);
    while (jump != 0) {
        uint32_t older = c->ops[jump].to;

        compile_land(c, jump);
        jump = older;
    }
    return ERR_OK;
}

static enum err compile_here(struct compiler *c, const struct schema_node *w, struct target t,
                             bool *consumes)
{
    enum err err = ERR_OK;

    *consumes = true;
    if (w->kind == SCHEMA_UNION)
        return compile_union(c, w, t);
    if (t.field == NULL)
        return compile_skipped(c, w, consumes);
    if (w->kind == SCHEMA_NULL && t.field->nullable) {
        *consumes = false;
        return ERR_OK;
    }
    if (t.field->nullable && t.field->bit != 0)
        err = compile_emit(
            c, (struct decoder_op){.code = OP_PRESENT, .has_at = t.has_at, .bit = t.field->bit});
    return err == ERR_OK ? compile_wanted(c, w, t) : err;
}

enum err compile_type(struct compiler *c, const struct schema_node *w, struct target t,
                      bool *consumes)
{
    enum err err;

    if (c->visits_n == VISITS_MAX)
        return compile_too_large(c);
    c->visits_n++;
    w = schema_resolve(w);
    if (w->kind <= SCHEMA_STRING || w->kind == SCHEMA_ENUM || w->kind == SCHEMA_FIXED)
        return compile_here(c, w, t, consumes);
    c->hopeless = c->hopeless || c->depth == DECODER_NESTING_MAX;
    if (c->hopeless) /* a recursive type ends here too */
        return err_set(c->detail, ERR_UNSUPPORTED,
                       "writer schema: field \"%s\" is recursive or nested deeper than %d",
                       c->field_name, DECODER_NESTING_MAX);
    c->depth++;
    err = compile_here(c, w, t, consumes);
    c->depth--;
    return err;
}

/* One block of memory: the decoder, its ops, jumps and symbols behind it. */
static struct event_decoder *decoder_of(const struct compiler *c, uint64_t fingerprint)
{
    size_t ops_bytes = c->ops_n * sizeof *c->ops;
    size_t jumps_bytes = c->jumps_n * sizeof *c->jumps;
    uint8_t *block = malloc(sizeof(struct event_decoder) + ops_bytes + jumps_bytes + c->symbols_n);
    struct event_decoder *decoder = (void *)block;
    struct decoder_op *ops;
    uint16_t *jumps;

    if (block == NULL)
        return NULL;
    ops = (void *)(block + sizeof *decoder);
    jumps = (void *)(block + sizeof *decoder + ops_bytes);
    block += sizeof *decoder + ops_bytes + jumps_bytes;
    memcpy(ops, c->ops, ops_bytes);
    memcpy(jumps, c->jumps, jumps_bytes);
    memcpy(block, c->symbols, c->symbols_n);
    *decoder = (struct event_decoder){fingerprint, ops, jumps, block};
    return decoder;
}

static enum err compile_schema(struct compiler *c, const struct schema *schema,
                               struct event_decoder **decoder)
{
    static const struct reader_field root = {.kind = READER_RECORD,
                                             .record = &reader_lifecycle_event};
    bool consumes;
    enum err err = compile_type(c, schema->root, (struct target){.field = &root}, &consumes);

    if (err == ERR_OK)
        err = compile_emit(c, (struct decoder_op){.code = OP_END});
    if (err != ERR_OK)
        return err;
    *decoder = decoder_of(c, schema_fingerprint(schema));
    return *decoder != NULL ? ERR_OK : err_set(c->detail, ERR_NOMEM, "no memory for a decoder");
}

enum err event_decoder_new(struct bytes writer_schema_json, struct event_decoder **decoder,
                           struct err_detail *detail)
{
    struct compiler c = {.field_name = reader_lifecycle_event.name, .detail = detail};
    struct schema schema;
    enum err err = schema_parse(writer_schema_json, &schema, detail);

    *decoder = NULL;
    if (err != ERR_OK)
        return err;
    c.ops = calloc(DECODER_OPS_MAX, sizeof *c.ops);
    c.jumps = calloc(DECODER_JUMPS_MAX, sizeof *c.jumps);
    c.symbols = calloc(DECODER_SYMBOLS_MAX, sizeof *c.symbols);
    if (c.ops == NULL || c.jumps == NULL || c.symbols == NULL)
        err = err_set(detail, ERR_NOMEM, "no memory for a decoder");
    else
        err = compile_schema(&c, &schema, decoder);
    free(c.symbols);
    free(c.jumps);
    free(c.ops);
    schema_free(&schema);
    return err;
}

void event_decoder_free(struct event_decoder *decoder)
{
    free(decoder);
}
