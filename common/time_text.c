/*
 * Civil dates after the well-known era arithmetic (400 years are 146,097 days; a year that starts
 * in March has its leap day at the end), and the texts built on them.
 */
#include "common/time_text.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>

enum { DAYS_PER_ERA = 146097, EPOCH_DAYS = 719468 /* 0000-03-01 to 1970-01-01 */ };

static int64_t floor_divide(int64_t value, int64_t by)
{
    return value / by - (value % by < 0);
}

static int64_t days_of_date(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year; /* ≥ 0, as year ≥ 1 */
    int64_t era = y / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return era * DAYS_PER_ERA + day_of_era - EPOCH_DAYS;
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (month == 2 && leap);
}

struct time_civil time_civil_of(int64_t unix_ms)
{
    assert(unix_ms >= TIME_MS_MIN && unix_ms <= TIME_MS_MAX);
    int64_t unix_days = floor_divide(unix_ms, TIME_MS_PER_DAY);
    int64_t ms = unix_ms - unix_days * TIME_MS_PER_DAY;
    int64_t days = unix_days + EPOCH_DAYS; /* ≥ 306 */
    int64_t era = days / DAYS_PER_ERA;
    int64_t day_of_era = days - era * DAYS_PER_ERA;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;
    int64_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;

    return (struct time_civil){
        .year = (int)(year_of_era + era * 400 + (month <= 2)),
        .month = (int)month,
        .day = (int)(day_of_year - (153 * month_from_march + 2) / 5 + 1),
        .hour = (int)(ms / TIME_MS_PER_HOUR),
        .minute = (int)(ms / TIME_MS_PER_MINUTE % 60),
        .second = (int)(ms / TIME_MS_PER_SECOND % 60),
        .millisecond = (int)(ms % 1000),
    };
}

enum err time_civil_to_ms(const struct time_civil *civil, int64_t *unix_ms)
{
    if (civil->year < 1 || civil->year > 9999 || civil->month < 1 || civil->month > 12 ||
        civil->day < 1 || civil->day > days_in_month(civil->year, civil->month))
        return ERR_MALFORMED;
    if (civil->hour < 0 || civil->hour > 23 || civil->minute < 0 || civil->minute > 59 ||
        civil->second < 0 || civil->second > 59 || civil->millisecond < 0 ||
        civil->millisecond > 999)
        return ERR_MALFORMED;
    *unix_ms = days_of_date(civil->year, civil->month, civil->day) * TIME_MS_PER_DAY +
               civil->hour * TIME_MS_PER_HOUR + civil->minute * TIME_MS_PER_MINUTE +
               civil->second * TIME_MS_PER_SECOND + civil->millisecond;
    return ERR_OK;
}

/* Writes `value` as exactly `digits` digits and returns the place after them. */
static char *put_digits(char *out, int value, int digits)
{
    for (int i = digits - 1; i >= 0; i--) {
        out[i] = (char)('0' + value % 10);
        value /= 10;
    }
    return out + digits;
}

static char *put_date(char *out, const struct time_civil *civil)
{
    out = put_digits(out, civil->year, 4);
    *out++ = '-';
    out = put_digits(out, civil->month, 2);
    *out++ = '-';
    return put_digits(out, civil->day, 2);
}

const char *time_text_format(int64_t unix_ms, char out[TIME_TEXT_SIZE])
{
    if (unix_ms < TIME_MS_MIN || unix_ms > TIME_MS_MAX) {
        snprintf(out, TIME_TEXT_SIZE, "@%lldms", (long long)unix_ms);
        return out;
    }
    struct time_civil civil = time_civil_of(unix_ms);
    char *at = put_date(out, &civil);
    *at++ = 'T';
    at = put_digits(at, civil.hour, 2);
    *at++ = ':';
    at = put_digits(at, civil.minute, 2);
    *at++ = ':';
    at = put_digits(at, civil.second, 2);
    *at++ = '.';
    at = put_digits(at, civil.millisecond, 3);
    *at++ = 'Z';
    *at = '\0';
    return out;
}

const char *date_text_format(int64_t unix_ms, char out[DATE_TEXT_SIZE])
{
    if (unix_ms < TIME_MS_MIN || unix_ms > TIME_MS_MAX) {
        memcpy(out, "@", 2);
        return out;
    }
    struct time_civil civil = time_civil_of(unix_ms);
    *put_date(out, &civil) = '\0';
    return out;
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* Takes exactly `digits` digits from the front of `*text`. */
static bool take_digits(struct bytes *text, int digits, int *value)
{
    if (text->len < (size_t)digits)
        return false;
    *value = 0;
    for (int i = 0; i < digits; i++) {
        if (!is_digit(text->ptr[i]))
            return false;
        *value = *value * 10 + (text->ptr[i] - '0');
    }
    *text = bytes_skip(*text, (size_t)digits);
    return true;
}

static bool take_char(struct bytes *text, char c)
{
    if (text->len == 0 || text->ptr[0] != (uint8_t)c)
        return false;
    *text = bytes_skip(*text, 1);
    return true;
}

static bool take_date(struct bytes *text, struct time_civil *civil)
{
    return take_digits(text, 4, &civil->year) && take_char(text, '-') &&
           take_digits(text, 2, &civil->month) && take_char(text, '-') &&
           take_digits(text, 2, &civil->day);
}

/* ".f" with 1 to 9 digits; absent is fine. */
static bool take_fraction(struct bytes *text, int *millisecond)
{
    int digits = 0;

    if (!take_char(text, '.'))
        return true;
    for (; digits < 9 && text->len > 0 && is_digit(text->ptr[0]); digits++) {
        if (digits < 3)
            *millisecond = *millisecond * 10 + (text->ptr[0] - '0');
        *text = bytes_skip(*text, 1);
    }
    for (int i = digits; i < 3; i++)
        *millisecond *= 10;
    return digits > 0;
}

enum err time_text_parse(struct bytes text, int64_t *unix_ms)
{
    struct time_civil civil = {0};
    bool read = take_date(&text, &civil) && take_char(&text, 'T') &&
                take_digits(&text, 2, &civil.hour) && take_char(&text, ':') &&
                take_digits(&text, 2, &civil.minute) && take_char(&text, ':') &&
                take_digits(&text, 2, &civil.second) && take_fraction(&text, &civil.millisecond) &&
                take_char(&text, 'Z') && text.len == 0;

    return read ? time_civil_to_ms(&civil, unix_ms) : ERR_MALFORMED;
}

enum err date_text_parse(struct bytes text, int64_t *unix_ms)
{
    struct time_civil civil = {0};

    if (!take_date(&text, &civil) || text.len != 0)
        return ERR_MALFORMED;
    return time_civil_to_ms(&civil, unix_ms);
}

/* "YYYY-MM-DDTHHZ" and "YYYY-MM-DDTHH:MMZ". */
static enum err parse_hour_or_minute(struct bytes text, int64_t *unix_ms)
{
    struct time_civil civil = {0};

    if (!take_date(&text, &civil) || !take_char(&text, 'T') || !take_digits(&text, 2, &civil.hour))
        return ERR_MALFORMED;
    if (take_char(&text, ':') && !take_digits(&text, 2, &civil.minute))
        return ERR_MALFORMED;
    if (!take_char(&text, 'Z') || text.len != 0)
        return ERR_MALFORMED;
    return time_civil_to_ms(&civil, unix_ms);
}

enum err time_text_parse_loose(struct bytes text, int64_t *unix_ms)
{
    if (date_text_parse(text, unix_ms) == ERR_OK || time_text_parse(text, unix_ms) == ERR_OK)
        return ERR_OK;
    return parse_hour_or_minute(text, unix_ms);
}

static const struct duration_unit {
    const char *name;
    int64_t ms;
} duration_units[] = {
    {"d", TIME_MS_PER_DAY},
    {"h", TIME_MS_PER_HOUR},
    {"m", TIME_MS_PER_MINUTE},
    {"s", TIME_MS_PER_SECOND},
    {"ms", 1},
};
enum { DURATION_UNITS_N = sizeof duration_units / sizeof duration_units[0] };

/* Takes the letters at the front of `*text` as a unit; returns its index or DURATION_UNITS_N. */
static size_t take_unit(struct bytes *text)
{
    size_t len = 0;

    while (len < text->len && !is_digit(text->ptr[len]))
        len++;
    struct bytes name = bytes_of(text->ptr, len);
    *text = bytes_skip(*text, len);
    for (size_t i = 0; i < DURATION_UNITS_N; i++)
        if (bytes_equal(name, bytes_of_string(duration_units[i].name)))
            return i;
    return DURATION_UNITS_N;
}

enum err duration_parse(struct bytes text, int64_t *ms)
{
    int64_t total = 0;
    size_t next_unit = 0; /* units before this one may not come any more */

    if (bytes_equal(text, BYTES_LITERAL("0"))) {
        *ms = 0;
        return ERR_OK;
    }
    if (text.len == 0)
        return ERR_MALFORMED;
    while (text.len > 0) {
        int64_t number = 0;
        size_t digits = 0;

        for (; digits < text.len && is_digit(text.ptr[digits]); digits++)
            if (__builtin_mul_overflow(number, 10, &number) ||
                __builtin_add_overflow(number, text.ptr[digits] - '0', &number))
                return ERR_LIMIT;
        text = bytes_skip(text, digits);
        size_t unit = digits == 0 ? DURATION_UNITS_N : take_unit(&text);
        if (unit == DURATION_UNITS_N || unit < next_unit)
            return ERR_MALFORMED;
        if (__builtin_mul_overflow(number, duration_units[unit].ms, &number) ||
            __builtin_add_overflow(total, number, &total))
            return ERR_LIMIT;
        next_unit = unit + 1;
    }
    *ms = total;
    return ERR_OK;
}

const char *duration_format(int64_t ms, char out[DURATION_TEXT_SIZE])
{
    uint64_t rest = ms < 0 ? 0 - (uint64_t)ms : (uint64_t)ms;
    bool whole_days = rest % TIME_MS_PER_DAY == 0 && rest / TIME_MS_PER_DAY >= 4;
    size_t len = 0;

    if (rest == 0) {
        memcpy(out, "0s", 3);
        return out;
    }
    if (ms < 0)
        out[len++] = '-';
    for (size_t i = whole_days ? 0 : 1; i < DURATION_UNITS_N && rest > 0; i++) {
        uint64_t unit_ms = (uint64_t)duration_units[i].ms;

        if (rest >= unit_ms)
            len += (size_t)snprintf(out + len, DURATION_TEXT_SIZE - len, "%llu%s",
                                    (unsigned long long)(rest / unit_ms), duration_units[i].name);
        rest %= unit_ms;
    }
    assert(len < DURATION_TEXT_SIZE);
    return out;
}

int64_t time_hour_floor(int64_t unix_ms)
{
    return floor_divide(unix_ms, TIME_MS_PER_HOUR) * TIME_MS_PER_HOUR;
}

int64_t time_day_floor(int64_t unix_ms)
{
    return floor_divide(unix_ms, TIME_MS_PER_DAY) * TIME_MS_PER_DAY;
}
