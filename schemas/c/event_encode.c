/*
 * Lifecycle events → bytes, by this build's schema: one statement per field of
 * schemas/lifecycle_event.avsc, in its order. Not here: framing (frame.c), reading
 * (event_decode.c).
 */
#include "schemas/c/codec.h"

#include <assert.h>

#include "schemas/c/avro_buffer.h"
#include "schemas/c/schema_text.h"

struct encoder {
    struct avro_writer out;
    uint32_t cpu_ids_n; /* so far, against EVENT_CPU_IDS_MAX */
    uint32_t pairs_n;   /* so far, against EVENT_PAIRS_MAX */
    bool beyond_limit;
};

/* Symbols of an enum type stand in the schema in the order of the enumerators. */
static void put_symbol(struct encoder *e, unsigned int value, unsigned int values_n)
{
    assert(value < values_n);
    avro_put_long(&e->out, (int64_t)value);
}

static void put_string(struct encoder *e, struct bytes value)
{
    if (value.len > EVENT_STRING_MAX)
        e->beyond_limit = true;
    else
        avro_put_bytes(&e->out, value);
}

/* Index of the branch of a [null, T] union. */
static bool put_presence(struct encoder *e, bool present)
{
    avro_put_long(&e->out, present ? 1 : 0);
    return present;
}

static void put_optional_long(struct encoder *e, bool present, int64_t value)
{
    if (put_presence(e, present))
        avro_put_long(&e->out, value);
}

static void put_optional_string(struct encoder *e, bool present, struct bytes value)
{
    if (put_presence(e, present))
        put_string(e, value);
}

static void put_uuid(struct encoder *e, const struct event_uuid *uuid)
{
    avro_put_raw(&e->out, uuid->bytes, EVENT_UUID_BYTES);
}

/* Whether `n` more of what `*used` counts stay within `max`. */
static bool take(struct encoder *e, uint32_t *used, uint32_t n, uint32_t max)
{
    if (n > max - *used) {
        e->beyond_limit = true;
        return false;
    }
    *used += n;
    return true;
}

static void put_cpu_ids(struct encoder *e, const struct event_cpu_ids *cpus)
{
    if (!take(e, &e->cpu_ids_n, cpus->n, EVENT_CPU_IDS_MAX))
        return;
    if (cpus->n > 0)
        avro_put_long(&e->out, cpus->n);
    for (uint32_t i = 0; i < cpus->n; i++)
        avro_put_long(&e->out, cpus->ids[i]);
    avro_put_long(&e->out, 0);
}

static void put_map(struct encoder *e, const struct event_map *map)
{
    if (!take(e, &e->pairs_n, map->n, EVENT_PAIRS_MAX))
        return;
    if (map->n > 0)
        avro_put_long(&e->out, map->n);
    for (uint32_t i = 0; i < map->n; i++) {
        put_string(e, map->pairs[i].key);
        put_string(e, map->pairs[i].value);
    }
    avro_put_long(&e->out, 0);
}

static void put_run_facts(struct encoder *e, const struct event_run *run)
{
    uint32_t has = run->has;

    put_optional_string(e, has & RUN_HAS_ENCLAVE_ID, run->enclave_id);
    put_optional_string(e, has & RUN_HAS_NAME, run->name);
    put_optional_string(e, has & RUN_HAS_EIF_PATH, run->eif_path);
    put_optional_long(e, has & RUN_HAS_PID, run->pid);
    put_optional_long(e, has & RUN_HAS_ENCLAVE_CID, run->enclave_cid);
    put_optional_long(e, has & RUN_HAS_VCPUS, run->vcpus);
    if (put_presence(e, has & RUN_HAS_CPU_IDS))
        put_cpu_ids(e, &run->cpu_ids);
    put_optional_long(e, has & RUN_HAS_MEMORY_MIB_REQUESTED, run->memory_mib_requested);
    put_optional_long(e, has & RUN_HAS_MEMORY_MIB, run->memory_mib);
    if (put_presence(e, has & RUN_HAS_DEBUG_MODE))
        avro_put_bool(&e->out, run->debug_mode);
    put_optional_string(e, has & RUN_HAS_PCR0, run->pcr0);
    put_optional_string(e, has & RUN_HAS_PCR1, run->pcr1);
    put_optional_string(e, has & RUN_HAS_PCR2, run->pcr2);
    put_optional_string(e, has & RUN_HAS_PCR8, run->pcr8);
    if (put_presence(e, has & RUN_HAS_METADATA))
        put_map(e, &run->metadata);
    put_optional_long(e, has & RUN_HAS_ALLOCATED_TIME, run->allocated_time);
    put_optional_long(e, has & RUN_HAS_RUNNING_TIME, run->running_time);
}

static void put_running(struct encoder *e, const struct event_run *runs, uint32_t n)
{
    if (n > EVENT_RUNS_MAX) {
        e->beyond_limit = true;
        return;
    }
    if (n > 0)
        avro_put_long(&e->out, n);
    for (uint32_t i = 0; i < n; i++) {
        put_string(e, runs[i].run_id);
        if (put_presence(e, runs[i].has != 0))
            put_run_facts(e, &runs[i]);
    }
    avro_put_long(&e->out, 0);
}

static void put_host(struct encoder *e, const struct event_host *host)
{
    put_string(e, host->account);
    put_string(e, host->region);
    put_string(e, host->zone);
    put_string(e, host->instance_type);
    avro_put_long(&e->out, host->pool_vcpus);
    avro_put_long(&e->out, host->pool_memory_mib);
    put_map(e, &host->tags);
    avro_put_long(&e->out, host->wall_time);
    avro_put_long(&e->out, host->boottime_ms);
    avro_put_long(&e->out, host->clock_error_us);
    avro_put_bool(&e->out, host->clock_synchronised);
    put_string(e, host->producer_version);
}

static void put_policy(struct encoder *e, const struct event_policy *policy)
{
    avro_put_long(&e->out, policy->version);
    avro_put_long(&e->out, policy->rules_version);
    put_map(e, &policy->values);
}

static void put_event(struct encoder *e, const struct event *event)
{
    put_symbol(e, event->type, EVENT_TYPE_N);
    put_string(e, event->instance_id);
    put_uuid(e, &event->producer_epoch);
    if (put_presence(e, event->has & EVENT_HAS_PREV_EPOCH))
        put_uuid(e, &event->prev_epoch);
    put_optional_long(e, event->has & EVENT_HAS_PREV_SEQ, event->prev_seq);
    avro_put_long(&e->out, event->seq);
    put_uuid(e, &event->boot_id);
    avro_put_long(&e->out, event->event_time);
    avro_put_long(&e->out, event->observed_time);
    avro_put_long(&e->out, event->low_watermark);
    put_symbol(e, event->evidence, EVIDENCE_N);
    if (put_presence(e, event->has & EVENT_HAS_DISPUTED_BY))
        put_symbol(e, event->disputed_by, EVIDENCE_N);
    put_string(e, event->run.run_id);
    put_run_facts(e, &event->run);
    put_symbol(e, event->end_cause, END_CAUSE_N);
    put_string(e, event->end_detail);
    put_optional_long(e, event->has & EVENT_HAS_END_TIME_EARLIEST, event->end_time_earliest);
    put_running(e, event->running, event->running_n);
    if (put_presence(e, event->has & EVENT_HAS_HOST))
        put_host(e, &event->host);
    if (put_presence(e, event->has & EVENT_HAS_POLICY))
        put_policy(e, &event->policy);
}

enum err event_encode(const struct event *event, uint8_t *buffer, size_t cap, size_t *len)
{
    size_t usable = cap < EVENT_RECORD_MAX ? cap : EVENT_RECORD_MAX;
    struct encoder e = {.out = avro_writer_over(buffer, usable)};

    put_event(&e, event);
    if (e.beyond_limit || (e.out.overflow && cap >= EVENT_RECORD_MAX))
        return ERR_LIMIT;
    return avro_writer_finish(&e.out, len);
}

struct bytes event_schema_json(void)
{
    return schema_text_lifecycle_event();
}
