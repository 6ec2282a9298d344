/*
 * Avro schema text → struct schema: see schema_parse.h. The JSON is cJSON's work, what is a valid
 * schema (Avro 1.11 specification, "Schema Declaration", "Names") is decided here.
 */
#include "schemas/c/schema_parse.h"

#include <cjson/cJSON.h>
#include <stdlib.h>

static const char *const kind_names[] = {
    [SCHEMA_NULL] = "null",   [SCHEMA_BOOLEAN] = "boolean", [SCHEMA_INT] = "int",
    [SCHEMA_LONG] = "long",   [SCHEMA_FLOAT] = "float",     [SCHEMA_DOUBLE] = "double",
    [SCHEMA_BYTES] = "bytes", [SCHEMA_STRING] = "string",   [SCHEMA_RECORD] = "record",
    [SCHEMA_ENUM] = "enum",   [SCHEMA_ARRAY] = "array",     [SCHEMA_MAP] = "map",
    [SCHEMA_FIXED] = "fixed", [SCHEMA_UNION] = "union",     [SCHEMA_REFERENCE] = "reference",
};

struct parser {
    struct schema *schema;
    struct schema_node *defined; /* newest definition first */
    uint32_t defined_n;
    struct err_detail *detail;
};

/* Where a type stands: decides what its simple names mean and how deep we are. */
struct place {
    const char *namespace; /* not NUL-terminated at its end: see namespace_len */
    size_t namespace_len;
    unsigned int depth;
};

static enum err parse_type(struct parser *p, const cJSON *json, struct place at,
                           struct schema_node **out);

const char *schema_kind_name(enum schema_kind kind)
{
    return kind_names[kind];
}

const struct schema_node *schema_resolve(const struct schema_node *node)
{
    return node->kind == SCHEMA_REFERENCE ? node->referent : node;
}

static enum err node_new(struct parser *p, enum schema_kind kind, size_t members_n,
                         struct schema_node **out)
{
    struct schema_node *node = calloc(1, sizeof *node);

    if (node == NULL)
        return err_set(p->detail, ERR_NOMEM, "no memory for a schema");
    node->kind = kind;
    node->members_n = (uint32_t)members_n;
    node->allocated_before = p->schema->nodes;
    p->schema->nodes = node;
    if (members_n > 0) {
        node->members = calloc(members_n, sizeof *node->members);
        if (node->members == NULL)
            return err_set(p->detail, ERR_NOMEM, "no memory for a schema");
    }
    *out = node;
    return ERR_OK;
}

/* [A-Za-z_][A-Za-z0-9_]*, and several of them joined by dots if `dots`. */
static bool name_is_valid(const char *name, bool dots)
{
    bool at_start = true;

    for (const char *c = name; *c != '\0'; c++) {
        bool letter = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || *c == '_';

        if (*c == '.' && dots && !at_start)
            at_start = true;
        else if (letter || (*c >= '0' && *c <= '9' && !at_start))
            at_start = false;
        else
            return false;
    }
    return !at_start;
}

static const char *string_attribute(const cJSON *object, const char *key)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
}

/* Full name of `name` used at `at`, in new memory; NULL without memory. */
static char *full_name_new(const char *name, struct place at)
{
    size_t name_len = strlen(name);
    bool qualify = strchr(name, '.') == NULL && at.namespace_len > 0;
    size_t prefix_len = qualify ? at.namespace_len + 1 : 0;
    char *full = malloc(prefix_len + name_len + 1);

    if (full == NULL)
        return NULL;
    if (qualify) {
        memcpy(full, at.namespace, at.namespace_len);
        full[at.namespace_len] = '.';
    }
    memcpy(full + prefix_len, name, name_len + 1);
    return full;
}

static struct schema_node *find_definition(const struct parser *p, const char *full_name)
{
    struct schema_node *node = p->defined;

    while (node != NULL && strcmp(node->full_name, full_name) != 0)
        node = node->defined_before;
    return node;
}

/* Gives `node` its name and makes it known. *inside: the place of the types within it. */
static enum err define(struct parser *p, const cJSON *json, struct place at,
                       struct schema_node *node, struct place *inside)
{
    const char *name = string_attribute(json, "name");
    const char *namespace = string_attribute(json, "namespace");
    const char *dot;

    if (name == NULL || !name_is_valid(name, true))
        return err_set(p->detail, ERR_MALFORMED, "schema: a %s without a valid name",
                       kind_names[node->kind]);
    if (namespace != NULL) {
        if (namespace[0] != '\0' && !name_is_valid(namespace, true))
            return err_set(p->detail, ERR_MALFORMED, "schema: \"%s\" has no valid namespace", name);
        at.namespace = namespace;
        at.namespace_len = strlen(namespace);
    }
    node->full_name = full_name_new(name, at);
    if (node->full_name == NULL)
        return err_set(p->detail, ERR_NOMEM, "no memory for a schema");
    if (find_definition(p, node->full_name) != NULL)
        return err_set(p->detail, ERR_MALFORMED, "schema: \"%s\" is defined twice",
                       node->full_name);
    if (p->defined_n++ == SCHEMA_NAMED_MAX)
        return err_set(p->detail, ERR_LIMIT, "schema: more than %d named types", SCHEMA_NAMED_MAX);
    dot = strrchr(node->full_name, '.');
    node->simple_name = dot == NULL ? node->full_name : dot + 1;
    node->defined_before = p->defined;
    p->defined = node;
    inside->namespace = node->full_name;
    inside->namespace_len = dot == NULL ? 0 : (size_t)(dot - node->full_name);
    inside->depth = at.depth + 1;
    return ERR_OK;
}

/* A primitive, or a name defined before. */
static enum err parse_name(struct parser *p, const char *name, struct place at,
                           struct schema_node **out)
{
    struct schema_node *referent;
    char *full_name;
    enum err err;

    for (unsigned int kind = 0; kind < SCHEMA_PRIMITIVE_N; kind++)
        if (strcmp(name, kind_names[kind]) == 0)
            return node_new(p, (enum schema_kind)kind, 0, out);
    full_name = full_name_new(name, at);
    if (full_name == NULL)
        return err_set(p->detail, ERR_NOMEM, "no memory for a schema");
    referent = find_definition(p, full_name);
    free(full_name);
    if (referent == NULL)
        return err_set(p->detail, ERR_MALFORMED, "schema: unknown type \"%.64s\"", name);
    err = node_new(p, SCHEMA_REFERENCE, 0, out);
    if (err == ERR_OK)
        (*out)->referent = referent;
    return err;
}

/* Reads an array attribute's size: ERR_MALFORMED if it is no array, ERR_LIMIT if it is too long. */
static enum err members_count(struct parser *p, const cJSON *array, const char *what, size_t *n)
{
    const cJSON *item;

    if (!cJSON_IsArray(array))
        return err_set(p->detail, ERR_MALFORMED, "schema: %s is not an array", what);
    *n = 0;
    cJSON_ArrayForEach(item, array)
    {
        if ((*n)++ == SCHEMA_MEMBERS_MAX)
            return err_set(p->detail, ERR_LIMIT, "schema: more than %d %s", SCHEMA_MEMBERS_MAX,
                           what);
    }
    return ERR_OK;
}

/* Sets the name of members[i], which must be valid and new. */
static enum err name_member(struct parser *p, struct schema_node *node, size_t i, const char *name)
{
    if (name == NULL || !name_is_valid(name, false))
        return err_set(p->detail, ERR_MALFORMED, "schema: \"%s\" has a member without valid name",
                       node->full_name);
    for (size_t before = 0; before < i; before++)
        if (strcmp(node->members[before].name, name) == 0)
            return err_set(p->detail, ERR_MALFORMED, "schema: \"%s\" has \"%s\" twice",
                           node->full_name, name);
    node->members[i].name = name;
    return ERR_OK;
}

static enum err parse_record(struct parser *p, const cJSON *json, struct place at,
                             struct schema_node **out)
{
    const cJSON *fields = cJSON_GetObjectItemCaseSensitive(json, "fields");
    const cJSON *field;
    struct place inside;
    size_t n, i = 0;
    enum err err = members_count(p, fields, "fields", &n);

    if (err == ERR_OK)
        err = node_new(p, SCHEMA_RECORD, n, out);
    if (err == ERR_OK)
        err = define(p, json, at, *out, &inside);
    if (err != ERR_OK)
        return err;
    cJSON_ArrayForEach(field, fields)
    {
        err = name_member(p, *out, i, string_attribute(field, "name"));
        if (err == ERR_OK)
            err = parse_type(p, cJSON_GetObjectItemCaseSensitive(field, "type"), inside,
                             &(*out)->members[i].type);
        if (err != ERR_OK)
            return err;
        i++;
    }
    return ERR_OK;
}

static enum err parse_enum(struct parser *p, const cJSON *json, struct place at,
                           struct schema_node **out)
{
    const cJSON *symbols = cJSON_GetObjectItemCaseSensitive(json, "symbols");
    const cJSON *symbol;
    struct place inside;
    size_t n, i = 0;
    enum err err = members_count(p, symbols, "symbols", &n);

    if (err == ERR_OK)
        err = node_new(p, SCHEMA_ENUM, n, out);
    if (err == ERR_OK)
        err = define(p, json, at, *out, &inside);
    if (err != ERR_OK)
        return err;
    cJSON_ArrayForEach(symbol, symbols)
    {
        err = name_member(p, *out, i++, cJSON_GetStringValue(symbol));
        if (err != ERR_OK)
            return err;
    }
    return ERR_OK;
}

static enum err parse_fixed(struct parser *p, const cJSON *json, struct place at,
                            struct schema_node **out)
{
    const cJSON *size = cJSON_GetObjectItemCaseSensitive(json, "size");
    struct place inside;
    enum err err = node_new(p, SCHEMA_FIXED, 0, out);

    if (err == ERR_OK)
        err = define(p, json, at, *out, &inside);
    if (err != ERR_OK)
        return err;
    if (!cJSON_IsNumber(size) || !(size->valuedouble >= 0 && size->valuedouble <= INT32_MAX) ||
        size->valuedouble != (double)(uint32_t)size->valuedouble)
        return err_set(p->detail, ERR_MALFORMED, "schema: \"%s\" has no valid size",
                       (*out)->full_name);
    (*out)->fixed_bytes = (uint32_t)size->valuedouble;
    return ERR_OK;
}

/* array and map: one member, the items. */
static enum err parse_collection(struct parser *p, const cJSON *json, enum schema_kind kind,
                                 struct place at, struct schema_node **out)
{
    const char *attribute = kind == SCHEMA_ARRAY ? "items" : "values";
    enum err err = node_new(p, kind, 1, out);

    at.depth++;
    if (err != ERR_OK)
        return err;
    return parse_type(p, cJSON_GetObjectItemCaseSensitive(json, attribute), at,
                      &(*out)->members[0].type);
}

static enum err parse_union(struct parser *p, const cJSON *json, struct place at,
                            struct schema_node **out)
{
    const cJSON *branch;
    size_t n, i = 0;
    enum err err = members_count(p, json, "union branches", &n);

    if (err == ERR_OK)
        err = node_new(p, SCHEMA_UNION, n, out);
    if (err != ERR_OK)
        return err;
    at.depth++;
    cJSON_ArrayForEach(branch, json)
    {
        err = cJSON_IsArray(branch) ? err_set(p->detail, ERR_MALFORMED, "schema: union in a union")
                                    : parse_type(p, branch, at, &(*out)->members[i++].type);
        if (err != ERR_OK)
            return err;
    }
    return ERR_OK;
}

static enum err parse_object(struct parser *p, const cJSON *json, struct place at,
                             struct schema_node **out)
{
    const cJSON *type = cJSON_GetObjectItemCaseSensitive(json, "type");
    const char *name = cJSON_GetStringValue(type);

    if (name == NULL) { /* {"type": {…}}: a type wrapped once more */
        at.depth++;
        return parse_type(p, type, at, out);
    }
    if (strcmp(name, "record") == 0)
        return parse_record(p, json, at, out);
    if (strcmp(name, "enum") == 0)
        return parse_enum(p, json, at, out);
    if (strcmp(name, "fixed") == 0)
        return parse_fixed(p, json, at, out);
    if (strcmp(name, "array") == 0)
        return parse_collection(p, json, SCHEMA_ARRAY, at, out);
    if (strcmp(name, "map") == 0)
        return parse_collection(p, json, SCHEMA_MAP, at, out);
    return parse_name(p, name, at, out);
}

static enum err parse_type(struct parser *p, const cJSON *json, struct place at,
                           struct schema_node **out)
{
    if (at.depth > SCHEMA_PARSE_NESTING_MAX)
        return err_set(p->detail, ERR_LIMIT, "schema: nested deeper than %d",
                       SCHEMA_PARSE_NESTING_MAX);
    if (cJSON_IsString(json))
        return parse_name(p, json->valuestring, at, out);
    if (cJSON_IsArray(json))
        return parse_union(p, json, at, out);
    if (cJSON_IsObject(json))
        return parse_object(p, json, at, out);
    return err_set(p->detail, ERR_MALFORMED,
                   "schema: a type is missing or no string, array, object");
}

enum err schema_parse(struct bytes text, struct schema *schema, struct err_detail *detail)
{
    struct parser p = {.schema = schema, .detail = detail};
    const char *end = NULL;
    enum err err;

    *schema = (struct schema){0};
    if (text.len > SCHEMA_TEXT_MAX)
        return err_set(detail, ERR_LIMIT, "schema: more than %d bytes", SCHEMA_TEXT_MAX);
    schema->json = cJSON_ParseWithLengthOpts((const char *)text.ptr, text.len, &end, 0);
    if (schema->json == NULL)
        return err_set(detail, ERR_MALFORMED, "schema: not valid JSON");
    while (end < (const char *)text.ptr + text.len && strchr(" \t\r\n", *end) != NULL && *end != 0)
        end++;
    if (end != (const char *)text.ptr + text.len)
        err = err_set(detail, ERR_MALFORMED, "schema: text after the JSON value");
    else
        err = parse_type(&p, schema->json, (struct place){"", 0, 0}, &schema->root);
    if (err != ERR_OK)
        schema_free(schema);
    return err;
}

void schema_free(struct schema *schema)
{
    while (schema->nodes != NULL) {
        struct schema_node *node = schema->nodes;

        schema->nodes = node->allocated_before;
        free(node->full_name);
        free(node->members);
        free(node);
    }
    cJSON_Delete(schema->json);
    *schema = (struct schema){0};
}
