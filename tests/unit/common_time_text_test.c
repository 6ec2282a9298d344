/*
 * Times, dates and durations as text (common/time_text.h), held against gmtime_r and against the
 * limits of each form.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#include "common/time_text.h"

static void assert_time(int64_t unix_ms, const char *text)
{
    char out[TIME_TEXT_SIZE];
    int64_t back = -1;

    assert_string_equal(time_text_format(unix_ms, out), text);
    assert_int_equal(time_text_parse(bytes_of_string(text), &back), ERR_OK);
    assert_true(back == unix_ms);
}

static void known_moments_are_written_and_read_back(void **state)
{
    (void)state;
    assert_time(0, "1970-01-01T00:00:00.000Z");
    assert_time(-1, "1969-12-31T23:59:59.999Z");
    assert_time(INT64_C(951782400000), "2000-02-29T00:00:00.000Z");
    assert_time(INT64_C(1795244347123), "2026-11-21T06:59:07.123Z");
    assert_time(TIME_MS_MIN, "0001-01-01T00:00:00.000Z");
    assert_time(TIME_MS_MAX, "9999-12-31T23:59:59.999Z");
}

static void every_day_of_four_centuries_agrees_with_the_c_library(void **state)
{
    (void)state;
    char ours[DATE_TEXT_SIZE];
    char theirs[64];

    for (int64_t day = -141427; day < 146097; day++) {
        time_t seconds = (time_t)(day * 86400);
        struct tm tm;
        int64_t back;

        assert_non_null(gmtime_r(&seconds, &tm));
        snprintf(theirs, sizeof theirs, "%04d-%02d-%02d", tm.tm_year + 1900, tm.tm_mon + 1,
                 tm.tm_mday);
        date_text_format(day * TIME_MS_PER_DAY + 86399999, ours);
        assert_string_equal(ours, theirs);
        assert_int_equal(date_text_parse(bytes_of_string(ours), &back), ERR_OK);
        assert_true(back == day * TIME_MS_PER_DAY);
    }
}

static void a_time_that_cannot_be_expressed_is_shown_but_not_read(void **state)
{
    (void)state;
    char out[TIME_TEXT_SIZE];
    char date[DATE_TEXT_SIZE];
    int64_t ms;

    assert_string_equal(time_text_format(TIME_MS_MAX + 1, out), "@253402300800000ms");
    assert_string_equal(time_text_format(INT64_MIN, out), "@-9223372036854775808ms");
    assert_int_equal(time_text_parse(bytes_of_string(out), &ms), ERR_MALFORMED);
    assert_string_equal(date_text_format(TIME_MS_MIN - 1, date), "@");
}

static void fractions_are_cut_to_milliseconds(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } rows[] = {
        {"1970-01-01T00:00:01Z", 1000},           {"1970-01-01T00:00:01.5Z", 1500},
        {"1970-01-01T00:00:01.05Z", 1050},        {"1970-01-01T00:00:01.0019Z", 1001},
        {"1970-01-01T00:00:01.999999999Z", 1999},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t ms = -1;
        assert_int_equal(time_text_parse(bytes_of_string(rows[i].text), &ms), ERR_OK);
        assert_true(ms == rows[i].ms);
    }
}

static void texts_that_are_no_times_are_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "1970-01-01",
        "1970-01-01T00:00:00",
        "1970-01-01T00:00:00z",
        "1970-01-01t00:00:00Z",
        "1970-01-01 00:00:00Z",
        "1970-01-01T00:00:00.Z",
        "1970-01-01T00:00:00.0123456789Z",
        "1970-01-01T00:00:00+00:00",
        "1970-01-01T00:00:00Z ",
        " 1970-01-01T00:00:00Z",
        "1970-1-01T00:00:00Z",
        "+970-01-01T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "1970-00-01T00:00:00Z",
        "1970-13-01T00:00:00Z",
        "1970-01-00T00:00:00Z",
        "1970-01-32T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2100-02-29T00:00:00Z",
        "2023-02-29T00:00:00Z",
        "2023-04-31T00:00:00Z",
        "1970-01-01T24:00:00Z",
        "1970-01-01T00:60:00Z",
        "1970-01-01T00:00:60Z",
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t ms = 77;
        if (time_text_parse(bytes_of_string(rows[i]), &ms) != ERR_MALFORMED)
            fail_msg("'%s' was read as %" PRId64, rows[i], ms);
    }
    int64_t ms;
    assert_int_equal(time_text_parse(bytes_of("1970-01-01T00:00:00Z\0", 21), &ms), ERR_MALFORMED);
}

static void people_may_leave_out_what_is_zero(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } rows[] = {
        {"1970-01-02", 86400000},
        {"1970-01-02T03Z", 97200000},
        {"1970-01-02T03:04Z", 97440000},
        {"1970-01-02T03:04:05Z", 97445000},
        {"1970-01-02T03:04:05.006Z", 97445006},
    };
    static const char *const refused[] = {"",
                                          "1970",
                                          "1970-01-02T",
                                          "1970-01-02T03",
                                          "1970-01-02T03:Z",
                                          "1970-01-02T3Z",
                                          "1970-01-02T24Z",
                                          "1970-01-02Z",
                                          "now"};
    int64_t ms;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(time_text_parse_loose(bytes_of_string(rows[i].text), &ms), ERR_OK);
        assert_true(ms == rows[i].ms);
    }
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        assert_int_equal(time_text_parse_loose(bytes_of_string(refused[i]), &ms), ERR_MALFORMED);
}

static void durations_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } rows[] = {
        {"0", 0},
        {"0s", 0},
        {"500ms", 500},
        {"2m", 120000},
        {"2m30s", 150000},
        {"24h", 86400000},
        {"30d", INT64_C(2592000000)},
        {"1d2h3m4s5ms", 93784005},
        {"90m", 5400000},
        {"007s", 7000},
        {"9223372036854775807ms", INT64_MAX},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t ms = -1;
        assert_int_equal(duration_parse(bytes_of_string(rows[i].text), &ms), ERR_OK);
        assert_true(ms == rows[i].ms);
    }
}

static void texts_that_are_no_durations_are_refused(void **state)
{
    (void)state;
    static const char *const malformed[] = {"",    "5",    "m",    "-5s",  "+5s",   "5 s", "5s ",
                                            " 5s", "5sec", "1.5s", "5s2m", "5s5s",  "5M",  "5ms5s",
                                            "00",  "5s0",  "1w",   "5smx", "0x10s", "1d1d"};
    static const char *const too_large[] = {"9223372036854775808ms", "9223372036854775807s",
                                            "9223372036854775h9223372036854775807ms",
                                            "106751991167d99999999h", "99999999999999999999s"};
    int64_t ms;

    for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++)
        if (duration_parse(bytes_of_string(malformed[i]), &ms) != ERR_MALFORMED)
            fail_msg("'%s' was not refused", malformed[i]);
    for (size_t i = 0; i < sizeof too_large / sizeof too_large[0]; i++)
        if (duration_parse(bytes_of_string(too_large[i]), &ms) != ERR_LIMIT)
            fail_msg("'%s' was not too large", too_large[i]);
}

static void durations_are_written_in_their_shortest_form(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        const char *text;
    } rows[] = {
        {0, "0s"},
        {500, "500ms"},
        {150000, "2m30s"},
        {86400000, "24h"},
        {259200000, "72h"},
        {345600000, "4d"},
        {345600001, "96h1ms"},
        {-1500, "-1s500ms"},
        {INT64_MAX, "2562047788015h12m55s807ms"},
        {INT64_MIN, "-2562047788015h12m55s808ms"},
    };
    char out[DURATION_TEXT_SIZE];

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t back;

        assert_string_equal(duration_format(rows[i].ms, out), rows[i].text);
        if (rows[i].ms >= 0) {
            assert_int_equal(duration_parse(bytes_of_string(out), &back), ERR_OK);
            assert_true(back == rows[i].ms);
        }
    }
}

static void hours_and_days_begin_at_or_before_the_moment(void **state)
{
    (void)state;
    assert_true(time_hour_floor(0) == 0);
    assert_true(time_hour_floor(3599999) == 0);
    assert_true(time_hour_floor(3600000) == 3600000);
    assert_true(time_hour_floor(-1) == -3600000);
    assert_true(time_day_floor(86399999) == 0);
    assert_true(time_day_floor(-86400000) == -86400000);
    assert_true(time_day_floor(-86400001) == -172800000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_moments_are_written_and_read_back),
        cmocka_unit_test(every_day_of_four_centuries_agrees_with_the_c_library),
        cmocka_unit_test(a_time_that_cannot_be_expressed_is_shown_but_not_read),
        cmocka_unit_test(fractions_are_cut_to_milliseconds),
        cmocka_unit_test(texts_that_are_no_times_are_refused),
        cmocka_unit_test(people_may_leave_out_what_is_zero),
        cmocka_unit_test(durations_are_read),
        cmocka_unit_test(texts_that_are_no_durations_are_refused),
        cmocka_unit_test(durations_are_written_in_their_shortest_form),
        cmocka_unit_test(hours_and_days_begin_at_or_before_the_moment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
