/*
 * Writes JSON into the caller's buffer, without spaces and in the order of the calls. Pure, no
 * allocation. Overflow is sticky: write everything, then ask json_out_finish once. Reading JSON is
 * cJSON's work, at edges.
 */
#ifndef COMMON_JSON_OUT_H
#define COMMON_JSON_OUT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/err.h"

enum { JSON_OUT_DEPTH_MAX = 31 };

struct json_out {
    char *out;
    size_t cap;
    size_t len;
    bool overflow;   /* something did not fit; nothing more is written */
    bool after_key;  /* the next value belongs to a key: no comma */
    uint8_t depth;   /* open objects and arrays, ≤ JSON_OUT_DEPTH_MAX */
    uint32_t filled; /* bit d: depth d holds a value already, so that the next needs a comma */
};

void json_out_init(struct json_out *json, void *out, size_t cap);

/* What was written, without a NUL; ERR_CAPACITY if it did not fit. Every object and array must have
 * been closed. */
MUST_CHECK enum err json_out_finish(struct json_out *json, struct bytes *text);

void json_out_object_begin(struct json_out *json);
void json_out_object_end(struct json_out *json);
void json_out_array_begin(struct json_out *json);
void json_out_array_end(struct json_out *json);
void json_out_key(struct json_out *json, const char *key);

/* Control and line-breaking characters are escaped; a byte that is not UTF-8 becomes U+FFFD. */
void json_out_string(struct json_out *json, struct bytes value);
void json_out_text(struct json_out *json, const char *value);
void json_out_int(struct json_out *json, int64_t value);
void json_out_uint(struct json_out *json, uint64_t value);
void json_out_bool(struct json_out *json, bool value);
void json_out_null(struct json_out *json);
/* The bytes as a string of lower-case hexadecimal digits. */
void json_out_hex(struct json_out *json, struct bytes value);
/* A Unix time as an RFC 3339 string (common/time_text.h). */
void json_out_time(struct json_out *json, int64_t unix_ms);
/* Text that is JSON already, taken as it is. */
void json_out_raw(struct json_out *json, struct bytes value);

/* A key and its value. */
void json_out_key_string(struct json_out *json, const char *key, struct bytes value);
void json_out_key_text(struct json_out *json, const char *key, const char *value);
void json_out_key_int(struct json_out *json, const char *key, int64_t value);
void json_out_key_uint(struct json_out *json, const char *key, uint64_t value);
void json_out_key_bool(struct json_out *json, const char *key, bool value);
void json_out_key_null(struct json_out *json, const char *key);
void json_out_key_hex(struct json_out *json, const char *key, struct bytes value);
void json_out_key_time(struct json_out *json, const char *key, int64_t unix_ms);

#endif
