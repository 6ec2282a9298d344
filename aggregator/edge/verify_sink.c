/*
 * Does a sink still say what was sealed; see the header.
 *
 * Two passes: over rollup/ by the manifests there, and over tenant/ by every tenant's own manifest.
 * A revision without fault is also made again from its inputs.json, and has to come out the same.
 * Objects that a manifest names are collected; at the end whatever lies in a committed revision
 * without being named is a fault too.
 */
#include "aggregator/edge/verify_sink.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "aggregator/edge/eras.h"
#include "aggregator/edge/seal_build.h"
#include "aggregator/edge/store_backend.h"
#include "aggregator/rating/part_codec.h"
#include "common/hex.h"
#include "common/time_text.h"

enum { WHAT_MAX = 512 };

struct verify {
    struct store *store;
    verify_fault *fault;
    void *context;
    struct verify_counts counts;
    struct store_names rollups, tenants; /* what there is */
    struct store_names named;            /* what manifests name */
    bool has_first_hour;
    int64_t first_hour;
};

static void report(struct verify *v, const char *object, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void report(struct verify *v, const char *object, const char *format, ...)
{
    char what[WHAT_MAX];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(what, sizeof what, format, args);
    va_end(args);
    v->counts.faults++;
    v->fault(v->context, object, what);
}

static bool is_zero(const struct sha256 *hash)
{
    static const struct sha256 zeros;

    return memcmp(hash, &zeros, sizeof zeros) == 0;
}

/* Reads an object that must be there; NULL after reporting. Store errors stop the whole: *e. */
static uint8_t *read_named(struct verify *v, const char *name, size_t *len, enum err *e,
                           struct err_detail *detail)
{
    uint8_t *content = NULL;

    *e = store_read(v->store, name, &content, len, detail);
    if (*e == ERR_NOT_FOUND) {
        report(v, name, "is missing");
        *e = ERR_OK;
        return NULL;
    }
    return *e == ERR_OK ? content : NULL;
}

/* Compares an object with the hash that `by` states for it. `bytes` −1: not stated. */
static enum err check_object(struct verify *v, const char *name, const struct sha256 *stated,
                             int64_t bytes, const char *by, struct err_detail *detail)
{
    size_t len = 0;
    enum err e;
    uint8_t *content = read_named(v, name, &len, &e, detail);

    if (content == NULL)
        return e;
    struct sha256 hash = seal_hash(bytes_of(content, len));

    v->counts.objects++;
    if (bytes >= 0 && (uint64_t)bytes != len)
        report(v, name, "has %zu bytes; %s states %lld", len, by, (long long)bytes);
    else if (memcmp(&hash, stated, sizeof hash) != 0)
        report(v, name, "is not what %s states: its SHA-256 is another", by);
    free(content);
    return ERR_OK;
}

/* The manifest that `name` links to must have the hash it states; none may be there if it states
 * zeros. */
static enum err check_link(struct verify *v, const char *name, const char *previous_name,
                           const struct sha256 *stated, struct err_detail *detail)
{
    struct sha256 hash;
    enum err e = seal_hash_object(v->store, previous_name, &hash, detail);

    if (e == ERR_NOT_FOUND) {
        if (!is_zero(stated))
            report(v, name, "links to %s, which is missing", previous_name);
        return ERR_OK;
    }
    if (e != ERR_OK)
        return e;
    if (is_zero(stated))
        report(v, name, "says that it is the first, but %s exists", previous_name);
    else if (memcmp(&hash, stated, sizeof hash) != 0)
        report(v, name, "links to other bytes than %s has", previous_name);
    return ERR_OK;
}

/* "dt=2026-11-20/hour=13/rev=0001/FILE" → hour, revision, FILE; false: something else. */
static bool parse_path(const char *path, int64_t *hour, uint32_t *revision, const char **file)
{
    int hour_of_day, at = 0;

    if (sscanf(path, "dt=%*10[0-9-]/hour=%2d/rev=%10u/%n", &hour_of_day, revision, &at) != 2 ||
        at == 0 || hour_of_day < 0 || hour_of_day > 23 || *revision == 0)
        return false;
    if (date_text_parse(bytes_of(path + 3, 10), hour) != ERR_OK)
        return false;
    *hour += hour_of_day * (int64_t)HOUR_MS;
    *file = path + at;
    return true;
}

/* ---- rollup/ ----------------------------------------------------------------------------------
 */

static enum err check_inputs(struct verify *v, const struct manifest *m, struct err_detail *detail)
{
    struct err_detail why = {""};
    struct seal_inputs inputs;
    char name[ROLLUP_NAME_MAX];
    enum err e = seal_inputs_read(v->store, m->hour, m->revision, &inputs, &why);

    rollup_object_name(name, m->hour, m->revision, "inputs.json");
    if (e != ERR_OK) {
        report(v, name, "cannot be read: %.400s", why.text);
        return ERR_OK;
    }
    if (memcmp(&inputs.inputs.previous, &m->previous, sizeof m->previous) != 0)
        report(v, name, "links elsewhere than its manifest");
    for (uint32_t i = 0; i < inputs.inputs.parts_n && e == ERR_OK; i++) {
        const struct inputs_part *p = &inputs.parts[i];
        char part[PART_NAME_MAX];

        part_object_name(part, p->era, p->partition, m->hour, p->revision);
        e = check_object(v, part, &p->sha256, -1, name, detail);
    }
    if (inputs.inputs.has_tenant_map && e == ERR_OK) {
        char hex[SHA256_TEXT_SIZE], book[ROLLUP_NAME_MAX];

        (void)snprintf(book, sizeof book, "books/%s.yaml",
                       hex_format(bytes_of(inputs.inputs.tenant_map.bytes, SHA256_RAW_BYTES), hex));
        e = check_object(v, book, &inputs.inputs.tenant_map, -1, name, detail);
    }
    seal_inputs_fini(&inputs);
    return e;
}

/* The root over the tenants that the manifest names, from the statements in their manifests. */
static enum err check_tenants(struct verify *v, const char *by, const struct manifest *m,
                              struct err_detail *detail)
{
    struct merkle_hash *tree = calloc(merkle_nodes(m->tenants_n), sizeof *tree);
    bool all = true;
    enum err e = tree == NULL ? ERR_NOMEM : ERR_OK;

    for (size_t i = 0; i < m->tenants_n && e == ERR_OK; i++) {
        struct tenant_manifest tenant;
        struct tenant_statement statement;
        char name[ROLLUP_NAME_MAX];
        size_t len = 0;

        rollup_tenant_object_name(name, m->tenants[i].tenant, m->hour, m->revision,
                                  "manifest.json");
        e = store_names_add(&v->named, name);
        if (e == ERR_OK)
            e = check_object(v, name, &m->tenants[i].manifest, -1, by, detail);
        uint8_t *content = e == ERR_OK ? read_named(v, name, &len, &e, detail) : NULL;

        if (content == NULL ||
            tenant_manifest_read(bytes_of(content, len), &tenant, &statement) != ERR_OK)
            all = false; /* reported by now, or by the pass over tenant/ */
        else
            tree[i] = merkle_leaf(tenant.statement);
        free(content);
        rollup_tenant_object_name(name, m->tenants[i].tenant, m->hour, m->revision, "enclaves.csv");
        if (e == ERR_OK)
            e = store_names_add(&v->named, name);
    }
    if (e == ERR_OK && all) {
        merkle_build(tree, m->tenants_n);
        struct merkle_hash root = merkle_root(tree, m->tenants_n);

        if (memcmp(&root, &m->root, sizeof root) != 0)
            report(v, by, "states another Merkle root than its tenants give");
    }
    free(tree);
    return e;
}

/* A store that has everything already: making a revision in it compares and changes nothing. */
struct finished_store {
    struct store store;
    struct store *inner;
};

static enum err finished_create(struct store *store, const char *name, struct bytes content,
                                struct err_detail *detail)
{
    (void)store;
    (void)content;
    return err_set(detail, ERR_EXISTS, "%s is not to be made", name);
}

static enum err finished_read(struct store *store, const char *name, uint8_t **content, size_t *len,
                              struct err_detail *detail)
{
    return store_read(((struct finished_store *)store)->inner, name, content, len, detail);
}

/* Makes the revision again from its inputs.json: nothing that it states can differ then, not even
 * the manifest that no later one links to yet. */
static void check_made_again(struct verify *v, const char *name, const struct manifest *m)
{
    static const struct store_backend backend = {.create = finished_create, .read = finished_read};
    struct finished_store finished = {{&backend}, v->store};
    struct err_detail why = {""};

    if (seal_build(&finished.store, m->hour, m->revision, &why) != ERR_OK)
        report(v, name, "is not what its inputs.json gives: %.400s", why.text);
}

static enum err check_manifest(struct verify *v, const char *name, const struct manifest *m,
                               struct err_detail *detail)
{
    char other[ROLLUP_NAME_MAX];
    uint64_t faults = v->counts.faults;
    enum err e = store_names_add(&v->named, name);

    for (size_t i = 0; i < m->files_n && e == ERR_OK; i++) {
        rollup_object_name(other, m->hour, m->revision, m->files[i].name);
        e = store_names_add(&v->named, other);
        if (e == ERR_OK)
            e = check_object(v, other, &m->files[i].sha256, (int64_t)m->files[i].bytes, name,
                             detail);
    }
    if (e != ERR_OK)
        return e;
    seal_previous_name(other, m->hour, m->revision);
    e = check_link(v, name, other, &m->previous, detail);
    if (is_zero(&m->previous) && v->has_first_hour && m->hour != v->first_hour)
        report(v, name, "says that it is the first, but is not of the era's first hour");
    if (e == ERR_OK)
        e = check_inputs(v, m, detail);
    if (e == ERR_OK)
        e = check_tenants(v, name, m, detail);
    if (e == ERR_OK && v->counts.faults == faults)
        check_made_again(v, name, m);
    return e;
}

static enum err check_rollup(struct verify *v, const char *name, int64_t hour, uint32_t revision,
                             struct err_detail *detail)
{
    static const struct manifest_arena nothing;
    struct manifest_arena arena = {0};
    struct manifest m = {0};
    size_t len = 0;
    enum err e;
    uint8_t *content = read_named(v, name, &len, &e, detail);

    if (content == NULL)
        return e;
    v->counts.revisions++;
    enum err parsed = manifest_read(bytes_of(content, len), &nothing, &m);

    if (parsed == ERR_OK) {
        arena.files_cap = m.files_n;
        arena.tenants_cap = m.tenants_n;
        arena.files = calloc(m.files_n + 1, sizeof *arena.files);
        arena.tenants = calloc(m.tenants_n + 1, sizeof *arena.tenants);
        parsed = arena.files == NULL || arena.tenants == NULL
                     ? ERR_NOMEM
                     : manifest_read(bytes_of(content, len), &arena, &m);
    }
    if (parsed == ERR_NOMEM)
        e = err_set(detail, ERR_NOMEM, "no memory for %s", name);
    else if (parsed != ERR_OK)
        report(v, name, "is damaged: %s", err_text(parsed));
    else if (m.hour != hour || m.revision != revision)
        report(v, name, "is about another hour or revision");
    else
        e = check_manifest(v, name, &m, detail);
    free(arena.files);
    free(arena.tenants);
    free(content);
    return e;
}

static enum err check_rollups(struct verify *v, struct err_detail *detail)
{
    enum err e = ERR_OK;

    for (size_t i = 0; i < v->rollups.n && e == ERR_OK; i++) {
        const char *name = v->rollups.names[i], *file;
        int64_t hour;
        uint32_t revision;

        if (!parse_path(name + strlen("rollup/"), &hour, &revision, &file))
            report(v, name, "does not belong into a sink");
        else if (strcmp(file, "manifest.json") == 0)
            e = check_rollup(v, name, hour, revision, detail);
    }
    return e;
}

/* ---- tenant/ ----------------------------------------------------------------------------------
 */

static void check_proof(struct verify *v, const char *name, const struct tenant_manifest *m)
{
    struct merkle_hash leaf = merkle_leaf(m->statement);

    if (!merkle_check(&leaf, m->index, m->leaves_n, m->path, m->path_n, &m->root))
        report(v, name, "has a Merkle proof that does not lead to its root");
}

static enum err check_tenant(struct verify *v, const char *name, struct bytes tenant, int64_t hour,
                             uint32_t revision, struct err_detail *detail)
{
    struct tenant_manifest m;
    struct tenant_statement s;
    char other[ROLLUP_NAME_MAX];
    size_t len = 0;
    enum err e;
    uint8_t *content = read_named(v, name, &len, &e, detail);

    if (content == NULL)
        return e;
    v->counts.tenants++;
    enum err parsed = tenant_manifest_read(bytes_of(content, len), &m, &s);

    if (parsed != ERR_OK) {
        report(v, name, "is damaged: %s", err_text(parsed));
    } else if (!bytes_equal(s.tenant, tenant) || s.hour != hour || s.revision != revision) {
        report(v, name, "is about another tenant, hour or revision");
    } else {
        check_proof(v, name, &m);
        rollup_tenant_object_name(other, tenant, hour, revision, s.file.name);
        e = check_object(v, other, &s.file.sha256, (int64_t)s.file.bytes, name, detail);
        if (e == ERR_OK) {
            rollup_tenant_object_name(other, tenant, revision == 1 ? hour - HOUR_MS : hour,
                                      revision == 1 ? 1 : revision - 1, "manifest.json");
            e = check_link(v, name, other, &s.previous, detail);
        }
    }
    free(content);
    return e;
}

/* Splits "tenant/TENANT/REST". */
static bool split_tenant(const char *name, struct bytes *tenant, const char **rest)
{
    const char *start = name + strlen("tenant/"), *slash = strchr(start, '/');

    if (slash == NULL)
        return false;
    *tenant = bytes_of(start, (size_t)(slash - start));
    *rest = slash + 1;
    return tenant_id_valid(*tenant) || bytes_equal(*tenant, BYTES_LITERAL(TENANT_UNATTRIBUTED));
}

static enum err check_all_tenants(struct verify *v, struct err_detail *detail)
{
    enum err e = ERR_OK;

    for (size_t i = 0; i < v->tenants.n && e == ERR_OK; i++) {
        const char *name = v->tenants.names[i], *rest, *file;
        struct bytes tenant;
        int64_t hour;
        uint32_t revision;

        if (!split_tenant(name, &tenant, &rest) || !parse_path(rest, &hour, &revision, &file))
            report(v, name, "does not belong into a sink");
        else if (strcmp(file, "manifest.json") == 0)
            e = check_tenant(v, name, tenant, hour, revision, detail);
    }
    return e;
}

/* ---- what nobody names ------------------------------------------------------------------------
 */

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool contains(const struct store_names *sorted, const char *name)
{
    return sorted->n > 0 &&
           bsearch(&name, sorted->names, sorted->n, sizeof *sorted->names, compare_names) != NULL;
}

/* Is the revision that this path lies in committed? */
static bool path_committed(const struct verify *v, const char *path)
{
    char manifest[ROLLUP_NAME_MAX];
    const char *file;
    int64_t hour;
    uint32_t revision;

    if (!parse_path(path, &hour, &revision, &file))
        return false; /* reported by now */
    rollup_object_name(manifest, hour, revision, "manifest.json");
    return contains(&v->rollups, manifest);
}

static void check_unnamed(struct verify *v)
{
    static const char inputs[] = "/inputs.json";

    if (v->named.n > 0)
        qsort(v->named.names, v->named.n, sizeof *v->named.names, compare_names);
    for (size_t i = 0; i < v->rollups.n; i++) {
        const char *name = v->rollups.names[i];
        size_t len = strlen(name);

        if (!path_committed(v, name + strlen("rollup/")))
            v->counts.unfinished +=
                len > strlen(inputs) && strcmp(name + len - strlen(inputs), inputs) == 0;
        else if (!contains(&v->named, name))
            report(v, name, "is named by no manifest");
    }
    for (size_t i = 0; i < v->tenants.n; i++) {
        struct bytes tenant;
        const char *rest;

        if (split_tenant(v->tenants.names[i], &tenant, &rest) && path_committed(v, rest) &&
            !contains(&v->named, v->tenants.names[i]))
            report(v, v->tenants.names[i], "is named by no manifest");
    }
}

enum err verify_sink(struct store *store, verify_fault *fault, void *context,
                     struct verify_counts *counts, struct err_detail *detail)
{
    struct verify v = {.store = store, .fault = fault, .context = context};
    struct era era;
    enum err e = eras_read(store, &era, detail);

    if (e == ERR_MALFORMED)
        report(&v, "eras.json", "is damaged");
    else if (e != ERR_OK && e != ERR_NOT_FOUND)
        return e;
    v.has_first_hour = e == ERR_OK;
    v.first_hour = e == ERR_OK ? era.first_hour : 0;
    e = store_list(store, "rollup/", &v.rollups, detail);
    if (e == ERR_OK)
        e = store_list(store, "tenant/", &v.tenants, detail);
    if (e == ERR_OK)
        e = check_rollups(&v, detail);
    if (e == ERR_OK)
        e = check_all_tenants(&v, detail);
    if (e == ERR_OK)
        check_unnamed(&v);
    store_names_free(&v.rollups);
    store_names_free(&v.tenants);
    store_names_free(&v.named);
    *counts = v.counts;
    return e;
}
