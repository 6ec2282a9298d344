/*
 * Values of options: text to typed value in the program's struct, numbers back to text.
 */
#include <stdio.h>

#include "common/option_internal.h"
#include "common/time_text.h"
#include "common/utf8.h"

static const struct {
    const char *suffix;
    int64_t bytes;
} size_units[] = {
    {"TiB", INT64_C(1) << 40},
    {"GiB", INT64_C(1) << 30},
    {"MiB", INT64_C(1) << 20},
    {"KiB", INT64_C(1) << 10},
    {"B", 1},
    {"", 1},
};
enum { SIZE_UNITS_N = sizeof size_units / sizeof size_units[0] };

const char *option_type_name(enum option_type type)
{
    static const char *const names[] = {
        [OPTION_STRING] = "text",       [OPTION_PATH] = "path",
        [OPTION_INTEGER] = "integer",   [OPTION_BYTES] = "size",
        [OPTION_DURATION] = "duration", [OPTION_BOOLEAN] = "boolean",
        [OPTION_ENUM] = "word",         [OPTION_STRING_LIST] = "list",
        [OPTION_STRING_MAP] = "map",    [OPTION_PREFIX_MAP] = "pass-through",
    };
    return names[type];
}

const char *option_scope_name(enum option_scope scope)
{
    return scope == OPTION_POLICY ? "policy" : "process";
}

const char *option_number_format(const struct option_row *row, int64_t value,
                                 char out[OPTION_NUMBER_SIZE])
{
    if (row->type == OPTION_DURATION) {
        _Static_assert((int)OPTION_NUMBER_SIZE >= (int)DURATION_TEXT_SIZE, "durations fit");
        return duration_format(value, out);
    }
    if (row->type == OPTION_BYTES && value > 0)
        for (size_t i = 0; i < SIZE_UNITS_N; i++)
            if (value % size_units[i].bytes == 0) {
                snprintf(out, OPTION_NUMBER_SIZE, "%lld%s",
                         (long long)(value / size_units[i].bytes), size_units[i].suffix);
                return out;
            }
    snprintf(out, OPTION_NUMBER_SIZE, "%lld", (long long)value);
    return out;
}

/* Takes decimal digits, with a '-' if `negative_allowed`, from the front of `*text`. */
static enum err take_integer(struct bytes *text, bool negative_allowed, int64_t *value)
{
    bool negative = negative_allowed && text->len > 0 && text->ptr[0] == '-';
    size_t at = negative;
    size_t first = at;

    *value = 0;
    for (; at < text->len && text->ptr[at] >= '0' && text->ptr[at] <= '9'; at++) {
        int digit = text->ptr[at] - '0';

        if (__builtin_mul_overflow(*value, 10, value) ||
            __builtin_add_overflow(*value, negative ? -digit : digit, value))
            return ERR_LIMIT;
    }
    bool leading_zero = at - first > 1 && text->ptr[first] == '0';
    if (at == first || leading_zero)
        return ERR_MALFORMED;
    *text = bytes_skip(*text, at);
    return ERR_OK;
}

static enum err parse_size(struct bytes text, int64_t *value)
{
    enum err err = take_integer(&text, false, value);

    if (err != ERR_OK)
        return err;
    for (size_t i = 0; i < SIZE_UNITS_N; i++)
        if (bytes_equal(text, bytes_of_string(size_units[i].suffix)))
            return __builtin_mul_overflow(*value, size_units[i].bytes, value) ? ERR_LIMIT : ERR_OK;
    return ERR_MALFORMED;
}

static enum err parse_number(enum option_type type, struct bytes text, int64_t *value)
{
    if (type == OPTION_DURATION)
        return duration_parse(text, value);
    if (type == OPTION_BYTES)
        return parse_size(text, value);
    enum err err = take_integer(&text, true, value);
    return err == ERR_OK && text.len > 0 ? ERR_MALFORMED : err;
}

static enum err set_number(struct config *config, const struct option_row *row, struct bytes text,
                           const char *origin, struct err_detail *detail)
{
    static const char *const wanted[] = {
        [OPTION_INTEGER] = "an integer",
        [OPTION_BYTES] = "a size; write for example 512KiB, 64MiB or 1GiB",
        [OPTION_DURATION] = "a duration; write for example 500ms, 30s, 2m30s or 24h",
    };
    int64_t least = row->minimum;
    int64_t most = row->minimum == 0 && row->maximum == 0 ? INT64_MAX : row->maximum;
    int64_t value;
    char shown[OPTION_SHOWN_SIZE];
    char limit[OPTION_NUMBER_SIZE];
    enum err err = parse_number(row->type, text, &value);

    if (err == ERR_LIMIT)
        return err_set(detail, ERR_CONFIG, "%s: %s: %s is too large", origin, row->name,
                       option_shown(text, shown));
    if (err != ERR_OK)
        return err_set(detail, ERR_CONFIG, "%s: %s: '%s' is not %s", origin, row->name,
                       option_shown(text, shown), wanted[row->type]);
    if (value < least)
        return err_set(detail, ERR_CONFIG, "%s: %s: %s is below the minimum %s", origin, row->name,
                       option_shown(text, shown), option_number_format(row, least, limit));
    if (value > most)
        return err_set(detail, ERR_CONFIG, "%s: %s: %s is above the maximum %s", origin, row->name,
                       option_shown(text, shown), option_number_format(row, most, limit));
    *(int64_t *)option_target(config, row) = value;
    return ERR_OK;
}

static enum err set_boolean(struct config *config, const struct option_row *row, struct bytes text,
                            const char *origin, struct err_detail *detail)
{
    char shown[OPTION_SHOWN_SIZE];
    bool *target = option_target(config, row);

    if (bytes_equal(text, BYTES_LITERAL("true")))
        *target = true;
    else if (bytes_equal(text, BYTES_LITERAL("false")))
        *target = false;
    else
        return err_set(detail, ERR_CONFIG, "%s: %s: '%s' is not true or false", origin, row->name,
                       option_shown(text, shown));
    return ERR_OK;
}

static enum err set_word(struct config *config, const struct option_row *row, struct bytes text,
                         const char *origin, struct err_detail *detail)
{
    char shown[OPTION_SHOWN_SIZE];
    char words[ERR_DETAIL_MAX / 2] = "";
    size_t len = 0;

    for (int i = 0; row->words[i] != NULL; i++) {
        if (bytes_equal(text, bytes_of_string(row->words[i]))) {
            *(int *)option_target(config, row) = i;
            return ERR_OK;
        }
        int n = snprintf(words + len, sizeof words - len, "%s%s", i > 0 ? ", " : "", row->words[i]);
        len += (size_t)n < sizeof words - len ? (size_t)n : sizeof words - len - 1;
    }
    return err_set(detail, ERR_CONFIG, "%s: %s: '%s' is not one of: %s", origin, row->name,
                   option_shown(text, shown), words);
}

/* Doubles the room for `n` items of `size` bytes when `n` is a power of two or 0. */
static void *with_room(struct config *config, const void *items, size_t n, size_t size)
{
    if (n != 0 && (n & (n - 1)) != 0)
        return (void *)(uintptr_t)items;
    char *wider = option_memory_take(&config->memory, (n == 0 ? 1 : 2 * n) * size);

    if (wider != NULL && n > 0)
        memcpy(wider, items, n * size);
    return wider;
}

static enum err out_of_memory(const struct option_row *row, const char *origin,
                              struct err_detail *detail)
{
    return err_set(detail, ERR_NOMEM, "%s: %s: out of memory", origin, row->name);
}

static enum err too_many(const struct option_row *row, const char *origin,
                         struct err_detail *detail)
{
    return err_set(detail, ERR_CONFIG, "%s: %s: more than %d entries", origin, row->name,
                   OPTION_ITEMS_MAX);
}

/* What every text must be: short enough, UTF-8, without NUL, and no mask in place of a secret. */
static enum err check_text(const char *name, bool secret, struct bytes text, const char *origin,
                           struct err_detail *detail)
{
    char shown[OPTION_SHOWN_SIZE];

    option_shown(bytes_of_string(name), shown);
    if (text.len > OPTION_VALUE_MAX)
        return err_set(detail, ERR_CONFIG, "%s: %s: longer than %d bytes", origin, shown,
                       OPTION_VALUE_MAX);
    if (!utf8_is_valid(text) || (text.len > 0 && memchr(text.ptr, '\0', text.len) != NULL))
        return err_set(detail, ERR_CONFIG, "%s: %s: not text in UTF-8", origin, shown);
    if (secret && bytes_equal(text, BYTES_LITERAL(OPTION_MASK)))
        return err_set(detail, ERR_CONFIG,
                       "%s: %s: this is the mask that --print-config shows; give the secret itself",
                       origin, shown);
    return ERR_OK;
}

static enum err set_text(struct config *config, const struct option_row *row, struct bytes text,
                         const char *origin, struct err_detail *detail)
{
    enum err err = check_text(row->name, row->secret, text, origin, detail);

    if (err != ERR_OK)
        return err;
    if (text.len == 0 && row->standard != NULL && row->standard[0] != '\0')
        return err_set(detail, ERR_CONFIG, "%s: %s: must not be empty", origin, row->name);
    const char *copy = option_memory_copy(&config->memory, text);
    if (copy == NULL)
        return out_of_memory(row, origin, detail);
    *(const char **)option_target(config, row) = copy;
    return ERR_OK;
}

void option_list_clear(struct config *config, const struct option_row *row)
{
    *(struct option_list *)option_target(config, row) = (struct option_list){0};
}

enum err option_list_add(struct config *config, const struct option_row *row, struct bytes item,
                         const char *origin, struct err_detail *detail)
{
    struct option_list *list = option_target(config, row);
    enum err err = check_text(row->name, row->secret, item, origin, detail);

    if (err != ERR_OK)
        return err;
    if (item.len == 0)
        return err_set(detail, ERR_CONFIG, "%s: %s: an item is empty", origin, row->name);
    if (list->n == OPTION_ITEMS_MAX)
        return too_many(row, origin, detail);
    const char **items = with_room(config, list->items, list->n, sizeof *items);
    const char *copy = option_memory_copy(&config->memory, item);
    if (items == NULL || copy == NULL)
        return out_of_memory(row, origin, detail);
    items[list->n] = copy;
    *list = (struct option_list){.items = items, .n = list->n + 1};
    return ERR_OK;
}

/* Items separated by commas replace the list; empty text empties it. */
static enum err set_list(struct config *config, const struct option_row *row, struct bytes text,
                         const char *origin, struct err_detail *detail)
{
    option_list_clear(config, row);
    while (text.len > 0) {
        const uint8_t *comma = memchr(text.ptr, ',', text.len);
        size_t len = comma == NULL ? text.len : (size_t)(comma - text.ptr);
        enum err err = option_list_add(config, row, bytes_of(text.ptr, len), origin, detail);

        if (err != ERR_OK)
            return err;
        text = bytes_skip(text, comma == NULL ? len : len + 1);
        if (comma != NULL && text.len == 0)
            return err_set(detail, ERR_CONFIG, "%s: %s: an item is empty", origin, row->name);
    }
    return ERR_OK;
}

/* A new key is added at the end, a known one gets the new value. */
static enum err set_pair(struct config *config, const struct option_row *row, const char *name,
                         struct bytes text, const char *origin, struct err_detail *detail)
{
    struct option_map *map = option_target(config, row);
    const char *key = name + option_section_length(row) + 1;
    bool secret = row->secret || (row->type == OPTION_PREFIX_MAP && option_key_is_secret(key));
    enum err err = check_text(name, secret, text, origin, detail);
    size_t at = 0;

    if (err != ERR_OK)
        return err;
    while (at < map->n && strcmp(map->items[at].key, key) != 0)
        at++;
    if (at == OPTION_ITEMS_MAX)
        return too_many(row, origin, detail);
    struct option_pair *items = at < map->n ? (struct option_pair *)(uintptr_t)map->items
                                            : with_room(config, map->items, map->n, sizeof *items);
    struct option_pair pair = {
        .key = option_memory_copy(&config->memory, bytes_of_string(key)),
        .value = option_memory_copy(&config->memory, text),
        .origin = origin,
    };
    if (items == NULL || pair.key == NULL || pair.value == NULL)
        return out_of_memory(row, origin, detail);
    items[at] = pair;
    *map = (struct option_map){.items = items, .n = at < map->n ? map->n : map->n + 1};
    return ERR_OK;
}

enum err option_set_value(struct config *config, const struct option_row *row, const char *name,
                          struct bytes text, const char *origin, struct err_detail *detail)
{
    enum err err = ERR_OK;

    switch (row->type) {
    case OPTION_STRING:
    case OPTION_PATH: err = set_text(config, row, text, origin, detail); break;
    case OPTION_INTEGER:
    case OPTION_BYTES:
    case OPTION_DURATION: err = set_number(config, row, text, origin, detail); break;
    case OPTION_BOOLEAN: err = set_boolean(config, row, text, origin, detail); break;
    case OPTION_ENUM: err = set_word(config, row, text, origin, detail); break;
    case OPTION_STRING_LIST: err = set_list(config, row, text, origin, detail); break;
    case OPTION_STRING_MAP:
    case OPTION_PREFIX_MAP: err = set_pair(config, row, name, text, origin, detail); break;
    }
    if (err == ERR_OK)
        config->origins[row - config->table->rows] = origin;
    return err;
}
