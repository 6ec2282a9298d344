/*
 * Formats a line on the stack and writes it with one write(2). A field that does not fit is left
 * out as a whole and truncated=true says so: half a value would be worse than none.
 */
#include "common/log.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/hex.h"
#include "common/json_out.h"
#include "common/time_text.h"
#include "common/utf8.h"

static struct log_settings settings = {LOG_FORMAT_TEXT, LOG_LEVEL_INFO, STDERR_FILENO};

static const char *const format_words[] = {
    [LOG_FORMAT_TEXT] = "text",
    [LOG_FORMAT_JSON] = "json",
};
static const char *const level_words[] = {
    [LOG_LEVEL_DEBUG] = "debug",
    [LOG_LEVEL_INFO] = "info",
    [LOG_LEVEL_WARN] = "warn",
    [LOG_LEVEL_ERROR] = "error",
};
static const char *const level_columns[] = {
    [LOG_LEVEL_DEBUG] = "DEBUG",
    [LOG_LEVEL_INFO] = "INFO ",
    [LOG_LEVEL_WARN] = "WARN ",
    [LOG_LEVEL_ERROR] = "ERROR",
};

enum {
    FORMAT_WORDS_N = sizeof format_words / sizeof format_words[0],
    LEVEL_WORDS_N = sizeof level_words / sizeof level_words[0],
    /* What is kept free for the end of a line: the truncation mark, a bracket and a newline. */
    LINE_END_MAX = 32,
};

void log_configure(const struct log_settings *wanted)
{
    settings = *wanted;
}

bool log_format_parse(const char *text, enum log_format *format)
{
    for (size_t i = 0; i < FORMAT_WORDS_N; i++)
        if (strcmp(text, format_words[i]) == 0) {
            *format = (enum log_format)i;
            return true;
        }
    return false;
}

bool log_level_parse(const char *text, enum log_level *level)
{
    for (size_t i = 0; i < LEVEL_WORDS_N; i++)
        if (strcmp(text, level_words[i]) == 0) {
            *level = (enum log_level)i;
            return true;
        }
    return false;
}

bool log_enabled(enum log_level level)
{
    return level >= settings.level;
}

/* A value, cut to LOG_VALUE_MAX with "…" where it is longer; `room` holds the cut one. */
static struct bytes shortened(struct bytes value, char room[LOG_VALUE_MAX])
{
    static const char ellipsis[] = "…";
    enum { ELLIPSIS_BYTES = sizeof ellipsis - 1 };

    if (value.len <= LOG_VALUE_MAX)
        return value;
    struct bytes prefix = utf8_prefix(value, LOG_VALUE_MAX - ELLIPSIS_BYTES);
    memcpy(room, prefix.ptr, prefix.len);
    memcpy(room + prefix.len, ellipsis, ELLIPSIS_BYTES);
    return bytes_of(room, prefix.len + ELLIPSIS_BYTES);
}

/* Whether text output may show the value without quotes. */
static bool is_plain(struct bytes value)
{
    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = value.ptr[i];

        if (c <= ' ' || c >= 0x7F || c == '"' || c == '\\' || c == '=')
            return false;
    }
    return value.len > 0;
}

/* One value. Quoting is JSON's in both formats. */
static void put_string(struct json_out *line, struct bytes value)
{
    char room[LOG_VALUE_MAX];

    value = shortened(value, room);
    if (settings.format == LOG_FORMAT_TEXT && is_plain(value))
        json_out_raw(line, value);
    else
        json_out_string(line, value);
}

static void put_hex(struct json_out *line, struct bytes value)
{
    char text[LOG_VALUE_MAX + 1];
    struct bytes head =
        bytes_of(value.ptr, value.len > LOG_VALUE_MAX / 2 ? LOG_VALUE_MAX / 2 : value.len);

    hex_format(head, text);
    put_string(line, bytes_of(text, 2 * head.len));
}

static void put_time(struct json_out *line, int64_t unix_ms)
{
    char text[TIME_TEXT_SIZE];

    put_string(line, bytes_of_string(time_text_format(unix_ms, text)));
}

static void put_key(struct json_out *line, const char *key)
{
    if (settings.format == LOG_FORMAT_JSON) {
        json_out_key(line, key);
        return;
    }
    json_out_raw(line, BYTES_LITERAL(" "));
    json_out_raw(line, bytes_of_string(key));
    json_out_raw(line, BYTES_LITERAL("="));
}

static void put_err(struct json_out *line, const struct log_field *field)
{
    const struct err_detail *detail = field->value.err.detail;
    enum err code = field->value.err.code;

    put_string(line, bytes_of_string(err_name(code)));
    put_key(line, "detail");
    put_string(line, bytes_of_string(detail != NULL && detail->text[0] != '\0' ? detail->text
                                                                               : err_text(code)));
}

static void put_field(struct json_out *line, const struct log_field *field)
{
    put_key(line, field->key);
    switch (field->type) {
    case FIELD_STRING: put_string(line, field->value.bytes); break;
    case FIELD_INT: json_out_int(line, field->value.i); break;
    case FIELD_UINT: json_out_uint(line, field->value.u); break;
    case FIELD_BOOL: json_out_bool(line, field->value.b); break;
    case FIELD_HEX: put_hex(line, field->value.bytes); break;
    case FIELD_TIME: put_time(line, field->value.i); break;
    case FIELD_ERR: put_err(line, field); break;
    }
}

/* Puts the fields that fit; the first that does not, and all after it, are left out. */
static void put_fields(struct json_out *line, const struct log_field *fields)
{
    for (const struct log_field *field = fields; field->key != NULL; field++) {
        struct json_out before = *line;

        put_field(line, field);
        if (!line->overflow)
            continue;
        *line = before;
        line->cap += LINE_END_MAX;
        put_key(line, "truncated");
        json_out_bool(line, true);
        return;
    }
    line->cap += LINE_END_MAX;
}

static void put_head(struct json_out *line, enum log_level level, const char *component,
                     const char *message)
{
    if (settings.format == LOG_FORMAT_JSON) {
        json_out_object_begin(line);
        json_out_key_time(line, "time", clock_wall_ms());
        json_out_key_text(line, "level", level_words[level]);
        json_out_key_text(line, "component", component);
        json_out_key_text(line, "message", message);
        return;
    }
    put_time(line, clock_wall_ms());
    json_out_raw(line, BYTES_LITERAL(" "));
    json_out_raw(line, bytes_of_string(level_columns[level]));
    json_out_raw(line, BYTES_LITERAL(" "));
    json_out_raw(line, bytes_of_string(component));
    json_out_raw(line, BYTES_LITERAL(": "));
    json_out_raw(line, bytes_of_string(message));
}

void log_write(enum log_level level, const char *component, const char *message,
               const struct log_field *fields)
{
    char text[LOG_OUTPUT_MAX];
    struct json_out line;
    int saved_errno = errno;

    if (!log_enabled(level))
        return;
    json_out_init(&line, text, sizeof text - 1 - LINE_END_MAX);
    put_head(&line, level, component, message);
    put_fields(&line, fields);
    if (settings.format == LOG_FORMAT_JSON)
        json_out_object_end(&line);
    text[line.len] = '\n';
    /* A log that cannot be written has nowhere to complain. */
    while (write(settings.fd, text, line.len + 1) < 0 && errno == EINTR)
        ;
    errno = saved_errno;
}
