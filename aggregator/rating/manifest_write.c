/*
 * inputs.json and the manifests as canonical JSON; see manifest.h. Reading is in manifest_read.c.
 */
#include "aggregator/rating/manifest.h"

#include "aggregator/rating/part_codec.h"
#include "aggregator/rating/part_statement.h"
#include "aggregator/rating/text.h"

static void write_hash(struct json_out *json, const char *key, const uint8_t hash[SHA256_RAW_BYTES])
{
    json_out_key_hex(json, key, bytes_of(hash, SHA256_RAW_BYTES));
}

static void begin_array(struct json_out *json, const char *key)
{
    json_out_key(json, key);
    json_out_array_begin(json);
}

static void begin_object(struct json_out *json, const char *key)
{
    json_out_key(json, key);
    json_out_object_begin(json);
}

void inputs_write(struct avro_writer *w, const struct inputs *inputs)
{
    struct json_out json = text_json_begin(w);
    char name[PART_NAME_MAX];

    json_out_object_begin(&json);
    begin_array(&json, "eras");
    for (uint32_t i = 0; i < inputs->parts_n; i++) {
        if (i == 0 || inputs->parts[i].era != inputs->parts[i - 1].era)
            json_out_int(&json, inputs->parts[i].era);
    }
    json_out_array_end(&json);
    json_out_key_int(&json, "format", MANIFEST_FORMAT);
    text_json_time(&json, "hour", inputs->hour);
    begin_array(&json, "parts");
    for (uint32_t i = 0; i < inputs->parts_n; i++) {
        const struct inputs_part *p = &inputs->parts[i];

        part_object_name(name, p->era, p->partition, inputs->hour, p->revision);
        json_out_object_begin(&json);
        json_out_key_int(&json, "era", p->era);
        json_out_key_text(&json, "name", name);
        json_out_key_int(&json, "partition", p->partition);
        json_out_key_int(&json, "revision", p->revision);
        write_hash(&json, "sha256", p->sha256.bytes);
        json_out_object_end(&json);
    }
    json_out_array_end(&json);
    write_hash(&json, "previous", inputs->previous.bytes);
    json_out_key_null(&json, "price_book");
    statement_write_reasons(&json, "reason", inputs->reasons);
    json_out_key_int(&json, "revision", inputs->revision);
    if (inputs->has_tenant_map)
        write_hash(&json, "tenant_map", inputs->tenant_map.bytes);
    else
        json_out_key_null(&json, "tenant_map");
    json_out_object_end(&json);
    text_json_end(w, &json);
}

static void write_file(struct json_out *json, const struct manifest_file *file)
{
    json_out_object_begin(json);
    json_out_key_uint(json, "bytes", file->bytes);
    json_out_key_text(json, "name", file->name);
    write_hash(json, "sha256", file->sha256.bytes);
    json_out_object_end(json);
}

static void write_dead_letters(struct json_out *json, const struct part *p)
{
    for (uint32_t i = 0; i < p->dead_letters_n; i++) {
        json_out_object_begin(json);
        json_out_key_int(json, "era", p->era);
        json_out_key_int(json, "offset", p->dead_letters[i]);
        json_out_key_int(json, "partition", p->partition);
        json_out_object_end(json);
    }
}

static void write_gaps(struct json_out *json, const struct part *p)
{
    for (uint32_t i = 0; i < p->gaps_n; i++) {
        json_out_object_begin(json);
        statement_write_uuid(json, "epoch", &p->gaps[i].epoch);
        json_out_key_int(json, "era", p->era);
        json_out_key_int(json, "first_seq", p->gaps[i].first_seq);
        json_out_key_string(json, "instance_id", p->gaps[i].instance_id);
        json_out_key_int(json, "last_seq", p->gaps[i].last_seq);
        json_out_key_int(json, "partition", p->partition);
        json_out_object_end(json);
    }
}

static void write_missing(struct json_out *json, const struct part *p)
{
    for (uint32_t i = 0; i < p->missing_n; i++) {
        json_out_object_begin(json);
        json_out_key_int(json, "era", p->era);
        json_out_key_string(json, "instance_id", p->missing[i].instance_id);
        json_out_key_bool(json, "lost", p->missing[i].lost);
        json_out_key_int(json, "partition", p->partition);
        text_json_time(json, "watermark", p->missing[i].watermark);
        json_out_object_end(json);
    }
}

static void write_partition(struct json_out *json, const struct part *p)
{
    json_out_object_begin(json);
    json_out_key_bool(json, "complete", p->complete);
    text_json_time(json, "cut_log_time", p->cut_log_time);
    json_out_key_int(json, "era", p->era);
    begin_object(json, "expected");
    json_out_key_int(json, "count", p->expected_n);
    write_hash(json, "sha256", p->expected_sha256);
    json_out_object_end(json);
    json_out_key_bool(json, "lead_in", p->lead_in);
    json_out_key_int(json, "offset_first", p->offset_first);
    json_out_key_int(json, "offset_next", p->offset_next);
    json_out_key_int(json, "partition", p->partition);
    json_out_key_int(json, "policy_version", p->policy_version);
    json_out_key_int(json, "revision", p->revision);
    json_out_key_int(json, "rules_version", p->rules_version);
    json_out_key_text(json, "status", part_status_name(p->status));
    json_out_object_end(json);
}

/* An array with what `write` writes of every partition's newest part. */
static void write_of_parts(struct json_out *json, const char *key, const struct manifest *m,
                           void (*write)(struct json_out *, const struct part *))
{
    begin_array(json, key);
    for (size_t i = 0; i < m->parts_n; i++)
        write(json, m->parts[i]);
    json_out_array_end(json);
}

static void write_tenants(struct json_out *json, const struct manifest *m)
{
    begin_array(json, "tenants");
    for (size_t i = 0; i < m->tenants_n; i++) {
        const struct manifest_tenant *t = &m->tenants[i];

        json_out_object_begin(json);
        json_out_key_uint(json, "lines", t->lines_n);
        write_hash(json, "manifest", t->manifest.bytes);
        json_out_key_string(json, "tenant", t->tenant);
        json_out_object_end(json);
    }
    json_out_array_end(json);
}

void manifest_write(struct avro_writer *w, const struct manifest *m)
{
    struct json_out json = text_json_begin(w);

    json_out_object_begin(&json);
    json_out_key_bool(&json, "complete", m->complete);
    write_of_parts(&json, "dead_letters", m, write_dead_letters);
    begin_array(&json, "files");
    for (size_t i = 0; i < m->files_n; i++)
        write_file(&json, &m->files[i]);
    json_out_array_end(&json);
    json_out_key_int(&json, "format", MANIFEST_FORMAT);
    write_of_parts(&json, "gaps", m, write_gaps);
    text_json_time(&json, "hour", m->hour);
    json_out_key_bool(&json, "lead_in", m->lead_in);
    begin_object(&json, "merkle");
    json_out_key_uint(&json, "leaves", m->tenants_n);
    write_hash(&json, "root", m->root.bytes);
    json_out_object_end(&json);
    write_of_parts(&json, "missing", m, write_missing);
    write_of_parts(&json, "partitions", m, write_partition);
    write_hash(&json, "previous", m->previous.bytes);
    statement_write_reasons(&json, "reason", m->reasons);
    json_out_key_int(&json, "revision", m->revision);
    json_out_key_null(&json, "signature");
    json_out_key_text(&json, "status", part_status_name(m->status));
    write_tenants(&json, m);
    json_out_object_end(&json);
    text_json_end(w, &json);
}

void tenant_statement_write(struct avro_writer *w, const struct tenant_statement *s)
{
    struct json_out json = text_json_begin(w);

    json_out_object_begin(&json);
    json_out_key_bool(&json, "complete", s->complete);
    begin_array(&json, "files");
    write_file(&json, &s->file);
    json_out_array_end(&json);
    json_out_key_int(&json, "format", MANIFEST_FORMAT);
    text_json_time(&json, "hour", s->hour);
    json_out_key_uint(&json, "lines", s->lines_n);
    write_hash(&json, "previous", s->previous.bytes);
    json_out_key_int(&json, "revision", s->revision);
    json_out_key_text(&json, "status", part_status_name(s->status));
    json_out_key_string(&json, "tenant", s->tenant);
    json_out_object_end(&json);
    text_json_end(w, &json);
}

void tenant_manifest_write(struct avro_writer *w, const struct tenant_manifest *m)
{
    struct json_out json = text_json_begin(w);

    json_out_object_begin(&json);
    begin_object(&json, "proof");
    json_out_key_uint(&json, "index", m->index);
    json_out_key_uint(&json, "leaves", m->leaves_n);
    begin_array(&json, "path");
    for (size_t i = 0; i < m->path_n; i++)
        json_out_hex(&json, bytes_of(m->path[i].bytes, MERKLE_HASH_BYTES));
    json_out_array_end(&json);
    write_hash(&json, "root", m->root.bytes);
    json_out_object_end(&json);
    json_out_key_null(&json, "signature");
    json_out_key(&json, "statement");
    json_out_raw(&json, m->statement);
    json_out_object_end(&json);
    text_json_end(w, &json);
}
