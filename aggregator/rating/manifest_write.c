/*
 * inputs.json and the manifests as canonical JSON; see manifest.h. Reading is in manifest_read.c.
 */
#include "aggregator/rating/manifest.h"

#include "aggregator/rating/part_codec.h"
#include "aggregator/rating/part_statement.h"
#include "aggregator/rating/text.h"

static void put_number(struct avro_writer *w, const char *before, int64_t value)
{
    text_put(w, before);
    text_put_int(w, value);
}

static void put_hash(struct avro_writer *w, const char *before, const uint8_t hash[SHA256_BYTES])
{
    text_put(w, before);
    text_put(w, "\"");
    text_put_hex(w, bytes_of(hash, SHA256_BYTES));
    text_put(w, "\"");
}

static void put_string(struct avro_writer *w, const char *before, struct bytes text)
{
    text_put(w, before);
    text_put_json_string(w, text);
}

static void put_flag(struct avro_writer *w, const char *before, bool value)
{
    text_put(w, before);
    text_put_bool(w, value);
}

static void put_time(struct avro_writer *w, const char *before, int64_t time)
{
    text_put(w, before);
    statement_put_time_or_null(w, time);
}

static void put_status(struct avro_writer *w, enum part_status status)
{
    put_string(w, ",\"status\":", bytes_of_string(part_status_name(status)));
}

void inputs_write(struct avro_writer *w, const struct inputs *inputs)
{
    char name[PART_NAME_MAX];

    text_put(w, "{\"eras\":[");
    for (uint32_t i = 0; i < inputs->parts_n; i++) {
        if (i == 0 || inputs->parts[i].era != inputs->parts[i - 1].era)
            put_number(w, i == 0 ? "" : ",", inputs->parts[i].era);
    }
    put_number(w, "],\"format\":", MANIFEST_FORMAT);
    put_time(w, ",\"hour\":", inputs->hour);
    text_put(w, ",\"parts\":[");
    for (uint32_t i = 0; i < inputs->parts_n; i++) {
        const struct inputs_part *p = &inputs->parts[i];

        part_object_name(name, p->era, p->partition, inputs->hour, p->revision);
        put_number(w, i == 0 ? "{\"era\":" : ",{\"era\":", p->era);
        put_string(w, ",\"name\":", bytes_of_string(name));
        put_number(w, ",\"partition\":", p->partition);
        put_number(w, ",\"revision\":", p->revision);
        put_hash(w, ",\"sha256\":", p->sha256.bytes);
        text_put(w, "}");
    }
    put_hash(w, "],\"previous\":", inputs->previous.bytes);
    text_put(w, ",\"price_book\":null,\"reason\":");
    statement_put_reasons(w, inputs->reasons);
    put_number(w, ",\"revision\":", inputs->revision);
    if (inputs->has_tenant_map)
        put_hash(w, ",\"tenant_map\":", inputs->tenant_map.bytes);
    else
        text_put(w, ",\"tenant_map\":null");
    text_put(w, "}");
}

static void put_file(struct avro_writer *w, const char *before, const struct manifest_file *file)
{
    text_put(w, before);
    put_number(w, "{\"bytes\":", (int64_t)file->bytes);
    put_string(w, ",\"name\":", bytes_of_string(file->name));
    put_hash(w, ",\"sha256\":", file->sha256.bytes);
    text_put(w, "}");
}

static void put_missing(struct avro_writer *w, const struct manifest *m)
{
    const char *before = ",\"missing\":[{\"era\":";

    for (size_t i = 0; i < m->parts_n; i++) {
        const struct part *p = m->parts[i];

        for (uint32_t j = 0; j < p->missing_n; j++) {
            put_number(w, before, p->era);
            put_string(w, ",\"instance_id\":", p->missing[j].instance_id);
            put_flag(w, ",\"lost\":", p->missing[j].lost);
            put_number(w, ",\"partition\":", p->partition);
            put_time(w, ",\"watermark\":", p->missing[j].watermark);
            before = "},{\"era\":";
        }
    }
    text_put(w, before[0] == ',' ? ",\"missing\":[]" : "}]");
}

static void put_gaps(struct avro_writer *w, const struct manifest *m)
{
    const char *before = ",\"gaps\":[{\"epoch\":";

    for (size_t i = 0; i < m->parts_n; i++) {
        const struct part *p = m->parts[i];

        for (uint32_t j = 0; j < p->gaps_n; j++) {
            text_put(w, before);
            statement_put_uuid(w, &p->gaps[j].epoch);
            put_number(w, ",\"era\":", p->era);
            put_number(w, ",\"first_seq\":", p->gaps[j].first_seq);
            put_string(w, ",\"instance_id\":", p->gaps[j].instance_id);
            put_number(w, ",\"last_seq\":", p->gaps[j].last_seq);
            put_number(w, ",\"partition\":", p->partition);
            before = "},{\"epoch\":";
        }
    }
    text_put(w, before[0] == ',' ? ",\"gaps\":[]" : "}]");
}

static void put_dead_letters(struct avro_writer *w, const struct manifest *m)
{
    const char *before = ",\"dead_letters\":[{\"era\":";

    for (size_t i = 0; i < m->parts_n; i++) {
        const struct part *p = m->parts[i];

        for (uint32_t j = 0; j < p->dead_letters_n; j++) {
            put_number(w, before, p->era);
            put_number(w, ",\"offset\":", p->dead_letters[j]);
            put_number(w, ",\"partition\":", p->partition);
            before = "},{\"era\":";
        }
    }
    text_put(w, before[0] == ',' ? ",\"dead_letters\":[]" : "}]");
}

static void put_partitions(struct avro_writer *w, const struct manifest *m)
{
    text_put(w, ",\"partitions\":[");
    for (size_t i = 0; i < m->parts_n; i++) {
        const struct part *p = m->parts[i];

        put_flag(w, i == 0 ? "{\"complete\":" : ",{\"complete\":", p->complete);
        put_time(w, ",\"cut_log_time\":", p->cut_log_time);
        put_number(w, ",\"era\":", p->era);
        put_number(w, ",\"expected\":{\"count\":", p->expected_n);
        put_hash(w, ",\"sha256\":", p->expected_sha256);
        put_flag(w, "},\"lead_in\":", p->lead_in);
        put_number(w, ",\"offset_first\":", p->offset_first);
        put_number(w, ",\"offset_next\":", p->offset_next);
        put_number(w, ",\"partition\":", p->partition);
        put_number(w, ",\"policy_version\":", p->policy_version);
        put_number(w, ",\"revision\":", p->revision);
        put_number(w, ",\"rules_version\":", p->rules_version);
        put_status(w, p->status);
        text_put(w, "}");
    }
    text_put(w, "]");
}

static void put_tenants(struct avro_writer *w, const struct manifest *m)
{
    text_put(w, ",\"tenants\":[");
    for (size_t i = 0; i < m->tenants_n; i++) {
        const struct manifest_tenant *t = &m->tenants[i];

        put_number(w, i == 0 ? "{\"lines\":" : ",{\"lines\":", (int64_t)t->lines_n);
        put_hash(w, ",\"manifest\":", t->manifest.bytes);
        put_string(w, ",\"tenant\":", t->tenant);
        text_put(w, "}");
    }
    text_put(w, "]");
}

void manifest_write(struct avro_writer *w, const struct manifest *m)
{
    put_flag(w, "{\"complete\":", m->complete);
    put_dead_letters(w, m);
    text_put(w, ",\"files\":[");
    for (size_t i = 0; i < m->files_n; i++)
        put_file(w, i == 0 ? "" : ",", &m->files[i]);
    put_number(w, "],\"format\":", MANIFEST_FORMAT);
    put_gaps(w, m);
    put_time(w, ",\"hour\":", m->hour);
    put_flag(w, ",\"lead_in\":", m->lead_in);
    put_number(w, ",\"merkle\":{\"leaves\":", (int64_t)m->tenants_n);
    put_hash(w, ",\"root\":", m->root.bytes);
    text_put(w, "}");
    put_missing(w, m);
    put_partitions(w, m);
    put_hash(w, ",\"previous\":", m->previous.bytes);
    text_put(w, ",\"reason\":");
    statement_put_reasons(w, m->reasons);
    put_number(w, ",\"revision\":", m->revision);
    text_put(w, ",\"signature\":null");
    put_status(w, m->status);
    put_tenants(w, m);
    text_put(w, "}");
}

void tenant_statement_write(struct avro_writer *w, const struct tenant_statement *s)
{
    put_flag(w, "{\"complete\":", s->complete);
    put_file(w, ",\"files\":[", &s->file);
    put_number(w, "],\"format\":", MANIFEST_FORMAT);
    put_time(w, ",\"hour\":", s->hour);
    put_number(w, ",\"lines\":", (int64_t)s->lines_n);
    put_hash(w, ",\"previous\":", s->previous.bytes);
    put_number(w, ",\"revision\":", s->revision);
    put_status(w, s->status);
    put_string(w, ",\"tenant\":", s->tenant);
    text_put(w, "}");
}

void tenant_manifest_write(struct avro_writer *w, const struct tenant_manifest *m)
{
    put_number(w, "{\"proof\":{\"index\":", (int64_t)m->index);
    put_number(w, ",\"leaves\":", (int64_t)m->leaves_n);
    text_put(w, ",\"path\":[");
    for (size_t i = 0; i < m->path_n; i++)
        put_hash(w, i == 0 ? "" : ",", m->path[i].bytes);
    put_hash(w, "],\"root\":", m->root.bytes);
    text_put(w, "},\"signature\":null,\"statement\":");
    avro_put_raw(w, m->statement.ptr, m->statement.len);
    text_put(w, "}");
}
