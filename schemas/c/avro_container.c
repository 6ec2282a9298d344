/*
 * Avro object container files, codec null: see avro_container.h. What is in a row is the caller's
 * affair. Layout: Avro 1.11 specification, "Object Container Files".
 */
#include "schemas/c/avro_container.h"

#include <assert.h>

static const struct bytes magic = {(const uint8_t *)"Obj\x01", 4};
static const struct bytes codec_null = {(const uint8_t *)"null", 4};

/* ---- writer ---------------------------------------------------------------------------------- */

static void put_meta(struct avro_writer *out, const char *key, struct bytes value)
{
    avro_put_bytes(out, bytes_of_string(key));
    avro_put_bytes(out, value);
}

void avro_container_begin(struct avro_container *c, struct avro_writer *out,
                          const char *schema_json, const struct avro_meta *meta, size_t meta_n,
                          const uint8_t sync[AVRO_SYNC_BYTES])
{
    assert(meta_n + 2 <= AVRO_CONTAINER_META_MAX);
    *c = (struct avro_container){.out = out};
    memcpy(c->sync, sync, AVRO_SYNC_BYTES);
    avro_put_raw(out, magic.ptr, magic.len);
    avro_put_long(out, (int64_t)(meta_n + 2));
    put_meta(out, "avro.schema", bytes_of_string(schema_json));
    put_meta(out, "avro.codec", codec_null);
    for (size_t i = 0; i < meta_n; i++)
        put_meta(out, meta[i].key, meta[i].value);
    avro_put_long(out, 0);
    avro_put_raw(out, c->sync, AVRO_SYNC_BYTES);
}

/* Count and size stand before the rows but are known after them: the rows move up. */
static void close_block(struct avro_container *c)
{
    struct avro_writer *out = c->out;
    uint8_t header[2 * AVRO_LONG_MAX_BYTES];
    struct avro_writer head = avro_writer_over(header, sizeof header);
    size_t size;

    if (c->block_start == 0 || out->overflow)
        return;
    size = out->len - c->block_start;
    avro_put_long(&head, (int64_t)c->block_rows);
    avro_put_long(&head, (int64_t)size);
    avro_put_raw(out, header, head.len); /* makes room, or notes that there is none */
    if (!out->overflow) {
        memmove(out->ptr + c->block_start + head.len, out->ptr + c->block_start, size);
        memcpy(out->ptr + c->block_start, header, head.len);
    }
    avro_put_raw(out, c->sync, AVRO_SYNC_BYTES);
    c->block_start = 0;
    c->block_rows = 0;
}

void avro_container_row_begin(struct avro_container *c)
{
    if (c->block_start == 0)
        c->block_start = c->out->len;
}

void avro_container_row_end(struct avro_container *c)
{
    c->rows++;
    if (++c->block_rows == AVRO_CONTAINER_BLOCK_ROWS)
        close_block(c);
}

void avro_container_end(struct avro_container *c)
{
    close_block(c);
}

/* ---- reader ---------------------------------------------------------------------------------- */

static bool find_meta(const struct avro_container_reader *r, struct bytes key, struct bytes *value)
{
    for (size_t i = 0; i < r->meta_n; i++)
        if (bytes_equal(bytes_of(r->meta[i].key, r->key_len[i]), key)) {
            *value = r->meta[i].value;
            return true;
        }
    return false;
}

static enum err read_entry(struct avro_container_reader *r)
{
    struct bytes key, value;
    enum err err = avro_get_bytes(&r->in, &key);

    if (err == ERR_OK)
        err = avro_get_bytes(&r->in, &value);
    if (err != ERR_OK)
        return err;
    if (r->meta_n == AVRO_CONTAINER_META_MAX)
        return ERR_LIMIT;
    if (find_meta(r, key, &(struct bytes){0}))
        return ERR_MALFORMED;
    r->key_len[r->meta_n] = key.len;
    r->meta[r->meta_n++] = (struct avro_meta){(const char *)key.ptr, value};
    return ERR_OK;
}

/* The metadata map; a block with a negative count states its size too, which we do not need. */
static enum err read_meta(struct avro_container_reader *r)
{
    for (;;) {
        int64_t count, size;
        enum err err = avro_get_long(&r->in, &count);

        if (err == ERR_OK && count < 0)
            err = avro_get_long(&r->in, &size);
        if (err != ERR_OK || count == 0)
            return err;
        if (count > AVRO_CONTAINER_META_MAX || count < -AVRO_CONTAINER_META_MAX)
            return ERR_LIMIT;
        for (int64_t i = count < 0 ? -count : count; i > 0; i--) {
            err = read_entry(r);
            if (err != ERR_OK)
                return err;
        }
    }
}

enum err avro_container_open(struct avro_container_reader *r, struct bytes file)
{
    struct bytes start, codec, sync;
    enum err err;

    *r = (struct avro_container_reader){.in = avro_reader_over(file)};
    r->file_end = r->in.end;
    err = avro_get_raw(&r->in, magic.len, &start);
    if (err == ERR_OK && !bytes_equal(start, magic))
        err = ERR_MALFORMED;
    if (err == ERR_OK)
        err = read_meta(r);
    if (err == ERR_OK)
        err = avro_get_raw(&r->in, AVRO_SYNC_BYTES, &sync);
    if (err != ERR_OK)
        return err;
    memcpy(r->sync, sync.ptr, AVRO_SYNC_BYTES);
    if (!find_meta(r, BYTES_LITERAL("avro.schema"), &r->schema_json))
        return ERR_MALFORMED;
    if (find_meta(r, BYTES_LITERAL("avro.codec"), &codec) && !bytes_equal(codec, codec_null))
        return ERR_UNSUPPORTED;
    return ERR_OK;
}

struct bytes avro_container_meta(const struct avro_container_reader *r, const char *key)
{
    struct bytes value = {0};

    find_meta(r, bytes_of_string(key), &value);
    return value;
}

/* The rows of a block are read: its end must be there, and the sync marker behind it. */
static enum err end_block(struct avro_container_reader *r)
{
    struct bytes sync;
    enum err err;

    if (r->block_end == NULL)
        return ERR_OK;
    if (r->in.ptr != r->block_end)
        return ERR_MALFORMED;
    r->in.end = r->file_end;
    r->block_end = NULL;
    err = avro_get_raw(&r->in, AVRO_SYNC_BYTES, &sync);
    if (err == ERR_OK && memcmp(sync.ptr, r->sync, AVRO_SYNC_BYTES) != 0)
        err = ERR_MALFORMED;
    return err;
}

static enum err begin_block(struct avro_container_reader *r)
{
    int64_t count, size;
    enum err err;

    if (r->in.ptr == r->in.end)
        return ERR_NOT_FOUND;
    err = avro_get_long(&r->in, &count);
    if (err == ERR_OK)
        err = avro_get_long(&r->in, &size);
    if (err != ERR_OK)
        return err;
    if (count < 0 || size < count)
        return ERR_MALFORMED;
    if (size > r->in.end - r->in.ptr)
        return ERR_TRUNCATED;
    r->block_rows_left = (uint64_t)count;
    r->block_end = r->in.ptr + size;
    r->in.end = r->block_end;
    return ERR_OK;
}

enum err avro_container_next(struct avro_container_reader *r)
{
    while (r->block_rows_left == 0) {
        enum err err = end_block(r);

        if (err == ERR_OK)
            err = begin_block(r);
        if (err != ERR_OK)
            return err;
    }
    r->block_rows_left--;
    return ERR_OK;
}
