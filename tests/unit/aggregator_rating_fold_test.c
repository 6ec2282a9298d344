/*
 * The fold of a part's revisions (R10).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "aggregator/rating/fold.h"
#include "tests/unit/usage_fixture.h"

enum { ROOM = 16 };

static size_t fold(const struct part *parts, uint32_t n, struct fold_line *out)
{
    const struct part *pointers[ROOM];
    size_t out_n = 0;

    for (uint32_t i = 0; i < n; i++)
        pointers[i] = &parts[i];
    assert_int_equal(fold_revisions(pointers, n, out, ROOM, &out_n, NULL), ERR_OK);
    return out_n;
}

static void a_later_line_replaces_the_line_of_the_same_run_and_no_other(void **state)
{
    struct usage_line first[] = {fixture_line("i-a", "r1", "x", FIXTURE_HOUR, 10),
                                 fixture_line("i-a", "r2", "x", FIXTURE_HOUR, 20)};
    struct usage_line second[] = {fixture_line("i-a", "r1", "x", FIXTURE_HOUR, 15),
                                  fixture_line("i-b", "r1", "x", FIXTURE_HOUR, 1)};
    struct part parts[] = {fixture_part(0, FIXTURE_HOUR, 1, first, 2),
                           fixture_part(0, FIXTURE_HOUR, 2, second, 2)};
    struct fold_line out[ROOM];

    (void)state;
    assert_int_equal(fold(parts, 2, out), 3);
    assert_int_equal(out[0].line->held_ms, 15 * 60000);
    assert_int_equal(out[0].revision, 2);
    assert_int_equal(out[1].line->held_ms, 20 * 60000);
    assert_int_equal(out[2].line->held_ms, 60000);
}

static void a_removed_line_vanishes_and_may_come_back(void **state)
{
    struct usage_line there = fixture_line("i-a", "r1", "x", FIXTURE_HOUR, 10);
    struct usage_line gone = fixture_line("i-a", "r1", "x", FIXTURE_HOUR, 0);
    struct part parts[] = {fixture_part(0, FIXTURE_HOUR, 1, &there, 1),
                           fixture_part(0, FIXTURE_HOUR, 2, &gone, 1),
                           fixture_part(0, FIXTURE_HOUR, 3, &there, 1)};
    struct fold_line out[ROOM];

    (void)state;
    gone.flags = LINE_REMOVED;
    assert_int_equal(fold(parts, 2, out), 0);
    assert_int_equal(fold(parts, 3, out), 1);
}

static void a_run_of_zero_length_stays_a_line(void **state)
{
    struct usage_line zero = fixture_line("i-a", "r1", "x", FIXTURE_HOUR, 0);
    struct part part = fixture_part(0, FIXTURE_HOUR, 1, &zero, 1);
    struct fold_line out[ROOM];

    (void)state;
    assert_int_equal(fold(&part, 1, out), 1);
}

static void newest_lines_plus_corrections_are_the_truth(void **state)
{
    int64_t old_hour = FIXTURE_HOUR - 80 * (int64_t)HOUR_MS;
    struct usage_line issued = fixture_line("i-a", "r1", "x", old_hour, 10);
    struct usage_line revised = fixture_line("i-a", "r1", "x", old_hour, 12);
    struct usage_line correction = fixture_line("i-a", "r1", "x", old_hour, 0);
    struct usage_line another = fixture_line("i-a", "r1", "x", FIXTURE_HOUR, 60);
    struct part old_parts[] = {fixture_part(0, old_hour, 1, &issued, 1),
                               fixture_part(0, old_hour, 2, &revised, 1)};
    struct usage_line open_lines[2];
    struct fold_line out[ROOM];
    struct usage_totals totals = {0};
    int64_t held_ms;

    (void)state;
    correction.kind = LINE_CORRECTION; /* the truth is 9 minutes: 3 fewer than last issued */
    correction.held_ms = -3 * 60000;
    open_lines[0] = another;
    open_lines[1] = correction;
    struct part open_part = fixture_part(0, FIXTURE_HOUR, 1, open_lines, 2);
    size_t n = fold(old_parts, 2, out);

    n += fold(&open_part, 1, out + n);
    for (size_t i = 0; i < n; i++) {
        if (out[i].line->hour == old_hour)
            usage_totals_add(&totals, out[i].line);
    }
    assert_int_equal(usage_total_narrow(totals.held_ms, &held_ms), ERR_OK);
    assert_int_equal(held_ms, 9 * 60000);
}

static void revisions_that_are_not_dense_or_not_of_one_hour_are_refused(void **state)
{
    struct part parts[] = {fixture_part(0, FIXTURE_HOUR, 1, NULL, 0),
                           fixture_part(0, FIXTURE_HOUR, 3, NULL, 0),
                           fixture_part(0, FIXTURE_HOUR + HOUR_MS, 2, NULL, 0)};
    const struct part *gap[] = {&parts[0], &parts[1]}, *mixed[] = {&parts[0], &parts[2]};
    struct fold_line out[ROOM];
    size_t n;

    (void)state;
    assert_int_equal(fold_revisions(gap, 2, out, ROOM, &n, NULL), ERR_MALFORMED);
    assert_int_equal(fold_revisions(mixed, 2, out, ROOM, &n, NULL), ERR_MALFORMED);
}

static void too_little_room_is_said(void **state)
{
    struct usage_line line = fixture_line("i-a", "r1", "x", FIXTURE_HOUR, 10);
    struct part part = fixture_part(0, FIXTURE_HOUR, 1, &line, 1);
    const struct part *pointer = &part;
    struct fold_line out[1];
    size_t n;

    (void)state;
    assert_int_equal(fold_revisions(&pointer, 1, out, 0, &n, NULL), ERR_CAPACITY);
    assert_int_equal(fold_revisions(&pointer, 1, out, 1, &n, NULL), ERR_OK);
}

static void a_total_beyond_64_bits_is_an_error_not_a_number(void **state)
{
    int64_t value;

    (void)state;
    assert_int_equal(usage_total_narrow((__int128)INT64_MAX, &value), ERR_OK);
    assert_int_equal(usage_total_narrow((__int128)INT64_MAX + 1, &value), ERR_LIMIT);
    assert_int_equal(usage_total_narrow((__int128)INT64_MIN - 1, &value), ERR_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_later_line_replaces_the_line_of_the_same_run_and_no_other),
        cmocka_unit_test(a_removed_line_vanishes_and_may_come_back),
        cmocka_unit_test(a_run_of_zero_length_stays_a_line),
        cmocka_unit_test(newest_lines_plus_corrections_are_the_truth),
        cmocka_unit_test(revisions_that_are_not_dense_or_not_of_one_hour_are_refused),
        cmocka_unit_test(too_little_room_is_said),
        cmocka_unit_test(a_total_beyond_64_bits_is_an_error_not_a_number),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
