/*
 * Text into a bounded, sticky writer; see the header.
 */
#include "aggregator/rating/text.h"

#include <stdio.h>

#include "common/time_text.h"
#include "common/utf8.h"

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

static int64_t clamp_time(int64_t unix_ms)
{
    return unix_ms < TIME_MS_MIN ? TIME_MS_MIN : unix_ms > TIME_MS_MAX ? TIME_MS_MAX : unix_ms;
}

void text_put_time(struct avro_writer *w, int64_t unix_ms)
{
    char text[TIME_TEXT_SIZE];

    text_put(w, time_text_format(clamp_time(unix_ms), text));
}

void text_format_hour_path(char path[TEXT_HOUR_PATH_SIZE], int64_t hour)
{
    char date[DATE_TEXT_SIZE];

    hour = clamp_time(hour);
    (void)snprintf(path, TEXT_HOUR_PATH_SIZE, "dt=%s/hour=%02d", date_text_format(hour, date),
                   time_civil_of(hour).hour % 24);
}

enum err text_parse_time(struct bytes b, int64_t *unix_ms)
{
    return b.len == TIME_TEXT_SIZE - 1 ? time_text_parse(b, unix_ms) : ERR_MALFORMED;
}

/* The next character of `*b` as UTF-8, replaced if it is none; advances. */
static struct bytes next_character(struct bytes *b)
{
    size_t len;
    bool valid = utf8_next(*b, &len) != UTF8_INVALID;
    struct bytes character = valid ? bytes_of(b->ptr, len) : BYTES_LITERAL(UTF8_REPLACEMENT);

    *b = bytes_skip(*b, len);
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
            text_put(w, UTF8_REPLACEMENT);
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

struct json_out text_json_begin(struct avro_writer *w)
{
    struct json_out json;

    json_out_init(&json, w->ptr + w->len, w->cap - w->len);
    return json;
}

void text_json_end(struct avro_writer *w, struct json_out *json)
{
    struct bytes text;

    if (json_out_finish(json, &text) != ERR_OK)
        w->overflow = true;
    else if (!w->overflow)
        w->len += text.len;
}

void text_json_time(struct json_out *json, const char *key, int64_t unix_ms)
{
    if (unix_ms == INT64_MIN)
        json_out_key_null(json, key);
    else
        json_out_key_time(json, key, clamp_time(unix_ms));
}
