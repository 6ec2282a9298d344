/*
 * What the producers of an instance stated: epochs, sequence numbers, watermarks (R1–R3).
 * Private to core/.
 *
 *   unseen ──seq──▶ seen                 a seq in no interval is news, wherever it lies
 *   [1 … n]                              one interval: gap-free, its watermark counts
 *   [1 … a]  gap  [b … n]                the later interval counts for what is mentioned in it, and
 *                                        for the instance only once the gap is older than grace
 *   epoch ──prev_epoch, prev_seq──▶ epoch   linked when the named seq is the last one seen
 */
#ifndef AGGREGATOR_CORE_EPOCH_H
#define AGGREGATOR_CORE_EPOCH_H

#include "aggregator/core/state.h"

/* Order of epochs of an instance: by first sight, then id. */
bool epoch_is_older(const struct epoch *a, const struct epoch *b);
uint32_t epoch_find(const struct partition *p, const struct instance *inst,
                    const struct event_uuid *id);
/* A new epoch from its first record seen. Beyond EPOCHS_PER_INSTANCE_MAX the oldest is forgotten.
 */
uint32_t epoch_open(struct partition *p, struct instance *inst, const struct event *event);

/* Forgets all epochs; the time they covered stays as the residue of R7. */
void epoch_forget_all(struct partition *p, struct instance *inst);

/* True if `seq` is news; then it is remembered. Not for heartbeats. */
bool epoch_take_seq(struct partition *p, struct epoch *e, int64_t seq, int64_t observed_time);

/* States `watermark` with a record of `seq`; returns the interval it counts for (0: none yet, it is
 * kept until that seq is seen) and the watermark before. */
uint32_t epoch_state_watermark(struct partition *p, struct epoch *e, int64_t seq, int64_t watermark,
                               int64_t *before);

/* Proof of life of something known alive at (epoch, seq): the newest watermark reached from there
 * without a gap, through linked epochs. NO_TIME: none. */
int64_t epoch_proof(const struct partition *p, const struct instance *inst, uint32_t epoch,
                    int64_t seq);

/* True if the epoch continues a known one without loss. */
bool epoch_is_linked(const struct partition *p, const struct instance *inst, const struct epoch *e);

/* Newest watermark that counts for the completeness of the instance; NO_TIME none. */
int64_t instance_reach(const struct partition *p, const struct instance *inst);

/* Gaps whose unknown time touches [from, to). Fills at most `cap`, returns how many there are. */
uint32_t instance_gaps(const struct partition *p, const struct instance *inst, int64_t from,
                       int64_t to, struct part_gap *gaps, uint32_t cap);

/* Whether all of [from, to] lies under gap-free watermarks (R7). */
bool instance_covers(const struct partition *p, const struct instance *inst, int64_t from,
                     int64_t to);

#endif
