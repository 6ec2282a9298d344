/*
 * Looks into each file for its first statement.
 */
#include "producer/edge/file_order.h"

#include <stdlib.h>

#include "producer/core/log_line.h"
#include "producer/edge/log_file.h"

struct dated {
    const char *path;
    int64_t first_ms; /* INT64_MAX: says nothing */
    size_t given;     /* place on the command line */
};

struct search {
    struct log_parser parser;
    int64_t first_ms;
};

/* log_text_fn: refuses the line that says something, which ends the reading. */
static bool look_for_statement(void *user, const struct log_text *line)
{
    struct search *search = user;
    struct statement statement;

    log_parser_line(&search->parser, line->text, (line->flags & LOG_TEXT_CUT) != 0, 0);
    if (!log_parser_next(&search->parser, &statement))
        return true;
    search->first_ms = statement.time_ms;
    return false;
}

static enum err date(struct dated *dated, uint8_t *buffer, struct search *search,
                     struct err_detail *detail)
{
    struct log_file file;
    struct log_file_progress progress;
    enum err err = log_file_open(dated->path, &file, detail);

    if (err != ERR_OK)
        return err;
    log_parser_init(&search->parser);
    search->first_ms = INT64_MAX;
    err = log_file_read(&file, buffer, UINT64_MAX, true, look_for_statement, search, &progress,
                        detail);
    log_file_close(&file);
    dated->first_ms = search->first_ms;
    return err;
}

static int compare(const void *a, const void *b)
{
    const struct dated *x = a, *y = b;

    if (x->first_ms != y->first_ms)
        return x->first_ms < y->first_ms ? -1 : 1;
    return x->given < y->given ? -1 : x->given > y->given;
}

enum err file_order_by_time(const char *const *paths, size_t n, const char ***ordered,
                            struct err_detail *detail)
{
    struct dated *dated = calloc(n, sizeof *dated);
    struct search *search = malloc(sizeof *search);
    uint8_t *buffer = malloc(LOG_BUFFER_BYTES);
    const char **paths_out = calloc(n, sizeof *paths_out);
    enum err err = ERR_OK;

    if (dated == NULL || search == NULL || buffer == NULL || paths_out == NULL)
        err = err_set(detail, ERR_NOMEM, "out of memory");
    for (size_t i = 0; err == ERR_OK && i < n; i++) {
        dated[i] = (struct dated){.path = paths[i], .given = i};
        err = date(&dated[i], buffer, search, detail);
    }
    if (err == ERR_OK) {
        qsort(dated, n, sizeof *dated, compare);
        for (size_t i = 0; i < n; i++)
            paths_out[i] = dated[i].path;
        *ordered = paths_out;
        paths_out = NULL;
    }
    free(paths_out);
    free(buffer);
    free(search);
    free(dated);
    return err;
}
