/*
 * Rating and adding up; see the header. The files are in rollup_csv.c and rollup_avro.c.
 */
#include "aggregator/rating/rollup.h"

#include <stdio.h>

#include "aggregator/rating/fold.h"
#include "aggregator/rating/part_codec.h"
#include "aggregator/rating/sort.h"
#include "aggregator/rating/text.h"

void rollup_object_name(char name[ROLLUP_NAME_MAX], int64_t hour, uint32_t revision,
                        const char *file)
{
    char path[TEXT_HOUR_PATH_SIZE];

    text_format_hour_path(path, hour);
    (void)snprintf(name, ROLLUP_NAME_MAX, "rollup/%s/rev=%04u/%s", path, revision, file);
}

void rollup_tenant_object_name(char name[ROLLUP_NAME_MAX], struct bytes tenant, int64_t hour,
                               uint32_t revision, const char *file)
{
    char path[TEXT_HOUR_PATH_SIZE];

    text_format_hour_path(path, hour);
    (void)snprintf(name, ROLLUP_NAME_MAX, "tenant/%.*s/%s/rev=%04u/%s", BYTES_ARGS(tenant), path,
                   revision, file);
}

enum part_status rollup_status(const struct part *const *parts, size_t parts_n)
{
    size_t final_n = 0;

    for (size_t i = 0; i < parts_n; i++) {
        if (parts[i]->status == PART_PROVISIONAL)
            return PART_PROVISIONAL;
        final_n += parts[i]->status == PART_FINAL;
    }
    return parts_n > 0 && final_n == parts_n ? PART_FINAL : PART_CLOSED;
}

static int rated_line_compare(const void *a, const void *b)
{
    const struct rated_line *x = a, *y = b;
    int c = bytes_compare(x->match.tenant, y->match.tenant);

    return c != 0 ? c : usage_line_compare(x->line, y->line);
}

/* A tenant's row from its lines; `hour_status` is that of the whole rollup. */
static enum err add_up(struct rollup_tenant *row, const struct rated_line *lines,
                       enum part_status hour_status)
{
    struct usage_totals totals = {0};

    row->status = hour_status == PART_FINAL ? PART_FINAL : PART_CLOSED;
    for (size_t i = 0; i < row->lines_n; i++) {
        const struct usage_line *line = lines[row->lines_first + i].line;

        usage_totals_add(&totals, line);
        row->enclaves += line->kind == LINE_USAGE;
        if ((line->flags & LINE_PROVISIONAL) != 0 && row->status == PART_CLOSED)
            row->status = PART_PROVISIONAL;
    }
    if (usage_total_narrow(totals.held_ms, &row->held_ms) != ERR_OK ||
        usage_total_narrow(totals.running_ms, &row->running_ms) != ERR_OK ||
        usage_total_narrow(totals.vcpu_ms, &row->vcpu_ms) != ERR_OK ||
        usage_total_narrow(totals.mib_ms, &row->mib_ms) != ERR_OK)
        return ERR_LIMIT;
    return ERR_OK;
}

enum err rollup_rate(struct rollup *rollup, struct rated_line *lines, size_t lines_n,
                     const struct tenant_map *map, struct rollup_tenant *tenants,
                     size_t tenants_cap, struct err_detail *detail)
{
    size_t n = 0;

    for (size_t i = 0; i < lines_n; i++)
        lines[i].match = tenant_map_match(map, lines[i].line);
    sort_items(lines, lines_n, sizeof *lines, rated_line_compare);
    for (size_t i = 0; i < lines_n;) {
        struct rollup_tenant row = {.tenant = lines[i].match.tenant, .lines_first = i};

        for (; i < lines_n && bytes_equal(lines[i].match.tenant, row.tenant); i++)
            row.lines_n++;
        if (n == tenants_cap)
            return err_set(detail, ERR_CAPACITY, "there are more than %zu tenants", tenants_cap);
        if (add_up(&row, lines, rollup->status) != ERR_OK)
            return err_set(detail, ERR_LIMIT, "the usage of tenant %.*s does not fit 64 bits",
                           BYTES_ARGS(row.tenant));
        tenants[n++] = row;
    }
    rollup->lines = lines;
    rollup->lines_n = lines_n;
    rollup->tenants = tenants;
    rollup->tenants_n = n;
    return ERR_OK;
}
