/*
 * A read-only copy of what one process meters at one moment, for the HTTP server's threads.
 *
 * Built on the metering thread; immutable and shared by reference count afterwards.
 */
#ifndef AGGREGATOR_EDGE_HTTP_SNAPSHOT_H
#define AGGREGATOR_EDGE_HTTP_SNAPSHOT_H

#include "aggregator/edge/consumer.h"
#include "aggregator/rating/tenant_map.h"

/* Time that a TICK may take to come back before the log counts as not answering. */
enum { HTTP_SILENCE_GRACE_MS = 10 * 1000 };

/* A run as partition_each_run shows it; slices point into the snapshot. No CPU ids. */
struct http_run {
    int32_t partition;
    struct partition_run run;
};

struct http_partition {
    int32_t partition;
    const char *state; /* worker_state_name, or "opening" */
    char reason[ERR_DETAIL_MAX];
    int64_t lag;           /* records, −1 not known */
    int64_t silent_ms;     /* since the last record */
    int64_t silent_max_ms; /* what its TICK records leave room for */
    int64_t log_time;      /* NO_TIME before the first record */
    int64_t next_offset;
    int64_t open_from; /* hours from here on are surely not closed; NO_TIME: all */
    int64_t policy_version;
    uint32_t instances_n, open_runs_n;
    struct worker_counts counts;
    struct worker_part last_part; /* hour NO_TIME: none since the worker was opened */
};

/* How far sealing has come. */
struct http_sealing {
    int64_t next_hour;  /* first hour without a committed rollup; NO_TIME: not known yet */
    uint64_t committed; /* revisions by this process */
    char failure[ERR_DETAIL_MAX]; /* why it does not go on; "" if it does */
};

struct http_snapshot {
    int refs;      /* changed atomically */
    int64_t as_of; /* Unix ms */
    bool joined;
    struct http_sealing sealing;
    struct http_partition *partitions;
    size_t partitions_n;
    struct http_run *runs; /* by partition, instance id, run id */
    size_t runs_n, runs_cap;
    struct http_chunk *chunks; /* the memory that slices point into */
};

/* Copies what `consumer` shows. ERR_NOMEM. */
enum err http_snapshot_new(const struct consumer *consumer, const struct http_sealing *sealing,
                           int64_t now_ms, struct http_snapshot **snapshot,
                           struct err_detail *detail) MUST_CHECK;

/* The same from views, for whoever has no consumer. */
enum err http_snapshot_of_views(const struct consumer_view *views, size_t views_n, bool joined,
                                const struct http_sealing *sealing, int64_t now_ms,
                                struct http_snapshot **snapshot,
                                struct err_detail *detail) MUST_CHECK;

struct http_snapshot *http_snapshot_share(struct http_snapshot *snapshot);
/* The last one to release frees it. NULL is fine. */
void http_snapshot_release(struct http_snapshot *snapshot);

/* True if everything owned is being metered; else the first reason, at most `cap` bytes. */
bool http_snapshot_ready(const struct http_snapshot *snapshot, char *reason, size_t cap);

/* Whose run it is in an hour. `tenants` may be NULL. */
struct bytes http_run_tenant(const struct http_run *run, int64_t hour,
                             const struct tenant_map *tenants);

#endif
