/*
 * A strict pull reader of JSON; see the header.
 */
#include "aggregator/rating/json_reader.h"

struct json_reader json_reader_over(struct bytes json, uint8_t *text, size_t text_cap)
{
    return (struct json_reader){.rest = json, .text = text, .text_cap = text_cap};
}

void json_fail(struct json_reader *r, enum err error)
{
    if (r->error == ERR_OK)
        r->error = error;
    r->rest.len = 0;
}

static void skip_space(struct json_reader *r)
{
    while (r->rest.len > 0 && (r->rest.ptr[0] == ' ' || r->rest.ptr[0] == '\n' ||
                               r->rest.ptr[0] == '\r' || r->rest.ptr[0] == '\t'))
        r->rest = bytes_skip(r->rest, 1);
}

/* The next byte that is not white space, 0 at the end. */
static uint8_t peek(struct json_reader *r)
{
    skip_space(r);
    return r->rest.len > 0 ? r->rest.ptr[0] : 0;
}

static bool take(struct json_reader *r, char c)
{
    if (r->error != ERR_OK || peek(r) != (uint8_t)c)
        return false;
    r->rest = bytes_skip(r->rest, 1);
    return true;
}

static void expect(struct json_reader *r, char c)
{
    if (!take(r, c))
        json_fail(r, r->rest.len == 0 ? ERR_TRUNCATED : ERR_MALFORMED);
}

static bool take_word(struct json_reader *r, const char *word)
{
    struct bytes w = bytes_of_string(word);

    skip_space(r);
    if (r->error != ERR_OK || !bytes_starts_with(r->rest, w))
        return false;
    r->rest = bytes_skip(r->rest, w.len);
    r->fresh = false;
    return true;
}

static void nest(struct json_reader *r, char open)
{
    expect(r, open);
    r->fresh = true;
    if (r->depth == JSON_DEPTH_MAX)
        json_fail(r, ERR_LIMIT);
    else
        r->depth++;
}

static bool next(struct json_reader *r, char close)
{
    bool first = r->fresh;

    if (r->error != ERR_OK)
        return false;
    r->fresh = false;
    if (take(r, close)) {
        r->depth--;
        return false;
    }
    if (!first)
        expect(r, ',');
    return r->error == ERR_OK;
}

void json_object_begin(struct json_reader *r)
{
    nest(r, '{');
}

void json_array_begin(struct json_reader *r)
{
    nest(r, '[');
}

bool json_array_next(struct json_reader *r)
{
    return next(r, ']');
}

/* A string with its escapes as they are. */
static struct bytes get_raw_string(struct json_reader *r, bool *escaped)
{
    *escaped = false;
    expect(r, '"');
    r->fresh = false;
    for (size_t i = 0; i < r->rest.len; i++) {
        uint8_t c = r->rest.ptr[i];

        if (c == '"') {
            struct bytes raw = bytes_of(r->rest.ptr, i);

            r->rest = bytes_skip(r->rest, i + 1);
            return raw;
        }
        if (c < 0x20) {
            json_fail(r, ERR_MALFORMED);
            return bytes_of(NULL, 0);
        }
        if (c == '\\') {
            *escaped = true;
            i++;
        }
    }
    json_fail(r, ERR_TRUNCATED);
    return bytes_of(NULL, 0);
}

bool json_object_next(struct json_reader *r, struct bytes *key)
{
    bool escaped;

    if (!next(r, '}'))
        return false;
    *key = get_raw_string(r, &escaped);
    expect(r, ':');
    return r->error == ERR_OK;
}

int64_t json_get_int(struct json_reader *r)
{
    bool negative = take(r, '-');
    int64_t value = 0;
    size_t n = 0;

    if (!negative)
        skip_space(r);
    for (; n < r->rest.len && r->rest.ptr[n] >= '0' && r->rest.ptr[n] <= '9'; n++) {
        int64_t digit = r->rest.ptr[n] - '0';

        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, digit, &value)) { /* negative: its range is the larger */
            json_fail(r, ERR_LIMIT);
            return 0;
        }
    }
    bool fraction = n < r->rest.len && (r->rest.ptr[n] == '.' || (r->rest.ptr[n] | 32) == 'e');

    if (n == r->rest.len && n == 0) {
        json_fail(r, ERR_TRUNCATED);
        return 0;
    }
    if (n == 0 || fraction || (n > 1 && r->rest.ptr[0] == '0')) {
        json_fail(r, ERR_MALFORMED);
        return 0;
    }
    if (!negative && __builtin_sub_overflow((int64_t)0, value, &value)) {
        json_fail(r, ERR_LIMIT);
        return 0;
    }
    r->rest = bytes_skip(r->rest, n);
    r->fresh = false;
    return value;
}

int64_t json_get_int_in(struct json_reader *r, int64_t min, int64_t max)
{
    int64_t value = json_get_int(r);

    if (value < min || value > max) {
        json_fail(r, ERR_LIMIT);
        return min;
    }
    return value;
}

bool json_get_bool(struct json_reader *r)
{
    if (take_word(r, "true"))
        return true;
    if (!take_word(r, "false"))
        json_fail(r, ERR_MALFORMED);
    return false;
}

bool json_take_null(struct json_reader *r)
{
    return take_word(r, "null");
}

static void put_text(struct json_reader *r, const uint8_t *bytes, size_t n)
{
    if (r->text != NULL) {
        if (r->text_cap - r->text_len < n) {
            json_fail(r, ERR_CAPACITY);
            return;
        }
        memcpy(r->text + r->text_len, bytes, n);
    }
    r->text_len += n;
}

/* Four hex digits; −1 if they are not. */
static int32_t hex4(struct bytes b)
{
    int32_t value = 0;

    if (b.len < 4)
        return -1;
    for (size_t i = 0; i < 4; i++) {
        uint8_t c = b.ptr[i];
        int32_t digit = c >= '0' && c <= '9'                 ? c - '0'
                        : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
                                                             : -1;

        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

static void put_code_point(struct json_reader *r, int32_t c)
{
    uint8_t utf8[3];

    if (c < 0x80) {
        utf8[0] = (uint8_t)c;
        put_text(r, utf8, 1);
    } else if (c < 0x800) {
        utf8[0] = (uint8_t)(0xc0 | c >> 6);
        utf8[1] = (uint8_t)(0x80 | (c & 63));
        put_text(r, utf8, 2);
    } else {
        utf8[0] = (uint8_t)(0xe0 | c >> 12);
        utf8[1] = (uint8_t)(0x80 | (c >> 6 & 63));
        utf8[2] = (uint8_t)(0x80 | (c & 63));
        put_text(r, utf8, 3);
    }
}

/* Decodes the escape behind a backslash at the start of `raw`; returns how many bytes it took.
 * Our writer escapes nothing above U+001F, so surrogate pairs need not be understood. */
static size_t unescape(struct json_reader *r, struct bytes raw)
{
    static const char from[] = "\"\\/bfnrt";
    static const char to[] = "\"\\/\b\f\n\r\t";
    const char *at = raw.ptr[0] == 0 ? NULL : strchr(from, raw.ptr[0]);

    if (at != NULL) {
        put_text(r, (const uint8_t *)&to[at - from], 1);
        return 1;
    }
    int32_t c = raw.ptr[0] == 'u' ? hex4(bytes_skip(raw, 1)) : -1;

    if (c < 0 || (c >= 0xd800 && c <= 0xdfff)) {
        json_fail(r, ERR_MALFORMED);
        return raw.len;
    }
    put_code_point(r, c);
    return 5;
}

struct bytes json_get_string(struct json_reader *r)
{
    bool escaped;
    struct bytes raw = get_raw_string(r, &escaped);
    size_t start = r->text_len;

    if (!escaped || r->error != ERR_OK)
        return raw;
    while (raw.len > 0 && r->error == ERR_OK) {
        if (raw.ptr[0] == '\\') { /* never the last byte: get_raw_string saw to that */
            raw = bytes_skip(raw, 1);
            raw = bytes_skip(raw, unescape(r, raw));
        } else {
            put_text(r, raw.ptr, 1);
            raw = bytes_skip(raw, 1);
        }
    }
    if (r->error != ERR_OK || r->text == NULL)
        return bytes_of(NULL, 0);
    return bytes_of(r->text + start, r->text_len - start);
}

void json_skip(struct json_reader *r)
{
    struct bytes key;

    switch (peek(r)) {
    case '{':
        json_object_begin(r);
        while (json_object_next(r, &key))
            json_skip(r);
        break;
    case '[':
        json_array_begin(r);
        while (json_array_next(r))
            json_skip(r);
        break;
    case '"': {
        bool escaped;

        (void)get_raw_string(r, &escaped);
        break;
    }
    case 't':
    case 'f': (void)json_get_bool(r); break;
    case 'n':
        if (!json_take_null(r))
            json_fail(r, ERR_MALFORMED);
        break;
    default: (void)json_get_int(r); break;
    }
}

bool json_key_is(struct bytes key, const char *name)
{
    return bytes_equal(key, bytes_of_string(name));
}

enum err json_finish(const struct json_reader *r)
{
    if (r->error != ERR_OK)
        return r->error;
    for (size_t i = 0; i < r->rest.len; i++) {
        uint8_t c = r->rest.ptr[i];

        if (c != ' ' && c != '\n' && c != '\r' && c != '\t')
            return ERR_MALFORMED;
    }
    return r->depth == 0 ? ERR_OK : ERR_TRUNCATED;
}
