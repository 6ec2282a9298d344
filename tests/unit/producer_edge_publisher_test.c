/*
 * The publisher against librdkafka's mock cluster in this process: order, acknowledgement only from
 * reports, recovery from failed reports and fatal errors, the place of heartbeats. Durability is
 * not a mock's to show; the integration tests have a real broker for that.
 */
#include <inttypes.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>

#include <cmocka.h>

#include "producer/edge/publisher.h"
#include "schemas/c/codec.h"
#include "tests/unit/mock_kafka.h"
#include "tests/unit/temp_dir.h"

enum { API_PRODUCE = 0, DEADLINE_MS = 30000, TEXTS_MAX = 4096 };

#define KEY "i-0123456789abcdef0"

/* A mock cluster, a journal, a publisher, and a consumer that reads what arrived. */
struct world {
    struct mock_kafka mock;
    char *directory;
    struct journal *journal;
    rd_kafka_conf_t *conf;
    struct publisher *publisher;
    uint64_t last;
    char log[4096];
};

static int64_t now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static rd_kafka_conf_t *conf_for(const struct world *w)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char text[256];

    assert_int_equal(rd_kafka_conf_set(conf, "bootstrap.servers", mock_kafka_servers(&w->mock),
                                       text, sizeof text),
                     RD_KAFKA_CONF_OK);
    assert_int_equal(rd_kafka_conf_set(conf, "retry.backoff.ms", "10", text, sizeof text),
                     RD_KAFKA_CONF_OK);
    assert_int_equal(rd_kafka_conf_set(conf, "reconnect.backoff.max.ms", "100", text, sizeof text),
                     RD_KAFKA_CONF_OK);
    return conf;
}

static void remember_log(void *user, int level, const char *text)
{
    struct world *w = user;
    size_t n = strlen(w->log);

    (void)level;
    snprintf(w->log + n, sizeof w->log - n, "%s\n", text);
}

static void start_publisher(struct world *w, uint32_t in_flight_max)
{
    struct publisher_options options = {.conf = w->conf,
                                        .topic = MOCK_TOPIC,
                                        .key = BYTES_LITERAL(KEY),
                                        .in_flight_max = in_flight_max,
                                        .journal = w->journal,
                                        .log = remember_log,
                                        .log_user = w};
    struct err_detail detail = {{0}};

    if (publisher_new(&options, &w->publisher, &detail) != ERR_OK)
        fail_msg("%s", detail.text);
}

static void open_journal(struct world *w)
{
    struct journal_options options = {.directory = w->directory,
                                      .max_bytes = 8 << 20,
                                      .segment_bytes = 1 << 20,
                                      .ops = &file_ops_system};

    assert_int_equal(journal_open(&options, &w->journal, NULL), ERR_OK);
}

static void setup(struct world *w)
{
    *w = (struct world){0};
    mock_kafka_start(&w->mock);
    w->directory = temp_dir_new();
    open_journal(w);
    w->conf = conf_for(w);
    start_publisher(w, 100);
}

static void teardown(struct world *w)
{
    publisher_free(w->publisher);
    journal_close(w->journal);
    rd_kafka_conf_destroy(w->conf);
    mock_kafka_stop(&w->mock);
    temp_dir_free(w->directory);
}

/* Commits n more events, texts "1", "2", … */
static void commit(struct world *w, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char text[32];
        struct bytes event;

        snprintf(text, sizeof text, "%" PRIu64, ++w->last);
        event = bytes_of_string(text);
        struct journal_commit c = {.last_seq = w->last, .events = &event, .events_n = 1};
        assert_int_equal(journal_append(w->journal, &c, NULL), ERR_OK);
    }
}

static uint64_t acked(const struct world *w)
{
    struct journal_state state;

    journal_get_state(w->journal, &state);
    return state.acked;
}

static void serve(struct world *w)
{
    struct err_detail detail = {{0}};

    if (publisher_serve(w->publisher, now_ms(), &detail) != ERR_OK)
        fail_msg("%s", detail.text);
}

/* Waits on the publisher's descriptor and deadline, as the run loop does, for a condition. */
#define serve_until(w, condition)                                                                  \
    do {                                                                                           \
        int64_t end = now_ms() + DEADLINE_MS;                                                      \
        serve(w);                                                                                  \
        while (!(condition)) {                                                                     \
            if (now_ms() > end)                                                                    \
                fail_msg("waited %d s for %s; log:\n%s", DEADLINE_MS / 1000, #condition,           \
                         (w)->log);                                                                \
            wait_for_work(w);                                                                      \
            serve(w);                                                                              \
        }                                                                                          \
    } while (0)

static void wait_for_work(struct world *w)
{
    struct pollfd fd = {.fd = publisher_fd(w->publisher), .events = POLLIN};
    int64_t left = publisher_next_deadline(w->publisher) - now_ms();

    poll(&fd, 1, (int)(left < 0 ? 0 : left > 1000 ? 1000 : left));
}

/* Everything in the topic, without frames, joined by spaces: "1 2 3 ". */
struct texts {
    char text[TEXTS_MAX];
    size_t n;
};

static void see(void *user, const rd_kafka_message_t *message)
{
    struct texts *t = user;
    uint8_t frame[FRAME_SINGLE_OBJECT_BYTES];

    assert_int_equal(frame_put_single_object(frame), sizeof frame);
    assert_true(message->len >= sizeof frame);
    assert_memory_equal(message->payload, frame, sizeof frame);
    assert_true(bytes_equal(bytes_of(message->key, message->key_len), BYTES_LITERAL(KEY)));
    t->n += (size_t)snprintf(t->text + t->n, sizeof t->text - t->n, "%.*s ",
                             (int)(message->len - sizeof frame),
                             (const char *)message->payload + sizeof frame);
    assert_true(t->n < sizeof t->text);
}

static char *arrived(const struct world *w)
{
    static struct texts texts;

    texts.n = 0;
    mock_kafka_read(&w->mock, see, &texts);
    return texts.text;
}

/* ---- tests --------------------------------------------------------------------------------- */

static void events_arrive_in_order_and_are_acknowledged(void **unused)
{
    (void)unused;
    struct world w;

    setup(&w);
    commit(&w, 3);
    assert_false(publisher_is_drained(w.publisher));
    serve_until(&w, publisher_is_drained(w.publisher));
    assert_int_equal(acked(&w), 3);
    commit(&w, 2);
    serve_until(&w, publisher_is_drained(w.publisher));
    assert_string_equal(arrived(&w), "1 2 3 4 5 ");
    assert_int_equal(publisher_get_counters(w.publisher).delivered, 5);
    teardown(&w);
}

static void no_more_than_the_bound_is_in_flight(void **unused)
{
    (void)unused;
    struct world w;
    uint32_t most = 0;

    setup(&w);
    publisher_free(w.publisher);
    start_publisher(&w, 4);
    commit(&w, 50);
    serve_until(&w, (most = publisher_get_counters(w.publisher).in_flight > most
                                ? publisher_get_counters(w.publisher).in_flight
                                : most,
                     publisher_is_drained(w.publisher)));
    assert_int_equal(most, 4);
    teardown(&w);
}

static void nothing_is_acknowledged_while_the_broker_is_away(void **unused)
{
    (void)unused;
    struct world w;

    setup(&w);
    assert_int_equal(rd_kafka_mock_broker_set_down(w.mock.cluster, -1), 0);
    commit(&w, 3);
    serve_until(&w, w.log[0] != '\0'); /* the client has found out */
    assert_int_equal(acked(&w), 0);
    assert_int_equal(rd_kafka_mock_broker_set_up(w.mock.cluster, -1), 0);
    serve_until(&w, publisher_is_drained(w.publisher));
    assert_string_equal(arrived(&w), "1 2 3 ");
    teardown(&w);
}

static void retriable_errors_are_the_clients_business(void **unused)
{
    (void)unused;
    struct world w;

    setup(&w);
    rd_kafka_mock_push_request_errors(
        w.mock.cluster, API_PRODUCE, 3, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
        RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, RD_KAFKA_RESP_ERR__TRANSPORT);
    commit(&w, 20);
    serve_until(&w, publisher_is_drained(w.publisher));
    assert_string_equal(arrived(&w), "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 ");
    teardown(&w);
}

/* Of what arrives, the first appearance of each number must be in order, none missing. */
static void assert_complete(char *texts, uint64_t last)
{
    uint64_t highest = 0;

    for (char *save, *word = strtok_r(texts, " ", &save); word != NULL;
         word = strtok_r(NULL, " ", &save)) {
        uint64_t value = strtoull(word, NULL, 10);

        assert_true(value <= highest + 1);
        if (value > highest)
            highest = value;
    }
    assert_int_equal(highest, last);
}

static void a_failed_report_makes_a_new_client_from_the_first_unacknowledged(void **unused)
{
    (void)unused;
    struct world w;

    setup(&w);
    commit(&w, 5);
    serve_until(&w, publisher_is_drained(w.publisher));
    rd_kafka_mock_push_request_errors(w.mock.cluster, API_PRODUCE, 1,
                                      RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    commit(&w, 5);
    serve_until(&w, publisher_is_drained(w.publisher));
    assert_int_equal(publisher_get_counters(w.publisher).failures, 1);
    assert_non_null(strstr(w.log, "not delivered"));
    assert_complete(arrived(&w), 10);
    teardown(&w);
}

static void a_fatal_error_makes_a_new_client(void **unused)
{
    (void)unused;
    struct world w;

    setup(&w);
    commit(&w, 5);
    serve_until(&w, publisher_is_drained(w.publisher));
    commit(&w, 5);
    assert_int_equal(rd_kafka_test_fatal_error(publisher_client(w.publisher),
                                               RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER,
                                               "injected"),
                     RD_KAFKA_RESP_ERR_NO_ERROR);
    serve_until(&w, publisher_is_drained(w.publisher));
    assert_true(publisher_get_counters(w.publisher).failures >= 1);
    assert_complete(arrived(&w), 10);
    teardown(&w);
}

static void repeated_failures_back_off_and_recover(void **unused)
{
    (void)unused;
    struct world w;

    setup(&w);
    rd_kafka_mock_push_request_errors(
        w.mock.cluster, API_PRODUCE, 3, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
        RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    commit(&w, 3);
    serve_until(&w, publisher_get_counters(w.publisher).failures == 1);
    assert_null(publisher_client(w.publisher));
    assert_true(publisher_next_deadline(w.publisher) < INT64_MAX);
    serve_until(&w, publisher_is_drained(w.publisher));
    assert_int_equal(publisher_get_counters(w.publisher).failures, 3);
    assert_int_equal(publisher_next_deadline(w.publisher), INT64_MAX);
    assert_complete(arrived(&w), 3);
    teardown(&w);
}

static void after_a_restart_publishing_resumes_behind_the_acknowledged(void **unused)
{
    (void)unused;
    struct world w;

    setup(&w);
    commit(&w, 3);
    serve_until(&w, publisher_is_drained(w.publisher));
    commit(&w, 3);
    publisher_free(w.publisher);
    journal_close(w.journal);
    open_journal(&w);
    start_publisher(&w, 100);
    serve_until(&w, publisher_is_drained(w.publisher));
    assert_string_equal(arrived(&w), "1 2 3 4 5 6 ");
    teardown(&w);
}

static void a_heartbeat_follows_the_events_before_it(void **unused)
{
    (void)unused;
    struct world w;

    setup(&w);
    publisher_heartbeat(w.publisher, BYTES_LITERAL("h0"));
    serve_until(&w, publisher_get_counters(w.publisher).heartbeats == 1);
    commit(&w, 3);
    publisher_heartbeat(w.publisher, BYTES_LITERAL("h3"));
    serve_until(&w, publisher_get_counters(w.publisher).heartbeats == 2);
    commit(&w, 1);
    serve_until(&w, publisher_is_drained(w.publisher));
    assert_string_equal(arrived(&w), "h0 1 2 3 h3 4 ");
    teardown(&w);
}

static void only_the_newest_heartbeat_waits_while_the_broker_is_away(void **unused)
{
    (void)unused;
    struct world w;

    setup(&w);
    assert_int_equal(rd_kafka_mock_broker_set_down(w.mock.cluster, -1), 0);
    for (int i = 0; i < 10; i++) {
        char text[16];

        snprintf(text, sizeof text, "h%d", i);
        publisher_heartbeat(w.publisher, bytes_of_string(text));
        serve(&w);
    }
    assert_int_equal(rd_kafka_mock_broker_set_up(w.mock.cluster, -1), 0);
    serve_until(&w, publisher_get_counters(w.publisher).heartbeats == 2);
    assert_string_equal(arrived(&w), "h0 h9 ");
    teardown(&w);
}

static void a_heartbeat_that_a_later_event_overtook_is_dropped(void **unused)
{
    (void)unused;
    struct world w;

    setup(&w);
    assert_int_equal(rd_kafka_mock_broker_set_down(w.mock.cluster, -1), 0);
    publisher_heartbeat(w.publisher, BYTES_LITERAL("h0"));
    serve(&w); /* in flight */
    publisher_heartbeat(w.publisher, BYTES_LITERAL("old"));
    commit(&w, 1);
    serve(&w);
    publisher_heartbeat(w.publisher, BYTES_LITERAL("new"));
    serve(&w);
    assert_int_equal(rd_kafka_mock_broker_set_up(w.mock.cluster, -1), 0);
    serve_until(&w, publisher_get_counters(w.publisher).heartbeats == 2);
    assert_string_equal(arrived(&w), "h0 1 new ");
    teardown(&w);
}

static void a_broken_journal_stops_the_publisher(void **unused)
{
    (void)unused;
    struct world w;
    char path[600];
    struct err_detail detail = {{0}};

    setup(&w);
    commit(&w, 1);
    snprintf(path, sizeof path, "%s/journal-%020d", w.directory, 1);
    int fd = open(path, O_RDWR);
    assert_int_equal(pwrite(fd, "!", 1, 4096 + 16 + 64 + 8), 1); /* the event's first byte */
    close(fd);
    assert_int_equal(publisher_serve(w.publisher, now_ms(), &detail), ERR_INCIDENT);
    assert_non_null(strstr(detail.text, path));
    teardown(&w);
}

static void a_configuration_that_librdkafka_refuses_is_an_error(void **unused)
{
    (void)unused;
    struct world w;
    struct publisher *publisher;
    struct err_detail detail = {{0}};
    char text[256];

    setup(&w);
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    assert_int_equal(rd_kafka_conf_set(conf, "max.in.flight", "100", text, sizeof text), 0);
    struct publisher_options options = {.conf = conf,
                                        .topic = MOCK_TOPIC,
                                        .key = BYTES_LITERAL("i"),
                                        .in_flight_max = 1,
                                        .journal = w.journal};
    assert_int_equal(publisher_new(&options, &publisher, &detail), ERR_CONFIG);
    assert_true(strlen(detail.text) > 0);
    rd_kafka_conf_destroy(conf);
    teardown(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_arrive_in_order_and_are_acknowledged),
        cmocka_unit_test(no_more_than_the_bound_is_in_flight),
        cmocka_unit_test(nothing_is_acknowledged_while_the_broker_is_away),
        cmocka_unit_test(retriable_errors_are_the_clients_business),
        cmocka_unit_test(a_failed_report_makes_a_new_client_from_the_first_unacknowledged),
        cmocka_unit_test(a_fatal_error_makes_a_new_client),
        cmocka_unit_test(repeated_failures_back_off_and_recover),
        cmocka_unit_test(after_a_restart_publishing_resumes_behind_the_acknowledged),
        cmocka_unit_test(a_heartbeat_follows_the_events_before_it),
        cmocka_unit_test(only_the_newest_heartbeat_waits_while_the_broker_is_away),
        cmocka_unit_test(a_heartbeat_that_a_later_event_overtook_is_dropped),
        cmocka_unit_test(a_broken_journal_stops_the_publisher),
        cmocka_unit_test(a_configuration_that_librdkafka_refuses_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
