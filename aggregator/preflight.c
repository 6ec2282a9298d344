/*
 * See preflight.h. While metering only the sink and the tenant map stay open.
 */
#include "aggregator/preflight.h"

#include <stdio.h>
#include <string.h>

#include "aggregator/edge/consumer.h"

/* Properties that only a consumer takes: any other client would complain of them. */
static bool consumer_only(const char *name)
{
    static const char *const prefixes[] = {"group.",      "session.", "heartbeat.",
                                           "max.poll.",   "fetch.",   "queued.",
                                           "isolation.",  "auto.",    "partition.assignment.",
                                           "enable.auto."};

    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    }
    return false;
}

enum err preflight_kafka_conf(const struct aggregator_config *config, enum kafka_role role,
                              const struct kafka_property *defaults, size_t defaults_n,
                              rd_kafka_conf_t **conf, struct err_detail *detail)
{
    struct option_pair pairs[OPTION_ITEMS_MAX];
    size_t n = 0;

    for (size_t i = 0; i < config->kafka.n && n < OPTION_ITEMS_MAX; i++) {
        if (role == KAFKA_CONSUMER || !consumer_only(config->kafka.items[i].key))
            pairs[n++] = config->kafka.items[i];
    }
    const struct option_map properties = {pairs, n};
    const struct kafka_conf_request request = {
        .role = role,
        .defaults = defaults,
        .defaults_n = defaults_n,
        .properties = &properties,
    };
    return kafka_conf_build(&request, conf, detail);
}

static enum err make_admin(struct preflight *p, struct err_detail *detail)
{
    static const struct kafka_property defaults[] = {{"client.id", "enclave-aggregator"}};
    char why[ERR_DETAIL_MAX];
    rd_kafka_conf_t *conf;
    enum err e = preflight_kafka_conf(p->config, KAFKA_ADMIN, defaults, 1, &conf, detail);

    if (e != ERR_OK)
        return e;
    p->admin = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    if (p->admin != NULL)
        return ERR_OK;
    rd_kafka_conf_destroy(conf);
    return err_set(detail, ERR_CONFIG, "kafka: %s", why);
}

enum err preflight_open(const struct aggregator_config *config, struct preflight *p,
                        struct err_detail *detail)
{
    const char *bootstrap = aggregator_config_kafka(config, "bootstrap.servers", "");
    enum err e = ERR_OK;

    *p = (struct preflight){
        .config = config,
        .demands =
            {
                .topic = config->topic,
                .bootstrap = bootstrap,
                /* what is in the log must survive as long as hours are revised */
                .retention_ms_min = config->policy_horizon_ms,
                .waived = aggregator_config_waived(config),
            },
    };
    if (bootstrap[0] == '\0')
        return err_set(detail, ERR_CONFIG,
                       "kafka.bootstrap.servers: which brokers? For example"
                       " --set kafka.bootstrap.servers=10.0.0.1:9092");
    if (config->tenants[0] != '\0')
        e = books_tenants_load(config->tenants, &p->book, detail);
    if (e == ERR_OK)
        e = store_open(config->sink, &p->store, detail);
    if (e == ERR_OK)
        e = make_admin(p, detail);
    return e;
}

void preflight_disconnect(struct preflight *p)
{
    if (p->admin != NULL)
        rd_kafka_destroy(p->admin);
    p->admin = NULL;
}

void preflight_close(struct preflight *p)
{
    preflight_disconnect(p);
    store_close(p->store);
    books_tenants_free(p->book);
    memset(p, 0, sizeof *p);
}

enum err preflight_topic(struct preflight *p, struct err_detail *detail)
{
    enum err e = topic_describe(p->admin, &p->demands, &p->facts, detail);

    if (e != ERR_OK)
        return e;
    if (p->facts.partitions_n > CONSUMER_PARTITIONS_MAX)
        return err_set(detail, ERR_LIMIT, "%s has %d partitions, at most %d are supported",
                       p->demands.topic, p->facts.partitions_n, CONSUMER_PARTITIONS_MAX);
    p->findings_n = topic_judge(&p->facts, &p->demands, p->findings);
    return ERR_OK;
}

size_t preflight_open_findings(const struct preflight *p)
{
    size_t n = 0;

    for (size_t i = 0; i < p->findings_n; i++)
        n += !p->findings[i].waived;
    return n;
}

struct era preflight_wanted_era(const struct preflight *p, int64_t now_ms)
{
    struct era era = {
        .era = 1,
        .partitions_n = p->facts.partitions_n,
        .first_hour = aggregator_config_first_hour(p->config, now_ms),
    };

    snprintf(era.topic, sizeof era.topic, "%s", p->config->topic);
    snprintf(era.topic_id, sizeof era.topic_id, "cluster:%.200s", p->facts.cluster_id);
    return era;
}

static enum err ask_range(void *context, int32_t partition, struct worker_log_range *range,
                          struct err_detail *detail)
{
    const struct preflight *p = context;

    return consumer_log_range(p->admin, p->config->topic, partition, range, detail);
}

enum err preflight_partitions(struct preflight *p, const struct era *era, struct err_detail *detail)
{
    struct worker_options options = {
        .store = p->store,
        .era = era->era,
        .first_hour = era->first_hour,
        .accept_lead_in = p->config->recover_accept_lead_in,
        .log_range = ask_range,
        .context = p,
    };
    enum err e = ERR_OK;

    for (int32_t partition = 0; partition < era->partitions_n && e == ERR_OK; partition++) {
        options.partition = partition;
        e = worker_check(&options, detail);
    }
    return e;
}
