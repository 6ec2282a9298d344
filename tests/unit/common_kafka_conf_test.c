/*
 * The Kafka client's configuration (common/kafka_conf.h), read back from librdkafka.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/kafka_conf.h"
#include "common/log.h"

static enum err build(enum kafka_role role, const char *key, const char *value,
                      rd_kafka_conf_t **conf, struct err_detail *detail)
{
    const struct option_pair pairs[] = {{"client.id", "test", "conf.yaml:2"},
                                        {key, value, "conf.yaml:3"}};
    const struct option_map map = {.items = pairs, .n = key == NULL ? 1 : 2};
    const struct kafka_property defaults[] = {{"socket.keepalive.enable", "true"}};
    const struct kafka_conf_request request = {
        .role = role, .defaults = defaults, .defaults_n = 1, .properties = &map};

    return kafka_conf_build(&request, conf, detail);
}

static void assert_property(const rd_kafka_conf_t *conf, const char *name, const char *expected)
{
    char value[512];
    size_t size = sizeof value;

    assert_int_equal(rd_kafka_conf_get(conf, name, value, &size), RD_KAFKA_CONF_OK);
    assert_string_equal(value, expected);
}

static void a_producer_is_idempotent_and_never_drops(void **state)
{
    (void)state;
    struct err_detail detail;
    rd_kafka_conf_t *conf;

    assert_int_equal(build(KAFKA_PRODUCER, "linger.ms", "7", &conf, &detail), ERR_OK);
    assert_property(conf, "enable.idempotence", "true");
    assert_property(conf, "acks", "-1");
    assert_property(conf, "message.timeout.ms", "0");
    assert_property(conf, "socket.keepalive.enable", "true");
    assert_property(conf, "client.id", "test");
    assert_property(conf, "linger.ms", "7");
    rd_kafka_conf_destroy(conf);
}

static void a_consumer_never_commits_or_skips_by_itself(void **state)
{
    (void)state;
    struct err_detail detail;
    rd_kafka_conf_t *conf;

    assert_int_equal(build(KAFKA_CONSUMER, "group.id", "g", &conf, &detail), ERR_OK);
    assert_property(conf, "enable.auto.commit", "false");
    assert_property(conf, "enable.auto.offset.store", "false");
    assert_property(conf, "auto.offset.reset", "error");
    assert_property(conf, "partition.assignment.strategy", "range");
    assert_property(conf, "check.crcs", "true");
    rd_kafka_conf_destroy(conf);
}

static void a_guaranteed_value_may_be_repeated(void **state)
{
    (void)state;
    static const struct {
        enum kafka_role role;
        const char *key, *value;
    } rows[] = {
        {KAFKA_PRODUCER, "enable.idempotence", "true"},
        {KAFKA_PRODUCER, "acks", "all"},
        {KAFKA_PRODUCER, "acks", "-1"},
        {KAFKA_PRODUCER, "request.required.acks", "-1"},
        {KAFKA_PRODUCER, "message.timeout.ms", "0"},
        {KAFKA_CONSUMER, "enable.auto.commit", "False"},
        {KAFKA_CONSUMER, "acks", "1"}, /* means nothing to a consumer */
        {KAFKA_ADMIN, "acks", "1"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err_detail detail;
        rd_kafka_conf_t *conf;

        if (build(rows[i].role, rows[i].key, rows[i].value, &conf, &detail) != ERR_OK)
            fail_msg("%s", detail.text);
        rd_kafka_conf_destroy(conf);
    }
}

static void properties_that_break_a_promise_are_refused_with_the_reason(void **state)
{
    (void)state;
    static const struct {
        enum kafka_role role;
        const char *key, *value, *message;
    } rows[] = {
        {KAFKA_PRODUCER, "enable.idempotence", "false",
         "conf.yaml:3: kafka.enable.idempotence must stay 'true': a record could be published "
         "twice "
         "or out of order"},
        {KAFKA_PRODUCER, "acks", "1", "conf.yaml:3: kafka.acks must stay 'all': a record could"},
        {KAFKA_PRODUCER, "request.required.acks", "0",
         "conf.yaml:3: kafka.request.required.acks must"},
        {KAFKA_PRODUCER, "message.timeout.ms", "300000", "must stay '0': the client would drop"},
        {KAFKA_PRODUCER, "delivery.timeout.ms", "1000", "must stay '0': the client would drop"},
        {KAFKA_PRODUCER, "delivery.report.only.error", "true", "must stay 'false'"},
        {KAFKA_PRODUCER, "partitioner", "random", "kafka.partitioner must not be set: an instance"},
        {KAFKA_PRODUCER, "transactional.id", "t", "must not be set: transactions are not used"},
        {KAFKA_CONSUMER, "enable.auto.commit", "true", "must stay 'false': positions come from"},
        {KAFKA_CONSUMER, "auto.commit.enable", "true", "must stay 'false': positions come from"},
        {KAFKA_CONSUMER, "enable.auto.offset.store", "true", "must stay 'false'"},
        {KAFKA_CONSUMER, "auto.offset.reset", "latest", "must stay 'error': a truncated log"},
        {KAFKA_CONSUMER, "partition.assignment.strategy", "cooperative-sticky",
         "must stay 'range'"},
        {KAFKA_CONSUMER, "group.instance.id", "i", "must not be set: static membership hangs"},
        {KAFKA_CONSUMER, "group.protocol", "consumer", "must stay 'classic'"},
        {KAFKA_CONSUMER, "check.crcs", "false", "must stay 'true': a damaged record"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err_detail detail;
        rd_kafka_conf_t *conf;

        assert_int_equal(build(rows[i].role, rows[i].key, rows[i].value, &conf, &detail),
                         ERR_CONFIG);
        if (strstr(detail.text, rows[i].message) == NULL)
            fail_msg("said: %s", detail.text);
    }
}

static void what_the_client_refuses_is_named_with_its_origin(void **state)
{
    (void)state;
    struct err_detail detail;
    rd_kafka_conf_t *conf;

    assert_int_equal(build(KAFKA_ADMIN, "linger.msx", "7", &conf, &detail), ERR_CONFIG);
    assert_non_null(strstr(detail.text, "conf.yaml:3: unknown Kafka client property "
                                        "'kafka.linger.msx' (librdkafka "));
    assert_int_equal(build(KAFKA_ADMIN, "linger.ms", "much", &conf, &detail), ERR_CONFIG);
    assert_non_null(strstr(detail.text, "conf.yaml:3: kafka.linger.ms: Invalid value"));
    assert_int_equal(build(KAFKA_ADMIN, "security.protocol", "hunter2", &conf, &detail),
                     ERR_CONFIG);
    assert_non_null(strstr(detail.text, "kafka.security.protocol: "));
}

static void scram_with_an_old_client_is_explained(void **state)
{
    (void)state;
    const rd_kafka_resp_err_t refused = RD_KAFKA_RESP_ERR__AUTHENTICATION;
    const char *text = kafka_conf_advice_for(0x020002ff, "SCRAM-SHA-512", refused);

    assert_non_null(
        strstr(text, "before 2.6.1 cannot authenticate by SCRAM to brokers from Kafka 4.0"));
    assert_ptr_equal(kafka_conf_advice_for(0x020600ff, "scram-sha-256", refused), text);
    assert_ptr_equal(kafka_conf_advice_for(0x020002ff, "SCRAM-SHA-256",
                                           RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED),
                     text);
    const char *credentials = kafka_conf_advice_for(0x020601ff, "SCRAM-SHA-512", refused);
    assert_non_null(strstr(credentials, "check sasl.mechanism, user name and password"));
    assert_ptr_equal(kafka_conf_advice_for(0x020002ff, "PLAIN", refused), credentials);
    assert_ptr_equal(kafka_conf_advice_for(0x020002ff, NULL, refused), credentials);
    assert_null(kafka_conf_advice_for(0x020002ff, "SCRAM-SHA-512", RD_KAFKA_RESP_ERR__TRANSPORT));
}

/* ThreadSanitizer does not know threads made by C11's thrd_create, as librdkafka makes them: any
 * program that destroys a client crashes under it (gcc 12, librdkafka 2.0.2). */
#ifdef __SANITIZE_THREAD__
enum { CLIENTS_CAN_RUN = 0 };
#else
enum { CLIENTS_CAN_RUN = 1 };
#endif

static void errors_of_a_client_reach_the_log_with_advice(void **state)
{
    (void)state;
    struct err_detail detail;
    char text[8192];
    char reason[256];
    rd_kafka_conf_t *conf;
    int ends[2];

    if (!CLIENTS_CAN_RUN)
        skip();
    assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    log_configure(&(struct log_settings){LOG_FORMAT_TEXT, LOG_LEVEL_INFO, ends[1]});
    assert_int_equal(build(KAFKA_PRODUCER, "sasl.mechanism", "SCRAM-SHA-512", &conf, &detail),
                     ERR_OK);
    rd_kafka_t *client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
    assert_non_null(client);
    kafka_conf_log_error(client, RD_KAFKA_RESP_ERR__AUTHENTICATION, "refused\nby the broker");
    kafka_conf_log_error(client, RD_KAFKA_RESP_ERR__TRANSPORT, "disconnected");
    rd_kafka_destroy(client);
    ssize_t n = read(ends[0], text, sizeof text - 1);
    assert_true(n > 0);
    text[n] = '\0';
    log_configure(&(struct log_settings){LOG_FORMAT_TEXT, LOG_LEVEL_INFO, 2});
    close(ends[0]);
    close(ends[1]);
    assert_non_null(strstr(text, " ERROR kafka: client error client=test#producer-"));
    assert_non_null(
        strstr(text, " error=_AUTHENTICATION reason=\"refused\\nby the broker\" advice="));
    assert_int_equal(strstr(text, "cannot authenticate by SCRAM") != NULL,
                     rd_kafka_version() < 0x020601ff);
    assert_non_null(strstr(text, " WARN  kafka: client error client=test#producer-"));
    assert_non_null(strstr(text, " error=_TRANSPORT reason=disconnected\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_producer_is_idempotent_and_never_drops),
        cmocka_unit_test(a_consumer_never_commits_or_skips_by_itself),
        cmocka_unit_test(a_guaranteed_value_may_be_repeated),
        cmocka_unit_test(properties_that_break_a_promise_are_refused_with_the_reason),
        cmocka_unit_test(what_the_client_refuses_is_named_with_its_origin),
        cmocka_unit_test(scram_with_an_old_client_is_explained),
        cmocka_unit_test(errors_of_a_client_reach_the_log_with_advice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
