/*
 * Events through Avro-C, field by field and by name, knowing nothing of our codec: the oracle of
 * the codec's tests. The schema may be another than ours: fields that it lacks are left out, fields
 * that we lack are filled at random.
 */
#ifndef TESTS_UNIT_SCHEMAS_AVRO_C_H
#define TESTS_UNIT_SCHEMAS_AVRO_C_H

#include <avro.h>
#include <stdlib.h>

#include "tests/unit/schemas_random_event.h"

#define AVRO_CHECK(call)                                                                           \
    do {                                                                                           \
        if ((call) != 0) {                                                                         \
            fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #call, avro_strerror());        \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

struct avro_c {
    avro_schema_t schema;
    avro_value_iface_t *iface;
    avro_value_t value;
};

static inline void avro_c_open(struct avro_c *a, struct bytes schema_json)
{
    AVRO_CHECK(
        avro_schema_from_json_length((const char *)schema_json.ptr, schema_json.len, &a->schema));
    a->iface = avro_generic_class_from_schema(a->schema);
    AVRO_CHECK(avro_generic_value_new(a->iface, &a->value));
}

static inline void avro_c_close(struct avro_c *a)
{
    avro_value_decref(&a->value);
    avro_value_iface_decref(a->iface);
    avro_schema_decref(a->schema);
}

/* ---- event → Avro-C value ----------------------------------------------------------------------
 */

/* The branch of a union that is (not) null; any other value itself. */
static inline avro_value_t avro_c_branch(avro_value_t value, bool null)
{
    avro_value_t branch = value;

    if (avro_value_get_type(&value) != AVRO_UNION)
        return value;
    for (int i = 0;; i++) {
        AVRO_CHECK(avro_value_set_branch(&value, i, &branch));
        if ((avro_value_get_type(&branch) == AVRO_NULL) == null)
            return branch;
    }
}

/* *field is where `name` of the record goes; false if there is nothing (more) to write. */
static inline bool avro_c_field(avro_value_t *record, const char *name, bool present,
                                avro_value_t *field)
{
    size_t index;
    avro_value_t value;

    if (avro_value_get_by_name(record, name, &value, &index) != 0)
        return false;
    *field = avro_c_branch(value, !present);
    return present;
}

static inline void avro_c_set_long(avro_value_t *record, const char *name, bool present,
                                   int64_t value)
{
    avro_value_t field;

    if (!avro_c_field(record, name, present, &field))
        return;
    if (avro_value_get_type(&field) == AVRO_INT32)
        AVRO_CHECK(avro_value_set_int(&field, (int32_t)value));
    else
        AVRO_CHECK(avro_value_set_long(&field, value));
}

static inline void avro_c_put_bytes(avro_value_t *field, struct bytes value)
{
    char text[EVENT_STRING_MAX + 1];

    memcpy(text, value.ptr == NULL ? (const uint8_t *)"" : value.ptr, value.len);
    text[value.len] = '\0';
    if (avro_value_get_type(field) == AVRO_STRING)
        AVRO_CHECK(avro_value_set_string_len(field, text, value.len + 1));
    else
        AVRO_CHECK(avro_value_set_bytes(field, text, value.len));
}

static inline void avro_c_set_bytes(avro_value_t *record, const char *name, bool present,
                                    struct bytes value)
{
    avro_value_t field;

    if (avro_c_field(record, name, present, &field))
        avro_c_put_bytes(&field, value);
}

static inline void avro_c_set_bool(avro_value_t *record, const char *name, bool present, bool value)
{
    avro_value_t field;

    if (avro_c_field(record, name, present, &field))
        AVRO_CHECK(avro_value_set_boolean(&field, value));
}

static inline void avro_c_set_uuid(avro_value_t *record, const char *name, bool present,
                                   const struct event_uuid *value)
{
    avro_value_t field;
    uint8_t copy[EVENT_UUID_BYTES];

    memcpy(copy, value->bytes, sizeof copy);
    if (avro_c_field(record, name, present, &field))
        AVRO_CHECK(avro_value_set_fixed(&field, copy, sizeof copy));
}

static inline void avro_c_set_symbol(avro_value_t *record, const char *name, bool present,
                                     const char *symbol)
{
    avro_value_t field;

    if (avro_c_field(record, name, present, &field))
        AVRO_CHECK(avro_value_set_enum(
            &field, avro_schema_enum_get_by_name(avro_value_get_schema(&field), symbol)));
}

static inline void avro_c_set_map(avro_value_t *record, const char *name, bool present,
                                  struct event_map map)
{
    avro_value_t field, child, string;

    if (!avro_c_field(record, name, present, &field))
        return;
    for (uint32_t i = 0; i < map.n; i++) {
        char key[EVENT_STRING_MAX + 1];
        int is_new;

        memcpy(key, map.pairs[i].key.ptr, map.pairs[i].key.len);
        key[map.pairs[i].key.len] = '\0';
        AVRO_CHECK(avro_value_add(&field, key, &child, NULL, &is_new));
        string = avro_c_branch(child, false);
        avro_c_put_bytes(&string, map.pairs[i].value);
    }
}

static inline void avro_c_set_run(avro_value_t *record, const struct event_run *run)
{
    uint32_t has = run->has;
    avro_value_t field, child;

    avro_c_set_bytes(record, "enclave_id", has & RUN_HAS_ENCLAVE_ID, run->enclave_id);
    avro_c_set_bytes(record, "name", has & RUN_HAS_NAME, run->name);
    avro_c_set_bytes(record, "eif_path", has & RUN_HAS_EIF_PATH, run->eif_path);
    avro_c_set_long(record, "pid", has & RUN_HAS_PID, run->pid);
    avro_c_set_long(record, "enclave_cid", has & RUN_HAS_ENCLAVE_CID, run->enclave_cid);
    avro_c_set_long(record, "vcpus", has & RUN_HAS_VCPUS, run->vcpus);
    if (avro_c_field(record, "cpu_ids", has & RUN_HAS_CPU_IDS, &field))
        for (uint32_t i = 0; i < run->cpu_ids.n; i++) {
            AVRO_CHECK(avro_value_append(&field, &child, NULL));
            child = avro_c_branch(child, false);
            AVRO_CHECK(avro_value_set_int(&child, run->cpu_ids.ids[i]));
        }
    avro_c_set_long(record, "memory_mib_requested", has & RUN_HAS_MEMORY_MIB_REQUESTED,
                    run->memory_mib_requested);
    avro_c_set_long(record, "memory_mib", has & RUN_HAS_MEMORY_MIB, run->memory_mib);
    avro_c_set_bool(record, "debug_mode", has & RUN_HAS_DEBUG_MODE, run->debug_mode);
    avro_c_set_bytes(record, "pcr0", has & RUN_HAS_PCR0, run->pcr0);
    avro_c_set_bytes(record, "pcr1", has & RUN_HAS_PCR1, run->pcr1);
    avro_c_set_bytes(record, "pcr2", has & RUN_HAS_PCR2, run->pcr2);
    avro_c_set_bytes(record, "pcr8", has & RUN_HAS_PCR8, run->pcr8);
    avro_c_set_map(record, "metadata", has & RUN_HAS_METADATA, run->metadata);
    avro_c_set_long(record, "allocated_time", has & RUN_HAS_ALLOCATED_TIME, run->allocated_time);
    avro_c_set_long(record, "running_time", has & RUN_HAS_RUNNING_TIME, run->running_time);
}

static inline void avro_c_set_host(avro_value_t *record, const struct event_host *host)
{
    avro_c_set_bytes(record, "account", true, host->account);
    avro_c_set_bytes(record, "region", true, host->region);
    avro_c_set_bytes(record, "zone", true, host->zone);
    avro_c_set_bytes(record, "instance_type", true, host->instance_type);
    avro_c_set_long(record, "pool_vcpus", true, host->pool_vcpus);
    avro_c_set_long(record, "pool_memory_mib", true, host->pool_memory_mib);
    avro_c_set_map(record, "tags", true, host->tags);
    avro_c_set_long(record, "wall_time", true, host->wall_time);
    avro_c_set_long(record, "boottime_ms", true, host->boottime_ms);
    avro_c_set_long(record, "clock_error_us", true, host->clock_error_us);
    avro_c_set_bool(record, "clock_synchronised", true, host->clock_synchronised);
    avro_c_set_bytes(record, "producer_version", true, host->producer_version);
}

static inline void avro_c_set_event(avro_value_t *record, const struct event *e)
{
    avro_value_t field, child, full;

    AVRO_CHECK(avro_value_reset(record));
    avro_c_set_symbol(record, "type", true, event_type_name(e->type));
    avro_c_set_bytes(record, "instance_id", true, e->instance_id);
    avro_c_set_uuid(record, "producer_epoch", true, &e->producer_epoch);
    avro_c_set_uuid(record, "prev_epoch", e->has & EVENT_HAS_PREV_EPOCH, &e->prev_epoch);
    avro_c_set_long(record, "prev_seq", e->has & EVENT_HAS_PREV_SEQ, e->prev_seq);
    avro_c_set_long(record, "seq", true, e->seq);
    avro_c_set_uuid(record, "boot_id", true, &e->boot_id);
    avro_c_set_long(record, "event_time", true, e->event_time);
    avro_c_set_long(record, "observed_time", true, e->observed_time);
    avro_c_set_long(record, "low_watermark", true, e->low_watermark);
    avro_c_set_symbol(record, "evidence", true, evidence_name(e->evidence));
    avro_c_set_symbol(record, "disputed_by", e->has & EVENT_HAS_DISPUTED_BY,
                      evidence_name(e->disputed_by));
    avro_c_set_bytes(record, "run_id", true, e->run.run_id);
    avro_c_set_run(record, &e->run);
    avro_c_set_symbol(record, "end_cause", true, end_cause_name(e->end_cause));
    avro_c_set_bytes(record, "end_detail", true, e->end_detail);
    avro_c_set_long(record, "end_time_earliest", e->has & EVENT_HAS_END_TIME_EARLIEST,
                    e->end_time_earliest);
    if (avro_c_field(record, "running", true, &field))
        for (uint32_t i = 0; i < e->running_n; i++) {
            AVRO_CHECK(avro_value_append(&field, &child, NULL));
            avro_c_set_bytes(&child, "run_id", true, e->running[i].run_id);
            if (avro_c_field(&child, "full", e->running[i].has != 0, &full))
                avro_c_set_run(&full, &e->running[i]);
        }
    if (avro_c_field(record, "host", e->has & EVENT_HAS_HOST, &field))
        avro_c_set_host(&field, &e->host);
    if (avro_c_field(record, "policy", e->has & EVENT_HAS_POLICY, &field)) {
        avro_c_set_long(&field, "version", true, e->policy.version);
        avro_c_set_long(&field, "rules_version", true, e->policy.rules_version);
        avro_c_set_map(&field, "values", true, e->policy.values);
    }
}

static inline size_t avro_c_write(avro_value_t *value, uint8_t *buffer, size_t cap)
{
    avro_writer_t writer = avro_writer_memory((char *)buffer, (int64_t)cap);
    size_t len;

    AVRO_CHECK(avro_value_write(writer, value));
    len = (size_t)avro_writer_tell(writer);
    avro_writer_free(writer);
    return len;
}

/* ---- Avro-C value of our schema → event ---------------------------------------------------------
 */

/* Where the event that is read keeps what it points to. */
struct avro_c_event {
    struct event event;
    struct event_arena arena;
    uint32_t cpu_ids_n, pairs_n;
};

/* The field's value, through its union; false if it is null. */
static inline bool avro_c_present(const avro_value_t *record, const char *name, avro_value_t *field)
{
    avro_value_t value;

    AVRO_CHECK(avro_value_get_by_name(record, name, &value, NULL));
    *field = value;
    if (avro_value_get_type(&value) == AVRO_UNION)
        AVRO_CHECK(avro_value_get_current_branch(&value, field));
    return avro_value_get_type(field) != AVRO_NULL;
}

static inline bool avro_c_get_long(const avro_value_t *record, const char *name, int64_t *out)
{
    avro_value_t field;

    if (!avro_c_present(record, name, &field))
        return false;
    AVRO_CHECK(avro_value_get_long(&field, out));
    return true;
}

static inline bool avro_c_get_int(const avro_value_t *record, const char *name, int32_t *out)
{
    avro_value_t field;

    if (!avro_c_present(record, name, &field))
        return false;
    AVRO_CHECK(avro_value_get_int(&field, out));
    return true;
}

static inline bool avro_c_get_bool(const avro_value_t *record, const char *name, bool *out)
{
    avro_value_t field;
    int value;

    if (!avro_c_present(record, name, &field))
        return false;
    AVRO_CHECK(avro_value_get_boolean(&field, &value));
    *out = value != 0;
    return true;
}

static inline struct bytes avro_c_bytes_of(const avro_value_t *field)
{
    const void *ptr;
    const char *text;
    size_t size;

    if (avro_value_get_type(field) == AVRO_STRING) {
        AVRO_CHECK(avro_value_get_string(field, &text, &size));
        return bytes_of(text, size - 1);
    }
    AVRO_CHECK(avro_value_get_bytes(field, &ptr, &size));
    return bytes_of(ptr, size);
}

static inline bool avro_c_get_bytes(const avro_value_t *record, const char *name, struct bytes *out)
{
    avro_value_t field;

    if (!avro_c_present(record, name, &field))
        return false;
    *out = avro_c_bytes_of(&field);
    return true;
}

static inline bool avro_c_get_uuid(const avro_value_t *record, const char *name,
                                   struct event_uuid *out)
{
    avro_value_t field;
    const void *ptr;
    size_t size;

    if (!avro_c_present(record, name, &field))
        return false;
    AVRO_CHECK(avro_value_get_fixed(&field, &ptr, &size));
    memcpy(out->bytes, ptr, EVENT_UUID_BYTES);
    return true;
}

static inline bool avro_c_get_symbol(const avro_value_t *record, const char *name,
                                     unsigned int *out)
{
    avro_value_t field;
    int value;

    if (!avro_c_present(record, name, &field))
        return false;
    AVRO_CHECK(avro_value_get_enum(&field, &value));
    *out = (unsigned int)value;
    return true;
}

static inline bool avro_c_get_map(struct avro_c_event *r, const avro_value_t *record,
                                  const char *name, struct event_map *out)
{
    avro_value_t field, child;
    size_t n;

    if (!avro_c_present(record, name, &field))
        return false;
    AVRO_CHECK(avro_value_get_size(&field, &n));
    *out = (struct event_map){r->arena.pairs + r->pairs_n, (uint32_t)n};
    for (size_t i = 0; i < n; i++) {
        struct event_pair *pair = &r->arena.pairs[r->pairs_n++];
        const char *key;

        AVRO_CHECK(avro_value_get_by_index(&field, i, &child, &key));
        pair->key = bytes_of_string(key);
        pair->value = avro_c_bytes_of(&child);
    }
    return true;
}

static inline bool avro_c_get_cpu_ids(struct avro_c_event *r, const avro_value_t *record,
                                      struct event_cpu_ids *out)
{
    avro_value_t field, child;
    size_t n;

    if (!avro_c_present(record, "cpu_ids", &field))
        return false;
    AVRO_CHECK(avro_value_get_size(&field, &n));
    *out = (struct event_cpu_ids){r->arena.cpu_ids + r->cpu_ids_n, (uint32_t)n};
    for (size_t i = 0; i < n; i++) {
        AVRO_CHECK(avro_value_get_by_index(&field, i, &child, NULL));
        AVRO_CHECK(avro_value_get_int(&child, &r->arena.cpu_ids[r->cpu_ids_n++]));
    }
    return true;
}

static inline void avro_c_get_run(struct avro_c_event *r, const avro_value_t *v,
                                  struct event_run *run)
{
#define GET(bit, call) run->has |= (call) ? (uint32_t)RUN_HAS_##bit : 0
    GET(ENCLAVE_ID, avro_c_get_bytes(v, "enclave_id", &run->enclave_id));
    GET(NAME, avro_c_get_bytes(v, "name", &run->name));
    GET(EIF_PATH, avro_c_get_bytes(v, "eif_path", &run->eif_path));
    GET(PID, avro_c_get_long(v, "pid", &run->pid));
    GET(ENCLAVE_CID, avro_c_get_long(v, "enclave_cid", &run->enclave_cid));
    GET(VCPUS, avro_c_get_int(v, "vcpus", &run->vcpus));
    GET(CPU_IDS, avro_c_get_cpu_ids(r, v, &run->cpu_ids));
    GET(MEMORY_MIB_REQUESTED,
        avro_c_get_long(v, "memory_mib_requested", &run->memory_mib_requested));
    GET(MEMORY_MIB, avro_c_get_long(v, "memory_mib", &run->memory_mib));
    GET(DEBUG_MODE, avro_c_get_bool(v, "debug_mode", &run->debug_mode));
    GET(PCR0, avro_c_get_bytes(v, "pcr0", &run->pcr0));
    GET(PCR1, avro_c_get_bytes(v, "pcr1", &run->pcr1));
    GET(PCR2, avro_c_get_bytes(v, "pcr2", &run->pcr2));
    GET(PCR8, avro_c_get_bytes(v, "pcr8", &run->pcr8));
    GET(METADATA, avro_c_get_map(r, v, "metadata", &run->metadata));
    GET(ALLOCATED_TIME, avro_c_get_long(v, "allocated_time", &run->allocated_time));
    GET(RUNNING_TIME, avro_c_get_long(v, "running_time", &run->running_time));
#undef GET
}

static inline void avro_c_get_running(struct avro_c_event *r, const avro_value_t *v)
{
    avro_value_t field, child, full;
    size_t n;

    AVRO_CHECK(avro_value_get_by_name(v, "running", &field, NULL));
    AVRO_CHECK(avro_value_get_size(&field, &n));
    r->event.running = r->arena.runs;
    r->event.running_n = (uint32_t)n;
    for (size_t i = 0; i < n; i++) {
        struct event_run *run = &r->arena.runs[i];

        *run = (struct event_run){0};
        AVRO_CHECK(avro_value_get_by_index(&field, i, &child, NULL));
        avro_c_get_bytes(&child, "run_id", &run->run_id);
        if (avro_c_present(&child, "full", &full))
            avro_c_get_run(r, &full, run);
    }
}

static inline void avro_c_get_host(struct avro_c_event *r, const avro_value_t *v,
                                   struct event_host *host)
{
    avro_c_get_bytes(v, "account", &host->account);
    avro_c_get_bytes(v, "region", &host->region);
    avro_c_get_bytes(v, "zone", &host->zone);
    avro_c_get_bytes(v, "instance_type", &host->instance_type);
    avro_c_get_int(v, "pool_vcpus", &host->pool_vcpus);
    avro_c_get_long(v, "pool_memory_mib", &host->pool_memory_mib);
    avro_c_get_map(r, v, "tags", &host->tags);
    avro_c_get_long(v, "wall_time", &host->wall_time);
    avro_c_get_long(v, "boottime_ms", &host->boottime_ms);
    avro_c_get_long(v, "clock_error_us", &host->clock_error_us);
    avro_c_get_bool(v, "clock_synchronised", &host->clock_synchronised);
    avro_c_get_bytes(v, "producer_version", &host->producer_version);
}

static inline void avro_c_get_event(struct avro_c_event *r, const avro_value_t *v)
{
    struct event *e = &r->event;
    unsigned int symbol = 0;
    avro_value_t field;

    *e = (struct event){0};
    r->cpu_ids_n = r->pairs_n = 0;
#define GET(bit, call) e->has |= (call) ? (uint32_t)EVENT_HAS_##bit : 0
    avro_c_get_symbol(v, "type", &symbol);
    e->type = (enum event_type)symbol;
    avro_c_get_bytes(v, "instance_id", &e->instance_id);
    avro_c_get_uuid(v, "producer_epoch", &e->producer_epoch);
    GET(PREV_EPOCH, avro_c_get_uuid(v, "prev_epoch", &e->prev_epoch));
    GET(PREV_SEQ, avro_c_get_long(v, "prev_seq", &e->prev_seq));
    avro_c_get_long(v, "seq", &e->seq);
    avro_c_get_uuid(v, "boot_id", &e->boot_id);
    avro_c_get_long(v, "event_time", &e->event_time);
    avro_c_get_long(v, "observed_time", &e->observed_time);
    avro_c_get_long(v, "low_watermark", &e->low_watermark);
    avro_c_get_symbol(v, "evidence", &symbol);
    e->evidence = (enum evidence)symbol;
    symbol = 0;
    GET(DISPUTED_BY, avro_c_get_symbol(v, "disputed_by", &symbol));
    e->disputed_by = (enum evidence)symbol;
    avro_c_get_bytes(v, "run_id", &e->run.run_id);
    avro_c_get_run(r, v, &e->run);
    avro_c_get_symbol(v, "end_cause", &symbol);
    e->end_cause = (enum end_cause)symbol;
    avro_c_get_bytes(v, "end_detail", &e->end_detail);
    GET(END_TIME_EARLIEST, avro_c_get_long(v, "end_time_earliest", &e->end_time_earliest));
    avro_c_get_running(r, v);
    GET(HOST, avro_c_present(v, "host", &field));
    if (e->has & EVENT_HAS_HOST)
        avro_c_get_host(r, &field, &e->host);
    GET(POLICY, avro_c_present(v, "policy", &field));
    if (e->has & EVENT_HAS_POLICY) {
        avro_c_get_long(&field, "version", &e->policy.version);
        avro_c_get_int(&field, "rules_version", &e->policy.rules_version);
        avro_c_get_map(r, &field, "values", &e->policy.values);
    }
#undef GET
}

#endif
