/*
 * One revision of a rollup; see the header. Steps: load what inputs.json names, fold and rate it,
 * write the hour's files, each tenant's files, the manifest.
 */
#include "aggregator/edge/seal_build.h"

#include <stdlib.h>

#include "aggregator/edge/blob.h"
#include "aggregator/edge/books.h"
#include "aggregator/edge/part_file.h"
#include "aggregator/rating/fold.h"
#include "aggregator/rating/part_codec.h"
#include "common/hex.h"

enum { FILES_N = 5 };

/* One tenant of the revision: it has lines, or it had a file in the revision before. */
struct seal_tenant {
    struct bytes tenant;
    const struct rollup_tenant *row; /* NULL: no lines any more */
    struct sha256 previous;          /* its manifest that this one links to */
    struct manifest_file csv;
    struct blob statement;
};

/* Everything of one revision while it is made. */
struct seal {
    struct store *store;
    struct seal_inputs inputs;
    struct tenant_book *book;  /* NULL: no tenant map */
    uint8_t *previous_content; /* the manifest linked to; NULL: none */
    struct manifest previous;
    struct manifest_tenant *previous_tenants;
    struct part_file **files; /* as inputs.parts */
    const struct part **revisions;
    const struct part **newest; /* of each partition */
    size_t newest_n;
    struct fold_line *folded;
    struct rated_line *rated;
    size_t lines_n;
    struct rollup_tenant *rows;
    struct rollup rollup;
    struct seal_tenant *tenants; /* sorted */
    struct manifest_tenant *manifest_tenants;
    size_t tenants_n;
    struct merkle_hash *tree;
    struct manifest_file outputs[FILES_N];
    struct blob blob; /* scratch */
};

static void seal_fini(struct seal *s)
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

/* An array of `n` zeroed elements, never NULL for 0. */
static enum err make_array(void *array, size_t n, size_t item_bytes, struct err_detail *detail)
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
    enum err e = make_array(&s->files, inputs->parts_n, sizeof *s->files, detail);

    if (e == ERR_OK)
        e = make_array(&s->revisions, inputs->parts_n, sizeof *s->revisions, detail);
    if (e == ERR_OK)
        e = make_array(&s->newest, inputs->parts_n, sizeof *s->newest, detail);
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
        if (make_array(&s->previous_tenants, arena.tenants_cap, sizeof *s->previous_tenants,
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
    enum err e = make_array(&s->folded, bound, sizeof *s->folded, detail);

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
    enum err e = make_array(&s->rated, s->lines_n, sizeof *s->rated, detail);

    if (e == ERR_OK)
        e = make_array(&s->rows, s->lines_n, sizeof *s->rows, detail);
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
    enum err e = make_array(&s->tenants, s->rollup.tenants_n + s->previous.tenants_n,
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

/* ---- write ------------------------------------------------------------------------------------
 */

static enum err create_same(struct seal *s, const char *name, struct err_detail *detail)
{
    enum err e = store_create_same(s->store, name, blob_bytes(&s->blob), detail);

    return e == ERR_CONFLICT
               ? err_set(
                     detail, ERR_INCIDENT,
                     "%s exists with other bytes than its inputs.json gives: keep it, stop, and "
                     "find out what wrote it",
                     name)
               : e;
}

static struct manifest_file describe(const struct seal *s, const char *file)
{
    struct manifest_file f = {.bytes = s->blob.len, .sha256 = seal_hash(blob_bytes(&s->blob))};

    memcpy(f.name, file, strlen(file) + 1);
    return f;
}

/* What a writer of an hour's file is given. */
struct hour_file {
    const struct rollup *rollup;
    const char *name;
};

static void write_tenants_csv(struct avro_writer *w, const void *subject)
{
    rollup_write_tenants_csv(w, ((const struct hour_file *)subject)->rollup);
}

static void write_tenants_avro(struct avro_writer *w, const void *subject)
{
    const struct hour_file *f = subject;

    rollup_write_tenants_avro(w, f->rollup, f->name);
}

static void write_enclaves_csv(struct avro_writer *w, const void *subject)
{
    const struct rollup *rollup = ((const struct hour_file *)subject)->rollup;

    rollup_write_enclaves_csv(w, rollup->lines, rollup->lines_n);
}

static void write_enclaves_avro(struct avro_writer *w, const void *subject)
{
    const struct hour_file *f = subject;

    rollup_write_enclaves_avro(w, f->rollup, f->name);
}

/* Sorted by name; inputs.json is there already. */
static enum err write_hour_files(struct seal *s, struct err_detail *detail)
{
    static const struct {
        const char *file;
        blob_writer *write;
    } outputs[FILES_N] = {
        {"enclaves.avro", write_enclaves_avro},
        {"enclaves.csv", write_enclaves_csv},
        {"inputs.json", NULL},
        {"tenants.avro", write_tenants_avro},
        {"tenants.csv", write_tenants_csv},
    };
    const struct inputs *inputs = &s->inputs.inputs;

    for (size_t i = 0; i < FILES_N; i++) {
        char name[ROLLUP_NAME_MAX];
        struct hour_file subject = {&s->rollup, name};

        if (outputs[i].write == NULL) {
            s->outputs[i] =
                (struct manifest_file){.bytes = s->inputs.bytes, .sha256 = s->inputs.sha256};
            memcpy(s->outputs[i].name, outputs[i].file, strlen(outputs[i].file) + 1);
            continue;
        }
        rollup_object_name(name, inputs->hour, inputs->revision, outputs[i].file);
        enum err e = blob_render(&s->blob, outputs[i].write, &subject, detail);

        if (e == ERR_OK)
            e = create_same(s, name, detail);
        if (e != ERR_OK)
            return e;
        s->outputs[i] = describe(s, outputs[i].file);
    }
    return ERR_OK;
}

struct tenant_lines {
    const struct rated_line *lines;
    size_t n;
};

static void write_tenant_csv(struct avro_writer *w, const void *subject)
{
    const struct tenant_lines *t = subject;

    rollup_write_enclaves_csv(w, t->lines, t->n);
}

static void write_statement(struct avro_writer *w, const void *subject)
{
    tenant_statement_write(w, subject);
}

static enum err write_tenant_csv_and_statement(struct seal *s, struct seal_tenant *t,
                                               struct err_detail *detail)
{
    const struct inputs *inputs = &s->inputs.inputs;
    struct tenant_lines subject = {0};
    char name[ROLLUP_NAME_MAX];

    if (t->row != NULL)
        subject = (struct tenant_lines){s->rollup.lines + t->row->lines_first, t->row->lines_n};
    rollup_tenant_object_name(name, t->tenant, inputs->hour, inputs->revision, "enclaves.csv");
    enum err e = blob_render(&s->blob, write_tenant_csv, &subject, detail);

    if (e == ERR_OK)
        e = create_same(s, name, detail);
    if (e != ERR_OK)
        return e;
    struct tenant_statement statement = {
        .tenant = t->tenant,
        .hour = inputs->hour,
        .revision = inputs->revision,
        .previous = t->previous,
        .status = t->row != NULL ? t->row->status : s->rollup.status,
        .complete = s->rollup.complete,
        .lines_n = subject.n,
        .file = describe(s, "enclaves.csv"),
    };
    return blob_render(&t->statement, write_statement, &statement, detail);
}

static void write_tenant_manifest(struct avro_writer *w, const void *subject)
{
    tenant_manifest_write(w, subject);
}

/* First every statement, for the tree; then every manifest, with its proof. */
static enum err write_tenants(struct seal *s, struct err_detail *detail)
{
    enum err e = make_array(&s->tree, merkle_nodes(s->tenants_n), sizeof *s->tree, detail);

    if (e == ERR_OK)
        e = make_array(&s->manifest_tenants, s->tenants_n, sizeof *s->manifest_tenants, detail);
    for (size_t i = 0; i < s->tenants_n && e == ERR_OK; i++) {
        e = write_tenant_csv_and_statement(s, &s->tenants[i], detail);
        s->tree[i] = merkle_leaf(blob_bytes(&s->tenants[i].statement));
    }
    if (e != ERR_OK)
        return e;
    merkle_build(s->tree, s->tenants_n);
    for (size_t i = 0; i < s->tenants_n && e == ERR_OK; i++) {
        const struct seal_tenant *t = &s->tenants[i];
        struct tenant_manifest m = {blob_bytes(&t->statement), i, s->tenants_n, {{0}}, {{{0}}}, 0};
        char name[ROLLUP_NAME_MAX];

        m.root = merkle_root(s->tree, s->tenants_n);
        m.path_n = merkle_path(s->tree, s->tenants_n, i, m.path);
        rollup_tenant_object_name(name, t->tenant, s->inputs.inputs.hour, s->inputs.inputs.revision,
                                  "manifest.json");
        e = blob_render(&s->blob, write_tenant_manifest, &m, detail);
        if (e == ERR_OK)
            e = create_same(s, name, detail);
        s->manifest_tenants[i] = (struct manifest_tenant){
            t->tenant, t->row != NULL ? t->row->lines_n : 0, seal_hash(blob_bytes(&s->blob))};
    }
    return e;
}

static void write_manifest(struct avro_writer *w, const void *subject)
{
    manifest_write(w, subject);
}

/* The commit. */
static enum err commit(struct seal *s, struct err_detail *detail)
{
    const struct inputs *inputs = &s->inputs.inputs;
    struct manifest m = {
        .hour = inputs->hour,
        .revision = inputs->revision,
        .reasons = inputs->reasons,
        .previous = inputs->previous,
        .status = s->rollup.status,
        .complete = s->rollup.complete,
        .parts = s->newest,
        .parts_n = s->newest_n,
        .files = s->outputs,
        .files_n = FILES_N,
        .tenants = s->manifest_tenants,
        .tenants_n = s->tenants_n,
        .root = merkle_root(s->tree, s->tenants_n),
    };
    char name[ROLLUP_NAME_MAX];

    for (size_t i = 0; i < s->newest_n; i++)
        m.lead_in = m.lead_in || s->newest[i]->lead_in;
    rollup_object_name(name, inputs->hour, inputs->revision, "manifest.json");
    enum err e = blob_render(&s->blob, write_manifest, &m, detail);

    return e != ERR_OK ? e : create_same(s, name, detail);
}

enum err seal_build(struct store *store, int64_t hour, uint32_t revision, struct err_detail *detail)
{
    static enum err (*const steps[])(struct seal *, struct err_detail *) = {
        load_parts,    load_book,        load_previous, fold,   rate,
        merge_tenants, write_hour_files, write_tenants, commit,
    };
    struct seal s = {.store = store};
    enum err e = seal_inputs_read(store, hour, revision, &s.inputs, detail);

    for (size_t i = 0; i < sizeof steps / sizeof steps[0] && e == ERR_OK; i++)
        e = steps[i](&s, detail);
    seal_fini(&s);
    return e;
}
