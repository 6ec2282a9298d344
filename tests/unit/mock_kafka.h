/*
 * A Kafka for tests in this process: librdkafka's mock cluster with one topic of one partition, and
 * a reader of everything in it. A mock claims no durability; what needs that is in
 * tests/integration.
 */
#ifndef TESTS_UNIT_MOCK_KAFKA_H
#define TESTS_UNIT_MOCK_KAFKA_H

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdio.h>
#include <stdlib.h>

#define MOCK_TOPIC "enclave.lifecycle"

enum { MOCK_TIMEOUT_MS = 30000 };

struct mock_kafka {
    rd_kafka_t *client;
    rd_kafka_mock_cluster_t *cluster;
};

static inline void mock_require(int condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "mock Kafka: %s\n", what);
        abort();
    }
}

static inline void mock_kafka_start(struct mock_kafka *mock)
{
    char text[256];

    mock->client = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), text, sizeof text);
    mock_require(mock->client != NULL, text);
    mock->cluster = rd_kafka_mock_cluster_new(mock->client, 1);
    mock_require(mock->cluster != NULL, "no cluster");
    mock_require(rd_kafka_mock_topic_create(mock->cluster, MOCK_TOPIC, 1, 1) == 0, "no topic");
}

static inline void mock_kafka_stop(struct mock_kafka *mock)
{
    rd_kafka_mock_cluster_destroy(mock->cluster);
    rd_kafka_destroy(mock->client);
}

static inline const char *mock_kafka_servers(const struct mock_kafka *mock)
{
    return rd_kafka_mock_cluster_bootstraps(mock->cluster);
}

/* Calls `see` for every record that is in the topic now, in order. Returns their number. */
static inline int64_t mock_kafka_read(const struct mock_kafka *mock,
                                      void (*see)(void *user, const rd_kafka_message_t *message),
                                      void *user)
{
    char text[256];
    int64_t low, high, next = 0;
    rd_kafka_conf_t *conf = rd_kafka_conf_new();

    mock_require(rd_kafka_conf_set(conf, "bootstrap.servers", mock_kafka_servers(mock), text,
                                   sizeof text) == RD_KAFKA_CONF_OK,
                 text);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
    mock_require(rk != NULL, text);
    mock_require(
        rd_kafka_query_watermark_offsets(rk, MOCK_TOPIC, 0, &low, &high, MOCK_TIMEOUT_MS) == 0,
        "no watermarks");
    rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, MOCK_TOPIC, NULL);
    mock_require(rd_kafka_consume_start(topic, 0, RD_KAFKA_OFFSET_BEGINNING) == 0, "consume");
    while (next < high) {
        rd_kafka_message_t *message = rd_kafka_consume(topic, 0, MOCK_TIMEOUT_MS);

        mock_require(message != NULL &&
                         (message->err == 0 || message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF),
                     "no message");
        if (message->err == 0) {
            see(user, message);
            next = message->offset + 1;
        }
        rd_kafka_message_destroy(message);
    }
    rd_kafka_consume_stop(topic, 0);
    rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(rk);
    return high;
}

#endif
