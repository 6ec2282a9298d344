/*
 * Builds librdkafka's configuration from the program's defaults and the properties that a person
 * passed through, refuses properties that would break what the program promises, and routes the
 * client's log and errors into common/log.h. Not for producing or consuming.
 */
#ifndef COMMON_KAFKA_CONF_H
#define COMMON_KAFKA_CONF_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"
#include "common/option.h"

enum kafka_role { KAFKA_PRODUCER, KAFKA_CONSUMER, KAFKA_ADMIN };

struct kafka_property {
    const char *name;
    const char *value;
};

struct kafka_conf_request {
    enum kafka_role role;
    const struct kafka_property *defaults; /* set first; a wrong one is a bug (assertion) */
    size_t defaults_n;
    const struct option_map *properties; /* pass-through, set over the defaults; may be NULL */
};

/* The defaults that the role's promises need (idempotence, acks, no timeout; no auto commit,
 * `range`, auto.offset.reset=error) are set by this function before the request's own. ERR_CONFIG
 * names property and origin ("conf.yaml:12: kafka.acks: …"). On success the caller owns *conf (as
 * rd_kafka_new takes it); it may still set callbacks and an opaque of its own. */
MUST_CHECK enum err kafka_conf_build(const struct kafka_conf_request *request,
                                     rd_kafka_conf_t **conf, struct err_detail *detail);

/* The error callback that kafka_conf_build installs: logs the error, with advice where there is
 * some. For callers that install an error callback of their own. */
void kafka_conf_log_error(rd_kafka_t *client, int error, const char *reason);

/* What a person should know about this error of this client beyond its text, or NULL. Knows that
 * librdkafka before 2.6.1 cannot authenticate by SCRAM to brokers from 4.0 on. */
const char *kafka_conf_advice(const rd_kafka_t *client, rd_kafka_resp_err_t error);

/* The same from its parts: version as rd_kafka_version() gives it. */
const char *kafka_conf_advice_for(int client_version, const char *sasl_mechanism,
                                  rd_kafka_resp_err_t error);

#endif
