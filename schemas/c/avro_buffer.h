/*
 * Avro binary primitives over a caller's buffer: a bounded reader and a bounded writer.
 *
 * Pure: no allocation, no I/O. The writer is "sticky": after the first value that does not fit it
 * stores nothing more and avro_writer_finish says ERR_CAPACITY, so encoders need no checks between.
 * Encoding rules: Avro 1.11 specification, "Binary Encoding".
 */
#ifndef SCHEMAS_C_AVRO_BUFFER_H
#define SCHEMAS_C_AVRO_BUFFER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/err.h"

enum { AVRO_LONG_MAX_BYTES = 10 };

struct avro_writer {
    uint8_t *ptr;
    size_t cap;
    size_t len;    /* bytes written so far, ≤ cap */
    bool overflow; /* something did not fit */
};

struct avro_reader {
    const uint8_t *ptr;
    const uint8_t *end;
};

static inline struct avro_writer avro_writer_over(void *buffer, size_t cap)
{
    return (struct avro_writer){.ptr = buffer, .cap = cap};
}

void avro_put_raw(struct avro_writer *w, const void *bytes, size_t n);
void avro_put_byte(struct avro_writer *w, uint8_t byte);
void avro_put_bool(struct avro_writer *w, bool value);
/* int and long share one encoding: zig-zag, base 128. */
void avro_put_long(struct avro_writer *w, int64_t value);
/* bytes and string: length, then the bytes. */
void avro_put_bytes(struct avro_writer *w, struct bytes value);

/* ERR_OK and the length, or ERR_CAPACITY. */
enum err avro_writer_finish(const struct avro_writer *w, size_t *len) MUST_CHECK;

static inline struct avro_reader avro_reader_over(struct bytes b)
{
    return (struct avro_reader){b.ptr, b.ptr + b.len};
}

/* ERR_TRUNCATED when the input ends, ERR_MALFORMED for a varint of more than 64 bits, a boolean
 * other than 0 and 1, or a negative length. The slice of avro_get_bytes points into the input. */
enum err avro_get_long(struct avro_reader *r, int64_t *value) MUST_CHECK;
enum err avro_get_bool(struct avro_reader *r, bool *value) MUST_CHECK;
enum err avro_get_bytes(struct avro_reader *r, struct bytes *value) MUST_CHECK;
enum err avro_get_raw(struct avro_reader *r, size_t n, struct bytes *value) MUST_CHECK;

#endif
