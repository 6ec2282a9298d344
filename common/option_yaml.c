/*
 * The strict YAML reader: libyaml's events, nested maps as dotted names, errors with file and line.
 * One document, no anchors, aliases or tags.
 */
#include <stdio.h>
#include <yaml.h>

#include "common/option_internal.h"
#include "common/utf8.h"

struct reader {
    struct config *config;
    const char *file; /* cleaned, for error texts */
    struct err_detail *detail;
    yaml_parser_t parser;
    yaml_event_t event; /* the current one; owned */
    bool has_event;
    size_t seen_n;
    struct {
        const char *name;
        size_t line;
    } seen[OPTION_KEYS_MAX]; /* every key so far, with its sections, to find repetitions */
};

static size_t line_of(const struct reader *r)
{
    return r->event.start_mark.line + 1;
}

/* An error at the current event. */
#define AT_EVENT(r, format, ...)                                                                   \
    err_set((r)->detail, ERR_CONFIG, "%s:%zu: " format, (r)->file, line_of(r), __VA_ARGS__)

static enum err out_of_memory(struct reader *r)
{
    return err_set(r->detail, ERR_NOMEM, "%s: out of memory", r->file);
}

static enum err syntax_error(struct reader *r)
{
    const yaml_parser_t *p = &r->parser;
    size_t line = p->error == YAML_READER_ERROR ? p->mark.line : p->problem_mark.line;

    if (p->error == YAML_MEMORY_ERROR)
        return out_of_memory(r);
    return err_set(r->detail, ERR_CONFIG, "%s:%zu: not valid YAML: %s", r->file, line + 1,
                   p->problem != NULL ? p->problem : "unknown problem");
}

static const yaml_char_t *anchor_of(const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT: return event->data.scalar.anchor;
    case YAML_SEQUENCE_START_EVENT: return event->data.sequence_start.anchor;
    case YAML_MAPPING_START_EVENT: return event->data.mapping_start.anchor;
    default: return NULL;
    }
}

static const yaml_char_t *tag_of(const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT: return event->data.scalar.tag;
    case YAML_SEQUENCE_START_EVENT: return event->data.sequence_start.tag;
    case YAML_MAPPING_START_EVENT: return event->data.mapping_start.tag;
    default: return NULL;
    }
}

/* Moves to the next event, refusing what a configuration must not use. */
static enum err next_event(struct reader *r)
{
    if (r->has_event)
        yaml_event_delete(&r->event);
    r->has_event = yaml_parser_parse(&r->parser, &r->event) != 0;
    if (!r->has_event)
        return syntax_error(r);
    if (r->event.type == YAML_ALIAS_EVENT || anchor_of(&r->event) != NULL)
        return AT_EVENT(r, "%s", "anchors and aliases are not supported; write the value out");
    if (tag_of(&r->event) != NULL)
        return AT_EVENT(r, "%s", "tags are not supported; remove the '!…'");
    return ERR_OK;
}

static struct bytes scalar_text(const struct reader *r)
{
    return bytes_of(r->event.data.scalar.value, r->event.data.scalar.length);
}

static bool is_plain(const struct reader *r)
{
    return r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

static bool is_null(const struct reader *r)
{
    static const char *const words[] = {"", "~", "null", "Null", "NULL"};

    for (size_t i = 0; is_plain(r) && i < sizeof words / sizeof words[0]; i++)
        if (bytes_equal(scalar_text(r), bytes_of_string(words[i])))
            return true;
    return false;
}

static const char *copy_origin(struct reader *r)
{
    char line[24];
    size_t file_len = strlen(r->file);
    int n = snprintf(line, sizeof line, ":%zu", line_of(r));
    char *origin = option_memory_take(&r->config->memory, file_len + (size_t)n + 1);

    if (origin != NULL) {
        memcpy(origin, r->file, file_len);
        memcpy(origin + file_len, line, (size_t)n + 1);
    }
    return origin;
}

static enum err check_known(struct reader *r, const char *name)
{
    const struct option_table *table = r->config->table;

    if (option_find(table, name) != NULL || option_is_section(table, name))
        return ERR_OK;
    const char *origin = copy_origin(r);
    return origin == NULL ? out_of_memory(r) : option_unknown(r->config, name, origin, r->detail);
}

/* The dotted name of the key at the current event below `prefix` ("" at the top), checked to be
 * new. */
static enum err take_name(struct reader *r, const char *prefix, const char **name)
{
    char shown[OPTION_SHOWN_SIZE];
    struct bytes key = scalar_text(r);
    size_t prefix_len = strlen(prefix);
    size_t len = prefix_len + (prefix_len > 0) + key.len;

    option_shown(key, shown);
    if (key.len == 0 || len > OPTION_NAME_MAX || memchr(key.ptr, '\0', key.len) != NULL)
        return AT_EVENT(r, "'%s' is not a name of an option", shown);
    char *joined = option_memory_take(&r->config->memory, len + 1);
    if (joined == NULL)
        return out_of_memory(r);
    memcpy(joined, prefix, prefix_len);
    if (prefix_len > 0)
        joined[prefix_len] = '.';
    memcpy(joined + len - key.len, key.ptr, key.len);
    for (size_t i = 0; i < r->seen_n; i++)
        if (strcmp(r->seen[i].name, joined) == 0)
            return AT_EVENT(r, "duplicate key '%s', given before on line %zu",
                            option_shown(bytes_of_string(joined), shown), r->seen[i].line);
    if (r->seen_n == OPTION_KEYS_MAX)
        return AT_EVENT(r, "more than %d keys", OPTION_KEYS_MAX);
    r->seen[r->seen_n].name = joined;
    r->seen[r->seen_n++].line = line_of(r);
    *name = joined;
    return ERR_OK;
}

/* What a value of another kind should have been. */
static enum err wrong_kind(struct reader *r, const struct option_row *row, const char *name)
{
    char shown[OPTION_SHOWN_SIZE];
    const char *wanted = "a single value";

    option_shown(bytes_of_string(name), shown);
    if (row == NULL || (row->type == OPTION_STRING_MAP && strcmp(row->name, name) == 0))
        wanted = "a map of keys and values";
    else if (row->type == OPTION_STRING_LIST)
        wanted = "a list; write [a, b]";
    return AT_EVENT(r, "%s: expected %s", shown, wanted);
}

static enum err read_scalar(struct reader *r, const struct option_row *row, const char *name)
{
    char shown[OPTION_SHOWN_SIZE];
    bool unquoted_only = row->type == OPTION_INTEGER || row->type == OPTION_BOOLEAN;

    option_shown(bytes_of_string(name), shown);
    if (is_null(r))
        return AT_EVENT(r, "%s: has no value; give one or remove the line", shown);
    if (row->type == OPTION_STRING_LIST ||
        (row->type == OPTION_STRING_MAP && strcmp(row->name, name) == 0))
        return wrong_kind(r, row, name);
    if (unquoted_only && !is_plain(r))
        return AT_EVENT(r, "%s: expected %s without quotes", shown,
                        row->type == OPTION_INTEGER ? "an integer" : "true or false");
    const char *origin = copy_origin(r);
    if (origin == NULL)
        return out_of_memory(r);
    return option_set_value(r->config, row, name, scalar_text(r), origin, r->detail);
}

static enum err read_list(struct reader *r, const struct option_row *row)
{
    const char *origin = copy_origin(r);

    if (origin == NULL)
        return out_of_memory(r);
    option_list_clear(r->config, row);
    r->config->origins[row - r->config->table->rows] = origin;
    for (;;) {
        enum err err = next_event(r);

        if (err != ERR_OK || r->event.type == YAML_SEQUENCE_END_EVENT)
            return err;
        if (r->event.type != YAML_SCALAR_EVENT || is_null(r))
            return AT_EVENT(r, "%s: every item must be a single value", row->name);
        origin = copy_origin(r);
        if (origin == NULL)
            return out_of_memory(r);
        err = option_list_add(r->config, row, scalar_text(r), origin, r->detail);
        if (err != ERR_OK)
            return err;
    }
}

static enum err read_map(struct reader *r, const char *prefix, int depth);

/* The value of `name` at the current event. */
static enum err read_value(struct reader *r, const char *name, int depth)
{
    const struct option_row *row = option_find(r->config->table, name);
    bool section = row == NULL && option_is_section(r->config->table, name);
    bool nested = section || (row != NULL &&
                              (row->type == OPTION_PREFIX_MAP ||
                               (row->type == OPTION_STRING_MAP && strcmp(row->name, name) == 0)));

    if (r->event.type == YAML_MAPPING_START_EVENT && nested)
        return read_map(r, name, depth + 1);
    if (r->event.type == YAML_SEQUENCE_START_EVENT && row != NULL &&
        row->type == OPTION_STRING_LIST)
        return read_list(r, row);
    if (r->event.type == YAML_SCALAR_EVENT && row != NULL)
        return read_scalar(r, row, name);
    return wrong_kind(r, row, name);
}

static enum err read_map(struct reader *r, const char *prefix, int depth)
{
    if (depth > OPTION_DEPTH_MAX)
        return AT_EVENT(r, "nested deeper than %d", OPTION_DEPTH_MAX);
    for (;;) {
        const char *name = NULL;
        enum err err = next_event(r);

        if (err != ERR_OK || r->event.type == YAML_MAPPING_END_EVENT)
            return err;
        if (r->event.type != YAML_SCALAR_EVENT)
            return AT_EVENT(r, "%s", "a key must be a name");
        err = take_name(r, prefix, &name);
        if (err == ERR_OK)
            err = check_known(r, name);
        if (err == ERR_OK)
            err = next_event(r);
        if (err == ERR_OK)
            err = read_value(r, name, depth);
        if (err != ERR_OK)
            return err;
    }
}

/* The whole stream: nothing, or one document that is a map or empty. */
static enum err read_stream(struct reader *r)
{
    enum err err = next_event(r);

    if (err == ERR_OK)
        err = next_event(r);
    if (err != ERR_OK || r->event.type == YAML_STREAM_END_EVENT)
        return err;
    err = next_event(r);
    if (err != ERR_OK)
        return err;
    if (r->event.type == YAML_MAPPING_START_EVENT)
        err = read_map(r, "", 1);
    else if (r->event.type != YAML_SCALAR_EVENT || !is_null(r))
        return AT_EVENT(r, "%s", "expected options as 'name: value'");
    if (err == ERR_OK)
        err = next_event(r);
    if (err == ERR_OK)
        err = next_event(r);
    if (err == ERR_OK && r->event.type != YAML_STREAM_END_EVENT)
        return AT_EVENT(r, "%s", "a second document; there may be only one");
    return err;
}

enum err config_read_text(struct config *config, const char *name, struct bytes text,
                          struct err_detail *detail)
{
    char shown[OPTION_SHOWN_SIZE];
    struct reader r = {.config = config, .detail = detail};

    option_shown(bytes_of_string(name), shown);
    r.file = option_memory_copy(&config->memory, bytes_of_string(shown));
    if (r.file == NULL)
        return err_set(detail, ERR_NOMEM, "%s: out of memory", shown);
    if (text.len > OPTION_FILE_MAX)
        return err_set(detail, ERR_CONFIG, "%s: longer than %d bytes", shown, OPTION_FILE_MAX);
    if (!yaml_parser_initialize(&r.parser))
        return out_of_memory(&r);
    const uint8_t *input = text.ptr != NULL ? text.ptr : (const uint8_t *)"";
    yaml_parser_set_input_string(&r.parser, input, text.len);
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    enum err err = read_stream(&r);
    if (r.has_event)
        yaml_event_delete(&r.event);
    yaml_parser_delete(&r.parser);
    return err;
}
