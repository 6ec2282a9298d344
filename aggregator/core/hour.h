/*
 * Hours of a partition: when they are cut (R10, R14) and what has changed since. Private to core/.
 *
 *   open ──rev 1: log time ≥ end + settle, all watermarks there; or ≥ end + grace──▶ cut
 *   cut ──changed, then log time past rev 1's cut + k × revision_interval──▶ cut again
 *   cut ──log time ≥ end + horizon──▶ final: later news become corrections in the open hour
 */
#ifndef AGGREGATOR_CORE_HOUR_H
#define AGGREGATOR_CORE_HOUR_H

#include "aggregator/core/run.h"

/* Advances log time and active time by a record appended at `append_time`; notices go to *notices.
 */
void hours_advance(struct partition *p, int64_t append_time, uint32_t *notices);

/* The earliest cut hour whose next revision is due, or NO_TIME. */
int64_t hours_revision_due(const struct partition *p);
/* Finds out again when the next revision is due. */
void hours_revision_refresh(struct partition *p);
/* After a long silence many hours are cut by one record while a changed old one still waits for its
 * boundary: when the ring is full the oldest is cut again at once. NO_TIME if there is room. */
int64_t hours_forced_revision(const struct partition *p);
/* The open hour if its first revision is due, or NO_TIME. */
int64_t hours_first_cut_due(struct partition *p);
/* The hour was cut now. */
void hour_was_cut(struct partition *p, int64_t hour);
/* Drops hours that have become final. */
void hours_finalise(struct partition *p);

struct hour *hour_at(struct partition *p, int64_t hour);
/* Something in a cut, not final hour changed. */
void hour_mark(struct partition *p, int64_t hour, uint32_t reason);

#endif
