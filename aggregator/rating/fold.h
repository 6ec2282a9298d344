/*
 * The fold of the revisions 1 … n of one partition's hour (R10). Pure.
 *
 * A line of a later revision replaces the line of the same (kind, hour, instance_id, run_id); a
 * line marked LINE_REMOVED takes it away. Correction lines about an earlier hour are lines of their
 * own kind and are folded by the same rule; the truth about an hour is the sum of its folded usage
 * lines and of the folded correction lines about it in all later hours (usage_totals_add over them
 * all).
 */
#ifndef AGGREGATOR_RATING_FOLD_H
#define AGGREGATOR_RATING_FOLD_H

#include "aggregator/core/part.h"
#include "common/err.h"

struct fold_line {
    const struct usage_line *line; /* points into the revision that it comes from */
    uint32_t revision;
};

/* How many elements `out` of fold_revisions needs. */
size_t fold_bound(const struct part *const *revisions, uint32_t revisions_n);

/*
 * `revisions` are revision 1 … n in order, of one era, partition and hour (ERR_MALFORMED
 * otherwise). Writes the lines that are left, sorted by usage_line_compare. ERR_CAPACITY: cap <
 * fold_bound.
 */
enum err fold_revisions(const struct part *const *revisions, uint32_t revisions_n,
                        struct fold_line *out, size_t cap, size_t *out_n,
                        struct err_detail *detail) MUST_CHECK;

/* Sums of quantities; 128 bits hold any number of 64-bit lines. */
struct usage_totals {
    __int128 held_ms, running_ms, vcpu_ms, mib_ms;
};

void usage_totals_add(struct usage_totals *totals, const struct usage_line *line);
/* ERR_LIMIT: `total` does not fit 64 bits. */
enum err usage_total_narrow(__int128 total, int64_t *value) MUST_CHECK;

#endif
