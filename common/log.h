/*
 * The structured log on stderr: one line per event, as text or JSON, with typed fields.
 *
 *     log_info("publisher", "delivered", field_string("topic", topic), field_int("offset",
 * offset)); 2026-11-21T06:59:07.123Z INFO  publisher: delivered topic=enclave.lifecycle offset=42
 *
 * The message is a literal; everything that varies is a field, and fields are escaped so that no
 * content can forge a line. No allocation; one write(2) per line, from any thread. Not for
 * programs' output, which goes to stdout.
 */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/err.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

enum {
    LOG_OUTPUT_MAX = 4096, /* a longer line loses fields from its end and gets truncated=true */
    LOG_VALUE_MAX = 1024,  /* a longer value is cut and ends in "…" */
};

/* Set once at start, before threads. The default is text from INFO on to file descriptor 2. */
struct log_settings {
    enum log_format format;
    enum log_level level; /* the least that is written */
    int fd;
};

void log_configure(const struct log_settings *settings);
/* "text" and "json", "debug" "info" "warn" "error"; false if it is none of them. */
bool log_format_parse(const char *text, enum log_format *format);
bool log_level_parse(const char *text, enum log_level *level);
/* Whether a line of this level would be written: for fields that are costly to make. */
bool log_enabled(enum log_level level);

enum field_type {
    FIELD_STRING,
    FIELD_INT,
    FIELD_UINT,
    FIELD_BOOL,
    FIELD_HEX,
    FIELD_TIME,
    FIELD_ERR
};

/* A field lives until the end of the full expression; what it points to must too. */
struct log_field {
    const char *key; /* a literal; NULL ends the array */
    enum field_type type;
    union {
        struct bytes bytes;
        int64_t i;
        uint64_t u;
        bool b;
        struct {
            enum err code;
            const struct err_detail *detail;
        } err;
    } value;
};

/* NULL is shown as an empty string. */
static inline struct log_field field_string(const char *key, const char *value)
{
    return (struct log_field){
        .key = key, .type = FIELD_STRING, .value.bytes = bytes_of_string(value ? value : "")};
}

static inline struct log_field field_bytes(const char *key, struct bytes value)
{
    return (struct log_field){.key = key, .type = FIELD_STRING, .value.bytes = value};
}

static inline struct log_field field_hex(const char *key, struct bytes value)
{
    return (struct log_field){.key = key, .type = FIELD_HEX, .value.bytes = value};
}

static inline struct log_field field_int(const char *key, int64_t value)
{
    return (struct log_field){.key = key, .type = FIELD_INT, .value.i = value};
}

static inline struct log_field field_uint(const char *key, uint64_t value)
{
    return (struct log_field){.key = key, .type = FIELD_UINT, .value.u = value};
}

static inline struct log_field field_bool(const char *key, bool value)
{
    return (struct log_field){.key = key, .type = FIELD_BOOL, .value.b = value};
}

/* A Unix time in ms, shown as RFC 3339. */
static inline struct log_field field_time(const char *key, int64_t unix_ms)
{
    return (struct log_field){.key = key, .type = FIELD_TIME, .value.i = unix_ms};
}

/* err=<name> detail="…"; `detail` may be NULL, then the code's general text is shown. */
static inline struct log_field field_err(enum err code, const struct err_detail *detail)
{
    return (struct log_field){
        .key = "err", .type = FIELD_ERR, .value.err.code = code, .value.err.detail = detail};
}

/* Behind the macros. `fields` ends with a NULL key. */
void log_write(enum log_level level, const char *component, const char *message,
               const struct log_field *fields);

#define LOG_AT(level, component, message, ...)                                                     \
    log_write(level, component, "" message,                                                        \
              (const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ){.key = NULL}})

#define log_debug(component, ...) LOG_AT(LOG_LEVEL_DEBUG, component, __VA_ARGS__)
#define log_info(component, ...)  LOG_AT(LOG_LEVEL_INFO, component, __VA_ARGS__)
#define log_warn(component, ...)  LOG_AT(LOG_LEVEL_WARN, component, __VA_ARGS__)
#define log_error(component, ...) LOG_AT(LOG_LEVEL_ERROR, component, __VA_ARGS__)

#endif
