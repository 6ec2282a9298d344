/*
 * The consumer group: which partitions this process owns, and their records into their workers.
 *
 * One thread. Each owned partition keeps librdkafka's queue of its own, so that one that holds its
 * position is simply not read: no pause and no seek, which librdkafka 2.0.2 gets wrong. Group
 * offsets are advisory; where reading begins is said by the checkpoint, in the list given to
 * assign.
 *
 *     per partition:   not owned ──assign──► OPENING ──checkpoint loaded──► READY
 *                          ▲                  │   ▲ fenced, or offset out of range: load again
 *                          └─────revoke───────┴───┴────────────────────────┘
 *     A partition that cannot be opened (store or broker away, or a person is needed) stays OPENING
 *     and is tried again; the others go on.
 */
#ifndef AGGREGATOR_EDGE_CONSUMER_H
#define AGGREGATOR_EDGE_CONSUMER_H

#include <librdkafka/rdkafka.h>

#include "aggregator/edge/worker.h"
#include "common/kafka_conf.h"

enum {
    CONSUMER_BATCH = 512, /* records taken from one partition before the next one's turn */
    CONSUMER_PARTITIONS_MAX = 10000, /* of one topic */
};

struct consumer;

struct consumer_options {
    const char *topic;
    int32_t partitions_n;         /* as eras.json says: others are refused */
    struct worker_options worker; /* `partition` and `log_range` are filled in */
};

/* What kafka_conf_build is to set before the user's own properties. */
enum { CONSUMER_KAFKA_PROPERTIES_N = 6 };
extern const struct kafka_property consumer_kafka_properties[CONSUMER_KAFKA_PROPERTIES_N];

/* Asks the broker. ERR_KAFKA. For worker_options.log_range. */
enum err consumer_log_range(rd_kafka_t *rk, const char *topic, int32_t partition,
                            struct worker_log_range *range, struct err_detail *detail) MUST_CHECK;

/* Joins the group. Takes over `conf`, also on error. */
enum err consumer_new(rd_kafka_conf_t *conf, const struct consumer_options *options,
                      struct consumer **consumer, struct err_detail *detail) MUST_CHECK;

/* Serves the group and takes what is there; waits up to `timeout_ms` if nothing is. ERR_KAFKA: the
 * client is beyond repair, the process must end. */
enum err consumer_poll(struct consumer *c, int timeout_ms, struct err_detail *detail) MUST_CHECK;

/* Final checkpoints, leaves the group, frees everything. NULL is fine. */
void consumer_close(struct consumer *c);

/* One owned partition, for control records and live views. Valid until the next consumer_poll. */
struct consumer_view {
    int32_t partition;
    const struct worker *worker; /* NULL: it is being opened */
    const char *reason;          /* why it does not go on; "" if it does */
    bool caught_up;              /* nothing is left to read as far as the client knows */
    int64_t lag;                 /* records left to read, −1 not known */
    int64_t silent_ms;           /* since the last record, or since it was assigned */
};

/* Fills up to `cap` views in order of partition; returns how many are owned. */
size_t consumer_views(const struct consumer *c, struct consumer_view *views, size_t cap);

/* True once the group has given an assignment, even an empty one. */
bool consumer_joined(const struct consumer *c);

#endif
