/*
 * Reading and writing the parts of a journal segment. Pure: bytes in, bytes out.
 */
#include "producer/edge/journal_format.h"

#include <assert.h>

#include "common/crc32.h"

static const uint8_t segment_magic[8] = {'E', 'N', 'C', 'J', 'R', 'N', 'L', '1'};

static void put_u32(uint8_t *out, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(value >> (8 * i));
}

static void put_u64(uint8_t *out, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        out[i] = (uint8_t)(value >> (8 * i));
}

static uint32_t get_u32(const uint8_t *in)
{
    return (uint32_t)in[0] | (uint32_t)in[1] << 8 | (uint32_t)in[2] << 16 | (uint32_t)in[3] << 24;
}

static uint64_t get_u64(const uint8_t *in)
{
    return (uint64_t)get_u32(in) | (uint64_t)get_u32(in + 4) << 32;
}

void segment_header_put(uint8_t out[SEGMENT_HEADER_BYTES], const struct segment_header *header)
{
    memset(out, 0, SEGMENT_HEADER_BYTES);
    memcpy(out, segment_magic, sizeof segment_magic);
    put_u64(out + 8, header->number);
    put_u64(out + 16, header->first_index);
    put_u32(out + 24, header->size);
    put_u32(out + 28, header->salt);
    put_u32(out + 60, crc32c(0, bytes_of(out, 60)));
}

enum err segment_header_get(struct bytes in, struct segment_header *header)
{
    if (in.len < SEGMENT_DATA_OFFSET)
        return ERR_TRUNCATED;
    if (memcmp(in.ptr, segment_magic, sizeof segment_magic - 1) != 0)
        return ERR_MALFORMED;
    if (in.ptr[7] != segment_magic[7])
        return ERR_UNSUPPORTED;
    if (get_u32(in.ptr + 60) != crc32c(0, bytes_of(in.ptr, 60)))
        return ERR_CHECKSUM;
    header->number = get_u64(in.ptr + 8);
    header->first_index = get_u64(in.ptr + 16);
    header->size = get_u32(in.ptr + 24);
    header->salt = get_u32(in.ptr + 28);
    if (header->first_index == 0 || header->size < SEGMENT_DATA_OFFSET)
        return ERR_MALFORMED;
    return ERR_OK;
}

void segment_slot_put(uint8_t out[SEGMENT_SLOT_BYTES], uint32_t salt,
                      const struct segment_slot *slot)
{
    memset(out, 0, SEGMENT_SLOT_BYTES);
    put_u64(out, slot->turn);
    put_u64(out + 8, slot->acked);
    put_u32(out + 16, crc32c(salt, bytes_of(out, 16)));
}

struct segment_slot segment_slot_newest(struct bytes file, uint32_t salt)
{
    struct segment_slot newest = {0, 0};

    assert(file.len >= SEGMENT_DATA_OFFSET);
    for (size_t k = 1; k <= SEGMENT_SLOTS; k++) {
        const uint8_t *in = file.ptr + k * SEGMENT_SLOT_OFFSET;
        struct segment_slot slot = {get_u64(in), get_u64(in + 8)};

        if (get_u32(in + 16) == crc32c(salt, bytes_of(in, 16)) && slot.turn > newest.turn)
            newest = slot;
    }
    return newest;
}

void commit_header_put(uint8_t out[COMMIT_HEADER_BYTES], const struct commit_header *header)
{
    memset(out, 0, COMMIT_HEADER_BYTES);
    memcpy(out, header->epoch.bytes, EVENT_UUID_BYTES);
    put_u64(out + 16, header->last_seq);
    put_u64(out + 24, header->first_index);
    put_u64(out + 32, (uint64_t)header->wall_ms);
    put_u32(out + 40, header->events_n);
    put_u32(out + 44, header->events_bytes);
    put_u32(out + 48, header->state_bytes);
}

void commit_header_get(const uint8_t in[COMMIT_HEADER_BYTES], struct commit_header *header)
{
    memcpy(header->epoch.bytes, in, EVENT_UUID_BYTES);
    header->last_seq = get_u64(in + 16);
    header->first_index = get_u64(in + 24);
    header->wall_ms = (int64_t)get_u64(in + 32);
    header->events_n = get_u32(in + 40);
    header->events_bytes = get_u32(in + 44);
    header->state_bytes = get_u32(in + 48);
}

void event_header_put(uint8_t out[EVENT_HEADER_BYTES], uint32_t salt, struct bytes event)
{
    put_u32(out, (uint32_t)event.len);
    put_u32(out + 4, crc32c(salt, event));
}

uint32_t event_header_get(const uint8_t in[EVENT_HEADER_BYTES], uint32_t *crc)
{
    *crc = get_u32(in + 4);
    return get_u32(in);
}

void record_seal(uint8_t *record, uint32_t length, uint32_t salt, uint32_t durable)
{
    put_u32(record + 4, length);
    put_u32(record + 8, RECORD_KIND_COMMIT);
    put_u32(record + 12, durable);
    put_u32(record, crc32c(salt, bytes_of(record + 4, RECORD_HEADER_BYTES - 4 + (size_t)length)));
}

void record_header_get(const uint8_t in[RECORD_HEADER_BYTES], struct record_header *header)
{
    header->length = get_u32(in + 4);
    header->durable = get_u32(in + 12);
}

enum err segment_walk_begin(struct segment_walk *walk, struct bytes file)
{
    enum err err = segment_header_get(file, &walk->header);

    walk->file = file;
    walk->offset = SEGMENT_DATA_OFFSET;
    return err;
}

/* Is there an intact record at `offset`? Fills in its header if so. */
static bool record_at(const struct segment_walk *walk, uint32_t offset,
                      struct record_header *header)
{
    size_t left = walk->file.len - offset;
    const uint8_t *in = walk->file.ptr + offset;

    if (left < RECORD_HEADER_BYTES)
        return false;
    record_header_get(in, header);
    if (get_u32(in + 8) != RECORD_KIND_COMMIT || header->durable > offset ||
        header->length > left - RECORD_HEADER_BYTES)
        return false;
    size_t covered = RECORD_HEADER_BYTES - 4 + (size_t)header->length;
    return get_u32(in) == crc32c(walk->header.salt, bytes_of(in + 4, covered));
}

/* What stands at walk->offset is no record: the end, a torn write, or damage? */
static enum err judge_end(const struct segment_walk *walk)
{
    struct bytes rest = bytes_skip(walk->file, walk->offset);
    size_t i = 0;

    while (i < rest.len && rest.ptr[i] == 0)
        i++;
    if (i == rest.len)
        return ERR_NOT_FOUND;
    for (size_t at = walk->offset; at < walk->file.len; at += RECORD_ALIGN) {
        struct record_header later;

        if (record_at(walk, (uint32_t)at, &later) && later.durable > walk->offset)
            return ERR_CHECKSUM;
    }
    return ERR_TRUNCATED;
}

/* Do the parts of a commit fill its payload exactly, and do its events? */
static bool commit_is_sound(const struct commit_view *commit, size_t payload)
{
    const struct commit_header *h = &commit->header;
    uint64_t parts = (uint64_t)COMMIT_HEADER_BYTES + h->events_bytes + h->state_bytes;
    size_t at = 0;

    if (parts != payload || h->last_seq > INT64_MAX || h->first_index == 0)
        return false;
    for (uint32_t n = 0; n < h->events_n; n++) {
        uint32_t crc;

        if (h->events_bytes - at < EVENT_HEADER_BYTES)
            return false;
        uint32_t length = event_header_get(commit->events.ptr + at, &crc);
        at += EVENT_HEADER_BYTES;
        if (length > h->events_bytes - at)
            return false;
        at += length;
    }
    return at == h->events_bytes;
}

enum err segment_next(struct segment_walk *walk, struct commit_view *commit)
{
    struct record_header record;

    if (!record_at(walk, walk->offset, &record))
        return judge_end(walk);
    if (record.length < COMMIT_HEADER_BYTES)
        return ERR_MALFORMED;
    const uint8_t *payload = walk->file.ptr + walk->offset + RECORD_HEADER_BYTES;
    commit_header_get(payload, &commit->header);
    commit->offset = walk->offset;
    if (commit->header.events_bytes > record.length - COMMIT_HEADER_BYTES)
        return ERR_MALFORMED;
    commit->events = bytes_of(payload + COMMIT_HEADER_BYTES, commit->header.events_bytes);
    commit->state = bytes_of(commit->events.ptr + commit->events.len,
                             record.length - COMMIT_HEADER_BYTES - commit->events.len);
    if (!commit_is_sound(commit, record.length))
        return ERR_MALFORMED;
    size_t next = (size_t)walk->offset + RECORD_HEADER_BYTES + record_padded(record.length);
    walk->offset = (uint32_t)(next < walk->file.len ? next : walk->file.len);
    return ERR_OK;
}
