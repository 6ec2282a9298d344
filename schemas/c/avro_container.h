/*
 * Avro object container files with bytes that depend on nothing but what they say.
 *
 * Codec null. The sync marker is given by the caller (files.md: the first 16 bytes of SHA-256 of
 * the object's name), metadata is written in the order given, rows are put into blocks of at most
 * AVRO_CONTAINER_BLOCK_ROWS rows: so equal content gives equal bytes. Pure: everything goes through
 * a `struct avro_writer`, which the caller makes large enough (ERR_CAPACITY otherwise).
 */
#ifndef SCHEMAS_C_AVRO_CONTAINER_H
#define SCHEMAS_C_AVRO_CONTAINER_H

#include "schemas/c/avro_buffer.h"

enum { AVRO_SYNC_BYTES = 16, AVRO_CONTAINER_BLOCK_ROWS = 1024, AVRO_CONTAINER_META_MAX = 16 };

struct avro_meta {
    const char *key;
    struct bytes value;
};

struct avro_container {
    struct avro_writer *out;
    uint8_t sync[AVRO_SYNC_BYTES];
    size_t block_start; /* offset in `out` of the current block's first row, 0 = no block open */
    uint64_t block_rows;
    uint64_t rows;
};

/* Writes the header; `meta_n` is at most AVRO_CONTAINER_META_MAX − 2. It holds magic, metadata
 * (avro.schema, avro.codec, then `meta` in order), sync. */
void avro_container_begin(struct avro_container *c, struct avro_writer *out,
                          const char *schema_json, const struct avro_meta *meta, size_t meta_n,
                          const uint8_t sync[AVRO_SYNC_BYTES]);

/* Call before and after encoding each row into c->out. */
void avro_container_row_begin(struct avro_container *c);
void avro_container_row_end(struct avro_container *c);

/* Closes the last block. Afterwards avro_writer_finish(out) tells the length. */
void avro_container_end(struct avro_container *c);

/* Reads what the writer above writes (and any codec-null container): header, then rows. */
struct avro_container_reader {
    struct avro_reader in;
    struct bytes schema_json;
    struct avro_meta meta[AVRO_CONTAINER_META_MAX]; /* keys are not NUL-terminated: see key_len */
    size_t key_len[AVRO_CONTAINER_META_MAX];
    size_t meta_n;
    uint8_t sync[AVRO_SYNC_BYTES];
    uint64_t block_rows_left;
    const uint8_t *block_end; /* NULL before the first block; in.end while there are rows */
    const uint8_t *file_end;
};

/* ERR_MALFORMED, ERR_TRUNCATED, ERR_UNSUPPORTED (codec other than null), ERR_LIMIT. */
enum err avro_container_open(struct avro_container_reader *r, struct bytes file) MUST_CHECK;
/* Value of a metadata key; empty slice if absent. */
struct bytes avro_container_meta(const struct avro_container_reader *r, const char *key);
/* ERR_OK: r->in stands at the next row and ends with its block; the caller decodes all of the row
 * (a row takes at least a byte). ERR_NOT_FOUND: no more rows. ERR_MALFORMED, ERR_TRUNCATED. */
enum err avro_container_next(struct avro_container_reader *r) MUST_CHECK;

#endif
