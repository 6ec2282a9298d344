/*
 * Random writer's schemas that resolve to ours: fields reordered, left out, added; unions turned or
 * widened; strings and bytes exchanged; enums with other symbols. Says what was left out.
 */
#ifndef TESTS_UNIT_SCHEMAS_RANDOM_SCHEMA_H
#define TESTS_UNIT_SCHEMAS_RANDOM_SCHEMA_H

#include <cjson/cJSON.h>
#include <stdlib.h>

#include "tests/unit/schemas_random_event.h"

enum { DROPPED_MAX = 64, UNKNOWN_DEPTH = 3 };

struct random_schema {
    struct random_event *random;
    unsigned int names_n; /* of types made up so far */
    struct {
        char record[32];
        char field[32];
    } dropped[DROPPED_MAX];
    size_t dropped_n;
};

static inline cJSON *schema_item(const cJSON *object, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(object, key);
}

static inline bool schema_is(const cJSON *type, const char *name)
{
    return cJSON_IsString(type) && strcmp(type->valuestring, name) == 0;
}

static inline bool schema_is_kind(const cJSON *type, const char *kind)
{
    return cJSON_IsObject(type) && schema_is(schema_item(type, "type"), kind);
}

/* Puts `item` before the element `at` (cJSON 1.7.15 inserts only at the ends). */
static inline void schema_insert(cJSON *array, uint32_t at, cJSON *item)
{
    int behind = cJSON_GetArraySize(array) - (int)at;

    cJSON_AddItemToArray(array, item);
    for (; behind > 0; behind--)
        cJSON_AddItemToArray(array, cJSON_DetachItemFromArray(array, (int)at));
}

/* {"type": kind, "name": "X17"} */
static inline cJSON *made_up_type(struct random_schema *s, const char *kind)
{
    cJSON *type = cJSON_CreateObject();
    char name[16];

    snprintf(name, sizeof name, "X%u", s->names_n++);
    cJSON_AddStringToObject(type, "type", kind);
    cJSON_AddStringToObject(type, "name", name);
    return type;
}

static inline cJSON *random_type(struct random_schema *s, int depth);

static inline cJSON *random_field(struct random_schema *s, int depth)
{
    cJSON *field = cJSON_CreateObject();
    char name[16];

    snprintf(name, sizeof name, "x_%u", s->names_n++);
    cJSON_AddStringToObject(field, "name", name);
    cJSON_AddItemToObject(field, "type", random_type(s, depth));
    return field;
}

static inline cJSON *random_union(struct random_schema *s, int depth)
{
    static const char *const primitives[] = {"null", "long", "string", "double"};
    cJSON *type = cJSON_CreateArray();

    for (int i = 0; i < 4; i++)
        if (random_below(s->random, 2) == 0)
            cJSON_AddItemToArray(type, cJSON_CreateString(primitives[i]));
    cJSON_AddItemToArray(type, made_up_type(s, "fixed"));
    cJSON_AddNumberToObject(cJSON_GetArrayItem(type, cJSON_GetArraySize(type) - 1), "size", 3);
    if (depth > 0) {
        cJSON *array = cJSON_CreateObject();

        cJSON_AddStringToObject(array, "type", "array");
        cJSON_AddItemToObject(array, "items", random_type(s, depth - 1));
        cJSON_AddItemToArray(type, array);
    }
    return type;
}

static inline cJSON *random_collection(struct random_schema *s, bool map, int depth)
{
    cJSON *type = cJSON_CreateObject();

    cJSON_AddStringToObject(type, "type", map ? "map" : "array");
    cJSON_AddItemToObject(type, map ? "values" : "items", random_type(s, depth - 1));
    return type;
}

static inline cJSON *random_record(struct random_schema *s, int depth)
{
    cJSON *type = made_up_type(s, "record");
    cJSON *fields = cJSON_AddArrayToObject(type, "fields");

    for (uint32_t n = 1 + random_below(s->random, 3); n > 0; n--)
        cJSON_AddItemToArray(fields, random_field(s, depth - 1));
    return type;
}

static inline cJSON *random_type(struct random_schema *s, int depth)
{
    static const char *const primitives[] = {"null",  "boolean", "int",   "long",
                                             "float", "double",  "bytes", "string"};
    cJSON *type;

    switch (random_below(s->random, depth > 0 ? 14 : 10)) {
    case 8:
        type = made_up_type(s, "fixed");
        cJSON_AddNumberToObject(type, "size", 1 + random_below(s->random, 20));
        return type;
    case 9:
        type = made_up_type(s, "enum");
        cJSON_AddItemToObject(type, "symbols",
                              cJSON_CreateStringArray((const char *[]){"A", "B", "C"}, 3));
        return type;
    case 10: return random_union(s, depth - 1);
    case 11: return random_collection(s, true, depth);
    case 12: return random_collection(s, false, depth);
    case 13: return random_record(s, depth);
    default: return cJSON_CreateString(primitives[random_below(s->random, 8)]);
    }
}

/* ---- our schema, changed ----------------------------------------------------------------------
 */

/* Named types are written out wherever they are used, so that fields can be moved. */
static inline void write_out_names(cJSON *type, const cJSON *uuid, const cJSON *evidence)
{
    cJSON *child = type->child;

    while (child != NULL) {
        cJSON *next = child->next;
        const cJSON *definition = schema_is(child, "Uuid")       ? uuid
                                  : schema_is(child, "Evidence") ? evidence
                                                                 : NULL;

        if (definition == NULL || (cJSON_IsObject(type) && strcmp(child->string, "type") != 0))
            write_out_names(child, uuid, evidence);
        else if (cJSON_IsObject(type))
            cJSON_ReplaceItemInObjectCaseSensitive(type, child->string,
                                                   cJSON_Duplicate(definition, 1));
        else
            cJSON_ReplaceItemViaPointer(type, child, cJSON_Duplicate(definition, 1));
        child = next;
    }
}

/* The reverse, in the order of the text: only the first definition stays. */
static inline void refer_to_names(cJSON *type, bool *seen_uuid, bool *seen_evidence)
{
    cJSON *child = type->child;

    while (child != NULL) {
        cJSON *next = child->next;
        cJSON *name = cJSON_IsObject(child) ? schema_item(child, "name") : NULL;
        bool defines = schema_is_kind(child, "fixed") || schema_is_kind(child, "enum");
        bool *seen = defines && schema_is(name, "Uuid")       ? seen_uuid
                     : defines && schema_is(name, "Evidence") ? seen_evidence
                                                              : NULL;

        if (seen == NULL || !*seen)
            refer_to_names(child, seen_uuid, seen_evidence);
        else if (cJSON_IsObject(type))
            cJSON_ReplaceItemInObjectCaseSensitive(type, child->string,
                                                   cJSON_CreateString(name->valuestring));
        else
            cJSON_ReplaceItemViaPointer(type, child, cJSON_CreateString(name->valuestring));
        if (seen != NULL)
            *seen = true;
        child = next;
    }
}

/* New symbols between the old ones, which come in another order. UNKNOWN need not be first. */
static inline void change_symbols(struct random_schema *s, cJSON *type)
{
    cJSON *symbols = schema_item(type, "symbols");
    cJSON *added = cJSON_CreateString("ADDED_LATER");

    for (int n = cJSON_GetArraySize(symbols); n > 1; n--)
        cJSON_AddItemToArray(
            symbols, cJSON_DetachItemFromArray(symbols, (int)random_below(s->random, (uint32_t)n)));
    schema_insert(symbols, random_below(s->random, 3), added);
}

/* Another type that resolves to the same; takes and gives ownership. */
static inline cJSON *change_type(struct random_schema *s, cJSON *type)
{
    cJSON *changed;

    if (schema_is_kind(type, "enum"))
        change_symbols(s, type);
    if (schema_is(type, "string") || schema_is(type, "bytes")) {
        if (random_below(s->random, 3) != 0)
            return type;
        changed = cJSON_CreateString(schema_is(type, "string") ? "bytes" : "string");
        cJSON_Delete(type);
        return changed;
    }
    if (!cJSON_IsArray(type)) { /* our field is not nullable, the writer's is */
        if (random_below(s->random, 6) != 0)
            return type;
        changed = cJSON_CreateArray();
        cJSON_AddItemToArray(changed, type);
        schema_insert(changed, random_below(s->random, 2), cJSON_CreateString("null"));
        return changed;
    }
    cJSON_AddItemToArray(type, change_type(s, cJSON_DetachItemFromArray(type, 1)));
    if (cJSON_IsArray(cJSON_GetArrayItem(type, 1))) { /* a union in the union: keep its branches */
        cJSON *inner = cJSON_DetachItemFromArray(type, 1);

        cJSON_Delete(type);
        type = inner;
    }
    if (random_below(s->random, 4) == 0) /* turned: [T, null] */
        cJSON_AddItemToArray(type, cJSON_DetachItemFromArray(type, 0));
    if (random_below(s->random, 4) == 0) { /* widened by something that we have no place for */
        cJSON_AddItemToArray(type, made_up_type(s, "fixed"));
        cJSON_AddNumberToObject(cJSON_GetArrayItem(type, 2), "size", 5);
    }
    return type;
}

static inline void change_record(struct random_schema *s, cJSON *record);

/* Records within a field's type, whichever way they are wrapped. */
static inline void change_records_within(struct random_schema *s, cJSON *type)
{
    if (schema_is_kind(type, "record"))
        change_record(s, type);
    else if (schema_is_kind(type, "array"))
        change_records_within(s, schema_item(type, "items"));
    else if (cJSON_IsArray(type))
        for (cJSON *branch = type->child; branch != NULL; branch = branch->next)
            change_records_within(s, branch);
}

static inline bool drop_field(struct random_schema *s, const cJSON *record, cJSON *fields,
                              cJSON *field)
{
    if (schema_item(field, "default") == NULL || s->dropped_n == DROPPED_MAX ||
        random_below(s->random, 8) != 0)
        return false;
    snprintf(s->dropped[s->dropped_n].record, sizeof s->dropped[0].record, "%s",
             schema_item(record, "name")->valuestring);
    snprintf(s->dropped[s->dropped_n].field, sizeof s->dropped[0].field, "%s",
             schema_item(field, "name")->valuestring);
    s->dropped_n++;
    cJSON_Delete(cJSON_DetachItemViaPointer(fields, field));
    return true;
}

static inline void change_record(struct random_schema *s, cJSON *record)
{
    cJSON *fields = schema_item(record, "fields");
    cJSON *next;

    for (cJSON *field = fields->child; field != NULL; field = next) {
        next = field->next;
        if (drop_field(s, record, fields, field))
            continue;
        change_records_within(s, schema_item(field, "type"));
        cJSON_DeleteItemFromObjectCaseSensitive(field, "default");
        cJSON_AddItemToObject(
            field, "type", change_type(s, cJSON_DetachItemFromObjectCaseSensitive(field, "type")));
    }
    if (random_below(s->random, 2) == 0)
        for (int n = cJSON_GetArraySize(fields); n > 1; n--)
            cJSON_AddItemToArray(fields, cJSON_DetachItemFromArray(
                                             fields, (int)random_below(s->random, (uint32_t)n)));
    for (uint32_t n = random_below(s->random, 4); n > 0; n--)
        schema_insert(fields, random_below(s->random, (uint32_t)cJSON_GetArraySize(fields) + 1),
                      random_field(s, UNKNOWN_DEPTH));
}

/* A changed schema as text; free() it. */
static inline char *random_schema_make(struct random_schema *s, struct random_event *random,
                                       struct bytes ours)
{
    cJSON *schema = cJSON_ParseWithLength((const char *)ours.ptr, ours.len);
    cJSON *fields = schema_item(schema, "fields");
    cJSON *uuid = cJSON_Duplicate(schema_item(cJSON_GetArrayItem(fields, 2), "type"), 1);
    cJSON *evidence = cJSON_Duplicate(schema_item(cJSON_GetArrayItem(fields, 10), "type"), 1);
    bool seen_uuid = false, seen_evidence = false;
    char *text;

    s->random = random;
    s->names_n = 0;
    s->dropped_n = 0;
    write_out_names(schema, uuid, evidence);
    change_record(s, schema);
    refer_to_names(schema, &seen_uuid, &seen_evidence);
    text = cJSON_Print(schema);
    cJSON_Delete(uuid);
    cJSON_Delete(evidence);
    cJSON_Delete(schema);
    return text;
}

#endif
