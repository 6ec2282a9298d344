/*
 * What a record changed in hours that were cut already: lines to issue again, corrections for final
 * hours (R10). Private to core/.
 *
 * Used around every change of an instance that can touch the past: change_begin remembers how the
 * runs stand, change_end compares. For hours in the ring a differing line is marked dirty; for
 * final hours the difference becomes a correction at once. So at any moment, per run and hour,
 *     newest issued line + corrections + what is marked dirty  =  usage as now known.
 */
#ifndef AGGREGATOR_CORE_CHANGE_H
#define AGGREGATOR_CORE_CHANGE_H

#include "aggregator/core/run.h"

enum { CHANGE_RUNS_MAX = FAMILY_MAX };

struct change {
    struct instance *inst;
    uint32_t instance;
    uint32_t n;
    bool overflow; /* too many runs to compare: everything is issued again */
    uint32_t claims[CHANGE_RUNS_MAX];
    struct run_view before[CHANGE_RUNS_MAX];
};

/* `target` may be 0. Runs that are open or share an identity are watched too. */
void change_begin(const struct partition *p, uint32_t instance, uint32_t target,
                  struct change *change);
/* `reason` is recorded with every hour whose lines changed. */
void change_end(struct partition *p, struct change *change, uint32_t target, uint32_t reason);

#endif
