/*
 * /metrics: Prometheus text. Per partition where it helps, never per enclave, host or tenant.
 */
#include "aggregator/edge/http_reply.h"

#include <inttypes.h>

static const char *const notice_names[] = {
    "policy_changed",      "policy_ignored",      "policy_conflict", "policy_invalid",
    "duplicate",           "sequence_gap",        "epoch_unlinked",  "identity_conflict",
    "late_beyond_horizon", "watermark_violation", "host_lost",       "undecodable",
    "log_time_backwards",
};

enum { NOTICES_N = sizeof notice_names / sizeof *notice_names };

_Static_assert(NOTICE_LOG_TIME_BACKWARDS == 1u << (NOTICES_N - 1), "a name for every notice");

/* Sticky: after a failure nothing more is written. */
struct text {
    struct buffer *out;
    enum err e;
};

static void head(struct text *t, const char *name, const char *type, const char *help)
{
    if (t->e == ERR_OK)
        t->e = buffer_append_format(t->out,
                                    "# HELP enclave_aggregator_%s %s\n# TYPE"
                                    " enclave_aggregator_%s %s\n",
                                    name, help, name, type);
}

static void sample(struct text *t, const char *name, int32_t partition, int64_t value)
{
    if (t->e == ERR_OK)
        t->e = buffer_append_format(
            t->out, "enclave_aggregator_%s{partition=\"%" PRId32 "\"} %" PRId64 "\n", name,
            partition, value);
}

static void whole(struct text *t, const char *name, int64_t value)
{
    if (t->e == ERR_OK)
        t->e = buffer_append_format(t->out, "enclave_aggregator_%s %" PRId64 "\n", name, value);
}

/* One family with a sample of every partition. */
#define FAMILY(name, type, help, expression)                                                       \
    do {                                                                                           \
        head(t, name, type, help);                                                                 \
        for (size_t i = 0; i < s->partitions_n; i++) {                                             \
            const struct http_partition *p = &s->partitions[i];                                    \
            sample(t, name, p->partition, (int64_t)(expression));                                  \
        }                                                                                          \
    } while (0)

static void write_partitions(struct text *t, const struct http_snapshot *s)
{
    FAMILY("records_total", "counter", "Records taken since the partition was opened.",
           p->counts.records);
    FAMILY("undecodable_total", "counter", "Records that went to dead/.", p->counts.undecodable);
    FAMILY("parts_total", "counter", "Usage parts made durable.", p->counts.parts);
    FAMILY("checkpoints_total", "counter", "Checkpoints made.", p->counts.checkpoints);
    FAMILY("lag_records", "gauge", "Records not read yet; -1 not known.", p->lag);
    FAMILY("log_time_ms", "gauge", "Log time, Unix ms; 0 before the first record.",
           p->log_time == NO_TIME ? 0 : p->log_time);
    FAMILY("open_runs", "gauge", "Enclaves that have not ended.", p->open_runs_n);
    FAMILY("instances", "gauge", "Parent instances known.", p->instances_n);
    FAMILY("last_part_complete", "gauge", "1 if the newest part is complete, 0 if not.",
           p->last_part.hour != NO_TIME && p->last_part.complete);
}

static void write_states(struct text *t, const struct http_snapshot *s)
{
    head(t, "partition_state", "gauge", "1 for the state that the partition is in.");
    for (size_t i = 0; i < s->partitions_n && t->e == ERR_OK; i++)
        t->e = buffer_append_format(t->out,
                                    "enclave_aggregator_partition_state{partition=\"%" PRId32
                                    "\",state=\"%s\"} 1\n",
                                    s->partitions[i].partition, s->partitions[i].state);
}

static void write_notices(struct text *t, const struct http_snapshot *s)
{
    head(t, "notices_total", "counter", "What the core noticed, by kind.");
    for (size_t kind = 0; kind < NOTICES_N; kind++) {
        uint64_t n = 0;

        for (size_t i = 0; i < s->partitions_n; i++)
            n += s->partitions[i].counts.notices[kind];
        if (t->e == ERR_OK)
            t->e = buffer_append_format(
                t->out, "enclave_aggregator_notices_total{kind=\"%s\"} %" PRIu64 "\n",
                notice_names[kind], n);
    }
}

enum err http_reply_metrics(const struct http_snapshot *s, struct buffer *out)
{
    struct text t = {out, ERR_OK};
    char reason[ERR_DETAIL_MAX];

    head(&t, "ready", "gauge", "1 if everything owned is being metered.");
    whole(&t, "ready", http_snapshot_ready(s, reason, sizeof reason));
    head(&t, "partitions", "gauge", "Partitions owned.");
    whole(&t, "partitions", (int64_t)s->partitions_n);
    write_partitions(&t, s);
    write_states(&t, s);
    write_notices(&t, s);
    head(&t, "seals_total", "counter", "Rollup revisions that this process saw committed.");
    whole(&t, "seals_total", (int64_t)s->sealing.committed);
    head(&t, "unsealed_hour_ms", "gauge", "First hour without a rollup, Unix ms; 0 not known.");
    whole(&t, "unsealed_hour_ms", s->sealing.next_hour == NO_TIME ? 0 : s->sealing.next_hour);
    return t.e;
}
