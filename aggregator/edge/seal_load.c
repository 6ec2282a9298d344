/*
 * From inputs.json to rated lines: loads parts, tenant map and the manifest linked to, folds,
 * rates; see seal_state.h.
 */
#include <stdlib.h>

#include "aggregator/edge/seal_state.h"
#include "aggregator/rating/part_codec.h"
#include "common/hex.h"

void seal_fini(struct seal *s)
{
    for (uint32_t i = 0; s->files != NULL && i < s->inputs.inputs.parts_n; i++)
        part_file_free(s->files[i]);
    for (size_t i = 0; s->tenants != NULL && i < s->tenants_n; i++)
        blob_fini(&s->tenants[i].statement);
    books_tenants_free(s->book);
    free(s->previous_content);
    free(s->previous_tenants);
    free(s->files);
    free(s->revisions);
    free(s->newest);
    free(s->folded);
    free(s->rated);
    free(s->rows);
    free(s->tenants);
    free(s->manifest_tenants);
    free(s->tree);
    blob_fini(&s->blob);
    seal_inputs_fini(&s->inputs);
}

enum err seal_make_array(void *array, size_t n, size_t item_bytes, struct err_detail *detail)
{
    void *made = calloc(n > 0 ? n : 1, item_bytes);

    memcpy(array, &made, sizeof made);
    return made != NULL ? ERR_OK : err_set(detail, ERR_NOMEM, "no memory for a rollup");
}

/* ---- load -------------------------------------------------------------------------------------
 */

/* What inputs.json names must be there and whole: waiting would not help. */
static enum err named_object_error(enum err e, struct err_detail *detail)
{
    struct err_detail why = {"unknown"};

    if (e != ERR_NOT_FOUND && e != ERR_MALFORMED && e != ERR_TRUNCATED && e != ERR_CONFIG)
        return e;
    if (detail != NULL)
        why = *detail;
    return err_set(detail, ERR_INCIDENT, "inputs.json names what cannot be read: %.400s", why.text);
}

static enum err load_parts(struct seal *s, struct err_detail *detail)
{
    const struct inputs *inputs = &s->inputs.inputs;
    enum err e = seal_make_array(&s->files, inputs->parts_n, sizeof *s->files, detail);

    if (e == ERR_OK)
        e = seal_make_array(&s->revisions, inputs->parts_n, sizeof *s->revisions, detail);
    if (e == ERR_OK)
        e = seal_make_array(&s->newest, inputs->parts_n, sizeof *s->newest, detail);
    for (uint32_t i = 0; i < inputs->parts_n && e == ERR_OK; i++) {
        const struct inputs_part *p = &inputs->parts[i];
        char name[PART_NAME_MAX];

        part_object_name(name, p->era, p->partition, inputs->hour, p->revision);
        e = named_object_error(part_file_read(s->store, name, &s->files[i], detail), detail);
        if (e != ERR_OK)
            return e;
        if (memcmp(s->files[i]->sha256, p->sha256.bytes, SHA256_RAW_BYTES) != 0)
            return err_set(detail, ERR_INCIDENT,
                           "%s does not have the bytes that inputs.json names", name);
        s->revisions[i] = &s->files[i]->part;
    }
    return e;
}

static enum err load_book(struct seal *s, struct err_detail *detail)
{
    char hex[SHA256_TEXT_SIZE];

    if (!s->inputs.inputs.has_tenant_map)
        return ERR_OK;
    (void)hex_format(bytes_of(s->inputs.inputs.tenant_map.bytes, SHA256_RAW_BYTES), hex);
    return named_object_error(books_tenants_fetch(s->store, hex, &s->book, detail), detail);
}

static enum err parse_previous(struct seal *s, struct bytes content, struct err_detail *detail)
{
    static const struct manifest_arena nothing;
    struct manifest_arena arena = {0};
    enum err e = manifest_read(content, &nothing, &s->previous);

    if (e == ERR_OK) {
        arena.tenants_cap = s->previous.tenants_n;
        if (seal_make_array(&s->previous_tenants, arena.tenants_cap, sizeof *s->previous_tenants,
                            detail) != ERR_OK)
            return ERR_NOMEM;
        arena.tenants = s->previous_tenants;
        e = manifest_read(content, &arena, &s->previous);
    }
    return e == ERR_OK ? ERR_OK
                       : err_set(detail, ERR_INCIDENT, "the manifest linked to is damaged: %s",
                                 err_text(e));
}

static enum err load_previous(struct seal *s, struct err_detail *detail)
{
    static const struct sha256 zeros;
    const struct inputs *inputs = &s->inputs.inputs;
    char name[ROLLUP_NAME_MAX];
    size_t len;

    if (memcmp(&inputs->previous, &zeros, sizeof zeros) == 0)
        return ERR_OK;
    seal_previous_name(name, inputs->hour, inputs->revision);
    enum err e =
        named_object_error(store_read(s->store, name, &s->previous_content, &len, detail), detail);

    if (e != ERR_OK)
        return e;
    struct sha256 hash = seal_hash(bytes_of(s->previous_content, len));

    if (memcmp(&hash, &inputs->previous, sizeof hash) != 0)
        return err_set(detail, ERR_INCIDENT, "%s does not have the bytes that inputs.json links to",
                       name);
    return parse_previous(s, bytes_of(s->previous_content, len), detail);
}

/* ---- fold and rate ----------------------------------------------------------------------------
 */

/* Folds the revisions of each partition; the lines of all of them go behind each other. */
static enum err fold(struct seal *s, struct err_detail *detail)
{
    const struct inputs *inputs = &s->inputs.inputs;
    size_t bound = fold_bound(s->revisions, inputs->parts_n);
    enum err e = seal_make_array(&s->folded, bound, sizeof *s->folded, detail);

    for (uint32_t i = 0, end; i < inputs->parts_n && e == ERR_OK; i = end) {
        size_t n = 0;

        for (end = i + 1; end < inputs->parts_n && inputs->parts[end].revision != 1;)
            end++;
        e = fold_revisions(s->revisions + i, end - i, s->folded + s->lines_n, bound - s->lines_n,
                           &n, detail);
        s->lines_n += n;
        s->newest[s->newest_n++] = s->revisions[end - 1];
    }
    return e;
}

static enum err rate(struct seal *s, struct err_detail *detail)
{
    static const struct tenant_map nobody;
    enum err e = seal_make_array(&s->rated, s->lines_n, sizeof *s->rated, detail);

    if (e == ERR_OK)
        e = seal_make_array(&s->rows, s->lines_n, sizeof *s->rows, detail);
    if (e != ERR_OK)
        return e;
    for (size_t i = 0; i < s->lines_n; i++)
        s->rated[i].line = s->folded[i].line;
    s->rollup.hour = s->inputs.inputs.hour;
    s->rollup.status = rollup_status(s->newest, s->newest_n);
    s->rollup.complete = true;
    for (size_t i = 0; i < s->newest_n; i++)
        s->rollup.complete = s->rollup.complete && s->newest[i]->complete;
    return rollup_rate(&s->rollup, s->rated, s->lines_n, s->book != NULL ? &s->book->map : &nobody,
                       s->rows, s->lines_n, detail);
}

/*
 * Merges the tenants that have lines with those of the manifest linked to. A tenant that had a file
 * in the revision before gets one in this, empty if need be, or it would go on seeing what was
 * moved away. From the hour before only the link is taken.
 */
static enum err merge_tenants(struct seal *s, struct err_detail *detail)
{
    bool same_hour = s->inputs.inputs.revision > 1;
    size_t i = 0, j = 0;
    enum err e = seal_make_array(&s->tenants, s->rollup.tenants_n + s->previous.tenants_n,
                                 sizeof *s->tenants, detail);

    if (e != ERR_OK)
        return e;
    while (i < s->rollup.tenants_n || j < s->previous.tenants_n) {
        const struct rollup_tenant *row = i < s->rollup.tenants_n ? &s->rollup.tenants[i] : NULL;
        const struct manifest_tenant *was =
            j < s->previous.tenants_n ? &s->previous_tenants[j] : NULL;
        int order = row == NULL ? 1 : was == NULL ? -1 : bytes_compare(row->tenant, was->tenant);
        struct seal_tenant tenant = {.row = order <= 0 ? row : NULL};

        tenant.tenant = order <= 0 ? row->tenant : was->tenant;
        if (order >= 0)
            tenant.previous = was->manifest;
        if (order <= 0 || same_hour)
            s->tenants[s->tenants_n++] = tenant;
        i += order <= 0;
        j += order >= 0;
    }
    return ERR_OK;
}

enum err seal_load(struct seal *s, struct err_detail *detail)
{
    static enum err (*const steps[])(struct seal *, struct err_detail *) = {
        load_parts, load_book, load_previous, fold, rate, merge_tenants,
    };
    enum err e = ERR_OK;

    for (size_t i = 0; i < sizeof steps / sizeof steps[0] && e == ERR_OK; i++)
        e = steps[i](s, detail);
    return e;
}
