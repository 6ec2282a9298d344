/*
 * The life of a configuration, finding options by name, --set.
 */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "common/buffer.h"
#include "common/file.h"
#include "common/nearest.h"
#include "common/option_internal.h"
#include "common/utf8.h"

static const char origin_default[] = "default";
static const char origin_set[] = "--set";

size_t option_section_length(const struct option_row *row)
{
    size_t len = strlen(row->name);

    return row->type == OPTION_PREFIX_MAP ? len - 2 : len;
}

static bool is_map(const struct option_row *row)
{
    return row->type == OPTION_STRING_MAP || row->type == OPTION_PREFIX_MAP;
}

const struct option_row *option_find(const struct option_table *table, const char *name)
{
    for (size_t i = 0; i < table->rows_n; i++)
        if (table->rows[i].type != OPTION_PREFIX_MAP && strcmp(table->rows[i].name, name) == 0)
            return &table->rows[i];
    for (size_t i = 0; i < table->rows_n; i++) {
        const struct option_row *row = &table->rows[i];
        size_t len = option_section_length(row);

        if (is_map(row) && strncmp(row->name, name, len) == 0 && name[len] == '.' &&
            name[len + 1] != '\0')
            return row;
    }
    return NULL;
}

bool option_is_section(const struct option_table *table, const char *name)
{
    size_t len = strlen(name);

    for (size_t i = 0; i < table->rows_n; i++)
        if (strncmp(table->rows[i].name, name, len) == 0 && table->rows[i].name[len] == '.')
            return true;
    return false;
}

const char *option_shown(struct bytes text, char out[OPTION_SHOWN_SIZE])
{
    static const char ellipsis[] = "…";
    struct bytes prefix = utf8_prefix(text, OPTION_SHOWN_SIZE - sizeof ellipsis);
    size_t n = 0;

    for (size_t len, at = 0; at < prefix.len; at += len) {
        uint32_t c = utf8_next(bytes_skip(prefix, at), &len);

        if (c == UTF8_INVALID || !utf8_is_printable(c)) {
            out[n++] = '?';
            continue;
        }
        memcpy(out + n, prefix.ptr + at, len);
        n += len;
    }
    memcpy(out + n, prefix.len < text.len ? ellipsis : "",
           prefix.len < text.len ? sizeof ellipsis : 1);
    return out;
}

/* Offers a row's name and the sections that it is in ("a.b.c": "a", "a.b", "a.b.c"). */
static void offer_names(struct nearest *nearest, const struct option_row *row)
{
    char part[OPTION_NAME_MAX + 1];

    for (size_t len = 1; row->name[len - 1] != '\0'; len++) {
        if (row->name[len] != '.' && row->name[len] != '\0')
            continue;
        memcpy(part, row->name, len);
        part[len] = '\0';
        nearest_offer(nearest, part);
    }
}

enum err option_unknown(const struct config *config, const char *name, const char *origin,
                        struct err_detail *detail)
{
    struct nearest nearest;
    char shown[OPTION_SHOWN_SIZE];

    nearest_init(&nearest, name);
    for (size_t i = 0; i < config->table->rows_n; i++)
        offer_names(&nearest, &config->table->rows[i]);
    option_shown(bytes_of_string(name), shown);
    const char *best = nearest_best(&nearest);
    if (best != NULL)
        return err_set(detail, ERR_CONFIG, "%s: unknown option '%s'; did you mean '%s'?", origin,
                       shown, best);
    return err_set(detail, ERR_CONFIG, "%s: unknown option '%s'; --help lists all options", origin,
                   shown);
}

bool option_key_is_secret(const char *key)
{
    static const char *const marks[] = {
        "password", "passphrase", "secret", "private",
        "key.pem",  "token",      "jaas",   "sasl.oauthbearer.config",
    };

    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
        if (strstr(key, marks[i]) != NULL)
            return true;
    return false;
}

/* A row that no table may hold is a bug in the program. */
static void assert_row(const struct option_table *table, const struct option_row *row)
{
    size_t len = strlen(row->name);

    assert(len > 0 && len <= OPTION_NAME_MAX && row->help != NULL);
    assert((row->type == OPTION_ENUM) == (row->words != NULL));
    assert((row->type == OPTION_PREFIX_MAP) == (len > 2 && strcmp(row->name + len - 2, ".*") == 0));
    assert(row->target < table->target_bytes);
    assert(!option_is_section(table, row->name));
    assert(row->type == OPTION_PREFIX_MAP || option_find(table, row->name) == row);
}

static enum err set_default(struct config *config, const struct option_row *row,
                            struct err_detail *detail)
{
    bool text = row->type == OPTION_STRING || row->type == OPTION_PATH;

    if (is_map(row)) {
        assert(row->standard == NULL);
        return ERR_OK;
    }
    assert(row->standard != NULL || text || row->type == OPTION_STRING_LIST);
    enum err err = option_set_value(config, row, row->name,
                                    bytes_of_string(row->standard != NULL ? row->standard : ""),
                                    origin_default, detail);
    assert(err != ERR_CONFIG);
    return err;
}

enum err config_init(struct config *config, const struct option_table *table, void *target,
                     struct err_detail *detail)
{
    *config = (struct config){.table = table, .target = target};
    memset(target, 0, table->target_bytes);
    config->origins = option_memory_take(&config->memory, table->rows_n * sizeof *config->origins);
    if (config->origins == NULL)
        return err_set(detail, ERR_NOMEM, "out of memory");
    for (size_t i = 0; i < table->rows_n; i++) {
        assert_row(table, &table->rows[i]);
        config->origins[i] = origin_default;
        enum err err = set_default(config, &table->rows[i], detail);
        if (err != ERR_OK)
            return err;
    }
    return ERR_OK;
}

void config_free(struct config *config)
{
    option_memory_free(config->memory);
    *config = (struct config){0};
}

enum err config_read_file(struct config *config, const char *path, struct err_detail *detail)
{
    struct buffer text;

    buffer_init(&text);
    enum err err = file_read(path, OPTION_FILE_MAX, FILE_FOLLOW_LINKS, &text, detail);
    if (err == ERR_OK)
        err = config_read_text(config, path, buffer_bytes(&text), detail);
    buffer_wipe(&text);
    return err;
}

enum err config_set(struct config *config, const char *assignment, struct err_detail *detail)
{
    char name[OPTION_NAME_MAX + 1];
    char shown[OPTION_SHOWN_SIZE];
    const char *equals = strchr(assignment, '=');
    size_t len = equals == NULL ? strlen(assignment) : (size_t)(equals - assignment);

    option_shown(bytes_of(assignment, len), shown);
    if (equals == NULL || len == 0)
        return err_set(detail, ERR_CONFIG, "--set %s: write --set name=value", shown);
    if (len > OPTION_NAME_MAX)
        return err_set(detail, ERR_CONFIG, "--set: the name %s is too long", shown);
    memcpy(name, assignment, len);
    name[len] = '\0';
    const struct option_row *row = option_find(config->table, name);
    if (row == NULL && !option_is_section(config->table, name))
        return option_unknown(config, name, origin_set, detail);
    if (row == NULL)
        return err_set(detail, ERR_CONFIG, "--set: '%s' is a section; set an option of it", shown);
    if (is_map(row) && strcmp(row->name, name) == 0)
        return err_set(detail, ERR_CONFIG, "--set: '%s' is a map; write --set %s.KEY=value", shown,
                       shown);
    if (is_map(row) && !utf8_is_valid(bytes_of(assignment, len)))
        return err_set(detail, ERR_CONFIG, "--set: %s: not text in UTF-8", shown);
    return option_set_value(config, row, name, bytes_of_string(equals + 1), origin_set, detail);
}

/* The index of the row of this very name, which must exist. */
static size_t known_row(const struct config *config, const char *name)
{
    size_t i = 0;

    while (i < config->table->rows_n && strcmp(config->table->rows[i].name, name) != 0)
        i++;
    assert(i < config->table->rows_n);
    return i;
}

const char *config_origin(const struct config *config, const char *name)
{
    return config->origins[known_row(config, name)];
}

enum err config_error(const struct config *config, struct err_detail *detail, const char *name,
                      const char *format, ...)
{
    char text[ERR_DETAIL_MAX];
    va_list args;

    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return err_set(detail, ERR_CONFIG, "%s: %s: %s", config_origin(config, name), name,
                   n < 0 ? "not valid" : text);
}
