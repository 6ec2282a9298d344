/*
 * struct part ↔ the bytes of a part object (an Avro container file, schemas/usage_line.avsc).
 *
 * The statement of completeness travels as container metadata `enclave.part`, canonical JSON
 * (files.md). Equal parts give equal bytes, whoever writes them and whenever. Pure: buffers and
 * arrays are the caller's; decoded slices point into the file.
 */
#ifndef AGGREGATOR_RATING_PART_CODEC_H
#define AGGREGATOR_RATING_PART_CODEC_H

#include "aggregator/core/part.h"
#include "common/err.h"
#include "schemas/c/avro_container.h"

enum {
    PART_NAME_MAX = 96,       /* bytes of a part object's name with its NUL */
    PART_LINES_MAX = 1 << 24, /* lines, missing instances or gaps of one part */
};

#define PART_META_KEY "enclave.part"

/* "usage/era=0001/dt=2026-11-20/hour=13/p=0003/rev=0001.avro". `hour` is Unix ms, a whole hour. */
void part_object_name(char name[PART_NAME_MAX], uint32_t era, int32_t partition, int64_t hour,
                      uint32_t revision);
/* "usage/era=0001/dt=2026-11-20/hour=13/": every part of one hour lies below it. */
void part_hour_prefix(char name[PART_NAME_MAX], uint32_t era, int64_t hour);
/* The reverse of part_object_name for one era and hour. False: not the name of a part. */
bool part_parse_name(const char *name, uint32_t era, int64_t hour, int32_t *partition,
                     uint32_t *revision);

/* Sync marker of any Avro object: the first 16 bytes of SHA-256 of its name. */
void object_sync_marker(const char *name, uint8_t sync[AVRO_SYNC_BYTES]);

/* An upper bound of what part_encode writes. */
size_t part_encoded_bound(const struct part *part);

/* Writes the object's bytes. Text that is not UTF-8 is written with U+FFFD in place of what is
 * wrong. ERR_CAPACITY: `cap` is too small (part_encoded_bound always suffices). */
enum err part_encode(const struct part *part, uint8_t *buffer, size_t cap, size_t *len) MUST_CHECK;

/* How many elements of each array a part needs, from one pass over the file. */
struct part_sizes {
    uint32_t lines, pairs, cpu_ids, missing, gaps, dead_letters;
    size_t text_bytes; /* strings of the statement that had to be unescaped */
};

/* The arrays that a decoded part points into: at least `sizes` elements each, the caller's. */
struct part_arena {
    struct usage_line *lines;
    struct event_pair *pairs;
    int32_t *cpu_ids;
    struct part_missing *missing;
    struct part_gap *gaps;
    int64_t *dead_letters;
    uint8_t *text;
};

/* Both check everything there is to check: schema equal to ours (else ERR_UNSUPPORTED), rows,
 * counts, the statement complete. ERR_MALFORMED, ERR_TRUNCATED, ERR_LIMIT otherwise. */
enum err part_measure(struct bytes file, struct part_sizes *sizes,
                      struct err_detail *detail) MUST_CHECK;
/* `sizes` as given by part_measure for the same bytes. *part points into `file` and `arena`. */
enum err part_decode(struct bytes file, const struct part_sizes *sizes,
                     const struct part_arena *arena, struct part *part,
                     struct err_detail *detail) MUST_CHECK;

/* Order of lines in parts and rollups: kind, hour, instance_id, run_id. <0, 0, >0. */
int usage_line_compare(const struct usage_line *a, const struct usage_line *b);

#endif
