/*
 * The producer's options: defaults that can run, and the checks over more than one option.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "producer/edge/settings.h"

struct world {
    struct producer_settings settings;
    struct config config;
    struct err_detail detail;
};

static void setup(struct world *w)
{
    *w = (struct world){0};
    assert_int_equal(config_init(&w->config, &producer_option_table, &w->settings, &w->detail),
                     ERR_OK);
}

static void teardown(struct world *w)
{
    config_free(&w->config);
}

static enum err set_and_check(struct world *w, const char *assignment)
{
    enum err err = config_set(&w->config, assignment, &w->detail);

    return err != ERR_OK ? err : producer_settings_check(&w->config, &w->detail);
}

static void the_defaults_are_valid(void **unused)
{
    (void)unused;
    struct world w;

    setup(&w);
    assert_int_equal(producer_settings_check(&w.config, &w.detail), ERR_OK);
    assert_string_equal(w.settings.log_path, "/var/log/nitro_enclaves/nitro_enclaves.log");
    assert_string_equal(w.settings.topic, "enclave.lifecycle");
    assert_int_equal(w.settings.journal_max_bytes, 64 << 20);
    assert_int_equal(w.settings.heartbeat_interval_ms, 60000);
    assert_int_equal(w.settings.snapshot_interval_ms, 900000);
    assert_int_equal(w.settings.watermark_slack_ms, 2000);
    assert_int_equal(w.settings.pool_vcpus, -1);
    struct journal_options options = producer_journal_options(&w.settings);
    assert_int_equal(options.segment_bytes, 4 << 20);
    assert_string_equal(options.directory, "/var/lib/enclave-producer");
    teardown(&w);
}

static void a_journal_of_less_than_two_segments_is_refused(void **unused)
{
    (void)unused;
    struct world w;

    setup(&w);
    assert_int_equal(set_and_check(&w, "journal.segment_bytes=32MiB"), ERR_OK);
    assert_int_equal(set_and_check(&w, "journal.segment_bytes=33MiB"), ERR_CONFIG);
    assert_non_null(strstr(w.detail.text, "journal.max_bytes"));
    teardown(&w);
}

static void only_what_can_be_waived_is_waived(void **unused)
{
    (void)unused;
    struct world w;

    setup(&w);
    assert_int_equal(set_and_check(&w, "check.waive=retention,replication"), ERR_OK);
    assert_int_equal(w.settings.check_waive.n, 2);
    assert_int_equal(set_and_check(&w, "check.waive=cleanup.policy"), ERR_CONFIG);
    assert_non_null(strstr(w.detail.text, "min_insync"));
    teardown(&w);
}

static void kafka_properties_and_tags_pass_through(void **unused)
{
    (void)unused;
    struct world w;

    setup(&w);
    assert_int_equal(set_and_check(&w, "kafka.bootstrap.servers=127.0.0.1:9092"), ERR_OK);
    assert_int_equal(set_and_check(&w, "instance.tags.team=blue"), ERR_OK);
    assert_int_equal(w.settings.kafka.n, 1);
    assert_string_equal(w.settings.kafka.items[0].key, "bootstrap.servers");
    assert_int_equal(w.settings.instance_tags.n, 1);
    assert_string_equal(w.settings.instance_tags.items[0].value, "blue");
    teardown(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_defaults_are_valid),
        cmocka_unit_test(a_journal_of_less_than_two_segments_is_refused),
        cmocka_unit_test(only_what_can_be_waived_is_waived),
        cmocka_unit_test(kafka_properties_and_tags_pass_through),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
