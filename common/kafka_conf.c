/*
 * librdkafka's configuration. What the role's promises rest on stands in one table: the value that
 * is set, and why a person may not change it.
 */
#include "common/kafka_conf.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>
#include <syslog.h>

#include "common/log.h"

/* A property whose value is fixed, or (value NULL) that must not be set at all. Values are compared
 * as words; `also` is another spelling that librdkafka takes for the same. */
struct guarantee {
    enum kafka_role role;
    const char *name;
    const char *value;
    const char *also;
    bool set; /* set by kafka_conf_build; otherwise it is librdkafka's default or an alias */
    const char *reason;
};

static const char why_idempotent[] = "a record could be published twice or out of order";
static const char why_acks[] = "a record could be lost with one broker";
static const char why_timeout[] = "the client would drop records; the journal owns retrying";
static const char why_offsets[] = "positions come from checkpoints, never from the group's offsets";
static const char why_position[] = "a truncated log must be noticed, not skipped";
static const char why_range[] = "other assignors lose partitions or hang in this client version";
static const char why_static[] = "static membership hangs or fences in this client version";

static const struct guarantee guarantees[] = {
    {KAFKA_PRODUCER, "enable.idempotence", "true", NULL, true, why_idempotent},
    {KAFKA_PRODUCER, "acks", "all", "-1", true, why_acks},
    {KAFKA_PRODUCER, "request.required.acks", "all", "-1", false, why_acks},
    {KAFKA_PRODUCER, "message.timeout.ms", "0", NULL, true, why_timeout},
    {KAFKA_PRODUCER, "delivery.timeout.ms", "0", NULL, false, why_timeout},
    {KAFKA_PRODUCER, "delivery.report.only.error", "false", NULL, false,
     "the journal is trimmed by delivery reports"},
    {KAFKA_PRODUCER, "partitioner", NULL, NULL, false,
     "an instance must stay in one partition for as long as the topic lives"},
    {KAFKA_PRODUCER, "transactional.id", NULL, NULL, false, "transactions are not used"},
    {KAFKA_CONSUMER, "enable.auto.commit", "false", NULL, true, why_offsets},
    {KAFKA_CONSUMER, "auto.commit.enable", "false", NULL, false, why_offsets},
    {KAFKA_CONSUMER, "enable.auto.offset.store", "false", NULL, true, why_offsets},
    {KAFKA_CONSUMER, "auto.offset.reset", "error", NULL, true, why_position},
    {KAFKA_CONSUMER, "partition.assignment.strategy", "range", NULL, true, why_range},
    {KAFKA_CONSUMER, "group.protocol", "classic", NULL, false,
     "the assignor above belongs to the classic protocol"},
    {KAFKA_CONSUMER, "group.instance.id", NULL, NULL, false, why_static},
    {KAFKA_CONSUMER, "check.crcs", "true", NULL, true, "a damaged record would be metered"},
};
enum { GUARANTEES_N = sizeof guarantees / sizeof guarantees[0] };

/* Versions as rd_kafka_version() gives them. */
enum { SCRAM_FIXED_VERSION = 0x020601ff };

const char *kafka_conf_advice_for(int client_version, const char *sasl_mechanism,
                                  rd_kafka_resp_err_t error)
{
    bool refused = error == RD_KAFKA_RESP_ERR__AUTHENTICATION ||
                   error == RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED;
    /* 0x020601ff is 2.6.1 itself; pre-releases of it are lower and have the defect. */
    bool defective = client_version < SCRAM_FIXED_VERSION;

    if (!refused)
        return NULL;
    if (defective && sasl_mechanism != NULL && strncasecmp(sasl_mechanism, "SCRAM", 5) == 0)
        return "librdkafka before 2.6.1 cannot authenticate by SCRAM to brokers from Kafka 4.0 on, "
               "whatever the password: use brokers up to 3.9, a newer librdkafka, or PLAIN over "
               "TLS, mTLS or OAUTHBEARER; with older brokers check user name and password";
    return "the broker refused the credentials: check sasl.mechanism, user name and password";
}

const char *kafka_conf_advice(const rd_kafka_t *client, rd_kafka_resp_err_t error)
{
    char mechanism[64] = "";
    size_t size = sizeof mechanism;

    /* rd_kafka_conf() only reads, but its parameter is not const. */
    const rd_kafka_conf_t *conf = rd_kafka_conf((rd_kafka_t *)(uintptr_t)client);
    if (rd_kafka_conf_get(conf, "sasl.mechanisms", mechanism, &size) != RD_KAFKA_CONF_OK)
        mechanism[0] = '\0';
    return kafka_conf_advice_for(rd_kafka_version(), mechanism, error);
}

void kafka_conf_log_error(rd_kafka_t *client, int error, const char *reason)
{
    rd_kafka_resp_err_t code = (rd_kafka_resp_err_t)error;
    const char *advice = kafka_conf_advice(client, code);
    char fatal_reason[ERR_DETAIL_MAX];

    if (code == RD_KAFKA_RESP_ERR__FATAL) {
        code = rd_kafka_fatal_error(client, fatal_reason, sizeof fatal_reason);
        log_error("kafka", "fatal client error", field_string("client", rd_kafka_name(client)),
                  field_string("error", rd_kafka_err2name(code)),
                  field_string("reason", fatal_reason));
    } else if (advice != NULL) {
        log_error("kafka", "client error", field_string("client", rd_kafka_name(client)),
                  field_string("error", rd_kafka_err2name(code)), field_string("reason", reason),
                  field_string("advice", advice));
    } else {
        log_warn("kafka", "client error", field_string("client", rd_kafka_name(client)),
                 field_string("error", rd_kafka_err2name(code)), field_string("reason", reason));
    }
}

static void on_error(rd_kafka_t *client, int error, const char *reason, void *opaque)
{
    (void)opaque;
    kafka_conf_log_error(client, error, reason);
}

/* librdkafka's lines, by syslog level. */
static void on_log(const rd_kafka_t *client, int level, const char *facility, const char *text)
{
    struct log_field fields[] = {
        field_string("client", client != NULL ? rd_kafka_name(client) : ""),
        field_string("facility", facility),
        field_string("text", text),
        {.key = NULL},
    };
    enum log_level ours = level <= LOG_ERR       ? LOG_LEVEL_ERROR
                          : level == LOG_WARNING ? LOG_LEVEL_WARN
                          : level <= LOG_INFO    ? LOG_LEVEL_INFO
                                                 : LOG_LEVEL_DEBUG;

    log_write(ours, "kafka", "client", fields);
}

static void set_own(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char text[ERR_DETAIL_MAX];
    rd_kafka_conf_res_t result = rd_kafka_conf_set(conf, name, value, text, sizeof text);

    assert(result == RD_KAFKA_CONF_OK); /* a wrong default is a bug */
    (void)result;
}

/* ERR_CONFIG if the property would break a promise of the role. */
static enum err check_guarantee(enum kafka_role role, const struct option_pair *property,
                                struct err_detail *detail)
{
    for (size_t i = 0; i < GUARANTEES_N; i++) {
        const struct guarantee *g = &guarantees[i];

        if (g->role != role || strcmp(g->name, property->key) != 0)
            continue;
        if (g->value == NULL)
            return err_set(detail, ERR_CONFIG, "%s: kafka.%s must not be set: %s", property->origin,
                           g->name, g->reason);
        if (strcasecmp(property->value, g->value) != 0 &&
            (g->also == NULL || strcmp(property->value, g->also) != 0))
            return err_set(detail, ERR_CONFIG, "%s: kafka.%s must stay '%s': %s", property->origin,
                           g->name, g->value, g->reason);
    }
    return ERR_OK;
}

static enum err set_property(rd_kafka_conf_t *conf, enum kafka_role role,
                             const struct option_pair *property, struct err_detail *detail)
{
    char text[ERR_DETAIL_MAX / 2];
    enum err err = check_guarantee(role, property, detail);

    if (err != ERR_OK)
        return err;
    switch (rd_kafka_conf_set(conf, property->key, property->value, text, sizeof text)) {
    case RD_KAFKA_CONF_OK: return ERR_OK;
    case RD_KAFKA_CONF_UNKNOWN:
        return err_set(detail, ERR_CONFIG,
                       "%s: unknown Kafka client property 'kafka.%s' (librdkafka %s)",
                       property->origin, property->key, rd_kafka_version_str());
    default: break;
    }
    /* librdkafka repeats the value in its text: not where that is a secret. */
    return err_set(detail, ERR_CONFIG, "%s: kafka.%s: %s", property->origin, property->key,
                   option_key_is_secret(property->key) ? "the value is not valid" : text);
}

enum err kafka_conf_build(const struct kafka_conf_request *request, rd_kafka_conf_t **out,
                          struct err_detail *detail)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    size_t properties_n = request->properties != NULL ? request->properties->n : 0;

    rd_kafka_conf_set_log_cb(conf, on_log);
    rd_kafka_conf_set_error_cb(conf, on_error);
    for (size_t i = 0; i < GUARANTEES_N; i++)
        if (guarantees[i].role == request->role && guarantees[i].set)
            set_own(conf, guarantees[i].name, guarantees[i].value);
    for (size_t i = 0; i < request->defaults_n; i++)
        set_own(conf, request->defaults[i].name, request->defaults[i].value);
    for (size_t i = 0; i < properties_n; i++) {
        enum err err = set_property(conf, request->role, &request->properties->items[i], detail);
        if (err != ERR_OK) {
            rd_kafka_conf_destroy(conf);
            return err;
        }
    }
    *out = conf;
    return ERR_OK;
}
