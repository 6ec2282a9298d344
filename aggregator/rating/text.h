/*
 * Text into a bounded, sticky writer (struct avro_writer): numbers, times, UTF-8, CSV cells, and
 * JSON through common/json_out. What a part's statement, a manifest and a CSV file are written
 * with. Pure.
 */
#ifndef AGGREGATOR_RATING_TEXT_H
#define AGGREGATOR_RATING_TEXT_H

#include "common/json_out.h"
#include "schemas/c/avro_buffer.h"

enum {
    TEXT_UTF8_GROWTH = 3,     /* a wrong byte becomes U+FFFD: at worst thrice as long */
    TEXT_JSON_GROWTH = 6,     /* a control character becomes \u001f */
    TEXT_HOUR_PATH_SIZE = 32, /* dt=2026-11-20/hour=13 */
};

void text_put(struct avro_writer *w, const char *s);
void text_put_int(struct avro_writer *w, int64_t value);
void text_put_bool(struct avro_writer *w, bool value);
/* RFC 3339 in UTC with milliseconds; clamped to the years 0001 … 9999. */
void text_put_time(struct avro_writer *w, int64_t unix_ms);
/* The bytes, with U+FFFD in place of everything that is not UTF-8. */
void text_put_utf8(struct avro_writer *w, struct bytes b);
size_t text_utf8_length(struct bytes b);
/* "dt=2026-11-20/hour=13" of a whole hour. */
void text_format_hour_path(char path[TEXT_HOUR_PATH_SIZE], int64_t hour);

/* Cells of RFC 4180. The caller writes the commas; text_put_csv_end writes CR LF. A text that would
 * start a formula in a spreadsheet gets a leading apostrophe; numbers never do. */
void text_put_csv_text(struct avro_writer *w, struct bytes b);
void text_put_csv_end(struct avro_writer *w);

/* JSON into what is left of `w`; text_json_end takes it over. Objects' keys are written sorted: the
 * canonical form of our files. */
struct json_out text_json_begin(struct avro_writer *w);
void text_json_end(struct avro_writer *w, struct json_out *json);

/* A member with a time, or null for NO_TIME (INT64_MIN); times are clamped as by text_put_time. */
void text_json_time(struct json_out *json, const char *key, int64_t unix_ms);
/* The reverse: exactly the form that is written. */
enum err text_parse_time(struct bytes b, int64_t *unix_ms) MUST_CHECK;

#endif
