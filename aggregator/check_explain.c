/*
 * enclave-aggregator check --explain ENCLAVE [--tenants FILE]: whose enclave is it, by which rule?
 *
 * Looks for the newest usage line of an enclave (by enclave id, name or run id) in the sink's parts
 * and asks the tenant map about it. Needs no broker.
 */
#include <stdio.h>
#include <string.h>

#include "aggregator/commands.h"
#include "aggregator/config.h"
#include "aggregator/edge/books.h"
#include "aggregator/edge/eras.h"
#include "aggregator/edge/part_file.h"
#include "common/time_text.h"

enum {
    EXPLAIN_PARTS_MAX = 10 * 1000, /* newest parts that are looked through */
    EXPLAIN_TEXT_MAX = 2048,
};

static bool is_wanted(const struct usage_line *line, struct bytes wanted)
{
    return bytes_equal(line->run.enclave_id, wanted) || bytes_equal(line->run.name, wanted) ||
           bytes_equal(line->run.run_id, wanted);
}

static void explain_line(const struct tenant_book *book, const struct usage_line *line)
{
    char text[EXPLAIN_TEXT_MAX], hour[TIME_TEXT_SIZE];
    struct tenant_match match = tenant_map_match(&book->map, line);

    tenant_match_explain(&match, line, text, sizeof text);
    printf("%.*s on %.*s, hour %s\n%.*s  matched by %s\n%s\n", BYTES_ARGS(line->run.name),
           BYTES_ARGS(line->instance_id), time_text_format(line->hour, hour),
           BYTES_ARGS(match.tenant), match.matched_by, text);
}

/* True if the part speaks of the enclave. */
static bool explain_part(const struct tenant_book *book, const struct part *part,
                         struct bytes wanted)
{
    for (uint32_t i = 0; i < part->lines_n; i++) {
        if (is_wanted(&part->lines[i], wanted)) {
            explain_line(book, &part->lines[i]);
            return true;
        }
    }
    return false;
}

static enum err search(struct store *store, const struct tenant_book *book, const char *wanted,
                       struct err_detail *detail)
{
    struct store_names names;
    enum err e = store_list(store, "usage/", &names, detail);
    bool found = false;

    if (e != ERR_OK)
        return e;
    for (size_t i = names.n; i-- > 0 && names.n - i <= EXPLAIN_PARTS_MAX && !found;) {
        struct part_file *file;

        e = part_file_read(store, names.names[i], &file, detail);
        if (e != ERR_OK)
            break;
        found = explain_part(book, &file->part, bytes_of_string(wanted));
        part_file_free(file);
    }
    store_names_free(&names);
    if (e == ERR_OK && !found)
        e = err_set(detail, ERR_NOT_FOUND, "no part of the sink speaks of an enclave %s", wanted);
    return e;
}

int check_explain(const struct cli *cli)
{
    const struct aggregator_config *config = cli->config->target;
    const char *tenants = cli_has(cli, "tenants") ? cli_value(cli, "tenants") : config->tenants;
    struct tenant_book *book = NULL;
    struct store *store = NULL;
    struct err_detail detail = {.text = ""};
    enum err e;

    if (tenants[0] == '\0')
        e = err_set(&detail, ERR_USAGE, "--explain needs a tenant map: --tenants FILE");
    else
        e = books_tenants_load(tenants, &book, &detail);
    if (e == ERR_OK)
        e = store_open(config->sink, &store, &detail);
    if (e == ERR_OK)
        e = search(store, book, cli_value(cli, "explain"), &detail);
    store_close(store);
    books_tenants_free(book);
    return e == ERR_OK ? CLI_OK : cli_fail(cli, e, &detail);
}
