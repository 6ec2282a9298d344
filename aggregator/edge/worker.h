/*
 * One owned partition: records in order through the core, effects into the store, checkpoints.
 *
 * Knows nothing of Kafka: the consumer hands it records and asks where to begin. Everything that
 * cannot go on now (store away, unknown schema, a clock that is wrong) holds the position: the
 * record is refused with ERR_AGAIN and offered again. Nothing is ever dropped or overwritten.
 *
 *                 worker_open                 first record        record refused
 *     (nothing) ──────────────► VERIFYING ──────────────► RUNNING ◄─────────────► HOLDING
 *                    no last record: RUNNING                 │ durable data contradicts itself,
 *                                                            ▼ or rules that are not known
 *                                                         STOPPED   (until somebody has looked)
 *
 *  W1  Every effect of a record below next_offset is durable or in the outbox.
 *  W2  A checkpoint holds state and outbox of one moment between two records: never inside a record
 *      that has more parts to come.
 *  W3  No record is begun while the outbox is not empty: what is owed is bounded by one record's
 *      effects, and those by WORKER_OUTBOX_MAX.
 */
#ifndef AGGREGATOR_EDGE_WORKER_H
#define AGGREGATOR_EDGE_WORKER_H

#include "aggregator/core/partition.h"
#include "aggregator/edge/decoder_cache.h"
#include "aggregator/edge/store.h"

enum {
    WORKER_CLOCK_AHEAD_MAX_MS = 5 * 60 * 1000, /* R14 */
    WORKER_OUTBOX_MAX = 64, /* effects; a record that has more waits between two of its parts */
    WORKER_OUTBOX_BYTES_MAX = 64 * 1024 * 1024, /* the same by their size */
};

enum worker_state {
    WORKER_VERIFYING, /* the checkpoint's last record is to be read again and compared (R16) */
    WORKER_RUNNING,
    WORKER_HOLDING,
    WORKER_STOPPED,
};

const char *worker_state_name(enum worker_state state);

/* What the log offers: its first offset and the one after its last. */
struct worker_log_range {
    int64_t low, high;
};

struct worker_options {
    struct store *store;
    const struct decoder_cache *decoders;
    uint32_t era;
    int32_t partition;
    int64_t first_hour; /* of the era */
    int64_t checkpoint_interval_ms;
    int64_t replay_retention_ms;
    bool accept_lead_in; /* begin after the era's start if there is no checkpoint */
    /* Asks the log for its range. Called after the checkpoint was read, so that the range is never
     * older than it. Errors are passed on. */
    enum err (*log_range)(void *context, int32_t partition, struct worker_log_range *range,
                          struct err_detail *detail);
    /* Told of every hour of which a part became durable; may be NULL. */
    void (*on_part)(void *context, int64_t hour);
    void *context;
};

/* What has been done since the worker was opened. */
struct worker_counts {
    uint64_t records, undecodable, parts, checkpoints;
    uint64_t notices[32]; /* by bit number of enum partition_notice */
};

/* What was said of the newest part. */
struct worker_part {
    int64_t hour; /* NO_TIME: none since the worker was opened */
    uint32_t revision;
    bool complete;
    uint32_t expected_n, missing_n, gaps_n;
};

struct worker;

/*
 * Loads the newest checkpoint, or begins anew where the log begins. `now_ms` is the owner's clock
 * here and below. ERR_AGAIN, ERR_IO: the store does not answer, try again. ERR_INCIDENT: the log
 * and the checkpoint contradict each other. ERR_CONFIG: there is no checkpoint and the log no
 * longer begins at the era's start, or records between checkpoint and log are gone: the detail says
 * what to do.
 */
enum err worker_open(const struct worker_options *options, int64_t now_ms, struct worker **worker,
                     struct err_detail *detail) MUST_CHECK;

/* Only asks whether worker_open would agree with the log; the same errors. */
enum err worker_check(const struct worker_options *options, struct err_detail *detail) MUST_CHECK;

void worker_free(struct worker *w);

/* Offset of the record that worker_take wants next; the one to verify comes first. */
int64_t worker_start_offset(const struct worker *w);

struct worker_record {
    int64_t offset;
    int64_t append_time;  /* Unix ms */
    bool log_append_time; /* the broker stamped it */
    struct bytes key, value;
};

/*
 * Offers the next record. ERR_OK: taken. ERR_AGAIN: not now, offer the same one again later (not
 * before the worker_retry_at); worker_reason says why. ERR_INCIDENT, ERR_UNSUPPORTED: the worker
 * has stopped. ERR_FENCED never comes from here.
 */
enum err worker_take(struct worker *w, const struct worker_record *record, int64_t now_ms,
                     struct err_detail *detail) MUST_CHECK;

/*
 * Makes a checkpoint if one is due, or at once if `final`; nothing when nothing changed. Only
 * between batches. ERR_FENCED: free the worker and open it again. ERR_AGAIN: the store does not
 * answer, it will be tried again. ERR_INCIDENT as above.
 */
enum err worker_checkpoint(struct worker *w, int64_t now_ms, bool final,
                           struct err_detail *detail) MUST_CHECK;

enum worker_state worker_state(const struct worker *w);
/* Why it holds or has stopped; empty otherwise. */
const char *worker_reason(const struct worker *w);
/* Owner's clock at which a held record is worth offering again. */
int64_t worker_retry_at(const struct worker *w);
const struct worker_counts *worker_counts(const struct worker *w);
const struct worker_part *worker_last_part(const struct worker *w);
/* For reading: log time, policy, runs. */
const struct partition *worker_partition(const struct worker *w);
int32_t worker_partition_number(const struct worker *w);

#endif
