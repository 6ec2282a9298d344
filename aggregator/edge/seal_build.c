/*
 * One revision of a rollup; see the header. Here: the hour's files, each tenant's files, the
 * manifest, in this order. Where their content comes from is in seal_load.c.
 */
#include "aggregator/edge/seal_build.h"

#include "aggregator/edge/seal_state.h"

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
    } outputs[SEAL_FILES_N] = {
        {"enclaves.avro", write_enclaves_avro},
        {"enclaves.csv", write_enclaves_csv},
        {"inputs.json", NULL},
        {"tenants.avro", write_tenants_avro},
        {"tenants.csv", write_tenants_csv},
    };
    const struct inputs *inputs = &s->inputs.inputs;

    for (size_t i = 0; i < SEAL_FILES_N; i++) {
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
    enum err e = seal_make_array(&s->tree, merkle_nodes(s->tenants_n), sizeof *s->tree, detail);

    if (e == ERR_OK)
        e = seal_make_array(&s->manifest_tenants, s->tenants_n, sizeof *s->manifest_tenants,
                            detail);
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
        .files_n = SEAL_FILES_N,
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
    struct seal s = {.store = store};
    enum err e = seal_inputs_read(store, hour, revision, &s.inputs, detail);

    if (e == ERR_OK)
        e = seal_load(&s, detail);
    if (e == ERR_OK)
        e = write_hour_files(&s, detail);
    if (e == ERR_OK)
        e = write_tenants(&s, detail);
    if (e == ERR_OK)
        e = commit(&s, detail);
    seal_fini(&s);
    return e;
}
