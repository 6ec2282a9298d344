/*
 * Any bytes as a journal segment: the walk ends, stays inside, and what it hands out is consistent.
 * The first byte chooses whether CRCs are made valid first, so that the parsers behind them are
 * reached; without that, hardly anything but a torn tail is seen.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "producer/edge/journal_format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SALT = 0x5a17, DATA_MAX = 64 * 1024 };

static void require(int condition)
{
    if (!condition)
        abort();
}

/* Every record that the lengths lead to gets its magic kind and CRC. */
static void make_valid(uint8_t *file, size_t size)
{
    size_t at = SEGMENT_DATA_OFFSET;

    while (size - at > RECORD_HEADER_BYTES) {
        struct record_header header;

        record_header_get(file + at, &header);
        uint32_t room = (uint32_t)(size - at - RECORD_HEADER_BYTES);
        uint32_t length = header.length % (room + 1);
        record_seal(file + at, length, SALT, header.durable % (uint32_t)(at + 1));
        at += RECORD_HEADER_BYTES + record_padded(length);
        if (at >= size)
            break;
    }
}

static void check_commit(const struct segment_walk *walk, const struct commit_view *commit)
{
    const uint8_t *end = walk->file.ptr + walk->file.len;
    uint32_t n = 0;

    require(commit->events.ptr + commit->events.len == commit->state.ptr);
    require(commit->state.ptr + commit->state.len <= end);
    for (size_t at = 0; at < commit->events.len; n++) {
        uint32_t crc;

        require(commit->events.len - at >= EVENT_HEADER_BYTES);
        at += EVENT_HEADER_BYTES + event_header_get(commit->events.ptr + at, &crc);
        require(at <= commit->events.len);
    }
    require(n == commit->header.events_n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct segment_walk walk;
    struct commit_view commit;

    if (size < 1 || size > DATA_MAX)
        return 0;
    size_t file_size = SEGMENT_DATA_OFFSET + size - 1;
    uint8_t *file = calloc(1, file_size);
    require(file != NULL);
    struct segment_header header = {
        .number = 1, .first_index = 1, .size = (uint32_t)file_size, .salt = SALT};
    segment_header_put(file, &header);
    memcpy(file + SEGMENT_DATA_OFFSET, data + 1, size - 1);
    if (data[0] & 1)
        make_valid(file, file_size);
    if (data[0] & 2 && size > 64)
        memcpy(file, data + 1, 64); /* and the header is anything */
    if (segment_walk_begin(&walk, bytes_of(file, file_size)) == ERR_OK) {
        uint32_t before = walk.offset;
        enum err err;

        while ((err = segment_next(&walk, &commit)) == ERR_OK) {
            require(walk.offset > before && walk.offset <= file_size);
            check_commit(&walk, &commit);
            before = walk.offset;
        }
        require(err == ERR_NOT_FOUND || err == ERR_TRUNCATED || err == ERR_CHECKSUM ||
                err == ERR_MALFORMED);
    }
    free(file);
    return 0;
}
