/*
 * Topic settings against requirements. Each failing line ends with what to do about it.
 */
#include "producer/edge/topic_check.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const waivable[] = {"retention", "replication", "min_insync",
                                       "unclean_election"};

bool topic_check_is_waivable(const char *requirement)
{
    for (size_t i = 0; i < sizeof waivable / sizeof waivable[0]; i++)
        if (strcmp(requirement, waivable[i]) == 0)
            return true;
    return false;
}

static bool is_waived(const struct topic_check_options *options, const char *requirement)
{
    for (size_t i = 0; i < options->waive_n; i++)
        if (strcmp(options->waive[i], requirement) == 0)
            return true;
    return false;
}

__attribute__((format(printf, 4, 5))) static bool
add_line(struct topic_check *check, bool ok, const char *subject, const char *format, ...)
{
    va_list args;

    assert(check->n < TOPIC_CHECK_LINES_MAX);
    struct topic_check_line *line = &check->lines[check->n++];
    line->ok = ok;
    line->subject = subject;
    va_start(args, format);
    vsnprintf(line->text, sizeof line->text, format, args);
    va_end(args);
    return ok;
}

/* A setting that has to be repaired by kafka-configs, or may be waived. */
static bool judge(const struct topic_check_options *options, struct topic_check *check, bool ok,
                  const char *requirement, const char *name, const char *value, const char *wanted)
{
    if (ok)
        return add_line(check, true, "topic", "%s=%s", name, value);
    if (requirement != NULL && is_waived(options, requirement))
        return add_line(check, true, "topic", "%s=%s (waived)", name, value);
    return add_line(
        check, false, "topic",
        "%s=%s; repair: kafka-configs --bootstrap-server … --alter --entity-type topics "
        "--entity-name %s --add-config %s=%s%s%s",
        name, value, options->topic, name, wanted,
        requirement == NULL ? "" : "; or waive: --set check.waive=",
        requirement == NULL ? "" : requirement);
}

bool topic_check_judge(const struct topic_check_options *options, const char *name,
                       const char *value, struct topic_check *check)
{
    long long number = strtoll(value, NULL, 10);

    if (strcmp(name, "message.timestamp.type") == 0)
        return judge(options, check, strcmp(value, "LogAppendTime") == 0, NULL, name, value,
                     "LogAppendTime");
    if (strcmp(name, "cleanup.policy") == 0)
        return judge(options, check, strcmp(value, "delete") == 0, NULL, name, value, "delete");
    if (strcmp(name, "retention.ms") == 0)
        return judge(options, check, number < 0 || number >= TOPIC_CHECK_RETENTION_MIN_MS,
                     "retention", name, value, "604800000");
    if (strcmp(name, "retention.bytes") == 0)
        return judge(options, check, number < 0, "retention", name, value, "-1");
    if (strcmp(name, "min.insync.replicas") == 0)
        return judge(options, check, number >= 2, "min_insync", name, value, "2");
    if (strcmp(name, "unclean.leader.election.enable") == 0)
        return judge(options, check, strcmp(value, "false") == 0, "unclean_election", name, value,
                     "false");
    return true;
}

/* Broker and topic by metadata. false: no use in asking further. */
static bool check_metadata(const struct topic_check_options *options, struct topic_check *check,
                           bool *all_ok)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(options->client, options->topic, NULL);

    if (topic == NULL)
        return add_line(check, false, "topic", "%s: %s", options->topic,
                        rd_kafka_err2str(rd_kafka_last_error()));
    rd_kafka_resp_err_t error =
        rd_kafka_metadata(options->client, 0, topic, &metadata, options->timeout_ms);
    rd_kafka_topic_destroy(topic);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
        return add_line(check, false, "broker",
                        "not reached: %s; check kafka.bootstrap.servers, the network, and the "
                        "security settings under kafka.*",
                        rd_kafka_err2str(error));
    add_line(check, true, "broker", "reached, %d known", metadata->broker_cnt);
    const struct rd_kafka_metadata_topic *t = &metadata->topics[0];
    bool found = metadata->topic_cnt == 1 && t->err == RD_KAFKA_RESP_ERR_NO_ERROR;
    if (!found) {
        add_line(check, false, "topic",
                 "%s: %s; create it: kafka-topics --bootstrap-server … --create --topic %s "
                 "--partitions 12 --replication-factor 3 --config "
                 "message.timestamp.type=LogAppendTime --config min.insync.replicas=2",
                 options->topic, metadata->topic_cnt == 1 ? rd_kafka_err2str(t->err) : "not found",
                 options->topic);
    } else {
        int replicas = INT32_MAX;
        for (int i = 0; i < t->partition_cnt; i++)
            if (t->partitions[i].replica_cnt < replicas)
                replicas = t->partitions[i].replica_cnt;
        add_line(check, true, "topic", "%s has %d partitions", options->topic, t->partition_cnt);
        if (replicas >= 2)
            add_line(check, true, "topic", "%d replicas", replicas);
        else if (is_waived(options, "replication"))
            add_line(check, true, "topic", "%d replica (waived)", replicas);
        else
            *all_ok = add_line(check, false, "topic",
                               "%d replica: one lost disk loses usage; move the topic to 3 "
                               "replicas, or waive: --set check.waive=replication",
                               replicas);
    }
    rd_kafka_metadata_destroy(metadata);
    return found;
}

/* The settings that are judged, in the order of their lines. */
static const char *const settings[] = {"message.timestamp.type", "cleanup.policy",
                                       "retention.ms",           "retention.bytes",
                                       "min.insync.replicas",    "unclean.leader.election.enable"};

static bool judge_entries(const struct topic_check_options *options, struct topic_check *check,
                          const rd_kafka_ConfigResource_t *resource)
{
    size_t n;
    const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(resource, &n);
    bool ok = true;

    for (size_t s = 0; s < sizeof settings / sizeof settings[0]; s++)
        for (size_t i = 0; i < n; i++) {
            const char *value = rd_kafka_ConfigEntry_value(entries[i]);

            if (value != NULL && strcmp(rd_kafka_ConfigEntry_name(entries[i]), settings[s]) == 0)
                ok = topic_check_judge(options, settings[s], value, check) && ok;
        }
    return ok;
}

static bool check_settings(const struct topic_check_options *options, struct topic_check *check)
{
    char text[256];
    bool ok = false;
    rd_kafka_queue_t *queue = rd_kafka_queue_new(options->client);
    rd_kafka_AdminOptions_t *admin =
        rd_kafka_AdminOptions_new(options->client, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
    rd_kafka_ConfigResource_t *resource =
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, options->topic);

    rd_kafka_AdminOptions_set_request_timeout(admin, options->timeout_ms, text, sizeof text);
    rd_kafka_DescribeConfigs(options->client, &resource, 1, admin, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, options->timeout_ms + 1000);
    const rd_kafka_DescribeConfigs_result_t *result =
        event == NULL ? NULL : rd_kafka_event_DescribeConfigs_result(event);
    size_t n = 0;
    const rd_kafka_ConfigResource_t **found =
        result == NULL ? NULL : rd_kafka_DescribeConfigs_result_resources(result, &n);
    if (n == 1 && rd_kafka_ConfigResource_error(found[0]) == RD_KAFKA_RESP_ERR_NO_ERROR)
        ok = judge_entries(options, check, found[0]);
    else
        add_line(check, false, "topic",
                 "its settings cannot be read: %s; allow DescribeConfigs on the topic",
                 n == 1          ? rd_kafka_ConfigResource_error_string(found[0])
                 : event == NULL ? "no answer"
                                 : rd_kafka_event_error_string(event));
    if (event != NULL)
        rd_kafka_event_destroy(event);
    rd_kafka_ConfigResource_destroy(resource);
    rd_kafka_AdminOptions_destroy(admin);
    rd_kafka_queue_destroy(queue);
    return ok;
}

bool topic_check_run(const struct topic_check_options *options, struct topic_check *check)
{
    bool ok = true;

    check->n = 0;
    if (!check_metadata(options, check, &ok))
        return false;
    return check_settings(options, check) && ok;
}
