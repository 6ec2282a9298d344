/*
 * What each type of record does to the state. Private to core/.
 */
#ifndef AGGREGATOR_CORE_APPLY_H
#define AGGREGATOR_CORE_APPLY_H

#include "aggregator/core/state.h"

/* Whether the pools have room for whatever the record may need; sets p->short_of if not. */
bool apply_has_room(struct partition *p, const struct partition_record *record);
/* Applies the record; notices go to *notices. ERR_UNSUPPORTED: a POLICY with unknown rules. */
enum err apply_record(struct partition *p, const struct partition_record *record,
                      uint32_t *notices) MUST_CHECK;
/* Forgets what no later record can need (R7). */
void apply_sweep(struct partition *p);

#endif
