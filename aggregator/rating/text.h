/*
 * Text into a bounded, sticky writer (struct avro_writer): numbers, times, hex, UTF-8, JSON
 * strings, CSV cells. What a part's statement, a manifest and a CSV file are written with. Pure.
 */
#ifndef AGGREGATOR_RATING_TEXT_H
#define AGGREGATOR_RATING_TEXT_H

#include "schemas/c/avro_buffer.h"

enum {
    TEXT_TIME_BYTES = 24,    /* 2026-11-20T13:00:00.000Z */
    TEXT_UTF8_GROWTH = 3,    /* a wrong byte becomes U+FFFD: at worst thrice as long */
    TEXT_JSON_GROWTH = 6,    /* a control character becomes \u001f */
    TEXT_TIME_PATH_MAX = 32, /* dt=2026-11-20/hour=13 */
};

void text_put(struct avro_writer *w, const char *s);
void text_put_int(struct avro_writer *w, int64_t value);
void text_put_bool(struct avro_writer *w, bool value);
void text_put_hex(struct avro_writer *w, struct bytes b);
/* RFC 3339 in UTC with milliseconds; clamped to the years 0000 … 9999. */
void text_put_time(struct avro_writer *w, int64_t unix_ms);
/* The bytes, with U+FFFD in place of everything that is not UTF-8. */
void text_put_utf8(struct avro_writer *w, struct bytes b);
size_t text_utf8_length(struct bytes b);
/* Quoted and escaped as canonical JSON (RFC 8785). */
void text_put_json_string(struct avro_writer *w, struct bytes b);
/* "dt=2026-11-20/hour=13" of a whole hour. */
void text_format_hour_path(char path[TEXT_TIME_PATH_MAX], int64_t hour);

/* The reverse of text_put_time, strictly: 24 bytes, every field in range. */
enum err text_parse_time(struct bytes b, int64_t *unix_ms) MUST_CHECK;
/* Lower-case hex of exactly out_n bytes. */
enum err text_parse_hex(struct bytes hex, uint8_t *out, size_t out_n) MUST_CHECK;

/* Cells of RFC 4180. The caller writes the commas; text_put_csv_end writes CR LF. A text that would
 * start a formula in a spreadsheet gets a leading apostrophe; numbers never do. */
void text_put_csv_text(struct avro_writer *w, struct bytes b);
void text_put_csv_end(struct avro_writer *w);

#endif
