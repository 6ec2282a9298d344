/*
 * The bytes of a journal segment: layout, writing and reading of its parts. Pure: no files here.
 * The only readers are journal.c and the fuzzer; everyone else uses journal.h.
 *
 *   0      header (64 bytes): magic, number, first index, segment size, salt, CRC
 *   512    acknowledgement slot 0 ┐ written in turn, in place; a torn one leaves the other, and an
 *   1024   acknowledgement slot 1 ┘ older acknowledgement only means that records are sent twice
 *   4096   records, each aligned to 8: {CRC, length, kind, durable} and the payload
 *   …      zeros, to the preallocated size
 *
 * Every number is little-endian. Every CRC is CRC-32C continued from the segment's random salt, so
 * that bytes of a log line inside an event can never pass for a record.
 *
 * `durable` is how many bytes of the segment were known to be on the disk when the record was
 * written. A bad record is a torn write, which nobody has been told about, unless a later record
 * says that this place was durable already: then the disk has changed what we trusted.
 */
#ifndef PRODUCER_EDGE_JOURNAL_FORMAT_H
#define PRODUCER_EDGE_JOURNAL_FORMAT_H

#include "common/bytes.h"
#include "common/err.h"
#include "schemas/c/event.h"

enum {
    SEGMENT_HEADER_BYTES = 64,
    SEGMENT_SLOT_OFFSET = 512, /* slot k is at (k + 1) × this */
    SEGMENT_SLOT_BYTES = 24,
    SEGMENT_SLOTS = 2,
    SEGMENT_DATA_OFFSET = 4096,
    RECORD_HEADER_BYTES = 16,
    COMMIT_HEADER_BYTES = 64,
    EVENT_HEADER_BYTES = 8, /* length, CRC */
    RECORD_KIND_COMMIT = 1,
    RECORD_ALIGN = 8,
};

struct segment_header {
    uint64_t number;      /* segments of a journal are numbered without gaps */
    uint64_t first_index; /* index of the first event written after this header */
    uint32_t size;        /* bytes, preallocated */
    uint32_t salt;
};

struct segment_slot {
    uint64_t turn;  /* the valid slot with the greater turn counts */
    uint64_t acked; /* index of the last event acknowledged without a gap before it */
};

struct record_header {
    uint32_t length; /* payload, without padding */
    uint32_t durable;
};

/* The fixed part of a commit. Its events follow as {length, CRC, bytes}, then the state. */
struct commit_header {
    struct event_uuid epoch;
    uint64_t last_seq;    /* of `epoch`, this commit included; 0 = none given yet */
    uint64_t first_index; /* of this commit's first event; the next one's if it has none */
    int64_t wall_ms;      /* when it was written */
    uint32_t events_n;
    uint32_t events_bytes;
    uint32_t state_bytes;
};

/* A commit as found by segment_next: slices point into the segment. */
struct commit_view {
    struct commit_header header;
    uint32_t offset; /* of its record in the segment */
    struct bytes events;
    struct bytes state;
};

/* Walks the records of a whole segment in memory. */
struct segment_walk {
    struct bytes file;
    struct segment_header header;
    uint32_t offset; /* of the next record; after ERR_TRUNCATED the place to cut */
};

static inline uint32_t record_padded(uint32_t bytes)
{
    return (bytes + (RECORD_ALIGN - 1)) & ~(uint32_t)(RECORD_ALIGN - 1);
}

void segment_header_put(uint8_t out[SEGMENT_HEADER_BYTES], const struct segment_header *header);
/* ERR_TRUNCATED, ERR_MALFORMED (not a segment), ERR_UNSUPPORTED (a later version), ERR_CHECKSUM. */
enum err segment_header_get(struct bytes in, struct segment_header *header) MUST_CHECK;

void segment_slot_put(uint8_t out[SEGMENT_SLOT_BYTES], uint32_t salt,
                      const struct segment_slot *slot);
/* The newer valid slot of a segment, {0, 0} if neither is valid. */
struct segment_slot segment_slot_newest(struct bytes file, uint32_t salt);

void commit_header_put(uint8_t out[COMMIT_HEADER_BYTES], const struct commit_header *header);
void commit_header_get(const uint8_t in[COMMIT_HEADER_BYTES], struct commit_header *header);
void event_header_put(uint8_t out[EVENT_HEADER_BYTES], uint32_t salt, struct bytes event);
/* Returns the length; *crc is over the event's bytes. */
uint32_t event_header_get(const uint8_t in[EVENT_HEADER_BYTES], uint32_t *crc);

/* Fills in the record header of the payload that lies behind it: `record` has RECORD_HEADER_BYTES
 * and then `length` payload bytes. */
void record_seal(uint8_t *record, uint32_t length, uint32_t salt, uint32_t durable);
void record_header_get(const uint8_t in[RECORD_HEADER_BYTES], struct record_header *header);

/* Starts a walk; errors as segment_header_get. */
enum err segment_walk_begin(struct segment_walk *walk, struct bytes file) MUST_CHECK;

/*
 * ERR_OK and the next commit; ERR_NOT_FOUND: the clean end of what was written; ERR_TRUNCATED: a
 * torn write at walk->offset, nothing after it was ever relied upon; ERR_CHECKSUM: the record at
 * walk->offset was durable and is damaged; ERR_MALFORMED: it is intact and makes no sense.
 */
enum err segment_next(struct segment_walk *walk, struct commit_view *commit) MUST_CHECK;

#endif
