/*
 * The worker's struct and what its three files share. Private to edge/worker*.c.
 *
 * worker.c: taking records. worker_open.c: beginning. worker_effects.c: outbox and checkpoints.
 */
#ifndef AGGREGATOR_EDGE_WORKER_STATE_H
#define AGGREGATOR_EDGE_WORKER_STATE_H

#include "aggregator/edge/checkpoint_store.h"
#include "aggregator/edge/worker.h"

enum {
    WORKER_BACKOFF_MIN_MS = 1000,
    WORKER_BACKOFF_MAX_MS = 30 * 1000,
    WORKER_ALARM_INTERVAL_MS = 60 * 1000, /* a lasting reason is said again this often */
    WORKER_SAVE_FIRST_BYTES = 64 * 1024,
    WORKER_CHECKPOINT_GAP_MS = 1000, /* between two checkpoints that parts asked for */
};

/* An effect in memory: name and content in one allocation. */
struct worker_effect {
    struct checkpoint_effect effect;
    int64_t hour; /* of a part; NO_TIME otherwise */
    uint8_t *memory;
};

struct worker {
    struct worker_options options;
    struct checkpoint_store *checkpoints;

    /* the core and the memory it was given */
    void *memory;
    struct partition *p;
    struct partition_capacity capacity;
    struct partition_out out;
    struct event_arena *arena;
    struct event event;

    enum worker_state state;
    struct err_detail reason; /* HOLDING, STOPPED */
    enum err stopped_by;      /* STOPPED */
    bool held_by_store;       /* HOLDING: for an effect or a checkpoint, not for a record */
    int64_t retry_at;         /* HOLDING: not before */
    int64_t backoff_ms;       /* 0: nothing fails */
    int64_t alarm_at;         /* the reason is to be said again then */

    /* VERIFYING: what the log must show at last_offset (R16) */
    int64_t last_offset, last_append_time;
    uint32_t last_crc;

    /* a record between two calls of partition_step (W2) */
    bool in_record;   /* it has been stepped at least once and not to its end */
    bool part_undone; /* out.part is not in the outbox yet */

    struct worker_effect outbox[WORKER_OUTBOX_MAX]; /* in order of decision */
    uint32_t outbox_n;

    /* checkpoints */
    int64_t checkpoint_at;       /* owner's clock at which the next one is due */
    int64_t checkpointed_at;     /* of the newest one */
    int64_t checkpointed_offset; /* next_offset that it holds, −1 none */
    uint32_t checkpointed_outbox_n;
    uint8_t *save_buffer;
    size_t save_cap;

    struct worker_counts counts;
    struct worker_part last_part;
};

/* Refuses the record for now: ERR_AGAIN, with an alarm at first and every minute. */
enum err worker_hold(struct worker *w, int64_t now_ms, const struct err_detail *why);
/* The same for an effect or a checkpoint that cannot be written: needs no record to go on. */
enum err worker_hold_for_store(struct worker *w, int64_t now_ms, const struct err_detail *why);
/* Nothing goes on in this partition until a person has looked. Returns `code`. */
enum err worker_stop(struct worker *w, enum err code, const struct err_detail *why);
/* What was held for can go on. */
void worker_resume(struct worker *w);

/* Appends an effect; copies name and content. ERR_NOMEM. */
enum err worker_effect_add(struct worker *w, const char *name, struct bytes content, int64_t hour,
                           struct err_detail *detail) MUST_CHECK;
/* Encodes `part` and appends it. */
enum err worker_effect_add_part(struct worker *w, const struct part *part,
                                struct err_detail *detail) MUST_CHECK;
/* Appends the bytes of an undecodable record. */
enum err worker_effect_add_dead_letter(struct worker *w, int64_t offset, struct bytes value,
                                       struct err_detail *detail) MUST_CHECK;
void worker_effects_clear(struct worker *w);
/* Carries effects out, oldest first, each forgotten when durable. ERR_AGAIN: the rest is still
 * there; ERR_INCIDENT: stopped. Logs and holds itself. */
enum err worker_effects_flush(struct worker *w, int64_t now_ms) MUST_CHECK;

#endif
