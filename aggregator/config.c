/*
 * The table of options and the checks that concern more than one of them.
 */
#include "aggregator/config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "aggregator/edge/http.h"
#include "aggregator/edge/topic_check.h"
#include "common/time_text.h"

#define TARGET(member) offsetof(struct aggregator_config, member)
#define POLICY_DURATION(member, text, words)                                                       \
    {                                                                                              \
        .name = "policy." #member, .type = OPTION_DURATION, .scope = OPTION_POLICY,                \
        .target = TARGET(policy_##member##_ms), .standard = text, .minimum = 1,                    \
        .maximum = INT64_C(366) * 24 * 3600 * 1000, .help = words                                  \
    }

static const struct option_row rows[] = {
    {.name = "sink",
     .type = OPTION_STRING,
     .target = TARGET(sink),
     .standard = "file:///var/lib/enclave-aggregator",
     .help = "Where parts, rollups and checkpoints go: file:///DIRECTORY."},
    {.name = "topic",
     .type = OPTION_STRING,
     .target = TARGET(topic),
     .standard = "enclave.lifecycle",
     .help = "The topic that producers write to."},
    {.name = "tenants",
     .type = OPTION_PATH,
     .target = TARGET(tenants),
     .help = "Tenant map (YAML). Empty: all usage is unattributed."},
    {.name = "kafka.*",
     .type = OPTION_PREFIX_MAP,
     .target = TARGET(kafka),
     .help = "Any librdkafka property; kafka.bootstrap.servers is needed, kafka.group.id is"
             " enclave-aggregator unless given."},
    {.name = "era.first_hour",
     .type = OPTION_STRING,
     .target = TARGET(era_first_hour),
     .standard = "now",
     .help = "First hour that is metered, when a new sink is begun: RFC 3339, or now."},
    {.name = "policy.version",
     .type = OPTION_INTEGER,
     .scope = OPTION_POLICY,
     .target = TARGET(policy_version),
     .standard = "0",
     .help = "Version of the policy.* values; a partition with a smaller one gets a POLICY record."
             " 0: the built-in values, nothing is written."},
    POLICY_DURATION(settle, "2m", "How long after its end an hour is closed at the earliest."),
    POLICY_DURATION(grace, "30m", "How long after its end an hour waits for missing hosts."),
    POLICY_DURATION(revision_interval, "15m", "Distance of the later revisions of an hour."),
    POLICY_DURATION(tick_interval, "60s", "A partition that is silent so long gets a TICK record."),
    POLICY_DURATION(horizon, "72h", "Until when revisions of an hour are made."),
    POLICY_DURATION(instance_ttl, "30d", "When an instance without records is forgotten."),
    POLICY_DURATION(host_lost, "1h", "When an instance without records counts as lost."),
    {.name = "checkpoint.interval",
     .type = OPTION_DURATION,
     .target = TARGET(checkpoint_interval_ms),
     .standard = "60s",
     .minimum = 100,
     .maximum = 3600 * 1000,
     .help = "Longest distance of two checkpoints of a partition."},
    {.name = "checkpoint.replay_retention",
     .type = OPTION_DURATION,
     .target = TARGET(checkpoint_replay_retention_ms),
     .standard = "30d",
     .help = "How long one checkpoint of every hour is kept, for replays to begin at."},
    {.name = "seal.interval",
     .type = OPTION_DURATION,
     .target = TARGET(seal_interval_ms),
     .standard = "10s",
     .minimum = 100,
     .maximum = 3600 * 1000,
     .help = "How often parts of other processes are looked for, to seal rollups."},
    {.name = "recover.accept_lead_in",
     .type = OPTION_BOOLEAN,
     .target = TARGET(recover_accept_lead_in),
     .standard = "false",
     .help = "Begin although the first records are gone and there is no checkpoint; what is metered"
             " is marked lead_in."},
    {.name = "http.listen",
     .type = OPTION_STRING,
     .target = TARGET(http_listen),
     .standard = "127.0.0.1:8080",
     .help = "Loopback address and port of /metrics, /v1 and the page; off: none."},
    {.name = "check.waive",
     .type = OPTION_STRING_LIST,
     .target = TARGET(check_waive),
     .help = "Findings about the topic to live with: replication, min_insync, unclean_election,"
             " retention, retention_bytes."},
};

const struct option_table aggregator_options = OPTION_TABLE(rows, struct aggregator_config);

/* ---- checks --------------------------------------------------------------------------------- */

static enum err parse_first_hour(const char *text, int64_t now_ms, int64_t *hour)
{
    if (strcmp(text, "now") == 0 || text[0] == '\0') {
        *hour = time_hour_floor(now_ms);
        return ERR_OK;
    }
    enum err e = time_text_parse_loose(bytes_of_string(text), hour);
    return e != ERR_OK ? e : *hour == time_hour_floor(*hour) ? ERR_OK : ERR_MALFORMED;
}

static enum err check_policy(const struct config *config, const struct aggregator_config *c,
                             struct err_detail *detail)
{
    struct aggregator_policy configured;
    struct policy policy = policy_default();
    struct err_detail why = {.text = ""};

    aggregator_config_policy(c, &configured);
    if (policy_apply(&policy, &configured.record, &why) == ERR_OK)
        return ERR_OK;
    return config_error(config, detail, "policy.version", "the policy values: %s", why.text);
}

enum err aggregator_config_check(const struct config *config, struct err_detail *detail)
{
    const struct aggregator_config *c = config->target;
    struct err_detail why = {.text = ""};
    int64_t hour;

    if (c->topic[0] == '\0')
        return config_error(config, detail, "topic", "must not be empty");
    if (parse_first_hour(c->era_first_hour, 0, &hour) != ERR_OK)
        return config_error(config, detail, "era.first_hour",
                            "\"%s\" is no whole hour: now, or for example 2026-11-20T13:00:00Z",
                            c->era_first_hour);
    for (size_t i = 0; i < c->check_waive.n; i++) {
        uint32_t bits;

        if (topic_waiver(c->check_waive.items[i], &bits, &why) != ERR_OK)
            return config_error(config, detail, "check.waive", "%s", why.text);
    }
    if (http_listen_check(c->http_listen, &why) != ERR_OK)
        return config_error(config, detail, "http.listen", "%s", why.text);
    return check_policy(config, c, detail);
}

/* ---- derived values ------------------------------------------------------------------------- */

int64_t aggregator_config_first_hour(const struct aggregator_config *config, int64_t now_ms)
{
    int64_t hour;

    if (parse_first_hour(config->era_first_hour, now_ms, &hour) != ERR_OK)
        return time_hour_floor(now_ms); /* aggregator_config_check refuses such a text */
    return hour;
}

uint32_t aggregator_config_waived(const struct aggregator_config *config)
{
    uint32_t all = 0, bits;
    struct err_detail unused;

    for (size_t i = 0; i < config->check_waive.n; i++) {
        if (topic_waiver(config->check_waive.items[i], &bits, &unused) == ERR_OK)
            all |= bits;
    }
    return all;
}

void aggregator_config_policy(const struct aggregator_config *config,
                              struct aggregator_policy *policy)
{
    const struct {
        const char *name;
        int64_t ms;
    } values[AGGREGATOR_POLICY_VALUES_N] = {
        /* by name: equal configurations make equal records */
        {"grace", config->policy_grace_ms},
        {"horizon", config->policy_horizon_ms},
        {"host_lost", config->policy_host_lost_ms},
        {"instance_ttl", config->policy_instance_ttl_ms},
        {"revision_interval", config->policy_revision_interval_ms},
        {"settle", config->policy_settle_ms},
        {"tick_interval", config->policy_tick_interval_ms},
    };

    for (size_t i = 0; i < AGGREGATOR_POLICY_VALUES_N; i++) {
        snprintf(policy->texts[i], sizeof policy->texts[i], "%" PRId64 "ms", values[i].ms);
        policy->pairs[i] =
            (struct event_pair){bytes_of_string(values[i].name), bytes_of_string(policy->texts[i])};
    }
    policy->record = (struct event_policy){
        .version = config->policy_version,
        .rules_version = RULES_VERSION,
        .values = {policy->pairs, AGGREGATOR_POLICY_VALUES_N},
    };
}

const char *aggregator_config_kafka(const struct aggregator_config *config, const char *name,
                                    const char *standard)
{
    const char *found = standard;

    for (size_t i = 0; i < config->kafka.n; i++) {
        if (strcmp(config->kafka.items[i].key, name) == 0)
            found = config->kafka.items[i].value;
    }
    return found;
}
