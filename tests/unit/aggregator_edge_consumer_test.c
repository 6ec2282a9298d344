/*
 * The consumer group and control records against librdkafka's mock cluster: where reading begins,
 * who reads what, what happens when ownership or the store is lost.
 *
 * The mock broker keeps the producer's timestamps, so the client's function that tells them is
 * replaced here: every record counts as stamped by the broker.
 */
#include <dlfcn.h>
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "aggregator/edge/checkpoint_store.h"
#include "aggregator/edge/consumer.h"
#include "aggregator/edge/control.h"
#include "common/clock.h"
#include "common/log.h"
#include "schemas/c/codec.h"
#include "tests/unit/memory_store.h"

enum { PARTITIONS = 3, DEADLINE_MS = 60 * 1000 };

#define TOPIC "lifecycle"

int64_t rd_kafka_message_timestamp(const rd_kafka_message_t *message,
                                   rd_kafka_timestamp_type_t *type)
{
    static int64_t (*real)(const rd_kafka_message_t *, rd_kafka_timestamp_type_t *);

    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "rd_kafka_message_timestamp");
    int64_t time = real(message, type);
    *type = RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME;
    return time;
}

struct fixture {
    rd_kafka_t *producer;
    rd_kafka_mock_cluster_t *cluster;
    struct memory_store *m;
    struct decoder_cache *decoders;
    struct consumer *a, *b;
    struct control *control;
    struct event_policy policy;
};

/* ---- set-up --------------------------------------------------------------------------------- */

static rd_kafka_conf_t *conf_of(struct fixture *f, enum kafka_role role)
{
    const struct option_pair pairs[] = {
        {"bootstrap.servers", rd_kafka_mock_cluster_bootstraps(f->cluster), "test"},
    };
    const struct option_map map = {pairs, 1};
    struct kafka_property defaults[CONSUMER_KAFKA_PROPERTIES_N + 3] = {
        {"group.id", "test"}, {"session.timeout.ms", "6000"}, {"heartbeat.interval.ms", "300"}};
    struct kafka_conf_request request = {.role = role, .properties = &map};
    rd_kafka_conf_t *conf;
    struct err_detail detail;

    if (role == KAFKA_CONSUMER) {
        for (size_t i = 0; i < CONSUMER_KAFKA_PROPERTIES_N; i++)
            defaults[i + 3] = consumer_kafka_properties[i];
        request.defaults = defaults;
        request.defaults_n = sizeof defaults / sizeof *defaults;
    }
    if (kafka_conf_build(&request, &conf, &detail) != ERR_OK)
        fail_msg("%s", detail.text);
    return conf;
}

static struct consumer *join(struct fixture *f)
{
    const struct consumer_options options = {
        .topic = TOPIC,
        .partitions_n = PARTITIONS,
        .worker =
            {
                .store = &f->m->store,
                .decoders = f->decoders,
                .era = 1,
                .first_hour = clock_wall_ms() / HOUR_MS * HOUR_MS,
                .checkpoint_interval_ms = 200,
                .replay_retention_ms = HOUR_MS,
            },
    };
    struct consumer *c;
    struct err_detail detail;

    if (consumer_new(conf_of(f, KAFKA_CONSUMER), &options, &c, &detail) != ERR_OK)
        fail_msg("%s", detail.text);
    return c;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    char why[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    struct err_detail detail;

    /* The cluster lives in a client of its own; the same client fills the topic. */
    rd_kafka_conf_set(conf, "test.mock.num.brokers", "1", why, sizeof why);
    rd_kafka_conf_set(conf, "linger.ms", "0", why, sizeof why);
    f->producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    assert_non_null(f->producer);
    f->cluster = rd_kafka_handle_mock_cluster(f->producer);
    assert_non_null(f->cluster);
    assert_int_equal(rd_kafka_mock_topic_create(f->cluster, TOPIC, PARTITIONS, 1), 0);
    f->m = memory_store_new();
    assert_int_equal(decoder_cache_new(&f->decoders, &detail), ERR_OK);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    consumer_close(f->a);
    consumer_close(f->b);
    control_free(f->control, 1000);
    rd_kafka_destroy(f->producer);
    decoder_cache_free(f->decoders);
    store_close(&f->m->store);
    free(f);
    return 0;
}

static void produce(struct fixture *f, int32_t partition, int n)
{
    uint8_t buffer[512];
    size_t frame = frame_put_single_object(buffer), len;
    const struct event tick = {.type = EVENT_TICK};

    assert_int_equal(event_encode(&tick, buffer + frame, sizeof buffer - frame, &len), ERR_OK);
    for (int i = 0; i < n; i++)
        assert_int_equal(rd_kafka_producev(f->producer, RD_KAFKA_V_TOPIC(TOPIC),
                                           RD_KAFKA_V_PARTITION(partition),
                                           RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                                           RD_KAFKA_V_VALUE(buffer, frame + len), RD_KAFKA_V_END),
                         RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_int_equal(rd_kafka_flush(f->producer, DEADLINE_MS), RD_KAFKA_RESP_ERR_NO_ERROR);
}

/* ---- waiting -------------------------------------------------------------------------------- */

static void poll_once(struct fixture *f)
{
    struct err_detail detail;

    if (f->a != NULL && consumer_poll(f->a, 20, &detail) != ERR_OK)
        fail_msg("%s", detail.text);
    if (f->b != NULL && consumer_poll(f->b, 20, &detail) != ERR_OK)
        fail_msg("%s", detail.text);
    if (f->control != NULL) {
        struct consumer_view views[PARTITIONS];
        size_t n = consumer_views(f->a, views, PARTITIONS);

        control_poll(f->control, views, n, clock_wall_ms(), clock_monotonic_ms());
    }
}

static struct consumer_view view_of(const struct consumer *c, int32_t partition)
{
    struct consumer_view views[PARTITIONS];
    size_t n = consumer_views(c, views, PARTITIONS);

    for (size_t i = 0; i < n; i++) {
        if (views[i].partition == partition)
            return views[i];
    }
    return (struct consumer_view){.partition = -1};
}

/* The next offset of a partition in a consumer, −1 if it does not meter it now. */
static int64_t next_offset(const struct consumer *c, int32_t partition)
{
    struct consumer_view view = view_of(c, partition);

    return view.worker == NULL || worker_state(view.worker) != WORKER_RUNNING
               ? -1
               : partition_next_offset(worker_partition(view.worker));
}

/* Polls until the condition holds; a test that waits too long fails. */
#define UNTIL(f, condition)                                                                        \
    do {                                                                                           \
        int64_t deadline_ms = clock_monotonic_ms() + DEADLINE_MS;                                  \
        while (!(condition)) {                                                                     \
            if (clock_monotonic_ms() > deadline_ms)                                                \
                fail_msg("waited in vain for " #condition);                                        \
            poll_once(f);                                                                          \
        }                                                                                          \
    } while (0)

static bool reads_all(const struct consumer *c, int64_t offset)
{
    for (int32_t p = 0; p < PARTITIONS; p++) {
        if (next_offset(c, p) != offset)
            return false;
    }
    return true;
}

static size_t checkpoints_of(const struct fixture *f, int32_t partition)
{
    char prefix[64];

    snprintf(prefix, sizeof prefix, "state/era=0001/p=%04" PRId32 "/", partition);
    return memory_store_count(f->m, prefix);
}

/* ---- tests ---------------------------------------------------------------------------------- */

static void every_partition_is_read_from_its_start_and_resumed_at_its_checkpoint(void **state)
{
    struct fixture *f = *state;

    for (int32_t p = 0; p < PARTITIONS; p++)
        produce(f, p, 700);
    f->a = join(f);
    UNTIL(f, reads_all(f->a, 700));
    consumer_close(f->a);
    f->a = NULL;
    for (int32_t p = 0; p < PARTITIONS; p++)
        assert_true(checkpoints_of(f, p) >= 1);

    for (int32_t p = 0; p < PARTITIONS; p++)
        produce(f, p, 5);
    f->a = join(f);
    UNTIL(f, reads_all(f->a, 705));
    for (int32_t p = 0; p < PARTITIONS; p++)
        assert_int_equal(worker_counts(view_of(f->a, p).worker)->records, 5);
}

static void whoever_remains_takes_over_where_the_other_left(void **state)
{
    struct fixture *f = *state;

    for (int32_t p = 0; p < PARTITIONS; p++)
        produce(f, p, 10);
    f->a = join(f);
    f->b = join(f);
    UNTIL(f, consumer_views(f->a, NULL, 0) + consumer_views(f->b, NULL, 0) == PARTITIONS &&
                 consumer_views(f->a, NULL, 0) > 0 && consumer_views(f->b, NULL, 0) > 0);
    for (int32_t p = 0; p < PARTITIONS; p++)
        UNTIL(f, next_offset(f->a, p) == 10 || next_offset(f->b, p) == 10);
    consumer_close(f->b);
    f->b = NULL;
    for (int32_t p = 0; p < PARTITIONS; p++)
        produce(f, p, 10);
    UNTIL(f, reads_all(f->a, 20));
}

static void a_partition_that_another_process_has_taken_is_loaded_again(void **state)
{
    struct fixture *f = *state;
    struct checkpoint_store *intruder;
    struct checkpoint_file file;
    struct err_detail detail;
    uint32_t damaged_n;

    produce(f, 1, 10);
    f->a = join(f);
    UNTIL(f, next_offset(f->a, 1) == 10 && checkpoints_of(f, 1) > 0);
    /* somebody else writes the next checkpoint, of the same state */
    assert_int_equal(checkpoint_store_new(&f->m->store, 1, 1, HOUR_MS, &intruder, &detail), ERR_OK);
    assert_int_equal(checkpoint_store_load(intruder, &file, &damaged_n, &detail), ERR_OK);
    struct checkpoint copy = file.checkpoint;
    assert_int_equal(checkpoint_store_save(intruder, &copy, &detail), ERR_OK);
    size_t before = checkpoints_of(f, 1);
    const struct worker *owner = view_of(f->a, 1).worker;

    produce(f, 1, 10);
    UNTIL(f, next_offset(f->a, 1) == 20 && checkpoints_of(f, 1) > before);
    assert_ptr_not_equal(view_of(f->a, 1).worker, owner);
    checkpoint_file_clear(&file);
    checkpoint_store_free(intruder);
}

static void a_store_that_is_away_at_assignment_delays_and_loses_nothing(void **state)
{
    struct fixture *f = *state;

    produce(f, 0, 10);
    produce(f, 1, 10);
    f->m->fail_prefix = "state/era=0001/p=0001/";
    f->m->fail_list = ERR_IO;
    f->a = join(f);
    UNTIL(f, next_offset(f->a, 0) == 10); /* the others go on */
    assert_int_equal(next_offset(f->a, 1), -1);
    assert_non_null(strstr(view_of(f->a, 1).reason, "does not answer"));
    f->m->fail_list = ERR_OK;
    UNTIL(f, next_offset(f->a, 1) == 10);
    produce(f, 0, 1);
    produce(f, 1, 1);
    UNTIL(f, next_offset(f->a, 0) == 11 && next_offset(f->a, 1) == 11);
    assert_int_equal(worker_counts(view_of(f->a, 0).worker)->records, 11);
}

static void a_partition_that_waits_does_not_hold_up_the_others(void **state)
{
    static const uint8_t unknown[] = {0, 0, 0, 0, 42, 0};
    struct fixture *f = *state;

    assert_int_equal(rd_kafka_producev(f->producer, RD_KAFKA_V_TOPIC(TOPIC),
                                       RD_KAFKA_V_PARTITION(2),
                                       RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                                       RD_KAFKA_V_VALUE((void *)(uintptr_t)unknown, sizeof unknown),
                                       RD_KAFKA_V_END),
                     RD_KAFKA_RESP_ERR_NO_ERROR);
    produce(f, 2, 10);
    produce(f, 0, 2000);
    f->a = join(f);
    UNTIL(f, next_offset(f->a, 0) == 2000);
    UNTIL(f, view_of(f->a, 2).worker != NULL &&
                 worker_state(view_of(f->a, 2).worker) == WORKER_HOLDING);
    assert_int_equal(partition_next_offset(worker_partition(view_of(f->a, 2).worker)), 0);
    assert_false(view_of(f->a, 2).caught_up);
}

static void a_silent_partition_gets_ticks_and_a_newer_policy_gets_into_force(void **state)
{
    static const struct event_pair values[] = {
        {BYTES_LITERAL("tick_interval"), BYTES_LITERAL("1s")}};
    struct fixture *f = *state;
    struct err_detail detail;

    f->policy =
        (struct event_policy){.version = 4, .rules_version = RULES_VERSION, .values = {values, 1}};
    assert_int_equal(control_new(conf_of(f, KAFKA_PRODUCER), TOPIC, PARTITIONS, &f->policy,
                                 &f->control, &detail),
                     ERR_OK);
    f->a = join(f);
    for (int32_t p = 0; p < PARTITIONS; p++) {
        UNTIL(f, next_offset(f->a, p) >= 1);
        const struct policy *policy = partition_policy(worker_partition(view_of(f->a, p).worker));
        assert_int_equal(policy->version, 4);
        assert_int_equal(policy->tick_interval_ms, 1000);
    }
    for (int32_t p = 0; p < PARTITIONS; p++)
        UNTIL(f, next_offset(f->a, p) >= 3); /* the policy, then ticks */
    assert_int_equal(worker_counts(view_of(f->a, 0).worker)->undecodable, 0);
    /* the policy was appended once */
    assert_int_equal(
        worker_counts(view_of(f->a, 0).worker)->notices[__builtin_ctz(NOTICE_POLICY_IGNORED)], 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_partition_is_read_from_its_start_and_resumed_at_its_checkpoint),
        TEST(whoever_remains_takes_over_where_the_other_left),
        TEST(a_partition_that_another_process_has_taken_is_loaded_again),
        TEST(a_store_that_is_away_at_assignment_delays_and_loses_nothing),
        TEST(a_partition_that_waits_does_not_hold_up_the_others),
        TEST(a_silent_partition_gets_ticks_and_a_newer_policy_gets_into_force),
    };
    const struct log_settings quiet = {LOG_FORMAT_TEXT, LOG_LEVEL_WARN, STDERR_FILENO};

    log_configure(&quiet);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
