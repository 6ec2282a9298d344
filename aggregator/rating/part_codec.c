/*
 * struct part → the bytes of a part object, and the names of part objects; see the header. Reading
 * is in part_decode.c.
 */
#include "aggregator/rating/part_codec.h"

#include <assert.h>
#include <stdio.h>

#include "aggregator/rating/avro_row.h"
#include "aggregator/rating/part_statement.h"
#include "aggregator/rating/text.h"
#include "common/sha256.h"
#include "schemas/c/schema_text.h"

enum {
    LINE_FIXED_BYTES = 640, /* numbers, lengths and union branches of one row, generously */
    CPU_ID_BYTES = 5,
    ROW_BLOCK_BYTES = 64, /* block header and sync marker */
    HEADER_BYTES = 256,
};

void part_object_name(char name[PART_NAME_MAX], uint32_t era, int32_t partition, int64_t hour,
                      uint32_t revision)
{
    char path[TEXT_HOUR_PATH_SIZE];

    text_format_hour_path(path, hour);
    (void)snprintf(name, PART_NAME_MAX, "usage/era=%04u/%s/p=%04d/rev=%04u.avro", era, path,
                   partition, revision);
}

void part_hour_prefix(char name[PART_NAME_MAX], uint32_t era, int64_t hour)
{
    char path[TEXT_HOUR_PATH_SIZE];

    text_format_hour_path(path, hour);
    (void)snprintf(name, PART_NAME_MAX, "usage/era=%04u/%s/", era, path);
}

/* The number at *s, up to 10 digits; −1 if there is none. Advances. */
static int64_t take_number(const char **s)
{
    int64_t value = 0;
    int digits = 0;

    for (; **s >= '0' && **s <= '9' && digits <= 10; (*s)++, digits++)
        value = value * 10 + (**s - '0');
    return digits > 0 ? value : -1;
}

bool part_parse_name(const char *name, uint32_t era, int64_t hour, int32_t *partition,
                     uint32_t *revision)
{
    char expected[PART_NAME_MAX];
    const char *s = name;

    part_hour_prefix(expected, era, hour);
    if (strncmp(s, expected, strlen(expected)) != 0)
        return false;
    s += strlen(expected);
    if (strncmp(s, "p=", 2) != 0)
        return false;
    s += 2;
    int64_t p = take_number(&s);

    if (p < 0 || p > INT32_MAX || strncmp(s, "/rev=", 5) != 0)
        return false;
    s += 5;
    int64_t rev = take_number(&s);

    if (rev < 1 || rev > UINT32_MAX)
        return false;
    *partition = (int32_t)p;
    *revision = (uint32_t)rev;
    part_object_name(expected, era, *partition, hour, *revision);
    return strcmp(name, expected) == 0;
}

void object_sync_marker(const char *name, uint8_t sync[AVRO_SYNC_BYTES])
{
    uint8_t digest[SHA256_RAW_BYTES];

    sha256_of(bytes_of_string(name), digest);
    memcpy(sync, digest, AVRO_SYNC_BYTES);
}

int usage_line_compare(const struct usage_line *a, const struct usage_line *b)
{
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    if (a->hour != b->hour)
        return a->hour < b->hour ? -1 : 1;
    int c = bytes_compare(a->instance_id, b->instance_id);

    return c != 0 ? c : bytes_compare(a->run.run_id, b->run.run_id);
}

/* ---- rows -------------------------------------------------------------------------------------
 */

static void put_map(struct avro_writer *w, struct event_map map)
{
    if (map.n > 0)
        avro_put_long(w, map.n);
    for (uint32_t i = 0; i < map.n; i++) {
        avro_row_put_text(w, map.pairs[i].key);
        avro_row_put_text(w, map.pairs[i].value);
    }
    avro_put_long(w, 0);
}

static void put_cpu_ids(struct avro_writer *w, struct event_cpu_ids cpus)
{
    if (cpus.n > 0)
        avro_put_long(w, cpus.n);
    for (uint32_t i = 0; i < cpus.n; i++)
        avro_put_long(w, cpus.ids[i]);
    avro_put_long(w, 0);
}

/* The fields enclave_id … metadata, in the schema's order. */
static void put_run(struct avro_writer *w, const struct event_run *run)
{
    uint32_t has = run->has;

    avro_row_put_text_or_null(w, (has & RUN_HAS_ENCLAVE_ID) != 0, run->enclave_id);
    avro_row_put_text_or_null(w, (has & RUN_HAS_NAME) != 0, run->name);
    avro_row_put_text_or_null(w, (has & RUN_HAS_EIF_PATH) != 0, run->eif_path);
    avro_row_put_long_or_null(w, (has & RUN_HAS_PID) != 0, run->pid);
    avro_row_put_long_or_null(w, (has & RUN_HAS_ENCLAVE_CID) != 0, run->enclave_cid);
    avro_row_put_long_or_null(w, (has & RUN_HAS_VCPUS) != 0, run->vcpus);
    if (avro_row_put_branch(w, (has & RUN_HAS_CPU_IDS) != 0))
        put_cpu_ids(w, run->cpu_ids);
    avro_row_put_long_or_null(w, (has & RUN_HAS_MEMORY_MIB_REQUESTED) != 0,
                              run->memory_mib_requested);
    avro_row_put_long_or_null(w, (has & RUN_HAS_MEMORY_MIB) != 0, run->memory_mib);
    if (avro_row_put_branch(w, (has & RUN_HAS_DEBUG_MODE) != 0))
        avro_put_bool(w, run->debug_mode);
    avro_row_put_bytes_or_null(w, (has & RUN_HAS_PCR0) != 0, run->pcr0);
    avro_row_put_bytes_or_null(w, (has & RUN_HAS_PCR1) != 0, run->pcr1);
    avro_row_put_bytes_or_null(w, (has & RUN_HAS_PCR2) != 0, run->pcr2);
    avro_row_put_bytes_or_null(w, (has & RUN_HAS_PCR8) != 0, run->pcr8);
    if (avro_row_put_branch(w, (has & RUN_HAS_METADATA) != 0))
        put_map(w, run->metadata);
}

static void put_line(struct avro_writer *w, const struct usage_line *line)
{
    avro_put_long(w, (int64_t)line->kind);
    avro_put_long(w, line->hour);
    avro_row_put_text(w, line->instance_id);
    avro_row_put_text(w, line->run.run_id);
    put_run(w, &line->run);
    avro_row_put_text(w, line->account);
    avro_row_put_text(w, line->region);
    avro_row_put_text(w, line->zone);
    avro_row_put_text(w, line->instance_type);
    put_map(w, line->tags);
    avro_row_put_long_or_null(w, (line->run.has & RUN_HAS_ALLOCATED_TIME) != 0,
                              line->run.allocated_time);
    avro_row_put_long_or_null(w, (line->run.has & RUN_HAS_RUNNING_TIME) != 0,
                              line->run.running_time);
    avro_row_put_time_or_null(w, line->end_time);
    avro_put_long(w, (int64_t)line->end_cause);
    avro_row_put_text(w, line->end_detail);
    avro_row_put_time_or_null(w, line->held_from);
    avro_row_put_time_or_null(w, line->held_to);
    avro_row_put_time_or_null(w, line->running_from);
    avro_row_put_time_or_null(w, line->running_to);
    avro_put_long(w, line->held_ms);
    avro_put_long(w, line->running_ms);
    avro_put_long(w, line->vcpu_ms);
    avro_put_long(w, line->mib_ms);
    avro_put_bool(w, (line->flags & LINE_PROVISIONAL) != 0);
    avro_put_bool(w, (line->flags & LINE_CLOCK) != 0);
    avro_put_bool(w, (line->flags & LINE_REMOVED) != 0);
    avro_put_bool(w, (line->flags & LINE_NO_START) != 0);
}

static size_t map_bound(struct event_map map)
{
    size_t n = 2 * AVRO_LONG_MAX_BYTES;

    for (uint32_t i = 0; i < map.n; i++)
        n += 2 * AVRO_LONG_MAX_BYTES +
             TEXT_UTF8_GROWTH * (map.pairs[i].key.len + map.pairs[i].value.len);
    return n;
}

static size_t line_bound(const struct usage_line *line)
{
    const struct event_run *run = &line->run;
    size_t text = line->instance_id.len + run->run_id.len + run->enclave_id.len + run->name.len +
                  run->eif_path.len + line->account.len + line->region.len + line->zone.len +
                  line->instance_type.len + line->end_detail.len;
    size_t raw = run->pcr0.len + run->pcr1.len + run->pcr2.len + run->pcr8.len +
                 (size_t)run->cpu_ids.n * CPU_ID_BYTES;

    return LINE_FIXED_BYTES + TEXT_UTF8_GROWTH * text + raw + map_bound(run->metadata) +
           map_bound(line->tags);
}

size_t part_encoded_bound(const struct part *part)
{
    size_t n = HEADER_BYTES + schema_text_usage_line().len + part_statement_bound(part) * 2;

    for (uint32_t i = 0; i < part->lines_n; i++)
        n += line_bound(&part->lines[i]);
    return n + (size_t)(part->lines_n / AVRO_CONTAINER_BLOCK_ROWS + 1) * ROW_BLOCK_BYTES;
}

/*
 * The statement is metadata, so it must exist before the container's header. It is written at the
 * far end of the caller's buffer first; part_encoded_bound has room for it twice.
 */
enum err part_encode(const struct part *part, uint8_t *buffer, size_t cap, size_t *len)
{
    size_t statement_cap = part_statement_bound(part);
    char name[PART_NAME_MAX];
    uint8_t sync[AVRO_SYNC_BYTES];
    struct bytes text;
    struct json_out json;
    struct avro_container container;

    if (statement_cap > cap)
        return ERR_CAPACITY;
    uint8_t *statement = buffer + (cap - statement_cap);
    struct avro_writer w = avro_writer_over(buffer, cap - statement_cap);

    json_out_init(&json, statement, statement_cap);
    part_statement_write(&json, part);
    enum err e = json_out_finish(&json, &text);

    assert(e == ERR_OK); /* or the bound is wrong */
    struct avro_meta meta = {PART_META_KEY, text};

    part_object_name(name, part->era, part->partition, part->hour, part->revision);
    object_sync_marker(name, sync);
    avro_container_begin(&container, &w, (const char *)schema_text_usage_line().ptr, &meta, 1,
                         sync);
    for (uint32_t i = 0; i < part->lines_n; i++) {
        avro_container_row_begin(&container);
        put_line(&w, &part->lines[i]);
        avro_container_row_end(&container);
    }
    avro_container_end(&container);
    return avro_writer_finish(&w, len);
}
