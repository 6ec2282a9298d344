/*
 * What `check` demands of a topic, and what can be waived.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "producer/edge/topic_check.h"

struct demand {
    const char *name, *good, *bad;
    const char *waived_by; /* NULL: never */
};

static const struct demand demands[] = {
    {"message.timestamp.type", "LogAppendTime", "CreateTime", NULL},
    {"cleanup.policy", "delete", "compact", NULL},
    {"cleanup.policy", "delete", "compact,delete", NULL},
    {"retention.ms", "259200000", "259199999", "retention"},
    {"retention.ms", "-1", "0", "retention"},
    {"retention.bytes", "-1", "1073741824", "retention"},
    {"min.insync.replicas", "2", "1", "min_insync"},
    {"unclean.leader.election.enable", "false", "true", "unclean_election"},
};

static bool judge(const struct demand *demand, const char *value, const char *waive,
                  struct topic_check *check)
{
    struct topic_check_options options = {
        .topic = "enclave.lifecycle", .waive = &waive, .waive_n = waive != NULL};

    check->n = 0;
    bool ok = topic_check_judge(&options, demand->name, value, check);
    assert_int_equal(check->n, 1);
    assert_int_equal(check->lines[0].ok, ok);
    assert_non_null(strstr(check->lines[0].text, demand->name));
    return ok;
}

static void a_good_setting_is_ok_and_a_bad_one_says_how_to_repair_it(void **unused)
{
    (void)unused;
    static struct topic_check check;

    for (size_t i = 0; i < sizeof demands / sizeof demands[0]; i++) {
        assert_true(judge(&demands[i], demands[i].good, NULL, &check));
        assert_false(judge(&demands[i], demands[i].bad, NULL, &check));
        assert_non_null(strstr(check.lines[0].text, "kafka-configs"));
        assert_non_null(strstr(check.lines[0].text, "enclave.lifecycle"));
    }
}

static void only_the_named_requirement_is_waived(void **unused)
{
    (void)unused;
    static struct topic_check check;

    for (size_t i = 0; i < sizeof demands / sizeof demands[0]; i++) {
        const struct demand *demand = &demands[i];

        assert_false(judge(demand, demand->bad, "replication", &check));
        if (demand->waived_by == NULL)
            continue;
        assert_true(topic_check_is_waivable(demand->waived_by));
        assert_true(judge(demand, demand->bad, demand->waived_by, &check));
        assert_non_null(strstr(check.lines[0].text, "waived"));
    }
    assert_false(topic_check_is_waivable("message.timestamp.type"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_setting_is_ok_and_a_bad_one_says_how_to_repair_it),
        cmocka_unit_test(only_the_named_requirement_is_waived),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
