/*
 * Options for people: effective values as YAML, --help, the reference page.
 */
#include "common/option_internal.h"
#include "common/utf8.h"

/* A double-quoted YAML scalar. */
static void print_quoted(FILE *out, const char *value)
{
    struct bytes text = bytes_of_string(value);

    fputc('"', out);
    for (size_t len; text.len > 0; text = bytes_skip(text, len)) {
        uint32_t c = utf8_next(text, &len);

        if (c == UTF8_INVALID)
            fputs("\\uFFFD", out);
        else if (c == '"' || c == '\\')
            fprintf(out, "\\%c", (int)c);
        else if (c == '\n')
            fputs("\\n", out);
        else if (!utf8_is_printable(c))
            fprintf(out, c > 0xFFFF ? "\\U%08X" : "\\u%04X", (unsigned)c);
        else
            fwrite(text.ptr, 1, len, out);
    }
    fputc('"', out);
}

static void print_list(const struct option_list *list, bool secret, FILE *out)
{
    fputc('[', out);
    for (size_t i = 0; i < list->n; i++) {
        fputs(i > 0 ? ", " : "", out);
        print_quoted(out, secret ? OPTION_MASK : list->items[i]);
    }
    fputc(']', out);
}

/* A value that is not a map. */
static void print_value(const struct config *config, const struct option_row *row, FILE *out)
{
    const void *target = option_target(config, row);
    char number[OPTION_NUMBER_SIZE];
    const char *text;

    switch (row->type) {
    case OPTION_STRING:
    case OPTION_PATH:
        text = *(const char *const *)target;
        print_quoted(out, row->secret && text[0] != '\0' ? OPTION_MASK : text);
        break;
    case OPTION_INTEGER:
    case OPTION_BYTES:
    case OPTION_DURATION:
        fputs(option_number_format(row, *(const int64_t *)target, number), out);
        break;
    case OPTION_BOOLEAN: fputs(*(const bool *)target ? "true" : "false", out); break;
    case OPTION_ENUM: print_quoted(out, row->words[*(const int *)target]); break;
    case OPTION_STRING_LIST: print_list(target, row->secret, out); break;
    case OPTION_STRING_MAP:
    case OPTION_PREFIX_MAP: break;
    }
}

static void print_indent(size_t depth, FILE *out)
{
    for (size_t i = 0; i < depth; i++)
        fputs("  ", out);
}

static void print_pairs(const struct option_row *row, const struct option_map *map, size_t depth,
                        FILE *out)
{
    for (size_t i = 0; i < map->n; i++) {
        const struct option_pair *pair = &map->items[i];
        bool secret =
            row->secret || (row->type == OPTION_PREFIX_MAP && option_key_is_secret(pair->key));

        print_indent(depth, out);
        print_quoted(out, pair->key);
        fputs(": ", out);
        print_quoted(out, secret && pair->value[0] != '\0' ? OPTION_MASK : pair->value);
        fprintf(out, " # %s\n", pair->origin);
    }
}

/* Opens the sections of `name` that are not open from `before` (the row before, or "") and returns
 * the depth of its last component, which starts at *last. */
static size_t open_sections(const char *before, const char *name, const char **last, FILE *out)
{
    size_t depth = 0;
    bool open = true; /* so far the sections are those of the row before */
    const char *start = name;

    for (const char *dot; (dot = strchr(start, '.')) != NULL; start = dot + 1) {
        size_t end = (size_t)(dot - name) + 1;

        open = open && strncmp(before, name, end) == 0;
        if (!open) {
            print_indent(depth, out);
            fprintf(out, "%.*s:\n", (int)(dot - start), start);
        }
        depth++;
    }
    *last = start;
    return depth;
}

void config_print(const struct config *config, FILE *out)
{
    const char *before = "";

    for (size_t i = 0; i < config->table->rows_n; i++) {
        const struct option_row *row = &config->table->rows[i];
        const struct option_map *map = option_target(config, row);
        const char *last;

        if (row->type == OPTION_PREFIX_MAP && map->n == 0) {
            fprintf(out, "# %s: nothing is passed through\n", row->name);
            continue;
        }
        size_t depth = open_sections(before, row->name, &last, out);
        before = row->name;
        if (row->type == OPTION_PREFIX_MAP) {
            print_pairs(row, map, depth, out);
            continue;
        }
        print_indent(depth, out);
        fprintf(out, "%s:", last);
        if (row->type == OPTION_STRING_MAP && map->n > 0) {
            fputc('\n', out);
            print_pairs(row, map, depth + 1, out);
            continue;
        }
        fputc(' ', out);
        if (row->type == OPTION_STRING_MAP)
            fputs("{}", out);
        else
            print_value(config, row, out);
        fprintf(out, " # %s\n", config->origins[i]);
    }
}

static bool is_number(const struct option_row *row)
{
    return row->type == OPTION_INTEGER || row->type == OPTION_BYTES || row->type == OPTION_DURATION;
}

/* "1MiB to 1TiB", "one of: a, b"; nothing where every value is allowed. */
static void print_domain(const struct option_row *row, const char *before, FILE *out)
{
    char least[OPTION_NUMBER_SIZE];
    char most[OPTION_NUMBER_SIZE];

    if (is_number(row) && (row->minimum != 0 || row->maximum != 0)) {
        option_number_format(row, row->minimum, least);
        option_number_format(row, row->maximum, most);
        fprintf(out, "%s%s to %s", before, least, most);
    }
    if (row->type == OPTION_ENUM) {
        fprintf(out, "%sone of", before);
        for (int i = 0; row->words[i] != NULL; i++)
            fprintf(out, "%s %s", i > 0 ? "," : "", row->words[i]);
    }
}

void option_print_help(const struct option_table *table, FILE *out)
{
    for (size_t i = 0; i < table->rows_n; i++) {
        const struct option_row *row = &table->rows[i];
        bool has_default = row->standard != NULL && row->standard[0] != '\0';

        fprintf(out, "  %s  (%s", row->name, option_type_name(row->type));
        print_domain(row, "; ", out);
        fprintf(out, "; default %s; scope %s)\n      %s\n", has_default ? row->standard : "none",
                option_scope_name(row->scope), row->help);
    }
}

void option_print_markdown(const struct option_table *table, FILE *out)
{
    fputs("| Option | Type | Default | Scope | Meaning |\n|---|---|---|---|---|\n", out);
    for (size_t i = 0; i < table->rows_n; i++) {
        const struct option_row *row = &table->rows[i];
        bool has_default = row->standard != NULL && row->standard[0] != '\0';

        fprintf(out, "| `%s` | %s", row->name, option_type_name(row->type));
        print_domain(row, ", ", out);
        fprintf(out, " | %s%s%s | %s | %s |\n", has_default ? "`" : "",
                has_default ? row->standard : "none", has_default ? "`" : "",
                option_scope_name(row->scope), row->help);
    }
}
