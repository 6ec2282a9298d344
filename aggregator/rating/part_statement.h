/*
 * The statement of completeness of a part (R11) as canonical JSON: the container metadata
 * `enclave.part`, and the same facts read back. Pure.
 */
#ifndef AGGREGATOR_RATING_PART_STATEMENT_H
#define AGGREGATOR_RATING_PART_STATEMENT_H

#include "aggregator/core/part.h"
#include "aggregator/rating/json_reader.h"
#include "common/err.h"
#include "common/json_out.h"

/* An upper bound of what part_statement_write writes. */
size_t part_statement_bound(const struct part *part);
void part_statement_write(struct json_out *json, const struct part *part);

/* Arrays that a statement that was read points into; NULL arrays: only counted. */
struct part_statement_arena {
    struct part_missing *missing;
    struct part_gap *gaps;
    int64_t *dead_letters;
    uint8_t *text;
    uint32_t missing_cap, gaps_cap, dead_letters_cap;
    size_t text_cap;
};

/* Fills everything of *part but its lines. *text_bytes: how much of arena->text was, or would be,
 * used. With NULL arrays the counts are right and the pointers NULL. ERR_MALFORMED: not a
 * statement, or a member is missing; ERR_LIMIT: a number out of range; ERR_CAPACITY: an array is
 * too small. */
enum err part_statement_read(struct bytes json, const struct part_statement_arena *arena,
                             struct part *part, size_t *text_bytes) MUST_CHECK;

/* Pieces that manifests share. */
/* "KEY":["LATE_EVENT",…] */
void statement_write_reasons(struct json_out *json, const char *key, uint32_t reasons);
void statement_write_uuid(struct json_out *json, const char *key, const struct event_uuid *uuid);
const char *part_status_name(enum part_status status); /* "PROVISIONAL", "CLOSED", "FINAL" */
uint32_t statement_get_reasons(struct json_reader *r); /* names that are not known are left out */
enum part_status statement_get_status(struct json_reader *r);

#endif
