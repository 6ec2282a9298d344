/*
 * What `run` and `check` establish before anything is metered: sink, brokers, topic, era, tenants.
 */
#ifndef AGGREGATOR_PREFLIGHT_H
#define AGGREGATOR_PREFLIGHT_H

#include "aggregator/config.h"
#include "aggregator/edge/books.h"
#include "aggregator/edge/eras.h"
#include "aggregator/edge/topic_check.h"
#include "common/kafka_conf.h"

struct preflight {
    const struct aggregator_config *config;
    struct store *store;
    struct tenant_book *book; /* NULL: no tenant map is configured */
    rd_kafka_t *admin;
    struct topic_demands demands;
    struct topic_facts facts;
    struct topic_finding findings[TOPIC_RULES_N];
    size_t findings_n;
};

/* librdkafka's configuration of one role, from the `kafka` map. */
enum err preflight_kafka_conf(const struct aggregator_config *config, enum kafka_role role,
                              const struct kafka_property *defaults, size_t defaults_n,
                              rd_kafka_conf_t **conf, struct err_detail *detail) MUST_CHECK;

/* What needs no broker: opens the sink, reads the tenant map, makes a client. ERR_CONFIG and others
 * by name of the option. preflight_close also after an error. */
enum err preflight_open(const struct aggregator_config *config, struct preflight *p,
                        struct err_detail *detail) MUST_CHECK;
void preflight_close(struct preflight *p);
/* Closes the client only: metering has clients of its own. */
void preflight_disconnect(struct preflight *p);

/* Asks about the topic and judges it: facts and findings. */
enum err preflight_topic(struct preflight *p, struct err_detail *detail) MUST_CHECK;
/* Findings that are not waived. */
size_t preflight_open_findings(const struct preflight *p);

/* The era as it would be recorded in a new sink. */
struct era preflight_wanted_era(const struct preflight *p, int64_t now_ms);

/* Whether every partition's log agrees with its newest checkpoint. */
enum err preflight_partitions(struct preflight *p, const struct era *era,
                              struct err_detail *detail) MUST_CHECK;

#endif
