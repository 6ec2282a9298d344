/*
 * Globs, and whose enclave it is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "aggregator/rating/glob.h"
#include "aggregator/rating/tenant_map.h"
#include "tests/unit/usage_fixture.h"

#define B(s) BYTES_LITERAL(s)

static bool matches(const char *pattern, const char *text)
{
    assert_int_equal(glob_check(bytes_of_string(pattern), NULL), ERR_OK);
    return glob_match(bytes_of_string(pattern), bytes_of_string(text));
}

static void globs_know_stars_question_marks_and_sets(void **state)
{
    (void)state;
    assert_true(matches("", ""));
    assert_false(matches("", "a"));
    assert_true(matches("*", ""));
    assert_true(matches("*", "a/b"));
    assert_true(matches("acme-*", "acme-web"));
    assert_false(matches("acme-*", "acme"));
    assert_true(matches("*/acme/*.eif", "/srv/x/acme/v1/web.eif"));
    assert_true(matches("a?c", "abc"));
    assert_true(matches("a?c", "a\xc3\xa4"
                               "c"));
    assert_false(matches("a?c", "ac"));
    assert_true(matches("v[0-9]", "v7"));
    assert_false(matches("v[0-9]", "vx"));
    assert_false(matches("v[!0-9]", "v7"));
    assert_true(matches("v[!0-9]", "vx"));
    assert_true(matches("[*]", "*"));
    assert_false(matches("[*]", "x"));
    assert_true(matches("[]]", "]"));
    assert_true(matches("[a-\xc3\xbc]", "\xc3\xa4"));
    assert_false(matches("[\xc3\xbc]", "\xc3\xa4"));
    assert_true(matches("*?[0-\xfc]", "\xfd\xa7\x96\x99x")); /* not UTF-8, found by fuzzing */
    assert_true(matches("a*b*c", "aXbXbXc"));
    assert_false(matches("a*b*c", "aXbXbX"));
}

static void a_malformed_glob_is_refused_when_the_map_is_read(void **state)
{
    (void)state;
    assert_int_equal(glob_check(B("a["), NULL), ERR_MALFORMED);
    assert_int_equal(glob_check(B("[]"), NULL), ERR_MALFORMED);
    assert_int_equal(glob_check(B("[!]"), NULL), ERR_MALFORMED);
    assert_int_equal(glob_check(B("[z-a]"), NULL), ERR_MALFORMED);
    static uint8_t longest[GLOB_PATTERN_MAX + 1];

    memset(longest, 'a', sizeof longest);
    assert_int_equal(glob_check(bytes_of(longest, GLOB_PATTERN_MAX), NULL), ERR_OK);
    assert_int_equal(glob_check(bytes_of(longest, GLOB_PATTERN_MAX + 1), NULL), ERR_LIMIT);
}

static void a_glob_of_many_stars_takes_no_longer_than_pattern_times_text(void **state)
{
    static char pattern[GLOB_PATTERN_MAX], text[4096];

    (void)state; /* exponential matching would not return in a lifetime */
    for (size_t i = 0; i + 1 < sizeof pattern; i += 2) {
        pattern[i] = '*';
        pattern[i + 1] = 'a';
    }
    pattern[sizeof pattern - 1] = 'b';
    memset(text, 'a', sizeof text);
    assert_false(glob_match(bytes_of(pattern, sizeof pattern), bytes_of(text, sizeof text)));
}

static const uint8_t pcr_a[48] = {0xa}, pcr_b[48] = {0xb};

#define OPEN .from = INT64_MIN, .to = INT64_MAX

static struct usage_line line_with_everything(void)
{
    static const struct event_pair metadata[] = {
        {{(const uint8_t *)"owner", 5}, {(const uint8_t *)"m", 1}}};
    struct usage_line line = fixture_line("i-a", "r", "web-1", FIXTURE_HOUR, 5);

    line.run.pcr8 = bytes_of(pcr_a, sizeof pcr_a);
    line.run.pcr0 = bytes_of(pcr_b, sizeof pcr_b);
    line.run.eif_path = B("/srv/acme/web.eif");
    line.run.metadata = (struct event_map){metadata, 1};
    line.run.has |= RUN_HAS_PCR8 | RUN_HAS_PCR0 | RUN_HAS_EIF_PATH | RUN_HAS_METADATA;
    return line;
}

static void the_strongest_evidence_that_matches_decides(void **state)
{
    struct tenant_rule rules[] = {
        {.tenant = B("by-name"), OPEN, .by = TENANT_BY_NAME, .value = B("web-*")},
        {.tenant = B("by-path"), OPEN, .by = TENANT_BY_EIF_PATH, .value = B("*/acme/*")},
        {.tenant = B("by-tag"), OPEN, .by = TENANT_BY_INSTANCE_TAG, .key = B("team"), B("blue")},
        {.tenant = B("by-meta"), OPEN, .by = TENANT_BY_METADATA, .key = B("owner"), B("m")},
        {.tenant = B("by-pcr0"), OPEN, .by = TENANT_BY_PCR0, .value = {pcr_b, sizeof pcr_b}},
        {.tenant = B("by-pcr8"), OPEN, .by = TENANT_BY_PCR8, .value = {pcr_a, sizeof pcr_a}},
    };
    static const char *const names[] = {"name",     "eif_path", "instance_tag",
                                        "metadata", "pcr0",     "pcr8"};
    struct usage_line line = line_with_everything();

    (void)state;
    for (uint32_t n = 1; n <= 6; n++) {
        struct tenant_map map = {rules, n};
        struct tenant_match match = tenant_map_match(&map, &line);

        assert_string_equal(match.matched_by, names[n - 1]);
        assert_true(bytes_equal(match.tenant, rules[n - 1].tenant));
    }
}

static void two_tenants_at_the_strongest_evidence_are_a_tie_and_nobody_is_billed(void **state)
{
    struct tenant_rule rules[] = {
        {.tenant = B("acme"), OPEN, .by = TENANT_BY_NAME, .value = B("web-*"), .source_line = 3},
        {.tenant = B("acme"), OPEN, .by = TENANT_BY_NAME, .value = B("*-1"), .source_line = 4},
        {.tenant = B("zeta"), OPEN, .by = TENANT_BY_NAME, .value = B("*1"), .source_line = 9},
    };
    struct tenant_map same = {rules, 2}, tie = {rules, 3};
    struct usage_line line = line_with_everything();
    struct tenant_match match = tenant_map_match(&same, &line);
    char text[256];

    (void)state;
    assert_string_equal(match.matched_by, "name");
    match = tenant_map_match(&tie, &line);
    assert_string_equal(match.matched_by, "tie");
    assert_true(bytes_equal(match.tenant, B(TENANT_UNATTRIBUTED)));
    tenant_match_explain(&match, &line, text, sizeof text);
    assert_non_null(strstr(text, "web-1"));
    assert_non_null(strstr(text, "acme (line 3)"));
    assert_non_null(strstr(text, "zeta (line 9)"));
}

static void a_tie_of_weak_evidence_does_not_matter_where_stronger_decides(void **state)
{
    struct tenant_rule rules[] = {
        {.tenant = B("acme"), OPEN, .by = TENANT_BY_NAME, .value = B("web-*")},
        {.tenant = B("zeta"), OPEN, .by = TENANT_BY_NAME, .value = B("*1")},
        {.tenant = B("beta"), OPEN, .by = TENANT_BY_EIF_PATH, .value = B("/srv/*")},
    };
    struct tenant_map map = {rules, 3};
    struct usage_line line = line_with_everything();

    (void)state;
    assert_true(bytes_equal(tenant_map_match(&map, &line).tenant, B("beta")));
}

static void a_rule_is_in_force_from_its_first_hour_to_before_its_last(void **state)
{
    struct tenant_rule rule = {.tenant = B("acme"),
                               .from = FIXTURE_HOUR,
                               .to = FIXTURE_HOUR + HOUR_MS,
                               .by = TENANT_BY_NAME,
                               .value = B("*")};
    struct tenant_map map = {&rule, 1};
    struct usage_line line = line_with_everything();

    (void)state;
    line.hour = FIXTURE_HOUR - HOUR_MS;
    assert_string_equal(tenant_map_match(&map, &line).matched_by, "none");
    line.hour = FIXTURE_HOUR;
    assert_string_equal(tenant_map_match(&map, &line).matched_by, "name");
    line.hour = FIXTURE_HOUR + HOUR_MS;
    assert_string_equal(tenant_map_match(&map, &line).matched_by, "none");
}

static void what_an_enclave_does_not_state_matches_nothing(void **state)
{
    struct tenant_rule rules[] = {
        {.tenant = B("acme"), OPEN, .by = TENANT_BY_EIF_PATH, .value = B("*")},
    };
    struct tenant_map map = {rules, 1};
    struct usage_line line = fixture_line("i-a", "r", "web-1", FIXTURE_HOUR, 5);

    (void)state;
    assert_string_equal(tenant_map_match(&map, &line).matched_by, "none");
}

static void tenant_ids_are_1_to_63_of_the_allowed_and_not_the_reserved_one(void **state)
{
    static uint8_t id[TENANT_ID_MAX + 1];

    (void)state;
    memset(id, 'a', sizeof id);
    assert_false(tenant_id_valid(B("")));
    assert_true(tenant_id_valid(bytes_of(id, 1)));
    assert_true(tenant_id_valid(bytes_of(id, TENANT_ID_MAX)));
    assert_false(tenant_id_valid(bytes_of(id, TENANT_ID_MAX + 1)));
    assert_false(tenant_id_valid(B("Acme")));
    assert_false(tenant_id_valid(B("../x")));
    assert_false(tenant_id_valid(B("unattributed")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(globs_know_stars_question_marks_and_sets),
        cmocka_unit_test(a_malformed_glob_is_refused_when_the_map_is_read),
        cmocka_unit_test(a_glob_of_many_stars_takes_no_longer_than_pattern_times_text),
        cmocka_unit_test(the_strongest_evidence_that_matches_decides),
        cmocka_unit_test(two_tenants_at_the_strongest_evidence_are_a_tie_and_nobody_is_billed),
        cmocka_unit_test(a_tie_of_weak_evidence_does_not_matter_where_stronger_decides),
        cmocka_unit_test(a_rule_is_in_force_from_its_first_hour_to_before_its_last),
        cmocka_unit_test(what_an_enclave_does_not_state_matches_nothing),
        cmocka_unit_test(tenant_ids_are_1_to_63_of_the_allowed_and_not_the_reserved_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
