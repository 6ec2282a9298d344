/*
 * Instances of a partition: by id, in order, and whether they are expected to report (R9).
 * Private to core/.
 */
#ifndef AGGREGATOR_CORE_INSTANCE_H
#define AGGREGATOR_CORE_INSTANCE_H

#include "aggregator/core/state.h"

uint32_t instance_find(const struct partition *p, struct bytes id);
/* A new instance, first seen now. */
uint32_t instance_open(struct partition *p, struct bytes id);
/* Position `i` < instances_n in the order of ids. */
uint32_t instance_in_order(const struct partition *p, uint32_t i);
/* Rebuilds the index after a move or load. */
void instance_index_rebuild(struct partition *p);

/* Newest watermark that counts, from the cache or, with open gaps, afresh. */
int64_t instance_reach_now(const struct partition *p, const struct instance *inst);

/* Silent for host_lost of log time in which somebody could write (R9, R14); NO_TIME if not. */
int64_t instance_lost_at(const struct partition *p, const struct instance *inst);

/* Whether the hour's completeness speaks of the instance: known before the hour's end, or known to
 * have run something before it; and not down, gone or lost before its start. */
bool instance_is_expected(const struct partition *p, const struct instance *inst, int64_t hour);

/* Whether the instance's watermark reaches the hour's end, or its HOST_DOWN lies before it. */
bool instance_reaches(const struct partition *p, const struct instance *inst, int64_t hour_end);

/* Silent for instance_ttl and without runs: all but its id and the time it covered is forgotten
 * (R7). The residue is of fixed size; a later record makes it an instance like any other. */
void instance_forget(struct partition *p, struct instance *inst);

/* Keeps the newest statement about the host. */
void instance_host_facts(struct partition *p, struct instance *inst, const struct event *event);

#endif
