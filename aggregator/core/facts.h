/*
 * What is stated of a run, as a join of statements. Private to core/.
 *
 * Every field carries the strength of its evidence. Joining two facts keeps, per field, the
 * stronger evidence; among equals the earlier time, or the smaller value. So the result depends on
 * the set of statements only: any order, any duplication, any grouping gives the same facts (R5,
 * R6).
 */
#ifndef AGGREGATOR_CORE_FACTS_H
#define AGGREGATOR_CORE_FACTS_H

#include "aggregator/core/state.h"

/* Strength of evidence on when, why and what was asked for: the log, then /proc … (R5). 1…8. */
uint8_t evidence_rank(enum evidence evidence);

/* Blobs that facts_from_run may take from the pool, and their bytes. */
void facts_room(const struct event_run *run, uint32_t *blobs, uint64_t *bytes);

/* Facts of `run` stated with `evidence` in a record of log time `log_time`; times beyond
 * log_time + 5 s are replaced by it and marked (R4). The caller owns one reference per blob. */
void facts_from_run(struct partition *p, struct facts *f, const struct event_run *run,
                    const struct event_uuid *boot_id, enum evidence evidence, int64_t log_time);
/* Adds the end that `event` (ENDED or FAILED) states. */
void facts_add_end(struct partition *p, struct facts *f, const struct event *event,
                   int64_t log_time);

/* into := into ∨ from. facts_join keeps the references of `into` right and leaves `from` alone;
 * facts_join_view takes no references: for short-lived views. */
void facts_join(struct partition *p, struct facts *into, const struct facts *from);
void facts_join_view(const struct partition *p, struct facts *into, const struct facts *from);
void facts_release(struct partition *p, struct facts *f);

/* The first moment of holding: allocated, else running; NO_TIME if neither is known. */
int64_t facts_start(const struct facts *f);
/* The moment the run is billed to: end_time_earliest where the end was not seen (R8); NO_TIME open.
 */
int64_t facts_end(const struct facts *f);

/* slot of "<instance>-enc<hex>"; 0 if the id has another form. */
uint64_t enclave_id_slot(struct bytes enclave_id);

/* metadata and tags as a blob: pairs in the order of the record. */
/* Whether bytes are what map_intern would write. */
bool map_is_valid(struct bytes encoded);
size_t map_encoded_bytes(const struct event_map *map);
blob_ref map_intern(struct partition *p, const struct event_map *map);
uint32_t map_pairs_n(const struct partition *p, blob_ref ref);
/* Fills at most map_pairs_n pairs with slices into the blob. */
struct event_map map_get(const struct partition *p, blob_ref ref, struct event_pair *pairs);

#endif
