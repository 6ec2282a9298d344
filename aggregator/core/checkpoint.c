/*
 * Checkpoint files: see checkpoint.h for the layout. A file is judged section by section, the
 * checksum before the content, so that a damaged byte is reported as such and never interpreted.
 */
#include "aggregator/core/checkpoint.h"

#include "common/crc32.h"

static const uint8_t magic[8] = {'E', 'M', 'C', 'K', 'P', 'T', '\r', '\n'};

enum {
    SECTION_NAME_BYTES = 4,
    SECTION_HEADER_BYTES = SECTION_NAME_BYTES + 8 + 4,
    HEAD_BYTES = 4 * 4 + 8 + CHECKPOINT_WRITER_ID_BYTES + 8 + 8 + 4 + 4 + 8 + 8,
    OUTBOX_COUNT_BYTES = 4,
    EFFECT_HEADER_BYTES = 4 + 4 + 8,
};

/* ---- writing ------------------------------------------------------------------------ */

struct writer {
    uint8_t *at;
};

static void put_raw(struct writer *w, const void *ptr, size_t len)
{
    if (len > 0)
        memcpy(w->at, ptr, len);
    w->at += len;
}

static void put_u32(struct writer *w, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        *w->at++ = (uint8_t)(value >> (8 * i));
}

static void put_u64(struct writer *w, uint64_t value)
{
    put_u32(w, (uint32_t)value);
    put_u32(w, (uint32_t)(value >> 32));
}

static void put_i64(struct writer *w, int64_t value)
{
    put_u64(w, (uint64_t)value);
}

static size_t outbox_bytes(const struct checkpoint *c)
{
    size_t n = OUTBOX_COUNT_BYTES;

    for (uint32_t i = 0; i < c->outbox_n; i++)
        n += EFFECT_HEADER_BYTES + c->outbox[i].name.len + c->outbox[i].content.len;
    return n;
}

size_t checkpoint_encoded_bytes(const struct checkpoint *c)
{
    return sizeof magic + 4 * SECTION_HEADER_BYTES + HEAD_BYTES + c->state.len + outbox_bytes(c);
}

/* Where a section's header goes; section_end fills in the checksum. */
static uint8_t *section_begin(struct writer *w, const char *name, size_t payload_len)
{
    uint8_t *start = w->at;

    put_raw(w, name, SECTION_NAME_BYTES);
    put_u64(w, payload_len);
    put_u32(w, 0);
    return start;
}

static uint32_t section_crc(const uint8_t *start, struct bytes payload)
{
    return crc32c(crc32c(0, bytes_of(start, SECTION_HEADER_BYTES - 4)), payload);
}

static void section_end(const struct writer *w, uint8_t *start)
{
    const uint8_t *payload = start + SECTION_HEADER_BYTES;
    struct writer crc_at = {start + SECTION_HEADER_BYTES - 4};

    put_u32(&crc_at, section_crc(start, bytes_of(payload, (size_t)(w->at - payload))));
}

static void put_head(struct writer *w, const struct checkpoint *c)
{
    put_u32(w, CHECKPOINT_FORMAT);
    put_u32(w, c->era);
    put_u32(w, (uint32_t)c->partition);
    put_u32(w, 0);
    put_u64(w, c->number);
    put_raw(w, c->writer_id, sizeof c->writer_id);
    put_i64(w, c->created_ms);
    put_i64(w, c->next_offset);
    put_u32(w, c->has_last ? 1 : 0);
    put_u32(w, c->last_crc);
    put_i64(w, c->last_offset);
    put_i64(w, c->last_append_time);
}

static void put_outbox(struct writer *w, const struct checkpoint *c)
{
    put_u32(w, c->outbox_n);
    for (uint32_t i = 0; i < c->outbox_n; i++) {
        const struct checkpoint_effect *effect = &c->outbox[i];

        put_u32(w, (uint32_t)effect->kind);
        put_u32(w, (uint32_t)effect->name.len);
        put_u64(w, effect->content.len);
        put_raw(w, effect->name.ptr, effect->name.len);
        put_raw(w, effect->content.ptr, effect->content.len);
    }
}

enum err checkpoint_encode(const struct checkpoint *c, uint8_t *buffer, size_t cap, size_t *len)
{
    struct writer w = {buffer};
    uint8_t *section;

    if (c->outbox_n > CHECKPOINT_OUTBOX_MAX)
        return ERR_LIMIT;
    for (uint32_t i = 0; i < c->outbox_n; i++) {
        size_t name_len = c->outbox[i].name.len;

        if (name_len == 0 || name_len > CHECKPOINT_EFFECT_NAME_MAX)
            return ERR_LIMIT;
    }
    if (checkpoint_encoded_bytes(c) > cap)
        return ERR_CAPACITY;
    put_raw(&w, magic, sizeof magic);
    section = section_begin(&w, "HEAD", HEAD_BYTES);
    put_head(&w, c);
    section_end(&w, section);
    section = section_begin(&w, "STAT", c->state.len);
    put_raw(&w, c->state.ptr, c->state.len);
    section_end(&w, section);
    section = section_begin(&w, "OUTB", outbox_bytes(c));
    put_outbox(&w, c);
    section_end(&w, section);
    section = section_begin(&w, "DONE", 0);
    section_end(&w, section);
    *len = (size_t)(w.at - buffer);
    return ERR_OK;
}

/* ---- reading ------------------------------------------------------------------------ */

static uint32_t get_u32(struct bytes *in)
{
    uint32_t value = 0;

    for (unsigned i = 0; i < 4; i++)
        value |= (uint32_t)in->ptr[i] << (8 * i);
    *in = bytes_skip(*in, 4);
    return value;
}

static uint64_t get_u64(struct bytes *in)
{
    uint64_t low = get_u32(in);

    return low | (uint64_t)get_u32(in) << 32;
}

static int64_t get_i64(struct bytes *in)
{
    return (int64_t)get_u64(in);
}

struct reader {
    struct bytes file;
    size_t at;
    struct err_detail *detail;
};

/* The payload of the section that must come next. */
static enum err take_section(struct reader *r, const char *name, struct bytes *payload)
{
    struct bytes left = bytes_skip(r->file, r->at);
    const uint8_t *start = left.ptr;

    if (left.len < SECTION_HEADER_BYTES)
        return err_set(r->detail, ERR_TRUNCATED,
                       "section %s at offset %zu: the file ends in its header", name, r->at);
    if (memcmp(start, name, SECTION_NAME_BYTES) != 0)
        return err_set(r->detail, ERR_MALFORMED, "offset %zu: this is not section %s", r->at, name);
    left = bytes_skip(left, SECTION_NAME_BYTES);
    uint64_t len = get_u64(&left);
    uint32_t crc = get_u32(&left);
    if (len > left.len)
        return err_set(r->detail, ERR_TRUNCATED,
                       "section %s at offset %zu: %llu bytes announced, %zu are there", name, r->at,
                       (unsigned long long)len, left.len);
    *payload = bytes_of(left.ptr, (size_t)len);
    if (section_crc(start, *payload) != crc)
        return err_set(r->detail, ERR_CHECKSUM, "section %s at offset %zu: the checksum differs",
                       name, r->at);
    r->at += SECTION_HEADER_BYTES + (size_t)len;
    return ERR_OK;
}

static enum err head_error(const struct reader *r, enum err code, const char *what)
{
    return err_set(r->detail, code, "section HEAD at offset %zu: %s", sizeof magic, what);
}

static enum err take_head(struct reader *r, struct checkpoint *c)
{
    struct bytes in;
    enum err e = take_section(r, "HEAD", &in);

    if (e != ERR_OK)
        return e;
    if (in.len < 4)
        return head_error(r, ERR_TRUNCATED, "it has no format version");
    if (get_u32(&in) != CHECKPOINT_FORMAT)
        return head_error(r, ERR_UNSUPPORTED, "another version of this program wrote it");
    if (in.len != HEAD_BYTES - 4)
        return head_error(r, ERR_MALFORMED, "its length is wrong");
    c->era = get_u32(&in);
    c->partition = (int32_t)get_u32(&in);
    if (get_u32(&in) != 0)
        return head_error(r, ERR_MALFORMED, "a reserved field is not 0");
    c->number = get_u64(&in);
    memcpy(c->writer_id, in.ptr, sizeof c->writer_id);
    in = bytes_skip(in, sizeof c->writer_id);
    c->created_ms = get_i64(&in);
    c->next_offset = get_i64(&in);
    uint32_t has_last = get_u32(&in);
    c->has_last = has_last == 1;
    c->last_crc = get_u32(&in);
    c->last_offset = get_i64(&in);
    c->last_append_time = get_i64(&in);
    if (c->era == 0 || c->partition < 0 || c->number == 0 || c->number > CHECKPOINT_NUMBER_MAX)
        return head_error(r, ERR_MALFORMED, "era, partition or number is impossible");
    if (c->next_offset < 0 || has_last > 1 ||
        (c->has_last && (c->last_offset < 0 || c->last_offset >= c->next_offset)))
        return head_error(r, ERR_MALFORMED, "its offsets are impossible");
    if (!c->has_last && (c->last_crc != 0 || c->last_offset != 0 || c->last_append_time != 0))
        return head_error(r, ERR_MALFORMED, "it describes a last record and says there is none");
    return ERR_OK;
}

static enum err outbox_error(const struct reader *r, size_t section_at, uint32_t index,
                             enum err code, const char *what)
{
    return err_set(r->detail, code, "section OUTB at offset %zu: effect %u: %s", section_at, index,
                   what);
}

static enum err take_effect(const struct reader *r, size_t section_at, uint32_t index,
                            struct bytes *in, struct checkpoint_effect *effect)
{
    if (in->len < EFFECT_HEADER_BYTES)
        return outbox_error(r, section_at, index, ERR_TRUNCATED, "it ends in its header");
    uint32_t kind = get_u32(in);
    uint32_t name_len = get_u32(in);
    uint64_t content_len = get_u64(in);
    if (kind != EFFECT_OBJECT)
        return outbox_error(r, section_at, index, ERR_MALFORMED, "its kind is not known");
    if (name_len == 0 || name_len > CHECKPOINT_EFFECT_NAME_MAX)
        return outbox_error(r, section_at, index, ERR_LIMIT, "its name is empty or too long");
    if (name_len > in->len || content_len > in->len - name_len)
        return outbox_error(r, section_at, index, ERR_TRUNCATED, "it ends in its content");
    effect->kind = EFFECT_OBJECT;
    effect->name = bytes_of(in->ptr, name_len);
    effect->content = bytes_of(in->ptr + name_len, (size_t)content_len);
    *in = bytes_skip(*in, name_len + (size_t)content_len);
    return ERR_OK;
}

static enum err take_outbox(struct reader *r, struct checkpoint *c,
                            struct checkpoint_effect *outbox, uint32_t outbox_cap)
{
    struct bytes in;
    size_t section_at = r->at;
    enum err e = take_section(r, "OUTB", &in);

    if (e != ERR_OK)
        return e;
    if (in.len < OUTBOX_COUNT_BYTES)
        return outbox_error(r, section_at, 0, ERR_TRUNCATED, "there is no count");
    c->outbox_n = get_u32(&in);
    c->outbox = outbox;
    if (c->outbox_n > CHECKPOINT_OUTBOX_MAX)
        return outbox_error(r, section_at, c->outbox_n, ERR_LIMIT, "more than the limit");
    if (c->outbox_n > outbox_cap)
        return err_set(r->detail, ERR_CAPACITY, "the outbox holds %u effects", c->outbox_n);
    for (uint32_t i = 0; i < c->outbox_n; i++) {
        e = take_effect(r, section_at, i, &in, &outbox[i]);
        if (e != ERR_OK)
            return e;
    }
    if (in.len != 0)
        return outbox_error(r, section_at, c->outbox_n, ERR_MALFORMED, "bytes are left over");
    return ERR_OK;
}

enum err checkpoint_decode(struct bytes file, struct checkpoint *c,
                           struct checkpoint_effect *outbox, uint32_t outbox_cap,
                           struct err_detail *detail)
{
    struct reader r = {file, sizeof magic, detail};
    struct bytes done;
    enum err e;

    memset(c, 0, sizeof *c);
    if (file.len < sizeof magic)
        return err_set(detail, ERR_TRUNCATED, "offset 0: %zu bytes are no checkpoint", file.len);
    if (memcmp(file.ptr, magic, sizeof magic) != 0)
        return err_set(detail, ERR_MALFORMED,
                       "offset 0: the magic bytes of a checkpoint are missing");
    e = take_head(&r, c);
    if (e == ERR_OK)
        e = take_section(&r, "STAT", &c->state);
    if (e == ERR_OK)
        e = take_outbox(&r, c, outbox, outbox_cap);
    if (e == ERR_OK)
        e = take_section(&r, "DONE", &done);
    if (e != ERR_OK)
        return e;
    if (done.len != 0 || r.at != file.len)
        return err_set(detail, ERR_MALFORMED, "offset %zu: bytes are left over", r.at - done.len);
    return ERR_OK;
}
