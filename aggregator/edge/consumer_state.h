/*
 * The consumer's struct and what its two files share. Private to edge/consumer*.c.
 *
 * consumer.c: taking records, the loop. consumer_group.c: joining, assignments, opening partitions.
 */
#ifndef AGGREGATOR_EDGE_CONSUMER_STATE_H
#define AGGREGATOR_EDGE_CONSUMER_STATE_H

#include "aggregator/edge/consumer.h"

enum {
    CONSUMER_OPEN_RETRY_MS = 1000,
    CONSUMER_INCIDENT_RETRY_MS = 60 * 1000, /* what a person must look at is looked at again */
    CONSUMER_WATERMARK_TIMEOUT_MS = 5000,
};

/* One partition of the topic. Not owned: everything is zero or NULL. */
struct slot {
    bool owned;
    struct worker *worker;    /* NULL: OPENING */
    rd_kafka_queue_t *queue;  /* the partition's own; set with `worker` */
    struct err_detail reason; /* OPENING: why */
    int64_t open_at_ms;       /* OPENING: monotonic time of the next attempt */
    int64_t fetch_offset;     /* what librdkafka is to deliver next */
    int64_t heard_ms;         /* monotonic time of the last record, or of the assignment */
    uint64_t committed;       /* worker_counts.checkpoints at the last advisory commit */
    rd_kafka_message_t *batch[CONSUMER_BATCH];
    size_t batch_n, batch_at; /* [batch_at, batch_n) are not taken yet */
};

struct consumer {
    struct consumer_options options;
    char *topic;
    rd_kafka_t *rk;
    rd_kafka_queue_t *group_queue;
    int wake_fd;        /* eventfd: some queue is no longer empty */
    bool joined;        /* the group has given an assignment */
    bool reassign;      /* the assigned list differs from the READY slots */
    struct slot *slots; /* partitions_n */
};

/* librdkafka's callback; `opaque` is the consumer. */
void consumer_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t event,
                        rd_kafka_topic_partition_list_t *list, void *opaque);
/* Opens what is due and tells librdkafka what to fetch, if that has changed. */
void consumer_open_due(struct consumer *c, int64_t mono_ms);
/* Frees worker, batch and queue; the slot stays owned and is opened again at `open_at_ms`. */
void consumer_slot_reset(struct slot *slot, int64_t open_at_ms);

/* Tells the group how far checkpoints have come: for lag tools, nothing here reads it. */
void consumer_commit_advisory(struct consumer *c);

#endif
