/*
 * The JSON writer: commas and nesting are kept in two words, text goes straight to the buffer.
 */
#include "common/json_out.h"

#include <assert.h>
#include <stdio.h>

#include "common/time_text.h"
#include "common/utf8.h"

void json_out_init(struct json_out *json, void *out, size_t cap)
{
    *json = (struct json_out){.out = out, .cap = cap};
}

enum err json_out_finish(struct json_out *json, struct bytes *text)
{
    assert(json->depth == 0 && !json->after_key);
    if (json->overflow)
        return ERR_CAPACITY;
    *text = bytes_of(json->out, json->len);
    return ERR_OK;
}

static void put(struct json_out *json, const void *text, size_t len)
{
    if (json->overflow || len > json->cap - json->len) {
        json->overflow = true;
        return;
    }
    if (len > 0)
        memcpy(json->out + json->len, text, len);
    json->len += len;
}

static void put_char(struct json_out *json, char c)
{
    put(json, &c, 1);
}

/* The comma before a value or key, where one is needed. */
static void begin_item(struct json_out *json)
{
    uint32_t bit = UINT32_C(1) << json->depth;

    if (json->after_key) {
        json->after_key = false;
        return;
    }
    if (json->depth > 0 && (json->filled & bit) != 0)
        put_char(json, ',');
    json->filled |= bit;
}

static void open_nested(struct json_out *json, char bracket)
{
    begin_item(json);
    put_char(json, bracket);
    assert(json->depth < JSON_OUT_DEPTH_MAX);
    json->depth++;
    json->filled &= ~(UINT32_C(1) << json->depth);
}

static void close_nested(struct json_out *json, char bracket)
{
    assert(json->depth > 0 && !json->after_key);
    json->depth--;
    put_char(json, bracket);
}

void json_out_object_begin(struct json_out *json)
{
    open_nested(json, '{');
}

void json_out_object_end(struct json_out *json)
{
    close_nested(json, '}');
}

void json_out_array_begin(struct json_out *json)
{
    open_nested(json, '[');
}

void json_out_array_end(struct json_out *json)
{
    close_nested(json, ']');
}

/* A code point of the basic plane as an escape. Only those are ever unprintable or special here;
 * noncharacters of higher planes become U+FFFD. */
static void put_escape(struct json_out *json, uint32_t c)
{
    char text[8];

    switch (c) {
    case '"': put(json, "\\\"", 2); return;
    case '\\': put(json, "\\\\", 2); return;
    case '\n': put(json, "\\n", 2); return;
    case '\r': put(json, "\\r", 2); return;
    case '\t': put(json, "\\t", 2); return;
    default: break;
    }
    if (c > 0xFFFF) {
        put(json, UTF8_REPLACEMENT, 3);
        return;
    }
    int n = snprintf(text, sizeof text, "\\u%04x", (unsigned)c);
    put(json, text, (size_t)n);
}

static void put_quoted(struct json_out *json, struct bytes value)
{
    put_char(json, '"');
    for (size_t len; value.len > 0; value = bytes_skip(value, len)) {
        uint32_t c = utf8_next(value, &len);

        if (c == UTF8_INVALID)
            put(json, UTF8_REPLACEMENT, 3);
        else if (c == '"' || c == '\\' || !utf8_is_printable(c))
            put_escape(json, c);
        else
            put(json, value.ptr, len);
    }
    put_char(json, '"');
}

void json_out_key(struct json_out *json, const char *key)
{
    assert(json->depth > 0 && !json->after_key);
    begin_item(json);
    put_quoted(json, bytes_of_string(key));
    put_char(json, ':');
    json->after_key = true;
}

void json_out_string(struct json_out *json, struct bytes value)
{
    begin_item(json);
    put_quoted(json, value);
}

void json_out_text(struct json_out *json, const char *value)
{
    json_out_string(json, bytes_of_string(value));
}

void json_out_raw(struct json_out *json, struct bytes value)
{
    begin_item(json);
    put(json, value.ptr, value.len);
}

void json_out_int(struct json_out *json, int64_t value)
{
    char text[24];
    int n = snprintf(text, sizeof text, "%lld", (long long)value);

    json_out_raw(json, bytes_of(text, (size_t)n));
}

void json_out_uint(struct json_out *json, uint64_t value)
{
    char text[24];
    int n = snprintf(text, sizeof text, "%llu", (unsigned long long)value);

    json_out_raw(json, bytes_of(text, (size_t)n));
}

void json_out_bool(struct json_out *json, bool value)
{
    json_out_raw(json, value ? BYTES_LITERAL("true") : BYTES_LITERAL("false"));
}

void json_out_null(struct json_out *json)
{
    json_out_raw(json, BYTES_LITERAL("null"));
}

void json_out_hex(struct json_out *json, struct bytes value)
{
    static const char digits[] = "0123456789abcdef";

    begin_item(json);
    put_char(json, '"');
    for (size_t i = 0; i < value.len; i++) {
        put_char(json, digits[value.ptr[i] >> 4]);
        put_char(json, digits[value.ptr[i] & 15]);
    }
    put_char(json, '"');
}

void json_out_time(struct json_out *json, int64_t unix_ms)
{
    char text[TIME_TEXT_SIZE];

    json_out_text(json, time_text_format(unix_ms, text));
}

void json_out_key_string(struct json_out *json, const char *key, struct bytes value)
{
    json_out_key(json, key);
    json_out_string(json, value);
}

void json_out_key_text(struct json_out *json, const char *key, const char *value)
{
    json_out_key(json, key);
    json_out_text(json, value);
}

void json_out_key_int(struct json_out *json, const char *key, int64_t value)
{
    json_out_key(json, key);
    json_out_int(json, value);
}

void json_out_key_uint(struct json_out *json, const char *key, uint64_t value)
{
    json_out_key(json, key);
    json_out_uint(json, value);
}

void json_out_key_bool(struct json_out *json, const char *key, bool value)
{
    json_out_key(json, key);
    json_out_bool(json, value);
}

void json_out_key_null(struct json_out *json, const char *key)
{
    json_out_key(json, key);
    json_out_null(json);
}

void json_out_key_hex(struct json_out *json, const char *key, struct bytes value)
{
    json_out_key(json, key);
    json_out_hex(json, value);
}

void json_out_key_time(struct json_out *json, const char *key, int64_t unix_ms)
{
    json_out_key(json, key);
    json_out_time(json, unix_ms);
}
