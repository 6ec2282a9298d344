/*
 * The codec as a filter, for tests in other languages (oracle_avro.py). Values are single-object
 * encoded events, each behind its length in four bytes, little-endian; JSON is one event a line,
 * bytes in hex, everything else as in the schema.
 *
 *   avro_oracle schema              our schema's text
 *   avro_oracle fingerprint         a schema text on stdin → its fingerprint, 16 hex digits
 *   avro_oracle write FIRST N       the random events of N seeds as values
 *   avro_oracle json FIRST N        the same as JSON
 *   avro_oracle container FIRST N   the same as an Avro object container file
 *   avro_oracle archive FIRST N     the same as values in a container of archive records
 *   avro_oracle read SCHEMA_FILE    values of that writer's schema on stdin → JSON
 */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>

#include "schemas/c/avro_container.h"
#include "schemas/c/codec.h"
#include "schemas/c/schema_text.h"
#include "tests/unit/schemas_random_event.h"

enum { FILE_CAP = 64 * 1024 * 1024, VALUE_CAP = EVENT_RECORD_MAX + FRAME_SINGLE_OBJECT_BYTES };

static struct random_event random_one;
static struct event_arena arena;
static uint8_t value[VALUE_CAP];

static void die(const char *what)
{
    fprintf(stderr, "avro_oracle: %s\n", what);
    exit(1);
}

static void check(enum err err, const char *what)
{
    if (err != ERR_OK) {
        fprintf(stderr, "%s: ", err_name(err));
        die(what);
    }
}

/* ---- event → JSON ------------------------------------------------------------------------------
 */

static void add_long(cJSON *o, const char *name, bool present, int64_t number)
{
    char text[24];

    snprintf(text, sizeof text, "%lld", (long long)number);
    cJSON_AddRawToObject(o, name, present ? text : "null");
}

/* cJSON wants NUL-terminated strings; *text is used until the next call. */
static const char *terminated(struct bytes b)
{
    static char text[EVENT_STRING_MAX + 1];

    if (b.len > 0)
        memcpy(text, b.ptr, b.len);
    text[b.len] = '\0';
    return text;
}

static void add_string(cJSON *o, const char *name, bool present, struct bytes b)
{
    cJSON_AddItemToObject(o, name,
                          present ? cJSON_CreateString(terminated(b)) : cJSON_CreateNull());
}

static void add_hex(cJSON *o, const char *name, bool present, struct bytes b)
{
    static char text[2 * EVENT_STRING_MAX + 1];

    for (size_t i = 0; i < b.len; i++)
        snprintf(text + 2 * i, 3, "%02x", b.ptr[i]);
    text[2 * b.len] = '\0';
    cJSON_AddItemToObject(o, name, present ? cJSON_CreateString(text) : cJSON_CreateNull());
}

static void add_uuid(cJSON *o, const char *name, bool present, const struct event_uuid *uuid)
{
    add_hex(o, name, present, bytes_of(uuid->bytes, EVENT_UUID_BYTES));
}

static void add_symbol(cJSON *o, const char *name, bool present, const char *symbol)
{
    cJSON_AddItemToObject(o, name, present ? cJSON_CreateString(symbol) : cJSON_CreateNull());
}

static void add_map(cJSON *o, const char *name, bool present, struct event_map map)
{
    cJSON *object;

    if (!present) {
        cJSON_AddNullToObject(o, name);
        return;
    }
    object = cJSON_AddObjectToObject(o, name);
    for (uint32_t i = 0; i < map.n; i++) {
        cJSON *text = cJSON_CreateString(terminated(map.pairs[i].value));

        cJSON_AddItemToObject(object, terminated(map.pairs[i].key), text);
    }
}

static void add_run(cJSON *o, const struct event_run *run)
{
    uint32_t has = run->has;
    cJSON *cpus;

    add_string(o, "enclave_id", has & RUN_HAS_ENCLAVE_ID, run->enclave_id);
    add_string(o, "name", has & RUN_HAS_NAME, run->name);
    add_string(o, "eif_path", has & RUN_HAS_EIF_PATH, run->eif_path);
    add_long(o, "pid", has & RUN_HAS_PID, run->pid);
    add_long(o, "enclave_cid", has & RUN_HAS_ENCLAVE_CID, run->enclave_cid);
    add_long(o, "vcpus", has & RUN_HAS_VCPUS, run->vcpus);
    if (has & RUN_HAS_CPU_IDS) {
        cpus = cJSON_AddArrayToObject(o, "cpu_ids");
        for (uint32_t i = 0; i < run->cpu_ids.n; i++)
            cJSON_AddItemToArray(cpus, cJSON_CreateNumber(run->cpu_ids.ids[i]));
    } else {
        cJSON_AddNullToObject(o, "cpu_ids");
    }
    add_long(o, "memory_mib_requested", has & RUN_HAS_MEMORY_MIB_REQUESTED,
             run->memory_mib_requested);
    add_long(o, "memory_mib", has & RUN_HAS_MEMORY_MIB, run->memory_mib);
    cJSON_AddItemToObject(o, "debug_mode",
                          has & RUN_HAS_DEBUG_MODE ? cJSON_CreateBool(run->debug_mode)
                                                   : cJSON_CreateNull());
    add_hex(o, "pcr0", has & RUN_HAS_PCR0, run->pcr0);
    add_hex(o, "pcr1", has & RUN_HAS_PCR1, run->pcr1);
    add_hex(o, "pcr2", has & RUN_HAS_PCR2, run->pcr2);
    add_hex(o, "pcr8", has & RUN_HAS_PCR8, run->pcr8);
    add_map(o, "metadata", has & RUN_HAS_METADATA, run->metadata);
    add_long(o, "allocated_time", has & RUN_HAS_ALLOCATED_TIME, run->allocated_time);
    add_long(o, "running_time", has & RUN_HAS_RUNNING_TIME, run->running_time);
}

static void add_host(cJSON *o, const struct event_host *host)
{
    add_string(o, "account", true, host->account);
    add_string(o, "region", true, host->region);
    add_string(o, "zone", true, host->zone);
    add_string(o, "instance_type", true, host->instance_type);
    add_long(o, "pool_vcpus", true, host->pool_vcpus);
    add_long(o, "pool_memory_mib", true, host->pool_memory_mib);
    add_map(o, "tags", true, host->tags);
    add_long(o, "wall_time", true, host->wall_time);
    add_long(o, "boottime_ms", true, host->boottime_ms);
    add_long(o, "clock_error_us", true, host->clock_error_us);
    cJSON_AddBoolToObject(o, "clock_synchronised", host->clock_synchronised);
    add_string(o, "producer_version", true, host->producer_version);
}

static void add_running(cJSON *o, const struct event *e)
{
    cJSON *running = cJSON_AddArrayToObject(o, "running");

    for (uint32_t i = 0; i < e->running_n; i++) {
        cJSON *run = cJSON_CreateObject();

        add_string(run, "run_id", true, e->running[i].run_id);
        if (e->running[i].has == 0)
            cJSON_AddNullToObject(run, "full");
        else
            add_run(cJSON_AddObjectToObject(run, "full"), &e->running[i]);
        cJSON_AddItemToArray(running, run);
    }
}

static cJSON *event_to_json(const struct event *e)
{
    cJSON *o = cJSON_CreateObject();
    cJSON *policy;

    add_symbol(o, "type", true, event_type_name(e->type));
    add_string(o, "instance_id", true, e->instance_id);
    add_uuid(o, "producer_epoch", true, &e->producer_epoch);
    add_uuid(o, "prev_epoch", e->has & EVENT_HAS_PREV_EPOCH, &e->prev_epoch);
    add_long(o, "prev_seq", e->has & EVENT_HAS_PREV_SEQ, e->prev_seq);
    add_long(o, "seq", true, e->seq);
    add_uuid(o, "boot_id", true, &e->boot_id);
    add_long(o, "event_time", true, e->event_time);
    add_long(o, "observed_time", true, e->observed_time);
    add_long(o, "low_watermark", true, e->low_watermark);
    add_symbol(o, "evidence", true, evidence_name(e->evidence));
    add_symbol(o, "disputed_by", e->has & EVENT_HAS_DISPUTED_BY, evidence_name(e->disputed_by));
    add_string(o, "run_id", true, e->run.run_id);
    add_run(o, &e->run);
    add_symbol(o, "end_cause", true, end_cause_name(e->end_cause));
    add_string(o, "end_detail", true, e->end_detail);
    add_long(o, "end_time_earliest", e->has & EVENT_HAS_END_TIME_EARLIEST, e->end_time_earliest);
    add_running(o, e);
    if (e->has & EVENT_HAS_HOST)
        add_host(cJSON_AddObjectToObject(o, "host"), &e->host);
    else
        cJSON_AddNullToObject(o, "host");
    if (e->has & EVENT_HAS_POLICY) {
        policy = cJSON_AddObjectToObject(o, "policy");
        add_long(policy, "version", true, e->policy.version);
        add_long(policy, "rules_version", true, e->policy.rules_version);
        add_map(policy, "values", true, e->policy.values);
    } else {
        cJSON_AddNullToObject(o, "policy");
    }
    return o;
}

static void print_json(const struct event *event)
{
    cJSON *json = event_to_json(event);
    char *text = cJSON_PrintUnformatted(json);

    puts(text);
    free(text);
    cJSON_Delete(json);
}

/* ---- commands ----------------------------------------------------------------------------------
 */

/* The random event of `seed` as a value; returns its length. */
static size_t make_value(uint64_t seed)
{
    size_t head = frame_put_single_object(value), len;

    random_event_make(&random_one, seed);
    check(event_encode(&random_one.event, value + head, sizeof value - head, &len), "encode");
    return head + len;
}

static void put_value(size_t len)
{
    uint8_t size[4] = {(uint8_t)len, (uint8_t)(len >> 8), (uint8_t)(len >> 16),
                       (uint8_t)(len >> 24)};

    if (fwrite(size, 1, 4, stdout) != 4 || fwrite(value, 1, len, stdout) != len)
        die("cannot write");
}

static void put_archive_row(struct avro_writer *w, uint64_t seed)
{
    size_t len = make_value(seed);

    avro_put_long(w, (int64_t)seed);
    avro_put_long(w, 1795000000000 + (int64_t)seed);
    avro_put_long(w, seed % 2 == 0 ? 0 : 1);
    if (seed % 2 != 0)
        avro_put_bytes(w, random_one.event.instance_id);
    avro_put_bytes(w, bytes_of(value, len));
    avro_put_long(w, 1);
    avro_put_bytes(w, BYTES_LITERAL("origin"));
    avro_put_bytes(w, BYTES_LITERAL("test"));
    avro_put_long(w, 0);
}

static void write_container(uint64_t first, uint64_t n, bool archive)
{
    static const uint8_t sync[AVRO_SYNC_BYTES] = "oracle-container";
    const struct avro_meta meta = {"first", BYTES_LITERAL("seed")};
    struct bytes schema = archive ? schema_text_archive_record() : event_schema_json();
    uint8_t *file = malloc(FILE_CAP);
    struct avro_writer w = avro_writer_over(file, FILE_CAP);
    struct avro_container c;
    size_t len;

    if (file == NULL)
        die("out of memory");
    avro_container_begin(&c, &w, (const char *)schema.ptr, &meta, 1, sync);
    for (uint64_t seed = first; seed < first + n; seed++) {
        avro_container_row_begin(&c);
        if (archive) {
            put_archive_row(&w, seed);
        } else {
            len = make_value(seed) - FRAME_SINGLE_OBJECT_BYTES;
            avro_put_raw(&w, value + FRAME_SINGLE_OBJECT_BYTES, len);
        }
        avro_container_row_end(&c);
    }
    avro_container_end(&c);
    check(avro_writer_finish(&w, &len), "container");
    if (fwrite(file, 1, len, stdout) != len)
        die("cannot write");
    free(file);
}

static struct bytes read_all(FILE *f)
{
    static uint8_t text[1024 * 1024];

    return bytes_of(text, fread(text, 1, sizeof text, f));
}

static void read_values(const char *schema_path)
{
    FILE *f = fopen(schema_path, "rb");
    struct event_decoder *decoder;
    struct err_detail detail;
    uint8_t size[4];

    if (f == NULL)
        die("cannot read the schema");
    if (event_decoder_new(read_all(f), &decoder, &detail) != ERR_OK)
        die(detail.text);
    fclose(f);
    while (fread(size, 1, 4, stdin) == 4) {
        size_t len = (size_t)size[0] | (size_t)size[1] << 8 | (size_t)size[2] << 16;
        struct frame frame;
        struct event event;

        if (len > sizeof value || fread(value, 1, len, stdin) != len)
            die("value too long or cut");
        check(frame_parse(bytes_of(value, len), &frame), "frame");
        if (frame.fingerprint != event_decoder_fingerprint(decoder))
            die("the value names another schema");
        check(event_decode(decoder, frame.body, &arena, &event), "decode");
        print_json(&event);
    }
    event_decoder_free(decoder);
}

static void run_seeds(const char *command, uint64_t first, uint64_t n)
{
    if (strcmp(command, "container") == 0 || strcmp(command, "archive") == 0) {
        write_container(first, n, command[0] == 'a');
        return;
    }
    for (uint64_t seed = first; seed < first + n; seed++) {
        size_t len = make_value(seed);

        if (strcmp(command, "write") == 0)
            put_value(len);
        else
            print_json(&random_one.event);
    }
}

int main(int argc, char **argv)
{
    const char *command = argc > 1 ? argv[1] : "";
    uint64_t fingerprint;
    struct err_detail detail;

    if (argc == 2 && strcmp(command, "schema") == 0) {
        fputs((const char *)event_schema_json().ptr, stdout);
    } else if (argc == 2 && strcmp(command, "fingerprint") == 0) {
        if (avro_schema_fingerprint(read_all(stdin), &fingerprint, &detail) != ERR_OK)
            die(detail.text);
        printf("%016llx\n", (unsigned long long)fingerprint);
    } else if (argc == 3 && strcmp(command, "read") == 0) {
        read_values(argv[2]);
    } else if (argc == 4) {
        run_seeds(command, strtoull(argv[2], NULL, 10), strtoull(argv[3], NULL, 10));
    } else {
        die("usage: see the head of avro_oracle.c");
    }
    return 0;
}
