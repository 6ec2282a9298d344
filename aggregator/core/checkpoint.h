/*
 * The bytes of one checkpoint file, `state/era=0001/p=0003/<16 digits>.ckpt`.
 *
 * A checkpoint is {state, next_offset, outbox} of one partition (DESIGN.md §5, R16): whoever loads
 * it goes on as if nothing had happened. Not for deciding which file is the newest, nor for keeping
 * and deleting files: that is edge/checkpoint_store. Pure.
 *
 * File: 8 bytes magic, then the sections HEAD, STAT, OUTB and DONE in this order, each
 *
 *     4 bytes   name
 *     8 bytes   length of the payload
 *     4 bytes   CRC-32C over name, length and payload
 *     payload
 *
 * Integers are little-endian. HEAD: format version (u32), era (u32), partition (i32), reserved
 * (u32, 0), number (u64), writer id (16 bytes), created_ms (i64), next_offset (i64), has_last
 * (u32), last_crc (u32), last_offset (i64), last_append_time (i64). STAT: what partition_save
 * wrote. OUTB: count (u32), then per effect kind (u32), name length (u32), content length (u64),
 * name, content. DONE is empty: a file without it was cut short. Nothing follows it.
 */
#ifndef AGGREGATOR_CORE_CHECKPOINT_H
#define AGGREGATOR_CORE_CHECKPOINT_H

#include "common/bytes.h"
#include "common/err.h"

enum {
    CHECKPOINT_FORMAT = 1,
    CHECKPOINT_WRITER_ID_BYTES = 16,
    CHECKPOINT_NUMBER_DIGITS = 16,
    CHECKPOINT_OUTBOX_MAX = 4096,    /* effects in one checkpoint */
    CHECKPOINT_EFFECT_NAME_MAX = 512 /* bytes, as STORE_NAME_MAX */
};

/* 10^16 − 1: what 16 digits can say. */
#define CHECKPOINT_NUMBER_MAX UINT64_C(9999999999999999)

/* Effects that were decided and not yet acknowledged. */
enum checkpoint_effect_kind {
    EFFECT_OBJECT = 1, /* create the object `name` with these bytes, or find it equal */
};

struct checkpoint_effect {
    enum checkpoint_effect_kind kind;
    struct bytes name;
    struct bytes content;
};

struct checkpoint {
    uint32_t era;
    int32_t partition;
    uint64_t number; /* 1…CHECKPOINT_NUMBER_MAX, as in the file's name */
    uint8_t writer_id[CHECKPOINT_WRITER_ID_BYTES]; /* random, new at every assignment */
    int64_t created_ms;  /* owner's clock, Unix ms: for keeping and deleting only */
    int64_t next_offset; /* first record that the state does not contain */
    bool has_last;       /* false: no record was taken yet, the three below are 0 */
    int64_t last_offset;
    int64_t last_append_time;
    uint32_t last_crc;
    struct bytes state;
    const struct checkpoint_effect *outbox;
    uint32_t outbox_n;
};

/* Bytes that checkpoint_encode will write. */
size_t checkpoint_encoded_bytes(const struct checkpoint *c);

/* Writes the file. ERR_CAPACITY: `cap` is below checkpoint_encoded_bytes; ERR_LIMIT: more than
 * CHECKPOINT_OUTBOX_MAX effects, or a name that is too long or empty. */
enum err checkpoint_encode(const struct checkpoint *c, uint8_t *buffer, size_t cap,
                           size_t *len) MUST_CHECK;

/*
 * Reads a file. `c` points into `file` and `outbox`, which has room for `outbox_cap` effects.
 * ERR_CAPACITY: c->outbox_n says how many would do. ERR_TRUNCATED, ERR_CHECKSUM, ERR_MALFORMED,
 * ERR_LIMIT, ERR_UNSUPPORTED (a later format): the detail names the section and the offset in the
 * file where it begins.
 */
enum err checkpoint_decode(struct bytes file, struct checkpoint *c,
                           struct checkpoint_effect *outbox, uint32_t outbox_cap,
                           struct err_detail *detail) MUST_CHECK;

#endif
