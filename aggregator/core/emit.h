/*
 * Building a part: the lines of an hour and the statement of their completeness (R10, R11).
 * Private to core/.
 */
#ifndef AGGREGATOR_CORE_EMIT_H
#define AGGREGATOR_CORE_EMIT_H

#include "aggregator/core/state.h"

/* Fills out->part with the first revision of the open hour, or the next one of a cut hour; the part
 * covers records below `offset_next`. ERR_CAPACITY with out->need set, before anything is changed.
 */
enum err emit_part(struct partition *p, int64_t hour, int64_t offset_next,
                   struct partition_out *out) MUST_CHECK;

/* Fills `run` from facts; pairs for the metadata are taken from *pairs, which is advanced. */
struct facts;
void emit_run(const struct partition *p, const struct facts *f, struct bytes run_id,
              struct event_pair **pairs, struct event_run *run);

#endif
