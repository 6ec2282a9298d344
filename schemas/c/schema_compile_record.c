/*
 * Operations for a record: the writer's fields in the writer's order, ours that it lacks by
 * default.
 */
#include "schemas/c/schema_compile.h"

#include <string.h>

#define NO_OP UINT32_MAX

static bool find_field(const struct reader_record *record, const char *name, struct target *found)
{
    for (size_t g = 0; g < record->groups_n; g++) {
        const struct reader_group *group = &record->groups[g];

        for (size_t i = 0; i < group->fields_n; i++) {
            if (strcmp(group->fields[i].name, name) != 0)
                continue;
            found->field = &group->fields[i];
            found->at = (uint16_t)(group->at + group->fields[i].at);
            found->has_at = group->has_at;
            return true;
        }
    }
    *found = (struct target){0};
    return false;
}

static bool writer_has(const struct schema_node *w, const char *name)
{
    for (uint32_t i = 0; i < w->members_n; i++)
        if (strcmp(w->members[i].name, name) == 0)
            return true;
    return false;
}

/* What the writer does not have: our default, or no resolution. */
static enum err compile_missing(struct compiler *c, const struct schema_node *w,
                                const struct reader_group *group)
{
    for (size_t i = 0; i < group->fields_n; i++) {
        const struct reader_field *field = &group->fields[i];
        bool wide = field->kind == READER_LONG;
        enum err err = ERR_OK;

        if (writer_has(w, field->name))
            continue;
        if (field->required)
            return err_set(c->detail, ERR_UNSUPPORTED, "writer schema: \"%s\" has no field \"%s\"",
                           w->full_name, field->name);
        if (field->missing != 0)
            err = compile_emit(c, (struct decoder_op){.code = wide ? OP_SET_LONG : OP_SET_INT,
                                                      .at = (uint16_t)(group->at + field->at),
                                                      .arg = (uint32_t)field->missing});
        if (err != ERR_OK)
            return err;
    }
    return ERR_OK;
}

/* A union of null first and one other type. */
static bool is_null_first(const struct schema_node *w)
{
    return w->kind == SCHEMA_UNION && w->members_n == 2 && w->members[0].type->kind == SCHEMA_NULL;
}

/* The ops of a field start with OP_NULLABLE, so that an OP_NULLS may jump between them. */
static bool starts_nullable(const struct schema_node *w, const struct reader_record *record,
                            uint32_t i)
{
    struct target t;

    if (!is_null_first(w->members[i].type))
        return false;
    return !find_field(record, w->members[i].name, &t) || t.field->nullable;
}

/* Emits an OP_NULLS if enough nullable fields begin at `i`. *n: how many of them it covers. */
static enum err begin_nulls(struct compiler *c, const struct schema_node *w,
                            const struct reader_record *record, uint32_t i, uint32_t *jump,
                            uint32_t *n)
{
    enum err err;

    *n = 0;
    while (i + *n < w->members_n && starts_nullable(w, record, i + *n))
        ++*n;
    if (*n < DECODER_NULLS_MIN) {
        *n = 0;
        return ERR_OK;
    }
    err = compile_reserve_jumps(c, *n + 1, jump);
    if (err != ERR_OK)
        return err;
    return compile_emit(c, (struct decoder_op){.code = OP_NULLS, .n = *n, .arg = *jump});
}

/* The field before ended with ops[*longs] (NO_OP: not with a plain long), this one consists of the
 * ops from `begin` on: if it is a long that lies right behind, the two become one. */
static void fuse_longs(struct compiler *c, uint32_t begin, uint32_t *longs)
{
    const struct decoder_op *op = &c->ops[begin];
    struct decoder_op *before = *longs == NO_OP ? NULL : &c->ops[*longs];
    uint32_t n = before != NULL && before->code == OP_LONGS ? before->n : 1;

    if (c->ops_n != begin + 1 || op->code != OP_LONG) {
        *longs = NO_OP;
    } else if (before != NULL && before->at + n * sizeof(int64_t) == op->at) {
        before->code = OP_LONGS;
        before->n = n + 1;
        c->ops_n--;
    } else {
        *longs = begin;
    }
}

enum err compile_record(struct compiler *c, const struct schema_node *w,
                        const struct reader_record *record)
{
    uint32_t jump = 0, nulls_n = 0, longs = NO_OP;

    for (size_t g = 0; g < record->groups_n; g++) {
        enum err err = compile_missing(c, w, &record->groups[g]);

        if (err != ERR_OK)
            return err;
    }
    for (uint32_t i = 0; i < w->members_n; i++) {
        uint32_t begin;
        struct target t;
        bool consumes;
        enum err err = ERR_OK;

        if (nulls_n == 0)
            err = begin_nulls(c, w, record, i, &jump, &nulls_n);
        if (err != ERR_OK)
            return err;
        if (nulls_n > 0)
            c->jumps[jump++] = (uint16_t)c->ops_n;
        begin = c->ops_n;
        find_field(record, w->members[i].name, &t);
        c->field_name = w->members[i].name;
        err = compile_type(c, w->members[i].type, t, &consumes);
        if (err != ERR_OK)
            return err;
        fuse_longs(c, begin, &longs);
        if (nulls_n > 0 && --nulls_n == 0)
            c->jumps[jump] = (uint16_t)c->ops_n;
    }
    return ERR_OK;
}
