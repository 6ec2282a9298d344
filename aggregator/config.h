/*
 * The options of enclave-aggregator: one table for the file, --set, --help and the reference page.
 */
#ifndef AGGREGATOR_CONFIG_H
#define AGGREGATOR_CONFIG_H

#include "aggregator/core/partition.h"
#include "common/option.h"

enum { AGGREGATOR_POLICY_VALUES_N = 7, AGGREGATOR_POLICY_TEXT_MAX = 32 };

struct aggregator_config {
    const char *sink; /* URI */
    const char *topic;
    const char *tenants; /* path; empty: everything is unattributed */
    struct option_map kafka;
    const char *era_first_hour; /* RFC 3339, "now" */
    int64_t policy_version;     /* 0: the built-in values, nothing is appended to the log */
    int64_t policy_settle_ms, policy_grace_ms, policy_revision_interval_ms;
    int64_t policy_tick_interval_ms, policy_horizon_ms, policy_instance_ttl_ms;
    int64_t policy_host_lost_ms;
    int64_t checkpoint_interval_ms;
    int64_t checkpoint_replay_retention_ms;
    int64_t seal_interval_ms;
    bool recover_accept_lead_in;
    const char *http_listen; /* "127.0.0.1:8080", "off" */
    struct option_list check_waive;
};

extern const struct option_table aggregator_options;

/* What one option alone cannot say: the hour, the waivers, policy values that contradict each
 * other, the address. For cli_program.check. */
enum err aggregator_config_check(const struct config *config, struct err_detail *detail) MUST_CHECK;

/* era.first_hour in Unix ms; `now_ms` counts for "now". */
int64_t aggregator_config_first_hour(const struct aggregator_config *config, int64_t now_ms);

/* Every waived rule of aggregator/edge/topic_check.h. */
uint32_t aggregator_config_waived(const struct aggregator_config *config);

/* The configured POLICY record and the memory that it points to. */
struct aggregator_policy {
    struct event_policy record;
    struct event_pair pairs[AGGREGATOR_POLICY_VALUES_N];
    char texts[AGGREGATOR_POLICY_VALUES_N][AGGREGATOR_POLICY_TEXT_MAX];
};
void aggregator_config_policy(const struct aggregator_config *config,
                              struct aggregator_policy *policy);

/* A property of the `kafka` map, or `standard`. */
const char *aggregator_config_kafka(const struct aggregator_config *config, const char *name,
                                    const char *standard);

#endif
