/*
 * The checkpoints of one partition in a store: which is the newest, who owns the partition, and
 * what is kept (R16). Not for the bytes of a checkpoint (core/checkpoint) nor for when to make one.
 *
 *  C1  A number is used once: the next one is the highest that exists plus one, whichever was
 *      loaded, and it is created only if absent.
 *  C2  A create is won only if a LIST after it shows no higher number. A stalled process may
 *      re-create a number that was deleted meanwhile; the LIST tells it so.
 *  C3  A create whose outcome is uncertain is read back: it was ours if it carries our writer id.
 *  C4  The newest CHECKPOINT_KEEP_NEWEST are never deleted, nor anything younger than
 *      CHECKPOINT_KEEP_MS, nor the first of an hour within replay_retention_ms.
 */
#ifndef AGGREGATOR_EDGE_CHECKPOINT_STORE_H
#define AGGREGATOR_EDGE_CHECKPOINT_STORE_H

#include "aggregator/core/checkpoint.h"
#include "aggregator/edge/store.h"

enum {
    CHECKPOINT_KEEP_NEWEST = 10,
    CHECKPOINT_KEEP_MS = 24 * 3600 * 1000,
    CHECKPOINT_SWEEP_MAX = 64, /* objects that one sweep reads or deletes */
};

/* "state/era=0001/p=0003/": CHECKPOINT_NAME_MAX holds that, a number, ".ckpt" and a NUL. */
enum { CHECKPOINT_NAME_MAX = 64 };

struct checkpoint_store;

/* `store` must outlive it. Draws a writer id: use a new one for every assignment. */
enum err checkpoint_store_new(struct store *store, uint32_t era, int32_t partition,
                              int64_t replay_retention_ms, struct checkpoint_store **cs,
                              struct err_detail *detail) MUST_CHECK;
void checkpoint_store_free(struct checkpoint_store *cs);

/* A checkpoint and the memory it points into. */
struct checkpoint_file {
    struct checkpoint checkpoint;
    uint8_t *content;
    size_t len;
    struct checkpoint_effect *outbox;
};

/* Frees what it points to; a zeroed struct is fine. */
void checkpoint_file_clear(struct checkpoint_file *file);

/* Decodes; takes over `content` (malloc'ed), also on error. */
enum err checkpoint_file_parse(uint8_t *content, size_t len, struct checkpoint_file *file,
                               struct err_detail *detail) MUST_CHECK;

/*
 * Loads the newest valid checkpoint; damaged ones are named in the log and passed over, and
 * *damaged_n counts them. ERR_NOT_FOUND: there is no valid one. ERR_IO: the store does not answer.
 * ERR_UNSUPPORTED: the newest was written by a later version of this program, which must not be
 * passed over. The caller clears `file`.
 */
enum err checkpoint_store_load(struct checkpoint_store *cs, struct checkpoint_file *file,
                               uint32_t *damaged_n, struct err_detail *detail) MUST_CHECK;

/*
 * Writes `c` under the next number; fills in its number, writer id, era and partition. Only after
 * checkpoint_store_load. ERR_FENCED: another process owns the partition, drop the state and load
 * again. ERR_IO, ERR_NO_SPACE: not known to be written, call again later with the then newest
 * state.
 */
enum err checkpoint_store_save(struct checkpoint_store *cs, struct checkpoint *c,
                               struct err_detail *detail) MUST_CHECK;

/* Deletes what C4 allows, oldest first, at most CHECKPOINT_SWEEP_MAX objects a call. `now_ms`:
 * owner's clock. */
enum err checkpoint_store_sweep(struct checkpoint_store *cs, int64_t now_ms, uint32_t *deleted_n,
                                struct err_detail *detail) MUST_CHECK;

/* The object name of a number. */
void checkpoint_object_name(char name[CHECKPOINT_NAME_MAX], uint32_t era, int32_t partition,
                            uint64_t number);

#endif
