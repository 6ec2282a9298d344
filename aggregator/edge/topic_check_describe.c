/*
 * Asking the broker about a topic: metadata, configuration, the id of the cluster.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "aggregator/edge/topic_check.h"
#include "common/kafka_conf.h"

static enum err kafka_error(struct err_detail *detail, const rd_kafka_t *rk, const char *what,
                            rd_kafka_resp_err_t code)
{
    const char *advice = kafka_conf_advice(rk, code);

    return err_set(detail, ERR_KAFKA, "%s: %s%s%s", what, rd_kafka_err2str(code),
                   advice != NULL ? ": " : "", advice != NULL ? advice : "");
}

static enum err topic_missing(const struct topic_demands *d, struct err_detail *detail)
{
    return err_set(detail, ERR_NOT_FOUND,
                   "there is no topic %s; make it: kafka-topics.sh --bootstrap-server %s --create"
                   " --topic %s --partitions 12 --replication-factor 3"
                   " --config message.timestamp.type=LogAppendTime --config cleanup.policy=delete"
                   " --config retention.ms=%" PRId64 " --config min.insync.replicas=2"
                   " --config unclean.leader.election.enable=false",
                   d->topic, d->bootstrap, d->topic, d->retention_ms_min);
}

static enum err take_metadata(const rd_kafka_metadata_t *metadata, const rd_kafka_t *rk,
                              const struct topic_demands *d, struct topic_facts *facts,
                              struct err_detail *detail)
{
    const rd_kafka_metadata_topic_t *topic = metadata->topics;

    if (metadata->topic_cnt != 1 || topic->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
        topic->err == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC)
        return topic_missing(d, detail);
    if (topic->err != RD_KAFKA_RESP_ERR_NO_ERROR)
        return kafka_error(detail, rk, d->topic, topic->err);
    facts->partitions_n = topic->partition_cnt;
    facts->replicas_min = INT32_MAX;
    for (int i = 0; i < topic->partition_cnt; i++) {
        if (topic->partitions[i].replica_cnt < facts->replicas_min)
            facts->replicas_min = topic->partitions[i].replica_cnt;
    }
    return facts->partitions_n > 0 ? ERR_OK : topic_missing(d, detail);
}

static enum err ask_metadata(rd_kafka_t *rk, const struct topic_demands *d,
                             struct topic_facts *facts, struct err_detail *detail)
{
    const rd_kafka_metadata_t *metadata;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, d->topic, NULL);

    if (topic == NULL)
        return kafka_error(detail, rk, d->topic, rd_kafka_last_error());
    rd_kafka_resp_err_t code = rd_kafka_metadata(rk, 0, topic, &metadata, TOPIC_TIMEOUT_MS);
    rd_kafka_topic_destroy(topic);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return kafka_error(detail, rk, "the brokers cannot be asked about the topic", code);
    enum err e = take_metadata(metadata, rk, d, facts, detail);
    rd_kafka_metadata_destroy(metadata);
    return e;
}

static enum err ask_cluster(rd_kafka_t *rk, struct topic_facts *facts, struct err_detail *detail)
{
    char *id = rd_kafka_clusterid(rk, TOPIC_TIMEOUT_MS);

    if (id == NULL)
        return err_set(detail, ERR_KAFKA, "the brokers do not tell the id of their cluster");
    snprintf(facts->cluster_id, sizeof facts->cluster_id, "%s", id);
    rd_kafka_mem_free(rk, id);
    return ERR_OK;
}

static void take_entries(const rd_kafka_ConfigResource_t *resource, struct topic_facts *facts)
{
    static const char *const names[TOPIC_RULES_N] = {
#define X(symbol, word, property, waivable) property,
        TOPIC_RULE_TABLE(X)
#undef X
    };
    size_t n;
    const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(resource, &n);

    for (size_t i = 0; i < n; i++) {
        const char *value = rd_kafka_ConfigEntry_value(entries[i]);

        for (unsigned rule = 0; rule < TOPIC_RULES_N; rule++) {
            if (strcmp(rd_kafka_ConfigEntry_name(entries[i]), names[rule]) == 0)
                snprintf(facts->values[rule], TOPIC_VALUE_MAX, "%s", value != NULL ? value : "");
        }
    }
}

static enum err take_configs(const rd_kafka_t *rk, rd_kafka_event_t *event,
                             struct topic_facts *facts, struct err_detail *detail)
{
    static const char what[] = "the settings of the topic cannot be read";
    size_t n = 0;
    rd_kafka_resp_err_t code = rd_kafka_event_error(event);

    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return kafka_error(detail, rk, what, code);
    const rd_kafka_ConfigResource_t **resources =
        rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event), &n);
    if (n != 1)
        return err_set(detail, ERR_KAFKA, "%s: the broker answered for %zu topics", what, n);
    code = rd_kafka_ConfigResource_error(resources[0]);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return kafka_error(detail, rk, what, code);
    take_entries(resources[0], facts);
    return ERR_OK;
}

static enum err ask_configs(rd_kafka_t *rk, const struct topic_demands *d,
                            struct topic_facts *facts, struct err_detail *detail)
{
    rd_kafka_ConfigResource_t *resource =
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, d->topic);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    enum err e;

    rd_kafka_DescribeConfigs(rk, &resource, 1, NULL, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, TOPIC_TIMEOUT_MS);
    if (event == NULL)
        e = err_set(detail, ERR_KAFKA, "the brokers do not tell the settings of %s", d->topic);
    else
        e = take_configs(rk, event, facts, detail);
    if (event != NULL)
        rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    rd_kafka_ConfigResource_destroy(resource);
    return e;
}

enum err topic_describe(rd_kafka_t *rk, const struct topic_demands *demands,
                        struct topic_facts *facts, struct err_detail *detail)
{
    memset(facts, 0, sizeof *facts);
    enum err e = ask_metadata(rk, demands, facts, detail);

    if (e == ERR_OK)
        e = ask_cluster(rk, facts, detail);
    if (e == ERR_OK)
        e = ask_configs(rk, demands, facts, detail);
    return e;
}
