/*
 * Text into a bounded, sticky writer; see the header.
 */
#include "aggregator/rating/text.h"

#include <stdio.h>

enum { MS_PER_DAY = 24 * 3600 * 1000 };

static const uint8_t REPLACEMENT[3] = {0xef, 0xbf, 0xbd}; /* U+FFFD */

void text_put(struct avro_writer *w, const char *s)
{
    avro_put_raw(w, s, strlen(s));
}

void text_put_int(struct avro_writer *w, int64_t value)
{
    char digits[24];
    int n = snprintf(digits, sizeof digits, "%lld", (long long)value);

    avro_put_raw(w, digits, (size_t)n);
}

void text_put_bool(struct avro_writer *w, bool value)
{
    text_put(w, value ? "true" : "false");
}

void text_put_hex(struct avro_writer *w, struct bytes b)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < b.len; i++) {
        char pair[2] = {digits[b.ptr[i] >> 4], digits[b.ptr[i] & 15]};

        avro_put_raw(w, pair, sizeof pair);
    }
}

/* Days since 1970-01-01 ↔ proleptic Gregorian date (Howard Hinnant, "chrono-compatible low-level
 * date algorithms"): exact for every year that 64 bits of days reach. */
static void date_of_days(int64_t days, int64_t *year, int *month, int *day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;

    *day = (int)(day_of_year - (153 * month_from_march + 2) / 5 + 1);
    *month = (int)(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
    *year = year_of_era + era * 400 + (*month <= 2);
}

static int64_t days_of_date(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return era * 146097 + day_of_era - 719468;
}

static const int64_t TIME_MIN_MS = -62167219200000; /* 0000-01-01 */
static const int64_t TIME_MAX_MS = 253402300799999; /* 9999-12-31T23:59:59.999 */

struct calendar {
    int64_t year;
    int month, day, hour, minute, second, ms;
};

static struct calendar calendar_of(int64_t unix_ms)
{
    struct calendar c;
    int64_t t = unix_ms < TIME_MIN_MS ? TIME_MIN_MS : unix_ms > TIME_MAX_MS ? TIME_MAX_MS : unix_ms;
    int64_t days = (t >= 0 ? t : t - (MS_PER_DAY - 1)) / MS_PER_DAY;
    int rest = (int)(t - days * MS_PER_DAY);

    date_of_days(days, &c.year, &c.month, &c.day);
    c.hour = rest / 3600000;
    c.minute = rest / 60000 % 60;
    c.second = rest / 1000 % 60;
    c.ms = rest % 1000;
    return c;
}

void text_put_time(struct avro_writer *w, int64_t unix_ms)
{
    struct calendar c = calendar_of(unix_ms);
    char text[64];
    int n = snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", (int)c.year, c.month,
                     c.day, c.hour, c.minute, c.second, c.ms);

    avro_put_raw(w, text, (size_t)n);
}

void text_format_hour_path(char path[TEXT_TIME_PATH_MAX], int64_t hour)
{
    struct calendar c = calendar_of(hour);

    (void)snprintf(path, TEXT_TIME_PATH_MAX, "dt=%04d-%02d-%02d/hour=%02d", (int)(c.year % 10000),
                   c.month % 100, c.day % 100, c.hour % 100);
}

/* Reads `n` digits at *p; −1 if there is anything else. */
static int take_digits(const uint8_t **p, int n)
{
    int value = 0;

    for (int i = 0; i < n; i++) {
        uint8_t c = (*p)[i];

        if (c < '0' || c > '9')
            return -1;
        value = value * 10 + (c - '0');
    }
    *p += n;
    return value;
}

enum err text_parse_time(struct bytes b, int64_t *unix_ms)
{
    static const uint8_t month_days[12] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    static const char shape[] = "dddd-dd-ddTdd:dd:dd.dddZ";
    const uint8_t *p = b.ptr;

    if (b.len != TEXT_TIME_BYTES)
        return ERR_MALFORMED;
    for (size_t i = 0; i < b.len; i++) {
        if (shape[i] != 'd' && b.ptr[i] != (uint8_t)shape[i])
            return ERR_MALFORMED;
    }
    int year = take_digits(&p, 4);
    int month = (p++, take_digits(&p, 2));
    int day = (p++, take_digits(&p, 2));
    int hour = (p++, take_digits(&p, 2));
    int minute = (p++, take_digits(&p, 2));
    int second = (p++, take_digits(&p, 2));
    int ms = (p++, take_digits(&p, 3));

    if (year < 0 || month < 1 || month > 12 || day < 1 || day > month_days[month - 1] || hour < 0 ||
        hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59 || ms < 0)
        return ERR_MALFORMED;
    if (month == 2 && day == 29 && (year % 4 != 0 || (year % 100 == 0 && year % 400 != 0)))
        return ERR_MALFORMED;
    *unix_ms = days_of_date(year, month, day) * MS_PER_DAY + hour * 3600000LL + minute * 60000 +
               second * 1000 + ms;
    return ERR_OK;
}

enum err text_parse_hex(struct bytes hex, uint8_t *out, size_t out_n)
{
    if (hex.len != out_n * 2)
        return ERR_MALFORMED;
    for (size_t i = 0; i < hex.len; i++) {
        uint8_t c = hex.ptr[i];
        uint8_t nibble;

        if (c >= '0' && c <= '9')
            nibble = (uint8_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            nibble = (uint8_t)(c - 'a' + 10);
        else
            return ERR_MALFORMED;
        out[i / 2] = i % 2 == 0 ? (uint8_t)(nibble << 4) : (uint8_t)(out[i / 2] | nibble);
    }
    return ERR_OK;
}

static bool is_continuation(uint8_t c)
{
    return (c & 0xc0) == 0x80;
}

/* Bytes of the well-formed UTF-8 sequence at the start of `b` (Unicode 15, table 3-7); 0: not one.
 */
static size_t utf8_sequence(struct bytes b)
{
    uint8_t c = b.ptr[0];

    if (c < 0x80)
        return 1;
    if (c < 0xc2 || c > 0xf4)
        return 0;
    size_t n = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

    if (b.len < n)
        return 0;
    for (size_t i = 1; i < n; i++) {
        if (!is_continuation(b.ptr[i]))
            return 0;
    }
    uint8_t second = b.ptr[1];

    if ((c == 0xe0 && second < 0xa0) || (c == 0xed && second > 0x9f) ||
        (c == 0xf0 && second < 0x90) || (c == 0xf4 && second > 0x8f))
        return 0;
    return n;
}

/* The next character of `*b` as UTF-8, replaced if it is none; advances. */
static struct bytes next_character(struct bytes *b)
{
    size_t n = utf8_sequence(*b);
    struct bytes character = n > 0 ? bytes_of(b->ptr, n) : bytes_of(REPLACEMENT, 3);

    *b = bytes_skip(*b, n > 0 ? n : 1);
    return character;
}

void text_put_utf8(struct avro_writer *w, struct bytes b)
{
    while (b.len > 0) {
        struct bytes c = next_character(&b);

        avro_put_raw(w, c.ptr, c.len);
    }
}

size_t text_utf8_length(struct bytes b)
{
    size_t n = 0;

    while (b.len > 0)
        n += next_character(&b).len;
    return n;
}

static void put_json_character(struct avro_writer *w, struct bytes c)
{
    static const char *const short_escapes[] = {
        ['\b'] = "\\b", ['\t'] = "\\t", ['\n'] = "\\n",  ['\f'] = "\\f",
        ['\r'] = "\\r", ['"'] = "\\\"", ['\\'] = "\\\\",
    };
    uint8_t first = c.ptr[0];

    if (first < sizeof short_escapes / sizeof short_escapes[0] && short_escapes[first] != NULL) {
        text_put(w, short_escapes[first]);
    } else if (first < 0x20) {
        text_put(w, "\\u00");
        text_put_hex(w, c);
    } else {
        avro_put_raw(w, c.ptr, c.len);
    }
}

void text_put_json_string(struct avro_writer *w, struct bytes b)
{
    text_put(w, "\"");
    while (b.len > 0)
        put_json_character(w, next_character(&b));
    text_put(w, "\"");
}

static bool starts_formula(uint8_t c)
{
    return c == '=' || c == '+' || c == '-' || c == '@' || c == '\t' || c == '\r';
}

static bool needs_quotes(struct bytes b)
{
    for (size_t i = 0; i < b.len; i++) {
        if (b.ptr[i] == ',' || b.ptr[i] == '"' || b.ptr[i] == '\r' || b.ptr[i] == '\n')
            return true;
    }
    return false;
}

void text_put_csv_text(struct avro_writer *w, struct bytes b)
{
    bool quotes = needs_quotes(b);

    if (quotes)
        text_put(w, "\"");
    if (b.len > 0 && starts_formula(b.ptr[0]))
        text_put(w, "'");
    while (b.len > 0) {
        struct bytes c = next_character(&b);

        if (c.ptr[0] == '"')
            text_put(w, "\"\"");
        else if (c.ptr[0] == '\0') /* ends the cell, or the file, for many readers */
            avro_put_raw(w, REPLACEMENT, sizeof REPLACEMENT);
        else
            avro_put_raw(w, c.ptr, c.len);
    }
    if (quotes)
        text_put(w, "\"");
}

void text_put_csv_end(struct avro_writer *w)
{
    text_put(w, "\r\n");
}
