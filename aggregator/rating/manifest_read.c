/*
 * inputs.json and the manifests read back; see manifest.h. Members that are not known are skipped:
 * a later version may add some.
 */
#include "aggregator/rating/manifest.h"

#include "aggregator/rating/json_reader.h"
#include "aggregator/rating/part_statement.h"
#include "aggregator/rating/text.h"
#include "common/hex.h"

static void get_hash(struct json_reader *r, uint8_t hash[SHA256_RAW_BYTES])
{
    if (hex_parse(json_get_string(r), hash, SHA256_RAW_BYTES) != ERR_OK)
        json_fail(r, ERR_MALFORMED);
}

static int64_t get_hour(struct json_reader *r)
{
    int64_t hour = 0;

    if (text_parse_time(json_get_string(r), &hour) != ERR_OK || hour % HOUR_MS != 0)
        json_fail(r, ERR_MALFORMED);
    return hour;
}

static uint32_t get_u32(struct json_reader *r, uint32_t min)
{
    return (uint32_t)json_get_int_in(r, min, UINT32_MAX);
}

static void get_format(struct json_reader *r)
{
    if (json_get_int(r) != MANIFEST_FORMAT)
        json_fail(r, ERR_UNSUPPORTED);
}

static struct inputs_part get_inputs_part(struct json_reader *r)
{
    struct inputs_part part = {0};
    struct bytes key;

    json_object_begin(r);
    while (json_object_next(r, &key)) {
        if (json_key_is(key, "era"))
            part.era = get_u32(r, 1);
        else if (json_key_is(key, "partition"))
            part.partition = (int32_t)json_get_int_in(r, 0, INT32_MAX);
        else if (json_key_is(key, "revision"))
            part.revision = get_u32(r, 1);
        else if (json_key_is(key, "sha256"))
            get_hash(r, part.sha256.bytes);
        else
            json_skip(r);
    }
    return part;
}

/* May `next` follow `last` (NULL: nothing yet) in a list of parts? */
static bool parts_in_order(const struct inputs_part *last, const struct inputs_part *next)
{
    if (last != NULL && last->era == next->era && last->partition == next->partition)
        return next->revision == last->revision + 1;
    if (next->revision != 1)
        return false;
    return last == NULL || last->era < next->era ||
           (last->era == next->era && last->partition < next->partition);
}

static void get_inputs_parts(struct json_reader *r, struct inputs_part *parts, uint32_t cap,
                             struct inputs *inputs)
{
    struct inputs_part last = {0};

    json_array_begin(r);
    while (json_array_next(r)) {
        struct inputs_part part = get_inputs_part(r);

        if (!parts_in_order(inputs->parts_n > 0 ? &last : NULL, &part))
            json_fail(r, ERR_MALFORMED);
        if (inputs->parts_n == INPUTS_PARTS_MAX)
            json_fail(r, ERR_LIMIT);
        else if (parts != NULL && inputs->parts_n == cap)
            json_fail(r, ERR_CAPACITY);
        else if (parts != NULL)
            parts[inputs->parts_n] = part;
        inputs->parts_n++;
        last = part;
    }
    inputs->parts = parts;
}

static void get_tenant_map(struct json_reader *r, struct inputs *inputs)
{
    inputs->has_tenant_map = !json_take_null(r);
    if (inputs->has_tenant_map)
        get_hash(r, inputs->tenant_map.bytes);
}

enum err inputs_read(struct bytes json, struct inputs_part *parts, uint32_t parts_cap,
                     struct inputs *inputs)
{
    struct json_reader r = json_reader_over(json, NULL, 0);
    struct bytes key;

    *inputs = (struct inputs){0};
    json_object_begin(&r);
    while (json_object_next(&r, &key)) {
        if (json_key_is(key, "format"))
            get_format(&r);
        else if (json_key_is(key, "hour"))
            inputs->hour = get_hour(&r);
        else if (json_key_is(key, "parts"))
            get_inputs_parts(&r, parts, parts_cap, inputs);
        else if (json_key_is(key, "previous"))
            get_hash(&r, inputs->previous.bytes);
        else if (json_key_is(key, "price_book") && !json_take_null(&r))
            json_fail(&r, ERR_UNSUPPORTED);
        else if (json_key_is(key, "price_book"))
            continue;
        else if (json_key_is(key, "reason"))
            inputs->reasons = statement_get_reasons(&r);
        else if (json_key_is(key, "revision"))
            inputs->revision = get_u32(&r, 1);
        else if (json_key_is(key, "tenant_map"))
            get_tenant_map(&r, inputs);
        else
            json_skip(&r);
    }
    if (json_finish(&r) != ERR_OK)
        return json_finish(&r);
    return inputs->revision == 0 || inputs->parts_n == 0 ? ERR_MALFORMED : ERR_OK;
}

static struct manifest_file get_file(struct json_reader *r)
{
    struct manifest_file file = {0};
    struct bytes key;

    json_object_begin(r);
    while (json_object_next(r, &key)) {
        if (json_key_is(key, "bytes")) {
            file.bytes = (uint64_t)json_get_int_in(r, 0, INT64_MAX);
        } else if (json_key_is(key, "name")) {
            struct bytes name = json_get_string(r);

            if (name.len == 0 || name.len >= sizeof file.name || memchr(name.ptr, '/', name.len))
                json_fail(r, ERR_MALFORMED);
            else
                memcpy(file.name, name.ptr, name.len);
        } else if (json_key_is(key, "sha256")) {
            get_hash(r, file.sha256.bytes);
        } else {
            json_skip(r);
        }
    }
    return file;
}

static void get_files(struct json_reader *r, const struct manifest_arena *arena, struct manifest *m)
{
    json_array_begin(r);
    while (json_array_next(r)) {
        struct manifest_file file = get_file(r);

        if (arena->files != NULL && m->files_n == arena->files_cap)
            json_fail(r, ERR_CAPACITY);
        else if (arena->files != NULL)
            arena->files[m->files_n] = file;
        m->files_n++;
    }
    m->files = arena->files;
}

static void get_tenants(struct json_reader *r, const struct manifest_arena *arena,
                        struct manifest *m)
{
    struct bytes key;

    json_array_begin(r);
    while (json_array_next(r)) {
        struct manifest_tenant tenant = {0};

        json_object_begin(r);
        while (json_object_next(r, &key)) {
            if (json_key_is(key, "tenant"))
                tenant.tenant = json_get_string(r);
            else if (json_key_is(key, "lines"))
                tenant.lines_n = (uint64_t)json_get_int_in(r, 0, INT64_MAX);
            else if (json_key_is(key, "manifest"))
                get_hash(r, tenant.manifest.bytes);
            else
                json_skip(r);
        }
        if (!tenant_id_valid(tenant.tenant) &&
            !bytes_equal(tenant.tenant, BYTES_LITERAL(TENANT_UNATTRIBUTED)))
            json_fail(r, ERR_MALFORMED);
        if (m->tenants_n == MANIFEST_TENANTS_MAX)
            json_fail(r, ERR_LIMIT);
        else if (arena->tenants != NULL && m->tenants_n == arena->tenants_cap)
            json_fail(r, ERR_CAPACITY);
        else if (arena->tenants != NULL)
            arena->tenants[m->tenants_n] = tenant;
        m->tenants_n++;
    }
    m->tenants = arena->tenants;
}

static void get_merkle(struct json_reader *r, struct manifest *m)
{
    struct bytes key;

    json_object_begin(r);
    while (json_object_next(r, &key)) {
        if (json_key_is(key, "root"))
            get_hash(r, m->root.bytes);
        else
            json_skip(r);
    }
}

static void get_manifest_member(struct json_reader *r, struct bytes key,
                                const struct manifest_arena *arena, struct manifest *m)
{
    if (json_key_is(key, "complete"))
        m->complete = json_get_bool(r);
    else if (json_key_is(key, "files"))
        get_files(r, arena, m);
    else if (json_key_is(key, "format"))
        get_format(r);
    else if (json_key_is(key, "hour"))
        m->hour = get_hour(r);
    else if (json_key_is(key, "lead_in"))
        m->lead_in = json_get_bool(r);
    else if (json_key_is(key, "merkle"))
        get_merkle(r, m);
    else if (json_key_is(key, "previous"))
        get_hash(r, m->previous.bytes);
    else if (json_key_is(key, "reason"))
        m->reasons = statement_get_reasons(r);
    else if (json_key_is(key, "revision"))
        m->revision = get_u32(r, 1);
    else if (json_key_is(key, "status"))
        m->status = statement_get_status(r);
    else if (json_key_is(key, "tenants"))
        get_tenants(r, arena, m);
    else
        json_skip(r);
}

enum err manifest_read(struct bytes json, const struct manifest_arena *arena,
                       struct manifest *manifest)
{
    struct json_reader r = json_reader_over(json, NULL, 0);
    struct bytes key;

    *manifest = (struct manifest){0};
    json_object_begin(&r);
    while (json_object_next(&r, &key))
        get_manifest_member(&r, key, arena, manifest);
    if (json_finish(&r) != ERR_OK)
        return json_finish(&r);
    return manifest->revision == 0 || manifest->files_n == 0 ? ERR_MALFORMED : ERR_OK;
}

static void get_proof(struct json_reader *r, struct tenant_manifest *m)
{
    struct bytes key;

    json_object_begin(r);
    while (json_object_next(r, &key)) {
        if (json_key_is(key, "index")) {
            m->index = (size_t)json_get_int_in(r, 0, MANIFEST_TENANTS_MAX);
        } else if (json_key_is(key, "leaves")) {
            m->leaves_n = (size_t)json_get_int_in(r, 0, MANIFEST_TENANTS_MAX);
        } else if (json_key_is(key, "path")) {
            json_array_begin(r);
            while (json_array_next(r)) {
                if (m->path_n == MERKLE_PATH_MAX)
                    json_fail(r, ERR_LIMIT);
                else
                    get_hash(r, m->path[m->path_n++].bytes);
            }
        } else if (json_key_is(key, "root")) {
            get_hash(r, m->root.bytes);
        } else {
            json_skip(r);
        }
    }
}

static enum err statement_read(struct bytes json, struct tenant_statement *s)
{
    struct json_reader r = json_reader_over(json, NULL, 0);
    struct bytes key;

    *s = (struct tenant_statement){0};
    json_object_begin(&r);
    while (json_object_next(&r, &key)) {
        if (json_key_is(key, "complete")) {
            s->complete = json_get_bool(&r);
        } else if (json_key_is(key, "files")) {
            json_array_begin(&r);
            while (json_array_next(&r))
                s->file = get_file(&r);
        } else if (json_key_is(key, "format")) {
            get_format(&r);
        } else if (json_key_is(key, "hour")) {
            s->hour = get_hour(&r);
        } else if (json_key_is(key, "lines")) {
            s->lines_n = (uint64_t)json_get_int_in(&r, 0, INT64_MAX);
        } else if (json_key_is(key, "previous")) {
            get_hash(&r, s->previous.bytes);
        } else if (json_key_is(key, "revision")) {
            s->revision = get_u32(&r, 1);
        } else if (json_key_is(key, "status")) {
            s->status = statement_get_status(&r);
        } else if (json_key_is(key, "tenant")) {
            s->tenant = json_get_string(&r);
        } else {
            json_skip(&r);
        }
    }
    if (json_finish(&r) != ERR_OK)
        return json_finish(&r);
    return s->revision == 0 || s->tenant.len == 0 || s->file.name[0] == '\0' ? ERR_MALFORMED
                                                                             : ERR_OK;
}

enum err tenant_manifest_read(struct bytes json, struct tenant_manifest *manifest,
                              struct tenant_statement *statement)
{
    struct json_reader r = json_reader_over(json, NULL, 0);
    struct bytes key;

    *manifest = (struct tenant_manifest){0};
    json_object_begin(&r);
    while (json_object_next(&r, &key)) {
        if (json_key_is(key, "proof")) {
            get_proof(&r, manifest);
        } else if (json_key_is(key, "statement")) {
            const uint8_t *start = r.rest.ptr;

            json_skip(&r);
            manifest->statement = bytes_of(start, (size_t)(r.rest.ptr - start));
        } else {
            json_skip(&r);
        }
    }
    if (json_finish(&r) != ERR_OK)
        return json_finish(&r);
    return statement_read(manifest->statement, statement);
}
