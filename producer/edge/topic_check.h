/*
 * Does the topic keep what the pipeline rests on? Asks the broker; changes nothing. Used by `check`
 * only: a producer that finds the topic wrong still journals.
 */
#ifndef PRODUCER_EDGE_TOPIC_CHECK_H
#define PRODUCER_EDGE_TOPIC_CHECK_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>

#include "common/err.h"

enum { TOPIC_CHECK_LINES_MAX = 16, TOPIC_CHECK_TEXT_MAX = 512 };

/* What an operator of a small or a test cluster may decide to do without. */
#define TOPIC_CHECK_WAIVABLE "retention, replication, min_insync, unclean_election"

/* Horizon (72 h) of SEMANTICS.md: what replay and revisions may need. */
#define TOPIC_CHECK_RETENTION_MIN_MS INT64_C(259200000)

struct topic_check_line {
    bool ok;
    const char *subject;
    char text[TOPIC_CHECK_TEXT_MAX]; /* what was found, and if it is not ok what to do */
};

struct topic_check {
    struct topic_check_line lines[TOPIC_CHECK_LINES_MAX];
    size_t n;
};

struct topic_check_options {
    rd_kafka_t *client;
    const char *topic;
    const char *const *waive;
    size_t waive_n;
    int timeout_ms;
};

bool topic_check_is_waivable(const char *requirement);

/* Fills in lines, the first about the broker itself. false: at least one is not ok. */
bool topic_check_run(const struct topic_check_options *options, struct topic_check *check);

/* One setting as the broker reports it; for tests and topic_check_run. false: not ok. */
bool topic_check_judge(const struct topic_check_options *options, const char *name,
                       const char *value, struct topic_check *check);

#endif
