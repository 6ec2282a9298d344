/*
 * What is demanded of a topic, and that every finding comes with the command that repairs it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "aggregator/edge/topic_check.h"

#define RETENTION_MS INT64_C(259200000) /* 72 h */

static struct topic_facts good(void)
{
    struct topic_facts facts = {.cluster_id = "c", .partitions_n = 12, .replicas_min = 3};
    static const struct {
        enum topic_rule rule;
        const char *value;
    } rows[] = {
        {TOPIC_RULE_TIMESTAMP, "LogAppendTime"},
        {TOPIC_RULE_CLEANUP, "delete"},
        {TOPIC_RULE_RETENTION, "259200000"},
        {TOPIC_RULE_RETENTION_BYTES, "-1"},
        {TOPIC_RULE_MIN_INSYNC, "2"},
        {TOPIC_RULE_UNCLEAN, "false"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        snprintf(facts.values[rows[i].rule], TOPIC_VALUE_MAX, "%s", rows[i].value);
    return facts;
}

static const struct topic_demands demands = {
    .topic = "enclave.lifecycle",
    .bootstrap = "b:9092",
    .retention_ms_min = RETENTION_MS,
};

static void a_topic_as_it_should_be_has_no_findings(void **unused)
{
    struct topic_finding findings[TOPIC_RULES_N];
    struct topic_facts facts = good();

    (void)unused;
    assert_int_equal(topic_judge(&facts, &demands, findings), 0);
}

static void every_wrong_setting_is_found_and_its_repair_named(void **unused)
{
    static const struct {
        enum topic_rule rule;
        const char *value, *command;
    } cases[] = {
        {TOPIC_RULE_TIMESTAMP, "CreateTime", "--add-config message.timestamp.type=LogAppendTime"},
        {TOPIC_RULE_CLEANUP, "compact", "--add-config cleanup.policy=delete"},
        {TOPIC_RULE_CLEANUP, "compact,delete", "--add-config cleanup.policy=delete"},
        {TOPIC_RULE_RETENTION, "259199999", "--add-config retention.ms=259200000"},
        {TOPIC_RULE_RETENTION, "", "--add-config retention.ms=259200000"},
        {TOPIC_RULE_RETENTION_BYTES, "1073741824", "--add-config retention.bytes=-1"},
        {TOPIC_RULE_MIN_INSYNC, "1", "--add-config min.insync.replicas=2"},
        {TOPIC_RULE_UNCLEAN, "true", "--add-config unclean.leader.election.enable=false"},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct topic_finding findings[TOPIC_RULES_N];
        struct topic_facts facts = good();

        snprintf(facts.values[cases[i].rule], TOPIC_VALUE_MAX, "%s", cases[i].value);
        assert_int_equal(topic_judge(&facts, &demands, findings), 1);
        assert_int_equal(findings[0].rule, cases[i].rule);
        assert_false(findings[0].waived);
        assert_non_null(strstr(findings[0].command, "--bootstrap-server b:9092"));
        assert_non_null(strstr(findings[0].command, cases[i].command));
    }
}

static void retention_for_ever_and_longer_retention_are_fine(void **unused)
{
    static const char *const values[] = {"-1", "259200000", "259200001", "9223372036854775807"};

    (void)unused;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct topic_finding findings[TOPIC_RULES_N];
        struct topic_facts facts = good();

        snprintf(facts.values[TOPIC_RULE_RETENTION], TOPIC_VALUE_MAX, "%s", values[i]);
        assert_int_equal(topic_judge(&facts, &demands, findings), 0);
    }
}

static void one_replica_is_found_two_are_enough(void **unused)
{
    struct topic_finding findings[TOPIC_RULES_N];
    struct topic_facts facts = good();

    (void)unused;
    facts.replicas_min = 1;
    assert_int_equal(topic_judge(&facts, &demands, findings), 1);
    assert_int_equal(findings[0].rule, TOPIC_RULE_REPLICATION);
    facts.replicas_min = 2;
    assert_int_equal(topic_judge(&facts, &demands, findings), 0);
}

static void waiving_replication_waives_what_one_replica_brings_with_it(void **unused)
{
    struct topic_finding findings[TOPIC_RULES_N];
    struct topic_facts facts = good();
    struct topic_demands waiving = demands;
    struct err_detail detail;

    (void)unused;
    facts.replicas_min = 1;
    snprintf(facts.values[TOPIC_RULE_MIN_INSYNC], TOPIC_VALUE_MAX, "1");
    snprintf(facts.values[TOPIC_RULE_TIMESTAMP], TOPIC_VALUE_MAX, "CreateTime");
    assert_int_equal(topic_waiver("replication", &waiving.waived, &detail), ERR_OK);
    assert_int_equal(topic_judge(&facts, &waiving, findings), 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(findings[i].waived, findings[i].rule != TOPIC_RULE_TIMESTAMP);
}

static void what_would_make_bills_wrong_cannot_be_waived(void **unused)
{
    struct err_detail detail;
    uint32_t bits;

    (void)unused;
    assert_int_equal(topic_waiver("timestamp", &bits, &detail), ERR_CONFIG);
    assert_int_equal(topic_waiver("cleanup", &bits, &detail), ERR_CONFIG);
}

static void a_misspelt_waiver_is_refused_with_the_nearest_word(void **unused)
{
    struct err_detail detail;
    uint32_t bits;

    (void)unused;
    assert_int_equal(topic_waiver("replicaton", &bits, &detail), ERR_CONFIG);
    assert_non_null(strstr(detail.text, "did you mean \"replication\"?"));
    assert_int_equal(topic_waiver("", &bits, &detail), ERR_CONFIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_topic_as_it_should_be_has_no_findings),
        cmocka_unit_test(every_wrong_setting_is_found_and_its_repair_named),
        cmocka_unit_test(retention_for_ever_and_longer_retention_are_fine),
        cmocka_unit_test(one_replica_is_found_two_are_enough),
        cmocka_unit_test(waiving_replication_waives_what_one_replica_brings_with_it),
        cmocka_unit_test(what_would_make_bills_wrong_cannot_be_waived),
        cmocka_unit_test(a_misspelt_waiver_is_refused_with_the_nearest_word),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
