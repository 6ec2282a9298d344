/*
 * enclave-aggregator dump, for checkpoints: what one partition knew at one moment, as one JSON
 * object.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "aggregator/commands.h"
#include "aggregator/core/partition.h"
#include "aggregator/edge/checkpoint_store.h"
#include "aggregator/edge/store.h"
#include "common/file.h"
#include "common/json_out.h"

enum { DUMP_RUN_BYTES = 8192 };

static void put_time(struct json_out *json, const char *key, int64_t time)
{
    if (time == NO_TIME)
        json_out_key_null(json, key);
    else
        json_out_key_time(json, key, time);
}

/* ---- pieces --------------------------------------------------------------------------------- */

static void put_head(struct json_out *json, const struct checkpoint *c)
{
    json_out_key_uint(json, "era", c->era);
    json_out_key_int(json, "partition", c->partition);
    json_out_key_uint(json, "number", c->number);
    json_out_key_hex(json, "writer_id", bytes_of(c->writer_id, sizeof c->writer_id));
    json_out_key_time(json, "created", c->created_ms);
    json_out_key_int(json, "next_offset", c->next_offset);
    json_out_key(json, "last_record");
    if (!c->has_last) {
        json_out_null(json);
        return;
    }
    json_out_object_begin(json);
    json_out_key_int(json, "offset", c->last_offset);
    json_out_key_time(json, "append_time", c->last_append_time);
    json_out_key_uint(json, "crc32c", c->last_crc);
    json_out_object_end(json);
}

static void put_outbox(struct json_out *json, const struct checkpoint *c)
{
    json_out_key(json, "outbox");
    json_out_array_begin(json);
    for (uint32_t i = 0; i < c->outbox_n; i++) {
        json_out_object_begin(json);
        json_out_key_text(json, "kind", "OBJECT");
        json_out_key_string(json, "name", c->outbox[i].name);
        json_out_key_uint(json, "bytes", c->outbox[i].content.len);
        json_out_object_end(json);
    }
    json_out_array_end(json);
}

static void put_policy(struct json_out *json, const struct policy *policy)
{
    json_out_key(json, "policy");
    json_out_object_begin(json);
    json_out_key_int(json, "version", policy->version);
    json_out_key_int(json, "rules_version", policy->rules_version);
    json_out_key_int(json, "settle_ms", policy->settle_ms);
    json_out_key_int(json, "grace_ms", policy->grace_ms);
    json_out_key_int(json, "revision_interval_ms", policy->revision_interval_ms);
    json_out_key_int(json, "tick_interval_ms", policy->tick_interval_ms);
    json_out_key_int(json, "horizon_ms", policy->horizon_ms);
    json_out_key_int(json, "instance_ttl_ms", policy->instance_ttl_ms);
    json_out_key_int(json, "host_lost_ms", policy->host_lost_ms);
    json_out_object_end(json);
}

static void put_run(void *context, const struct partition_run *run)
{
    struct json_out *json = context;

    json_out_object_begin(json);
    json_out_key_string(json, "instance_id", run->instance_id);
    json_out_key_string(json, "run_id", run->run.run_id);
    json_out_key_string(json, "enclave_id", run->run.enclave_id);
    json_out_key_string(json, "name", run->run.name);
    json_out_key_int(json, "vcpus", run->run.vcpus);
    json_out_key_int(json, "memory_mib", run->run.memory_mib);
    put_time(json, "held_from", run->held_from);
    put_time(json, "running_from", run->running_from);
    put_time(json, "until", run->until);
    json_out_key_bool(json, "provisional", run->provisional);
    json_out_key_bool(json, "ended", run->ended);
    json_out_key_text(json, "end_cause", end_cause_name(run->end_cause));
    json_out_key_string(json, "end_detail", run->end_detail);
    json_out_object_end(json);
}

static void put_state(struct json_out *json, const struct partition *p, struct event_pair *pairs)
{
    put_time(json, "log_time", partition_log_time(p));
    json_out_key_time(json, "era_first_hour", partition_identity(p)->first_hour);
    json_out_key_int(json, "first_offset", partition_identity(p)->first_offset);
    json_out_key_bool(json, "lead_in", partition_identity(p)->lead_in);
    json_out_key_uint(json, "instances", partition_instances_n(p));
    json_out_key_uint(json, "open_runs", partition_open_runs_n(p));
    put_policy(json, partition_policy(p));
    json_out_key(json, "runs");
    json_out_array_begin(json);
    partition_each_run(p, pairs, put_run, json);
    json_out_array_end(json);
}

/* ---- the whole ------------------------------------------------------------------------------ */

static void count_run(void *context, const struct partition_run *run)
{
    size_t *n = context;

    (void)run;
    ++*n;
}

static enum err print(const struct checkpoint *c, const struct partition *p,
                      struct event_pair *pairs, struct err_detail *detail)
{
    struct json_out json;
    struct bytes text;
    size_t runs_n = 0;

    partition_each_run(p, pairs, count_run, &runs_n);
    for (size_t cap = (runs_n + c->outbox_n + 1) * DUMP_RUN_BYTES;; cap *= 2) {
        uint8_t *buffer = malloc(cap);

        if (buffer == NULL)
            return err_set(detail, ERR_NOMEM, "out of memory");
        json_out_init(&json, buffer, cap);
        json_out_object_begin(&json);
        put_head(&json, c);
        put_outbox(&json, c);
        json_out_key_uint(&json, "state_bytes", c->state.len);
        put_state(&json, p, pairs);
        json_out_object_end(&json);
        enum err e = json_out_finish(&json, &text);
        if (e == ERR_OK)
            printf("%.*s\n", BYTES_ARGS(text));
        free(buffer);
        if (e == ERR_OK)
            return ERR_OK;
    }
}

static enum err load_and_print(const struct checkpoint *c, struct err_detail *detail)
{
    struct partition_capacity capacity;
    struct partition *p;
    enum err e = partition_saved_capacity(c->state, &capacity);

    if (e != ERR_OK)
        return err_set(detail, e, "section STAT: %s", err_text(e));
    void *memory = malloc(partition_bytes(&capacity));
    struct event_pair *pairs = calloc(2 * EVENT_PAIRS_MAX, sizeof *pairs);
    if (memory == NULL || pairs == NULL)
        e = err_set(detail, ERR_NOMEM, "out of memory");
    else
        e = partition_load(c->state, memory, &capacity, &p, detail);
    if (e == ERR_OK)
        e = print(c, p, pairs, detail);
    free(pairs);
    free(memory);
    return e;
}

bool is_checkpoint_name(const char *path)
{
    static const char suffix[] = ".ckpt";
    size_t len = strlen(path);

    return len >= sizeof suffix - 1 && strcmp(path + len - (sizeof suffix - 1), suffix) == 0;
}

int dump_checkpoint(const struct cli *cli)
{
    const char *path = cli->operands[0];
    struct checkpoint_file file;
    struct buffer content;
    struct err_detail detail = {.text = ""};

    buffer_init(&content);
    enum err e = file_read(path, STORE_OBJECT_MAX, FILE_FOLLOW_LINKS, &content, &detail);
    if (e != ERR_OK)
        return cli_fail(cli, e, &detail);
    e = checkpoint_file_parse(content.ptr, content.len, &file, &detail); /* takes the content */
    if (e == ERR_OK) {
        e = load_and_print(&file.checkpoint, &detail);
        checkpoint_file_clear(&file);
    }
    return e == ERR_OK ? CLI_OK : cli_fail(cli, e, &detail);
}
