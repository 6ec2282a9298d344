/*
 * Rows of any Avro container file as JSON; see the header.
 */
#include "aggregator/edge/avro_json.h"

#include <cJSON.h>
#include <stdlib.h>

#include "common/json_out.h"
#include "common/time_text.h"
#include "schemas/c/avro_container.h"

enum { FIRST_LINE_BYTES = 4096, ITEMS_MAX = 1 << 24 };

struct printer {
    const cJSON *root; /* the whole schema, for names */
    struct avro_reader in;
    struct json_out out;
};

static enum err print_value(struct printer *p, const cJSON *schema, int depth);

static const char *text_member(const cJSON *schema, const char *name)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(schema, name));

    return text != NULL ? text : "";
}

/* The definition of a named type; NULL if there is none. Namespaces are not told apart: a schema of
 * ours has one. */
static const cJSON *find_named(const cJSON *schema, const char *name, int depth)
{
    const char *dot = strrchr(name, '.'), *simple = dot != NULL ? dot + 1 : name;
    const cJSON *child;

    if (depth > AVRO_JSON_DEPTH_MAX)
        return NULL;
    if (cJSON_IsObject(schema) && strcmp(text_member(schema, "name"), simple) == 0 &&
        cJSON_IsString(cJSON_GetObjectItemCaseSensitive(schema, "type")))
        return schema;
    cJSON_ArrayForEach(child, schema)
    {
        const cJSON *found = find_named(child, name, depth + 1);

        if (found != NULL)
            return found;
    }
    return NULL;
}

static enum err print_long(struct printer *p, const char *logical_type)
{
    int64_t value = 0;
    enum err e = avro_get_long(&p->in, &value);

    if (e != ERR_OK)
        return e;
    if (strcmp(logical_type, "timestamp-millis") == 0 && value >= TIME_MS_MIN &&
        value <= TIME_MS_MAX)
        json_out_time(&p->out, value);
    else
        json_out_int(&p->out, value);
    return ERR_OK;
}

/* ERR_NOT_FOUND: not the name of a primitive type. */
static enum err print_primitive(struct printer *p, const char *type, const char *logical_type)
{
    struct bytes bytes;
    bool flag;
    enum err e;

    if (strcmp(type, "long") == 0 || strcmp(type, "int") == 0)
        return print_long(p, logical_type);
    if (strcmp(type, "string") == 0 || strcmp(type, "bytes") == 0) {
        e = avro_get_bytes(&p->in, &bytes);
        if (e == ERR_OK && type[0] == 's')
            json_out_string(&p->out, bytes);
        else if (e == ERR_OK)
            json_out_hex(&p->out, bytes);
        return e;
    }
    if (strcmp(type, "boolean") == 0) {
        e = avro_get_bool(&p->in, &flag);
        if (e == ERR_OK)
            json_out_bool(&p->out, flag);
        return e;
    }
    if (strcmp(type, "null") == 0) {
        json_out_null(&p->out);
        return ERR_OK;
    }
    if (strcmp(type, "float") == 0 || strcmp(type, "double") == 0)
        return ERR_UNSUPPORTED;
    return ERR_NOT_FOUND;
}

static enum err print_record(struct printer *p, const cJSON *schema, int depth)
{
    const cJSON *field;
    enum err e = ERR_OK;

    json_out_object_begin(&p->out);
    cJSON_ArrayForEach(field, cJSON_GetObjectItemCaseSensitive(schema, "fields"))
    {
        const cJSON *type = cJSON_GetObjectItemCaseSensitive(field, "type");

        json_out_key(&p->out, text_member(field, "name"));
        e = type == NULL ? ERR_MALFORMED : print_value(p, type, depth + 1);
        if (e != ERR_OK)
            return e;
    }
    json_out_object_end(&p->out);
    return ERR_OK;
}

static enum err print_enum(struct printer *p, const cJSON *schema)
{
    const cJSON *symbols = cJSON_GetObjectItemCaseSensitive(schema, "symbols");
    int64_t index = 0;
    enum err e = avro_get_long(&p->in, &index);

    if (e != ERR_OK)
        return e;
    if (index < 0 || index >= cJSON_GetArraySize(symbols))
        return ERR_MALFORMED;
    const char *symbol = cJSON_GetStringValue(cJSON_GetArrayItem(symbols, (int)index));

    if (symbol == NULL)
        return ERR_MALFORMED;
    json_out_text(&p->out, symbol);
    return ERR_OK;
}

static enum err print_map_key(struct printer *p)
{
    struct bytes key;
    char text[256];
    enum err e = avro_get_bytes(&p->in, &key);

    if (e != ERR_OK)
        return e;
    if (key.len >= sizeof text)
        key.len = sizeof text - 1;
    if (key.len > 0)
        memcpy(text, key.ptr, key.len);
    text[key.len] = '\0';
    json_out_key(&p->out, text);
    return ERR_OK;
}

/* Arrays and maps: blocks of items, a negative count is followed by the block's length. */
static enum err print_blocks(struct printer *p, const cJSON *schema, bool map, int depth)
{
    const cJSON *items = cJSON_GetObjectItemCaseSensitive(schema, map ? "values" : "items");
    int64_t n = 0, unused, total = 0;
    enum err e = items == NULL ? ERR_MALFORMED : ERR_OK;

    map ? json_out_object_begin(&p->out) : json_out_array_begin(&p->out);
    while (e == ERR_OK && (e = avro_get_long(&p->in, &n)) == ERR_OK && n != 0) {
        if (n < 0) {
            e = n == INT64_MIN ? ERR_MALFORMED : avro_get_long(&p->in, &unused);
            n = n == INT64_MIN ? 0 : -n;
        }
        if (e == ERR_OK && (n > ITEMS_MAX || (total += n) > ITEMS_MAX))
            e = ERR_LIMIT;
        for (int64_t i = 0; i < n && e == ERR_OK; i++) {
            e = map ? print_map_key(p) : ERR_OK;
            if (e == ERR_OK)
                e = print_value(p, items, depth + 1);
        }
    }
    map ? json_out_object_end(&p->out) : json_out_array_end(&p->out);
    return e;
}

static enum err print_fixed(struct printer *p, const cJSON *schema)
{
    const cJSON *size = cJSON_GetObjectItemCaseSensitive(schema, "size");
    struct bytes raw;
    enum err e;

    if (!cJSON_IsNumber(size) || size->valueint < 0)
        return ERR_MALFORMED;
    e = avro_get_raw(&p->in, (size_t)size->valueint, &raw);
    if (e == ERR_OK)
        json_out_hex(&p->out, raw);
    return e;
}

static enum err print_union(struct printer *p, const cJSON *schema, int depth)
{
    int64_t branch = 0;
    enum err e = avro_get_long(&p->in, &branch);

    if (e != ERR_OK)
        return e;
    if (branch < 0 || branch >= cJSON_GetArraySize(schema))
        return ERR_MALFORMED;
    return print_value(p, cJSON_GetArrayItem(schema, (int)branch), depth + 1);
}

static enum err print_value(struct printer *p, const cJSON *schema, int depth)
{
    const cJSON *inner = cJSON_GetObjectItemCaseSensitive(schema, "type");
    const char *type = cJSON_IsString(schema) ? schema->valuestring : cJSON_GetStringValue(inner);

    if (depth > AVRO_JSON_DEPTH_MAX)
        return ERR_LIMIT;
    if (cJSON_IsArray(schema))
        return print_union(p, schema, depth);
    if (type == NULL) /* {"type": {…}} */
        return inner != NULL ? print_value(p, inner, depth + 1) : ERR_MALFORMED;
    if (strcmp(type, "record") == 0)
        return print_record(p, schema, depth);
    if (strcmp(type, "enum") == 0)
        return print_enum(p, schema);
    if (strcmp(type, "array") == 0 || strcmp(type, "map") == 0)
        return print_blocks(p, schema, type[0] == 'm', depth);
    if (strcmp(type, "fixed") == 0)
        return print_fixed(p, schema);
    enum err e = print_primitive(p, type, text_member(schema, "logicalType"));

    if (e != ERR_NOT_FOUND)
        return e;
    const cJSON *named = find_named(p->root, type, 0);

    return named != NULL && named != schema ? print_value(p, named, depth + 1) : ERR_MALFORMED;
}

/* A line under construction: as large as the largest so far. */
struct line {
    char *ptr;
    size_t cap;
};

static enum err grow(struct line *line)
{
    size_t cap = line->cap == 0 ? FIRST_LINE_BYTES : line->cap * 2;
    char *grown = cap > AVRO_JSON_LINE_MAX ? NULL : realloc(line->ptr, cap);

    if (grown == NULL)
        return cap > AVRO_JSON_LINE_MAX ? ERR_LIMIT : ERR_NOMEM;
    line->ptr = grown;
    line->cap = cap;
    return ERR_OK;
}

static enum err print_rows(struct avro_container_reader *file, const cJSON *schema,
                           struct line *line, avro_json_visitor *visit, void *context)
{
    enum err e = line->cap == 0 ? grow(line) : ERR_OK;

    while (e == ERR_OK && (e = avro_container_next(file)) == ERR_OK) {
        struct printer p = {.root = schema};
        struct bytes json = {NULL, 0};

        do {
            p.in = file->in;
            json_out_init(&p.out, line->ptr, line->cap);
            e = print_value(&p, schema, 0);
        } while (e == ERR_OK && json_out_finish(&p.out, &json) != ERR_OK &&
                 (e = grow(line)) == ERR_OK);
        file->in = p.in;
        if (e == ERR_OK)
            visit(context, json);
    }
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

/* {"enclave.part": {…}}: our metadata is JSON already. */
static enum err print_metadata(const struct avro_container_reader *file, struct line *line,
                               avro_json_visitor *visit, void *context)
{
    static const char ours[] = "enclave.part";
    struct bytes value = avro_container_meta(file, ours), json;
    struct json_out out;
    enum err e = line->cap == 0 ? grow(line) : ERR_OK;

    while (e == ERR_OK && value.len > 0) {
        json_out_init(&out, line->ptr, line->cap);
        json_out_object_begin(&out);
        json_out_key(&out, ours);
        json_out_raw(&out, value);
        json_out_object_end(&out);
        if (json_out_finish(&out, &json) == ERR_OK) {
            visit(context, json);
            break;
        }
        e = grow(line);
    }
    return e;
}

enum err avro_json_each_row(struct bytes file, avro_json_visitor *visit, void *context,
                            struct err_detail *detail)
{
    struct avro_container_reader reader;
    struct line line = {0};
    enum err e = avro_container_open(&reader, file);

    if (e != ERR_OK)
        return err_set(detail, e, "not an Avro container file that can be read: %s", err_text(e));
    cJSON *schema =
        cJSON_ParseWithLength((const char *)reader.schema_json.ptr, reader.schema_json.len);

    if (schema == NULL)
        return err_set(detail, ERR_MALFORMED, "its schema is not JSON");
    e = print_metadata(&reader, &line, visit, context);
    if (e == ERR_OK)
        e = print_rows(&reader, schema, &line, visit, context);
    cJSON_Delete(schema);
    free(line.ptr);
    return e == ERR_OK ? ERR_OK : err_set(detail, e, "cannot be shown: %s", err_text(e));
}
