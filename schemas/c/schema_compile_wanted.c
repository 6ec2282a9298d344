/*
 * Operations for values that go into the event: which writer's types each of our fields takes, and
 * by which promotion (int to long, string and bytes to each other).
 */
#include "schemas/c/schema_compile.h"

#include "schemas/c/event.h"

static enum err emit_at(struct compiler *c, enum decoder_op_code code, struct target t)
{
    return compile_emit(c, (struct decoder_op){.code = (uint8_t)code, .at = t.at});
}

/* A named type resolves only to one of the same name; the namespace may differ. */
static bool is_named(const struct schema_node *w, enum schema_kind kind, const char *name)
{
    return w->kind == kind && strcmp(w->simple_name, name) == 0;
}

static enum err compile_symbol(struct compiler *c, const struct schema_node *w, struct target t)
{
    const struct reader_symbols *ours = t.field->symbols;
    uint32_t first = c->symbols_n;

    if (!is_named(w, SCHEMA_ENUM, ours->name))
        return compile_no_match(c, w);
    if (w->members_n > DECODER_SYMBOLS_MAX - c->symbols_n)
        return compile_too_large(c);
    for (uint32_t i = 0; i < w->members_n; i++) {
        uint8_t value = 0; /* UNKNOWN: a symbol that we lack */

        for (size_t s = 0; s < ours->n; s++)
            if (strcmp(ours->symbols[s], w->members[i].name) == 0)
                value = (uint8_t)s;
        c->symbols[c->symbols_n++] = value;
    }
    return compile_emit(
        c, (struct decoder_op){.code = OP_SYMBOL, .at = t.at, .n = w->members_n, .arg = first});
}

/* A body that starts with a string and a nullable rest: a heartbeat's list of runs is one. */
static void fuse_element(struct compiler *c, uint32_t begin)
{
    struct decoder_op *first = &c->ops[begin + 1];
    uint32_t next = c->ops_n - 1;

    if (first[0].code == OP_BYTES && first[1].code == OP_NULLABLE && first[1].to == next)
        first[0].code = OP_ELEMENT;
}

/* The loop around the elements; `key` and `item` are what an element consists of. */
static enum err compile_loop(struct compiler *c, const struct schema_node *w, struct target t,
                             enum decoder_op_code code, const struct reader_field *item)
{
    static const struct reader_field key = {.kind = READER_BYTES};
    static const struct schema_node string = {.kind = SCHEMA_STRING};
    uint32_t begin = c->ops_n;
    struct target element = {.field = item, .at = item->at};
    bool consumes;
    enum err err = emit_at(c, code, t);

    if (err == ERR_OK && code == OP_PAIRS)
        err = compile_type(c, &string, (struct target){&key, offsetof(struct event_pair, key), 0},
                           &consumes);
    if (err == ERR_OK)
        err = compile_type(c, w->members[0].type, element, &consumes);
    if (err == ERR_OK)
        err = compile_emit(c, (struct decoder_op){.code = OP_NEXT, .to = (uint16_t)(begin + 1)});
    if (err != ERR_OK)
        return err;
    fuse_element(c, begin);
    compile_land(c, begin);
    return ERR_OK;
}

static enum err compile_collection(struct compiler *c, const struct schema_node *w, struct target t)
{
    static const struct reader_field cpu_id = {.kind = READER_INT};
    static const struct reader_field map_value = {.kind = READER_BYTES,
                                                  .at = offsetof(struct event_pair, value)};
    struct reader_field run = {.kind = READER_RECORD, .record = t.field->record};

    if (w->kind != (t.field->kind == READER_MAP ? SCHEMA_MAP : SCHEMA_ARRAY))
        return compile_no_match(c, w);
    switch (t.field->kind) {
    case READER_MAP: return compile_loop(c, w, t, OP_PAIRS, &map_value);
    case READER_CPU_IDS: return compile_loop(c, w, t, OP_CPU_IDS, &cpu_id);
    default: return compile_loop(c, w, t, OP_RUNS, &run);
    }
}

static enum err compile_fixed(struct compiler *c, const struct schema_node *w, struct target t)
{
    if (!is_named(w, SCHEMA_FIXED, "Uuid") || w->fixed_bytes != EVENT_UUID_BYTES)
        return compile_no_match(c, w);
    return emit_at(c, OP_UUID, t);
}

enum err compile_wanted(struct compiler *c, const struct schema_node *w, struct target t)
{
    bool is_long = w->kind == SCHEMA_INT || w->kind == SCHEMA_LONG;
    bool is_bytes = w->kind == SCHEMA_STRING || w->kind == SCHEMA_BYTES;

    switch (t.field->kind) {
    case READER_LONG: return is_long ? emit_at(c, OP_LONG, t) : compile_no_match(c, w);
    case READER_INT: return w->kind == SCHEMA_INT ? emit_at(c, OP_INT, t) : compile_no_match(c, w);
    case READER_BOOL:
        return w->kind == SCHEMA_BOOLEAN ? emit_at(c, OP_BOOL, t) : compile_no_match(c, w);
    case READER_BYTES: return is_bytes ? emit_at(c, OP_BYTES, t) : compile_no_match(c, w);
    case READER_UUID: return compile_fixed(c, w, t);
    case READER_ENUM: return compile_symbol(c, w, t);
    case READER_RECORD:
        if (!is_named(w, SCHEMA_RECORD, t.field->record->name))
            return compile_no_match(c, w);
        return compile_record(c, w, t.field->record);
    default: return compile_collection(c, w, t);
    }
}
