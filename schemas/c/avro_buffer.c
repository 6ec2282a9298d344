/*
 * Avro binary primitives: see avro_buffer.h. Not here: anything that knows a schema.
 */
#include "schemas/c/avro_buffer.h"

#include "schemas/c/avro_varint.h"

void avro_put_raw(struct avro_writer *w, const void *bytes, size_t n)
{
    if (w->overflow || n > w->cap - w->len) {
        w->overflow = true;
        return;
    }
    if (n > 0)
        memcpy(w->ptr + w->len, bytes, n);
    w->len += n;
}

void avro_put_byte(struct avro_writer *w, uint8_t byte)
{
    if (w->overflow || w->len == w->cap) {
        w->overflow = true;
        return;
    }
    w->ptr[w->len++] = byte;
}

void avro_put_bool(struct avro_writer *w, bool value)
{
    avro_put_byte(w, value ? 1 : 0);
}

void avro_put_long(struct avro_writer *w, int64_t value)
{
    uint64_t rest = ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0);
    uint8_t encoded[AVRO_LONG_MAX_BYTES];
    size_t n = 0;

    if (rest < 0x80) {
        avro_put_byte(w, (uint8_t)rest);
        return;
    }
    for (; rest >= 0x80; rest >>= 7)
        encoded[n++] = (uint8_t)(rest | 0x80);
    encoded[n++] = (uint8_t)rest;
    avro_put_raw(w, encoded, n);
}

void avro_put_bytes(struct avro_writer *w, struct bytes value)
{
    avro_put_long(w, (int64_t)value.len);
    avro_put_raw(w, value.ptr, value.len);
}

enum err avro_writer_finish(const struct avro_writer *w, size_t *len)
{
    if (w->overflow)
        return ERR_CAPACITY;
    *len = w->len;
    return ERR_OK;
}

static enum err get_long_slowly(struct avro_reader *r, int64_t *value)
{
    uint64_t raw = 0;

    for (unsigned int i = 0; i < AVRO_LONG_MAX_BYTES; i++) {
        uint8_t byte;

        if (r->ptr == r->end)
            return ERR_TRUNCATED;
        byte = *r->ptr++;
        if (i == AVRO_LONG_MAX_BYTES - 1 && byte > 1) /* bits beyond the 64th */
            return ERR_MALFORMED;
        raw |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte < 0x80) {
            *value = avro_unzigzag(raw);
            return ERR_OK;
        }
    }
    return ERR_MALFORMED;
}

enum err avro_get_long(struct avro_reader *r, int64_t *value)
{
    struct avro_varint v = avro_varint_fast(r->ptr, r->end);

    if (v.next == NULL)
        return get_long_slowly(r, value);
    *value = avro_unzigzag(v.raw);
    r->ptr = v.next;
    return ERR_OK;
}

enum err avro_get_bool(struct avro_reader *r, bool *value)
{
    if (r->ptr == r->end)
        return ERR_TRUNCATED;
    if (*r->ptr > 1)
        return ERR_MALFORMED;
    *value = *r->ptr++ == 1;
    return ERR_OK;
}

enum err avro_get_raw(struct avro_reader *r, size_t n, struct bytes *value)
{
    if (n > (size_t)(r->end - r->ptr))
        return ERR_TRUNCATED;
    *value = (struct bytes){r->ptr, n};
    r->ptr += n;
    return ERR_OK;
}

enum err avro_get_bytes(struct avro_reader *r, struct bytes *value)
{
    int64_t len;
    enum err err = avro_get_long(r, &len);

    if (err != ERR_OK)
        return err;
    if (len < 0)
        return ERR_MALFORMED;
    if ((uint64_t)len > (uint64_t)(r->end - r->ptr))
        return ERR_TRUNCATED;
    return avro_get_raw(r, (size_t)len, value);
}
