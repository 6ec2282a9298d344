/*
 * One hour under the eyes of the sealer; see the header.
 */
#include "aggregator/edge/seal_scan.h"

#include <assert.h>
#include <stdlib.h>

#include "aggregator/edge/blob.h"
#include "aggregator/edge/part_file.h"
#include "aggregator/rating/part_codec.h"
#include "aggregator/rating/text.h"
#include "common/hex.h"

enum {
    SCAN_ROUNDS_MAX = 64, /* revisions that one scan may finish: others write parts meanwhile */
};

/* ---- what there is ----------------------------------------------------------------------------
 */

/* SHA-256 over the names, each followed by a line feed. */
static enum err hash_names(const struct store_names *names, struct sha256 *hash,
                           struct err_detail *detail)
{
    size_t n = 0, at = 0;

    for (size_t i = 0; i < names->n; i++)
        n += strlen(names->names[i]) + 1;
    char *joined = malloc(n + 1);

    if (joined == NULL)
        return err_set(detail, ERR_NOMEM, "no memory for a listing");
    for (size_t i = 0; i < names->n; i++) {
        size_t len = strlen(names->names[i]);

        memcpy(joined + at, names->names[i], len);
        joined[at + len] = '\n';
        at += len + 1;
    }
    *hash = seal_hash(bytes_of(joined, n));
    free(joined);
    return ERR_OK;
}

/* Counts revisions 1 … n of every partition. Revisions are written in order, so that a number that
 * is not the next one can only be a listing that overtook a writer: the next look sees the rest. */
static enum err count_revisions(const struct seal_scope *s, const struct store_names *names,
                                int64_t hour, struct seal_available *available,
                                struct err_detail *detail)
{
    int32_t with_any = 0;

    for (size_t i = 0; i < names->n; i++) {
        int32_t partition;
        uint32_t revision;

        if (!part_parse_name(names->names[i], s->options.era, hour, &partition, &revision))
            continue;
        if (partition >= s->options.partitions_n)
            return err_set(detail, ERR_INCIDENT, "%s is of a partition that era %u does not have",
                           names->names[i], s->options.era);
        if (revision != available->revisions[partition] + 1)
            continue;
        with_any += revision == 1;
        available->revisions[partition] = revision;
        available->parts_n++;
    }
    available->all = with_any == s->options.partitions_n;
    return ERR_OK;
}

void seal_available_fini(struct seal_available *available)
{
    free(available->revisions);
    *available = (struct seal_available){0};
}

enum err seal_list_parts(const struct seal_scope *s, int64_t hour, struct seal_available *available,
                         struct err_detail *detail)
{
    char prefix[PART_NAME_MAX];
    struct store_names names;

    part_hour_prefix(prefix, s->options.era, hour);
    *available = (struct seal_available){0};
    enum err e = store_list(s->store, prefix, &names, detail);

    if (e != ERR_OK)
        return e;
    available->revisions = calloc((size_t)s->options.partitions_n, sizeof(uint32_t));
    if (available->revisions == NULL)
        e = err_set(detail, ERR_NOMEM, "no memory for a listing");
    if (e == ERR_OK)
        e = count_revisions(s, &names, hour, available, detail);
    if (e == ERR_OK)
        e = hash_names(&names, &available->listing, detail);
    if (e != ERR_OK)
        seal_available_fini(available);
    store_names_free(&names);
    return e;
}

/* The newest committed revision of an hour, and the newest that has inputs.json; 0: none. */
struct revisions {
    uint32_t committed, proposed;
};

static enum err list_revisions(struct store *store, int64_t hour, struct revisions *revisions,
                               struct err_detail *detail)
{
    char prefix[ROLLUP_NAME_MAX], hour_path[TEXT_HOUR_PATH_SIZE], expected[ROLLUP_NAME_MAX];
    struct avro_writer w = avro_writer_over(prefix, sizeof prefix - 1);
    struct store_names names;
    size_t len = 0;

    *revisions = (struct revisions){0};
    text_format_hour_path(hour_path, hour);
    text_put(&w, "rollup/");
    text_put(&w, hour_path);
    text_put(&w, "/");
    enum err e = avro_writer_finish(&w, &len);

    assert(e == ERR_OK);
    prefix[len] = '\0';
    e = store_list(store, prefix, &names, detail);
    for (size_t i = 0; i < names.n && e == ERR_OK; i++) {
        const char *name = names.names[i];
        unsigned long n =
            strncmp(name + len, "rev=", 4) == 0 ? strtoul(name + len + 4, NULL, 10) : 0;

        if (n == 0 || n > UINT32_MAX)
            continue;
        rollup_object_name(expected, hour, (uint32_t)n, "inputs.json");
        if (strcmp(name, expected) == 0 && n > revisions->proposed)
            revisions->proposed = (uint32_t)n;
        rollup_object_name(expected, hour, (uint32_t)n, "manifest.json");
        if (strcmp(name, expected) == 0 && n > revisions->committed)
            revisions->committed = (uint32_t)n;
    }
    store_names_free(&names);
    return e;
}

/* ---- propose ----------------------------------------------------------------------------------
 */

/* Fills inputs->parts from the parts themselves; `old` is what the committed revision has of each
 * partition (NULL: none), so that reasons are of what is new. */
static enum err gather_parts(const struct seal_scope *s, int64_t hour,
                             const struct seal_available *available, const uint32_t *old,
                             struct inputs_part *parts, struct inputs *inputs,
                             struct err_detail *detail)
{
    for (int32_t p = 0; p < s->options.partitions_n; p++) {
        for (uint32_t revision = 1; revision <= available->revisions[p]; revision++) {
            struct inputs_part *part = &parts[inputs->parts_n++];
            char name[PART_NAME_MAX];
            struct part_file *file;

            part_object_name(name, s->options.era, p, hour, revision);
            enum err e = part_file_read(s->store, name, &file, detail);

            if (e != ERR_OK)
                return e;
            *part =
                (struct inputs_part){.era = s->options.era, .partition = p, .revision = revision};
            memcpy(part->sha256.bytes, file->sha256, SHA256_RAW_BYTES);
            if (revision > (old != NULL ? old[p] : 0))
                inputs->reasons |= file->part.reasons;
            part_file_free(file);
        }
    }
    inputs->parts = parts;
    return ERR_OK;
}

static enum err link_previous(const struct seal_scope *s, struct inputs *inputs,
                              struct err_detail *detail)
{
    char name[ROLLUP_NAME_MAX];

    if (inputs->revision == 1 && inputs->hour == s->options.first_hour)
        return ERR_OK; /* the first of the chain names zeros */
    seal_previous_name(name, inputs->hour, inputs->revision);
    return seal_hash_object(s->store, name, &inputs->previous, detail);
}

static enum err use_book(const struct seal_scope *s, struct inputs *inputs,
                         struct err_detail *detail)
{
    const struct tenant_book *book = s->options.book;

    if (book == NULL)
        return ERR_OK;
    inputs->has_tenant_map = true;
    enum err e =
        hex_parse(bytes_of_string(book->sha256), inputs->tenant_map.bytes, SHA256_RAW_BYTES);

    assert(e == ERR_OK);
    return books_tenants_publish(s->store, book, detail);
}

static void write_inputs(struct avro_writer *w, const void *subject)
{
    inputs_write(w, subject);
}

/* Creates inputs.json of `revision`. That somebody else was first is as good: theirs counts. */
static enum err propose(const struct seal_scope *s, int64_t hour, uint32_t revision,
                        const struct seal_available *available, const uint32_t *old, bool *created,
                        struct err_detail *detail)
{
    struct inputs inputs = {.hour = hour, .revision = revision};
    struct inputs_part *parts = calloc(available->parts_n, sizeof *parts);
    struct blob blob = {0};
    char name[ROLLUP_NAME_MAX];
    enum err e;

    *created = false;
    if (parts == NULL)
        return err_set(detail, ERR_NOMEM, "no memory for inputs.json");
    rollup_object_name(name, hour, revision, "inputs.json");
    e = gather_parts(s, hour, available, old, parts, &inputs, detail);
    if (e == ERR_OK)
        e = link_previous(s, &inputs, detail);
    if (e == ERR_OK)
        e = use_book(s, &inputs, detail);
    if (e == ERR_OK)
        e = blob_render(&blob, write_inputs, &inputs, detail);
    if (e == ERR_OK)
        e = store_create(s->store, name, blob_bytes(&blob), detail);
    *created = e == ERR_OK;
    blob_fini(&blob);
    free(parts);
    return e == ERR_EXISTS ? ERR_OK : e;
}

/* ---- one hour ---------------------------------------------------------------------------------
 */

enum err seal_is_committed(const struct seal_scope *s, int64_t hour, bool *committed,
                           struct err_detail *detail)
{
    struct revisions revisions;
    enum err e = list_revisions(s->store, hour, &revisions, detail);

    *committed = revisions.committed >= 1;
    return e;
}

/* Proposes revision 1 if it is time to. */
static enum err propose_first(const struct seal_scope *s, int64_t hour,
                              const struct seal_available *available, bool *waiting, bool *created,
                              struct err_detail *detail)
{
    bool before = hour == s->options.first_hour;
    enum err e = ERR_OK;

    *waiting = true;
    *created = false;
    if (available->all && !before)
        e = seal_is_committed(s, hour - HOUR_MS, &before, detail);
    if (e != ERR_OK || !available->all || !before)
        return e;
    *waiting = false;
    return propose(s, hour, 1, available, NULL, created, detail);
}

/* Proposes the revision after `committed` if there are part revisions that it does not have. */
static enum err propose_later(const struct seal_scope *s, int64_t hour, uint32_t committed,
                              const struct seal_available *available, bool *waiting, bool *created,
                              struct err_detail *detail)
{
    struct seal_inputs had;
    bool newer = false;
    enum err e = seal_inputs_read(s->store, hour, committed, &had, detail);

    *waiting = true;
    *created = false;
    if (e != ERR_OK)
        return e == ERR_NOT_FOUND
                   ? err_set(detail, ERR_INCIDENT, "revision %u is committed without inputs.json",
                             committed)
                   : e;
    uint32_t *old = calloc((size_t)s->options.partitions_n, sizeof *old);

    if (old == NULL)
        e = err_set(detail, ERR_NOMEM, "no memory for inputs.json");
    for (uint32_t i = 0; i < had.inputs.parts_n && e == ERR_OK; i++) {
        const struct inputs_part *p = &had.parts[i];

        if (p->era == s->options.era && p->partition < s->options.partitions_n)
            old[p->partition] = p->revision;
    }
    for (int32_t p = 0; p < s->options.partitions_n && e == ERR_OK; p++)
        newer = newer || available->revisions[p] > old[p];
    if (newer) {
        *waiting = false;
        e = propose(s, hour, committed + 1, available, old, created, detail);
    }
    free(old);
    seal_inputs_fini(&had);
    return e;
}

/* One look at an hour: finishes what is proposed, or proposes. *waiting: there is nothing to do. */
static enum err scan_once(const struct seal_scope *s, int64_t hour, struct sealer_result *result,
                          struct sha256 *listing, bool *waiting, struct err_detail *detail)
{
    struct seal_available available;
    struct revisions revisions;
    bool created = false;
    enum err e = seal_list_parts(s, hour, &available, detail);

    *waiting = false;
    if (e != ERR_OK)
        return e;
    *listing = available.listing;
    e = list_revisions(s->store, hour, &revisions, detail);
    result->revision = revisions.committed;
    if (e == ERR_OK && revisions.proposed > revisions.committed) {
        e = seal_build(s->store, hour, revisions.committed + 1, detail);
        if (e == ERR_NOT_FOUND)
            e = err_set(detail, ERR_INCIDENT, "revision %u is proposed, the one before it is not",
                        revisions.proposed);
        result->finished += e == ERR_OK;
    } else if (e == ERR_OK && revisions.committed == 0) {
        e = propose_first(s, hour, &available, waiting, &created, detail);
    } else if (e == ERR_OK) {
        e = propose_later(s, hour, revisions.committed, &available, waiting, &created, detail);
    }
    result->proposed += created;
    seal_available_fini(&available);
    return e;
}

enum err seal_scan(const struct seal_scope *s, int64_t hour, struct sealer_result *result,
                   struct sha256 *listing, struct err_detail *detail)
{
    bool waiting = false;
    enum err e = ERR_OK;

    *result = (struct sealer_result){0};
    for (int i = 0; i < SCAN_ROUNDS_MAX && !waiting && e == ERR_OK; i++)
        e = scan_once(s, hour, result, listing, &waiting, detail);
    return e;
}
