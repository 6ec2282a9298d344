/*
 * Is the topic fit to be billed from? Its settings, and the command that repairs each (DESIGN.md
 * §5).
 *
 * topic_describe asks the broker; topic_judge only compares. Which topic it is (R17): librdkafka
 * before 2.3 cannot ask for a topic's id, so an era is bound to the id of the cluster, the topic's
 * name and its partition count, and a topic that was deleted and made again is recognised by what
 * every checkpoint knows: its next offset must lie within the log (worker_check), and its last
 * record must be read again unchanged (worker, R16). If no partition has a checkpoint with a
 * record, nothing was metered that could be billed twice.
 */
#ifndef AGGREGATOR_EDGE_TOPIC_CHECK_H
#define AGGREGATOR_EDGE_TOPIC_CHECK_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>

#include "common/err.h"

enum {
    TOPIC_VALUE_MAX = 256,
    TOPIC_TIMEOUT_MS = 15 * 1000,
};

/* What is checked: word for check.waive, property, may it be waived. */
#define TOPIC_RULE_TABLE(X)                                                                        \
    X(TIMESTAMP, "timestamp", "message.timestamp.type", false)                                     \
    X(CLEANUP, "cleanup", "cleanup.policy", false)                                                 \
    X(RETENTION, "retention", "retention.ms", true)                                                \
    X(RETENTION_BYTES, "retention_bytes", "retention.bytes", true)                                 \
    X(REPLICATION, "replication", "replication factor", true)                                      \
    X(MIN_INSYNC, "min_insync", "min.insync.replicas", true)                                       \
    X(UNCLEAN, "unclean_election", "unclean.leader.election.enable", true)

#define X(symbol, word, property, waivable) TOPIC_RULE_##symbol,
enum topic_rule { TOPIC_RULE_TABLE(X) TOPIC_RULES_N };
#undef X

/* As the broker tells them. */
struct topic_facts {
    char cluster_id[TOPIC_VALUE_MAX];
    int32_t partitions_n;
    int32_t replicas_min;                        /* of the partition that has fewest */
    char values[TOPIC_RULES_N][TOPIC_VALUE_MAX]; /* "" for what is no property */
};

struct topic_demands {
    const char *topic;
    const char *bootstrap;    /* for the commands */
    int64_t retention_ms_min; /* records must be kept at least so long */
    uint32_t waived;          /* bit per enum topic_rule */
};

struct topic_finding {
    enum topic_rule rule;
    bool waived;
    char text[ERR_DETAIL_MAX];    /* what is wrong and why it matters */
    char command[ERR_DETAIL_MAX]; /* what repairs it */
};

/* ERR_NOT_FOUND: there is no such topic; the detail holds the command that makes it. ERR_KAFKA. */
enum err topic_describe(rd_kafka_t *rk, const struct topic_demands *demands,
                        struct topic_facts *facts, struct err_detail *detail) MUST_CHECK;

/* Fills `findings` in the order of the table; returns how many. */
size_t topic_judge(const struct topic_facts *facts, const struct topic_demands *demands,
                   struct topic_finding findings[TOPIC_RULES_N]);

/* The bit of one word of check.waive. ERR_CONFIG: unknown, or it cannot be waived. "replication"
 * waives what follows from having one replica too: min_insync and unclean_election. */
enum err topic_waiver(const char *word, uint32_t *bits, struct err_detail *detail) MUST_CHECK;

#endif
