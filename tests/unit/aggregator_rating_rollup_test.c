/*
 * Rating and adding up. The files' bytes are tested with the sealer, against tests/data/rollup.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "aggregator/rating/rollup.h"
#include "aggregator/rating/text.h"
#include "tests/unit/usage_fixture.h"

enum { ROOM = 8 };

static const struct tenant_rule rules[] = {
    {.tenant = {(const uint8_t *)"acme", 4},
     .from = INT64_MIN,
     .to = INT64_MAX,
     .by = TENANT_BY_NAME,
     .value = {(const uint8_t *)"web*", 4}},
};
static const struct tenant_map map = {rules, 1};

static enum err rate(struct rollup *rollup, const struct usage_line *lines, size_t n, size_t cap)
{
    static struct rated_line rated[ROOM];
    static struct rollup_tenant tenants[ROOM];

    for (size_t i = 0; i < n; i++)
        rated[i].line = &lines[i];
    return rollup_rate(rollup, rated, n, &map, tenants, cap, NULL);
}

static void lines_are_sorted_by_tenant_and_added_up(void **state)
{
    struct usage_line lines[] = {fixture_line("i-b", "r1", "other", FIXTURE_HOUR, 1),
                                 fixture_line("i-b", "r2", "web-2", FIXTURE_HOUR, 2),
                                 fixture_line("i-a", "r9", "web-1", FIXTURE_HOUR, 4)};
    struct rollup rollup = {.hour = FIXTURE_HOUR, .status = PART_CLOSED, .complete = true};

    (void)state;
    assert_int_equal(rate(&rollup, lines, 3, ROOM), ERR_OK);
    assert_int_equal(rollup.tenants_n, 2);
    assert_true(bytes_equal(rollup.tenants[0].tenant, BYTES_LITERAL("acme")));
    assert_int_equal(rollup.tenants[0].enclaves, 2);
    assert_int_equal(rollup.tenants[0].held_ms, 6 * 60000);
    assert_true(bytes_equal(rollup.lines[0].line->instance_id, BYTES_LITERAL("i-a")));
    assert_int_equal(rollup.tenants[1].enclaves, 1);
}

static void a_correction_counts_in_sums_but_is_no_enclave(void **state)
{
    struct usage_line lines[] = {fixture_line("i-a", "r1", "web", FIXTURE_HOUR, 10),
                                 fixture_line("i-a", "r0", "web", FIXTURE_HOUR - HOUR_MS, 0)};
    struct rollup rollup = {.status = PART_CLOSED};

    (void)state;
    lines[1].kind = LINE_CORRECTION;
    lines[1].held_ms = -60000;
    assert_int_equal(rate(&rollup, lines, 2, ROOM), ERR_OK);
    assert_int_equal(rollup.tenants[0].enclaves, 1);
    assert_int_equal(rollup.tenants[0].held_ms, 9 * 60000);
}

static void a_tenant_is_provisional_by_its_own_lines_only(void **state)
{
    struct usage_line lines[] = {fixture_line("i-a", "r1", "web", FIXTURE_HOUR, 10),
                                 fixture_line("i-b", "r1", "other", FIXTURE_HOUR, 10)};
    struct rollup rollup = {.status = PART_PROVISIONAL};

    (void)state;
    lines[1].flags = LINE_PROVISIONAL;
    assert_int_equal(rate(&rollup, lines, 2, ROOM), ERR_OK);
    assert_int_equal(rollup.tenants[0].status, PART_CLOSED);
    assert_int_equal(rollup.tenants[1].status, PART_PROVISIONAL);
    rollup.status = PART_FINAL;
    assert_int_equal(rate(&rollup, lines, 2, ROOM), ERR_OK);
    assert_int_equal(rollup.tenants[1].status, PART_FINAL);
}

static void the_rollup_is_final_when_every_part_is(void **state)
{
    struct part parts[2] = {fixture_part(0, FIXTURE_HOUR, 1, NULL, 0),
                            fixture_part(1, FIXTURE_HOUR, 1, NULL, 0)};
    const struct part *pointers[2] = {&parts[0], &parts[1]};

    (void)state;
    assert_int_equal(rollup_status(pointers, 2), PART_CLOSED);
    parts[0].status = PART_FINAL;
    assert_int_equal(rollup_status(pointers, 2), PART_CLOSED);
    parts[1].status = PART_FINAL;
    assert_int_equal(rollup_status(pointers, 2), PART_FINAL);
    parts[1].status = PART_PROVISIONAL;
    assert_int_equal(rollup_status(pointers, 2), PART_PROVISIONAL);
}

static void a_sum_that_does_not_fit_and_too_little_room_are_said(void **state)
{
    struct usage_line lines[] = {fixture_line("i-a", "r1", "web", FIXTURE_HOUR, 10),
                                 fixture_line("i-a", "r2", "web", FIXTURE_HOUR, 10)};
    struct rollup rollup = {.status = PART_CLOSED};

    (void)state;
    assert_int_equal(rate(&rollup, lines, 2, 0), ERR_CAPACITY);
    assert_int_equal(rate(&rollup, lines, 2, 1), ERR_OK);
    lines[0].mib_ms = INT64_MAX - lines[1].mib_ms;
    assert_int_equal(rate(&rollup, lines, 2, 1), ERR_OK);
    lines[0].mib_ms++;
    assert_int_equal(rate(&rollup, lines, 2, 1), ERR_LIMIT);
}

static void a_csv_cell_is_quoted_neutralised_and_always_utf_8(void **state)
{
    static const struct {
        struct bytes text;
        const char *cell;
    } cases[] = {
        {{(const uint8_t *)"plain", 5}, "plain"},
        {{(const uint8_t *)"", 0}, ""},
        {{(const uint8_t *)"a,b", 3}, "\"a,b\""},
        {{(const uint8_t *)"a\"b", 3}, "\"a\"\"b\""},
        {{(const uint8_t *)"a\nb", 3}, "\"a\nb\""},
        {{(const uint8_t *)"=1", 2}, "'=1"},
        {{(const uint8_t *)"+1", 2}, "'+1"},
        {{(const uint8_t *)"-1", 2}, "'-1"},
        {{(const uint8_t *)"@x", 2}, "'@x"},
        {{(const uint8_t *)"\tx", 2}, "'\tx"},
        {{(const uint8_t *)"\rx", 2}, "\"'\rx\""},
        {{(const uint8_t *)"x=1", 3}, "x=1"},
        {{(const uint8_t *)"a\0b", 3},
         "a\xef\xbf\xbd"
         "b"},
        {{(const uint8_t *)"a\xff"
                           "b",
          3},
         "a\xef\xbf\xbd"
         "b"},
        {{(const uint8_t *)"\xed\xa0\x80", 3}, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {{(const uint8_t *)"\xf0\x9f\x98\x80", 4}, "\xf0\x9f\x98\x80"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char cell[64];
        struct avro_writer w = avro_writer_over(cell, sizeof cell - 1);

        text_put_csv_text(&w, cases[i].text);
        cell[w.len] = '\0';
        assert_string_equal(cell, cases[i].cell);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_sorted_by_tenant_and_added_up),
        cmocka_unit_test(a_correction_counts_in_sums_but_is_no_enclave),
        cmocka_unit_test(a_tenant_is_provisional_by_its_own_lines_only),
        cmocka_unit_test(the_rollup_is_final_when_every_part_is),
        cmocka_unit_test(a_sum_that_does_not_fit_and_too_little_room_are_said),
        cmocka_unit_test(a_csv_cell_is_quoted_neutralised_and_always_utf_8),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
