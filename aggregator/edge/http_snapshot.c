/*
 * Building, sharing and freeing snapshots.
 */
#include "aggregator/edge/http_snapshot.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/time_text.h"

enum { CHUNK_BYTES = 64 * 1024 };

struct http_chunk {
    struct http_chunk *next;
    size_t used, cap;
    _Alignas(max_align_t) uint8_t content[];
};

/* ---- memory --------------------------------------------------------------------------------- */

struct builder {
    struct http_snapshot *s;
    int32_t partition;
    bool failed; /* out of memory: what was built is thrown away */
};

static void *take_memory(struct builder *b, size_t bytes)
{
    struct http_chunk *chunk = b->s->chunks;

    bytes = (bytes + _Alignof(max_align_t) - 1) / _Alignof(max_align_t) * _Alignof(max_align_t);
    if (chunk == NULL || chunk->cap - chunk->used < bytes) {
        size_t cap = bytes > CHUNK_BYTES ? bytes : CHUNK_BYTES;

        chunk = malloc(sizeof *chunk + cap);
        if (chunk == NULL) {
            b->failed = true;
            return NULL;
        }
        *chunk = (struct http_chunk){.next = b->s->chunks, .cap = cap};
        b->s->chunks = chunk;
    }
    void *memory = chunk->content + chunk->used;
    chunk->used += bytes;
    return memory;
}

static void copy_bytes(struct builder *b, struct bytes *slice)
{
    if (slice->len == 0) {
        *slice = (struct bytes){NULL, 0};
        return;
    }
    uint8_t *copy = take_memory(b, slice->len);
    if (copy == NULL)
        return;
    memcpy(copy, slice->ptr, slice->len);
    slice->ptr = copy;
}

static void copy_map(struct builder *b, struct event_map *map)
{
    if (map->n == 0) {
        *map = (struct event_map){NULL, 0};
        return;
    }
    struct event_pair *pairs = take_memory(b, map->n * sizeof *pairs);
    if (pairs == NULL)
        return;
    memcpy(pairs, map->pairs, map->n * sizeof *pairs);
    for (uint32_t i = 0; i < map->n; i++) {
        copy_bytes(b, &pairs[i].key);
        copy_bytes(b, &pairs[i].value);
    }
    map->pairs = pairs;
}

/* ---- runs ----------------------------------------------------------------------------------- */

static void copy_run(struct builder *b, struct partition_run *run)
{
    struct bytes *const slices[] = {
        &run->instance_id, &run->region,         &run->instance_type, &run->end_detail,
        &run->run.run_id,  &run->run.enclave_id, &run->run.name,      &run->run.eif_path,
        &run->run.pcr0,    &run->run.pcr1,       &run->run.pcr2,      &run->run.pcr8,
    };

    for (size_t i = 0; i < sizeof slices / sizeof *slices; i++)
        copy_bytes(b, slices[i]);
    copy_map(b, &run->run.metadata);
    copy_map(b, &run->tags);
    run->run.cpu_ids = (struct event_cpu_ids){NULL, 0};
}

static void visit_run(void *context, const struct partition_run *run)
{
    struct builder *b = context;
    struct http_snapshot *s = b->s;

    if (b->failed)
        return;
    if (s->runs_n == s->runs_cap) {
        size_t cap = s->runs_cap == 0 ? 256 : s->runs_cap * 2;
        struct http_run *larger = reallocarray(s->runs, cap, sizeof *larger);

        if (larger == NULL) {
            b->failed = true;
            return;
        }
        s->runs = larger;
        s->runs_cap = cap;
    }
    struct http_run *copy = &s->runs[s->runs_n++];
    *copy = (struct http_run){b->partition, *run};
    copy_run(b, &copy->run);
}

/* ---- partitions ----------------------------------------------------------------------------- */

static int64_t open_from(const struct partition *p)
{
    int64_t log_time = partition_log_time(p);

    return log_time == NO_TIME ? NO_TIME
                               : time_hour_floor(log_time - partition_policy(p)->settle_ms);
}

static void copy_partition(const struct consumer_view *view, struct http_partition *out)
{
    *out = (struct http_partition){
        .partition = view->partition,
        .state = "opening",
        .lag = view->lag,
        .silent_ms = view->silent_ms,
        .log_time = NO_TIME,
        .open_from = NO_TIME,
        .last_part = {.hour = NO_TIME},
    };
    snprintf(out->reason, sizeof out->reason, "%s", view->reason);
    if (view->worker == NULL)
        return;
    const struct partition *p = worker_partition(view->worker);
    out->state = worker_state_name(worker_state(view->worker));
    out->log_time = partition_log_time(p);
    out->next_offset = partition_next_offset(p);
    out->open_from = open_from(p);
    out->silent_max_ms = 3 * partition_policy(p)->tick_interval_ms + HTTP_SILENCE_GRACE_MS;
    out->policy_version = partition_policy(p)->version;
    out->instances_n = partition_instances_n(p);
    out->open_runs_n = partition_open_runs_n(p);
    out->counts = *worker_counts(view->worker);
    out->last_part = *worker_last_part(view->worker);
}

/* ---- snapshots ------------------------------------------------------------------------------ */

enum err http_snapshot_of_views(const struct consumer_view *views, size_t views_n, bool joined,
                                const struct http_sealing *sealing, int64_t now_ms,
                                struct http_snapshot **snapshot, struct err_detail *detail)
{
    struct event_pair *pairs = calloc(2 * EVENT_PAIRS_MAX, sizeof *pairs);
    struct http_snapshot *s = calloc(1, sizeof *s);
    struct builder b = {.s = s};

    if (s != NULL) {
        *s = (struct http_snapshot){
            .refs = 1, .as_of = now_ms, .joined = joined, .sealing = *sealing};
        s->partitions = calloc(views_n + 1, sizeof *s->partitions);
    }
    b.failed = s == NULL || s->partitions == NULL || pairs == NULL;
    for (size_t i = 0; i < views_n && !b.failed; i++) {
        copy_partition(&views[i], &s->partitions[s->partitions_n++]);
        b.partition = views[i].partition;
        if (views[i].worker != NULL)
            partition_each_run(worker_partition(views[i].worker), pairs, visit_run, &b);
    }
    free(pairs);
    if (b.failed) {
        http_snapshot_release(s);
        return err_set(detail, ERR_NOMEM, "a live view: out of memory");
    }
    *snapshot = s;
    return ERR_OK;
}

enum err http_snapshot_new(const struct consumer *consumer, const struct http_sealing *sealing,
                           int64_t now_ms, struct http_snapshot **snapshot,
                           struct err_detail *detail)
{
    size_t n = consumer_views(consumer, NULL, 0);
    struct consumer_view *views = calloc(n + 1, sizeof *views);

    if (views == NULL)
        return err_set(detail, ERR_NOMEM, "a live view: out of memory");
    n = consumer_views(consumer, views, n);
    enum err e = http_snapshot_of_views(views, n, consumer_joined(consumer), sealing, now_ms,
                                        snapshot, detail);
    free(views);
    return e;
}

struct http_snapshot *http_snapshot_share(struct http_snapshot *snapshot)
{
    __atomic_add_fetch(&snapshot->refs, 1, __ATOMIC_RELAXED);
    return snapshot;
}

void http_snapshot_release(struct http_snapshot *snapshot)
{
    if (snapshot == NULL || __atomic_sub_fetch(&snapshot->refs, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    while (snapshot->chunks != NULL) {
        struct http_chunk *next = snapshot->chunks->next;

        free(snapshot->chunks);
        snapshot->chunks = next;
    }
    free(snapshot->runs);
    free(snapshot->partitions);
    free(snapshot);
}

static bool partition_ready(const struct http_partition *p, char *reason, size_t cap)
{
    if (strcmp(p->state, "running") != 0 && strcmp(p->state, "verifying") != 0)
        snprintf(reason, cap, "partition %d is %s: %s", p->partition, p->state, p->reason);
    else if (p->silent_ms > p->silent_max_ms)
        snprintf(reason, cap, "partition %d: no record for %lld s, not even a TICK of our own",
                 p->partition, (long long)(p->silent_ms / 1000));
    else
        return true;
    return false;
}

bool http_snapshot_ready(const struct http_snapshot *snapshot, char *reason, size_t cap)
{
    if (!snapshot->joined) {
        snprintf(reason, cap, "the consumer group has not assigned partitions yet");
        return false;
    }
    for (size_t i = 0; i < snapshot->partitions_n; i++) {
        if (!partition_ready(&snapshot->partitions[i], reason, cap))
            return false;
    }
    if (snapshot->sealing.failure[0] != '\0') {
        snprintf(reason, cap, "sealing: %s", snapshot->sealing.failure);
        return false;
    }
    return true;
}

struct bytes http_run_tenant(const struct http_run *run, int64_t hour,
                             const struct tenant_map *tenants)
{
    struct usage_line line = {
        .kind = LINE_USAGE,
        .hour = hour,
        .instance_id = run->run.instance_id,
        .run = run->run.run,
        .region = run->run.region,
        .instance_type = run->run.instance_type,
        .tags = run->run.tags,
    };

    if (tenants == NULL)
        return BYTES_LITERAL(TENANT_UNATTRIBUTED);
    return tenant_map_match(tenants, &line).tenant;
}
