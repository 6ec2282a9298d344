/*
 * Events as JSON lines; see event_json.h.
 */
#include "producer/core/event_json.h"

#include "common/hex.h"
#include "common/json_out.h"

enum { UUID_TEXT_SIZE = 37 };

static void put_uuid(struct json_out *j, const char *key, const struct event_uuid *uuid)
{
    static const size_t group_bytes[] = {4, 2, 2, 2, 6};
    char text[UUID_TEXT_SIZE];
    size_t from = 0, at = 0;

    if (event_uuid_is_nil(uuid))
        return;
    for (size_t i = 0; i < sizeof group_bytes / sizeof *group_bytes; i++) {
        if (i > 0)
            text[at++] = '-';
        hex_format(bytes_of(uuid->bytes + from, group_bytes[i]), text + at);
        at += 2 * group_bytes[i];
        from += group_bytes[i];
    }
    json_out_key_string(j, key, bytes_of(text, at));
}

static void put_known(struct json_out *j, const char *key, struct bytes value)
{
    if (value.len > 0)
        json_out_key_string(j, key, value);
}

static void put_map(struct json_out *j, const char *key, const struct event_map *map)
{
    json_out_key(j, key);
    json_out_object_begin(j);
    for (uint32_t i = 0; i < map->n; i++) {
        char name[EVENT_STRING_MAX + 1]; /* keys are text of the host's owner */
        struct bytes k = map->pairs[i].key;
        size_t n = k.len < sizeof name ? k.len : sizeof name - 1;
        if (n > 0)
            memcpy(name, k.ptr, n);
        name[n] = '\0';
        json_out_key_string(j, name, map->pairs[i].value);
    }
    json_out_object_end(j);
}

static void put_cpu_ids(struct json_out *j, const struct event_cpu_ids *cpu_ids)
{
    json_out_key(j, "cpu_ids");
    json_out_array_begin(j);
    for (uint32_t i = 0; i < cpu_ids->n; i++)
        json_out_int(j, cpu_ids->ids[i]);
    json_out_array_end(j);
}

static void put_pcrs(struct json_out *j, const struct event_run *run)
{
    const struct {
        uint32_t has;
        const char *name;
        struct bytes value;
    } pcrs[] = {
        {RUN_HAS_PCR0, "pcr0", run->pcr0},
        {RUN_HAS_PCR1, "pcr1", run->pcr1},
        {RUN_HAS_PCR2, "pcr2", run->pcr2},
        {RUN_HAS_PCR8, "pcr8", run->pcr8},
    };

    for (size_t i = 0; i < sizeof pcrs / sizeof *pcrs; i++)
        if ((run->has & pcrs[i].has) != 0)
            json_out_key_hex(j, pcrs[i].name, pcrs[i].value);
}

static void put_run(struct json_out *j, const struct event_run *run)
{
    put_known(j, "run_id", run->run_id);
    if ((run->has & RUN_HAS_ENCLAVE_ID) != 0)
        json_out_key_string(j, "enclave_id", run->enclave_id);
    if ((run->has & RUN_HAS_NAME) != 0)
        json_out_key_string(j, "name", run->name);
    if ((run->has & RUN_HAS_EIF_PATH) != 0)
        json_out_key_string(j, "eif_path", run->eif_path);
    if ((run->has & RUN_HAS_PID) != 0)
        json_out_key_int(j, "pid", run->pid);
    if ((run->has & RUN_HAS_ENCLAVE_CID) != 0)
        json_out_key_int(j, "enclave_cid", run->enclave_cid);
    if ((run->has & RUN_HAS_VCPUS) != 0)
        json_out_key_int(j, "vcpus", run->vcpus);
    if ((run->has & RUN_HAS_CPU_IDS) != 0)
        put_cpu_ids(j, &run->cpu_ids);
    if ((run->has & RUN_HAS_MEMORY_MIB_REQUESTED) != 0)
        json_out_key_int(j, "memory_mib_requested", run->memory_mib_requested);
    if ((run->has & RUN_HAS_MEMORY_MIB) != 0)
        json_out_key_int(j, "memory_mib", run->memory_mib);
    if ((run->has & RUN_HAS_DEBUG_MODE) != 0)
        json_out_key_bool(j, "debug_mode", run->debug_mode);
    put_pcrs(j, run);
    if ((run->has & RUN_HAS_METADATA) != 0)
        put_map(j, "metadata", &run->metadata);
    if ((run->has & RUN_HAS_ALLOCATED_TIME) != 0)
        json_out_key_time(j, "allocated_time", run->allocated_time);
    if ((run->has & RUN_HAS_RUNNING_TIME) != 0)
        json_out_key_time(j, "running_time", run->running_time);
}

static void put_host(struct json_out *j, const struct event_host *host)
{
    json_out_key(j, "host");
    json_out_object_begin(j);
    put_known(j, "account", host->account);
    put_known(j, "region", host->region);
    put_known(j, "zone", host->zone);
    put_known(j, "instance_type", host->instance_type);
    if (host->pool_vcpus >= 0)
        json_out_key_int(j, "pool_vcpus", host->pool_vcpus);
    if (host->pool_memory_mib >= 0)
        json_out_key_int(j, "pool_memory_mib", host->pool_memory_mib);
    put_map(j, "tags", &host->tags);
    json_out_key_time(j, "wall_time", host->wall_time);
    if (host->boottime_ms >= 0)
        json_out_key_int(j, "boottime_ms", host->boottime_ms);
    if (host->clock_error_us >= 0)
        json_out_key_int(j, "clock_error_us", host->clock_error_us);
    json_out_key_bool(j, "clock_synchronised", host->clock_synchronised);
    put_known(j, "producer_version", host->producer_version);
    json_out_object_end(j);
}

static void put_policy(struct json_out *j, const struct event_policy *policy)
{
    json_out_key(j, "policy");
    json_out_object_begin(j);
    json_out_key_int(j, "version", policy->version);
    json_out_key_int(j, "rules_version", policy->rules_version);
    put_map(j, "values", &policy->values);
    json_out_object_end(j);
}

static void put_statement(struct json_out *j, const struct event *e)
{
    json_out_key_text(j, "type", event_type_name(e->type));
    put_known(j, "instance_id", e->instance_id);
    put_uuid(j, "producer_epoch", &e->producer_epoch);
    if ((e->has & EVENT_HAS_PREV_EPOCH) != 0)
        put_uuid(j, "prev_epoch", &e->prev_epoch);
    if ((e->has & EVENT_HAS_PREV_SEQ) != 0)
        json_out_key_int(j, "prev_seq", e->prev_seq);
    json_out_key_int(j, "seq", e->seq);
    put_uuid(j, "boot_id", &e->boot_id);
    json_out_key_time(j, "event_time", e->event_time);
    json_out_key_time(j, "observed_time", e->observed_time);
    if (e->low_watermark != 0)
        json_out_key_time(j, "low_watermark", e->low_watermark);
    json_out_key_text(j, "evidence", evidence_name(e->evidence));
    if ((e->has & EVENT_HAS_DISPUTED_BY) != 0)
        json_out_key_text(j, "disputed_by", evidence_name(e->disputed_by));
}

enum err event_json_write(const struct event *e, void *out, size_t cap, size_t *len)
{
    struct json_out j;
    struct bytes text;

    json_out_init(&j, out, cap);
    json_out_object_begin(&j);
    put_statement(&j, e);
    put_run(&j, &e->run);
    if (e->type == EVENT_ENDED || e->type == EVENT_FAILED)
        json_out_key_text(&j, "end_cause", end_cause_name(e->end_cause));
    put_known(&j, "end_detail", e->end_detail);
    if ((e->has & EVENT_HAS_END_TIME_EARLIEST) != 0)
        json_out_key_time(&j, "end_time_earliest", e->end_time_earliest);
    if (e->type == EVENT_SNAPSHOT || e->type == EVENT_HEARTBEAT) {
        json_out_key(&j, "running");
        json_out_array_begin(&j);
        for (uint32_t i = 0; i < e->running_n; i++) {
            json_out_object_begin(&j);
            put_run(&j, &e->running[i]);
            json_out_object_end(&j);
        }
        json_out_array_end(&j);
    }
    if ((e->has & EVENT_HAS_HOST) != 0)
        put_host(&j, &e->host);
    if ((e->has & EVENT_HAS_POLICY) != 0)
        put_policy(&j, &e->policy);
    json_out_object_end(&j);
    enum err err = json_out_finish(&j, &text);
    if (err != ERR_OK || text.len == cap)
        return ERR_CAPACITY;
    ((char *)out)[text.len] = '\n';
    *len = text.len + 1;
    return ERR_OK;
}
