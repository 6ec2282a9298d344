/*
 * The state of one partition: what is kept, why, and which invariants bind it. Private to core/.
 *
 * Everything lives in one block of memory given by the caller and refers to each other by index, so
 * that the block can be moved (partition_move) and 0 can mean "none". Pools are arrays with a free
 * list; strings are interned in a blob pool.
 *
 *   instance ──< epoch ──< interval       what a producer stated: seq numbers seen, watermarks
 * (R1–R3) └──────< claim                      what one run id of the instance has said (R6) hour
 * (ring)                            hours that are cut but not final (R10) correction deltas for
 * final hours, waiting for the open hour (R10)
 *
 * Usage is never stored: it is computed from claims and watermarks when an hour is cut. A claim is
 * a join (evidence, then time, then value) of all statements with its run id, so it depends on the
 * set of records and not on their order; claims that turn out to be one run are merged when read,
 * never in place. That is what makes final usage free of order (R6).
 *
 * Invariants, asserted by partition_check_all:
 *  S1  first_hour ≤ final_until ≤ cut_until, all multiples of an hour; the ring holds exactly the
 *      hours in [final_until, cut_until).
 *  S2  the seen intervals of an epoch ascend, are disjoint and not adjacent.
 *  S3  a claim's list is sorted by run id; run ids of an instance are distinct.
 *  S4  every blob handle in use has a reference count equal to the number of its uses.
 *  S5  dirty and issued bits are only set for hours of the ring.
 *  S6  a claim has SHARED set if another claim of its instance has its slot or its (boot, pid).
 */
#ifndef AGGREGATOR_CORE_STATE_H
#define AGGREGATOR_CORE_STATE_H

#include <assert.h>

#include "aggregator/core/partition.h"

enum {
    SAVE_VERSION = 1,             /* of the saved state's format: save.c, load.c */
    HOURS_RING = 128,             /* bits of a claim's bitmaps; horizon + grace must fit */
    HORIZON_MAX_HOURS = 120,      /* limit of policy.horizon */
    INTERVALS_PER_EPOCH_MAX = 33, /* the maximum and at most 32 gaps (R2) */
    EPOCHS_PER_INSTANCE_MAX = 32,
    OUTAGES_MAX = 16,
    FAMILY_MAX = 64, /* claims of an instance that share slots or pids, looked at exactly */
    CLOCK_TOLERANCE_MS = 5000, /* R4 */
    FACT_VCPUS_MAX = 1 << 16,  /* more is no statement: no host has it */
    BLOB_CLASSES = 17,
    BLOB_MIN_BYTES = 16,
};

#define FACT_MEMORY_MIB_MAX (INT64_C(1) << 32) /* likewise: 4 EiB */

typedef uint32_t blob_ref; /* 0: the empty string */

struct blob {
    uint32_t refs; /* 0: free */
    uint32_t len;
    uint32_t hash;
    uint32_t next;   /* in its bucket, or in the free list */
    uint32_t offset; /* into the blob bytes */
    uint32_t size_class;
};

/* One contiguous stretch of sequence numbers of an epoch. */
struct interval {
    uint32_t next;
    int64_t first, last;
    int64_t cover_from;  /* observed time of record `first`: from here on nothing is unknown */
    int64_t watermark;   /* largest low_watermark stated within, ≤ its record's log time (R3) */
    int64_t seen_active; /* active time when the gap before it was first seen */
};

enum epoch_flag {
    EPOCH_HAS_PREV = 1u << 0,
    EPOCH_LIVE = 1u << 1, /* states watermarks; clear for a backfill */
};

struct epoch {
    uint32_t next;
    uint32_t flags;
    struct event_uuid id;
    struct event_uuid prev;
    int64_t prev_seq;
    int64_t started; /* smallest observed time of its records */
    uint32_t first_interval;
    uint32_t intervals_n;
    int64_t pending_seq; /* a heartbeat for a seq not seen yet, and what it stated; −1: none */
    int64_t pending_watermark;
    int64_t dropped_watermark; /* of intervals given up (more than 32 gaps), NO_TIME none */
    int64_t down_seq;          /* seq of a HOST_DOWN, −1 none */
    int64_t down_time;
};

/* Fields of `struct facts`; rank 0 means absent. */
enum fact {
    FACT_ENCLAVE_ID,
    FACT_NAME,
    FACT_EIF_PATH,
    FACT_CPU_IDS,
    FACT_PCR0,
    FACT_PCR1,
    FACT_PCR2,
    FACT_PCR8,
    FACT_METADATA,
    FACT_BOOT_ID,
    FACT_BLOBS_N, /* the above are blobs, the rest numbers */
    FACT_PID = FACT_BLOBS_N,
    FACT_CID,
    FACT_VCPUS,
    FACT_MEMORY_REQUESTED,
    FACT_MEMORY,
    FACT_DEBUG,
    FACT_ALLOCATED,
    FACT_RUNNING,
    FACT_NUMBERS_END,
    FACT_END = FACT_NUMBERS_END, /* end, end_earliest, end_cause and end_detail, as one */
    FACT_N,
};

enum { FACT_NUMBERS_N = FACT_NUMBERS_END - FACT_BLOBS_N };

/* A join of statements. Join is commutative, associative and idempotent. */
struct facts {
    uint8_t rank[FACT_N]; /* strength of the evidence, 0 = absent */
    uint8_t end_cause;
    uint8_t clock; /* a time was replaced by its bound (R4) */
    blob_ref blobs[FACT_BLOBS_N];
    blob_ref end_detail;
    uint64_t slot; /* from enclave_id, 0 none */
    int64_t numbers[FACT_NUMBERS_N];
    int64_t end;
    int64_t end_earliest; /* NO_TIME: the end itself was seen */
};

static inline int64_t facts_number(const struct facts *f, enum fact which)
{
    return f->numbers[which - FACT_BLOBS_N];
}

enum claim_flag {
    CLAIM_SHARED = 1u << 0, /* another claim has the same slot or (boot, pid) */
    CLAIM_NEW = 1u << 1,    /* made by the record being applied */
};

struct claim {
    uint32_t next; /* of the instance, by run id */
    uint32_t flags;
    blob_ref run_id;
    uint32_t corrections_n; /* corrections that refer to it */
    uint32_t mention_epoch; /* the newest epoch that knew it alive, 0 none */
    int64_t mention_seq;
    int64_t mention_proof; /* proof from epochs that were forgotten, NO_TIME none */
    struct facts facts;
    uint64_t dirty[HOURS_RING / 64];  /* hours whose line must be issued again */
    uint64_t issued[HOURS_RING / 64]; /* hours in which a line with this run id is out */
};

enum instance_flag {
    INSTANCE_NEEDS_MENTIONS = 1u << 0, /* the next list of live runs must be read */
    INSTANCE_HAS_GAP = 1u << 1,
    INSTANCE_CONFLICT = 1u << 2, /* two live epochs (R1) */
    INSTANCE_GONE = 1u << 3,     /* HOST_GONE */
    INSTANCE_DOWN = 1u << 4,     /* contiguous HOST_DOWN */
};

struct instance {
    blob_ref id;
    uint32_t flags;
    uint32_t first_epoch;
    uint32_t current_epoch; /* the one that spoke last: a cache */
    uint32_t epochs_n;
    uint32_t first_claim;
    uint32_t claims_n;
    uint32_t forgotten_n;
    int64_t exists_from; /* log time of its first record, or the first start of a run if earlier */
    int64_t last_log_time;
    int64_t last_active;          /* active time of the last record */
    int64_t newest_epoch_started; /* of all its epochs, forgotten ones included */
    int64_t reach; /* newest watermark that counts, NO_TIME none: a cache unless HAS_GAP */
    int64_t down_time, gone_time;
    int64_t covered_until; /* residue of what was forgotten (R7) */
    int64_t host_time;     /* observed time of the host facts below */
    int64_t boot_time;     /* wall − boot time of `boot_id`, NO_TIME unknown */
    blob_ref boot_id;
    blob_ref account, region, zone, instance_type, tags;
};

struct hour {
    uint32_t revision;
    uint32_t reasons; /* since the last cut */
    bool changed;
    int64_t rev1_cut;   /* log time */
    int64_t changed_at; /* log time of the first change since the last cut */
};

struct correction {
    uint32_t next; /* sorted: hour, instance, run id */
    uint32_t instance, claim;
    int64_t hour;
    int64_t held_ms, running_ms, vcpu_ms, mib_ms;
};

struct dead_letter { /* in the order of offsets */
    uint32_t next;
    int64_t offset;
    int64_t hour; /* of its log time */
};

struct outage {
    int64_t from, to; /* log time */
};

struct pool {
    uint32_t cap;       /* elements, index 0 included */
    uint32_t used;      /* high-water mark, ≥ 1 */
    uint32_t free_head; /* the first 4 bytes of a free element link to the next */
    uint32_t free_n;
    uint32_t element_bytes;
    size_t at; /* offset of the array in the block */
};

enum pool_id {
    POOL_INSTANCES,
    POOL_EPOCHS,
    POOL_INTERVALS,
    POOL_CLAIMS,
    POOL_CORRECTIONS,
    POOL_DEAD_LETTERS,
    POOL_BLOBS,
    POOLS_N
};

enum step_phase { PHASE_IDLE, PHASE_REVISIONS, PHASE_APPLY, PHASE_FIRST_CUTS };

struct partition {
    struct partition_identity identity;
    struct partition_capacity capacity;
    struct policy policy;
    struct pool pools[POOLS_N];
    /* blob bytes and index */
    size_t blob_bytes_at, blob_buckets_at;
    uint32_t blob_bytes_cap, blob_bytes_used, blob_buckets_n;
    uint32_t blob_free[BLOB_CLASSES]; /* free blobs that still have room of that class */
    /* instances by id: open addressing, and in order */
    size_t instance_buckets_at, instance_order_at;
    uint32_t instance_buckets_n, instances_n;
    /* position in the log */
    int64_t next_offset;
    int64_t log_time;
    int64_t active; /* log time less outages, counted from the first record */
    int64_t last_offset, last_append;
    uint32_t last_crc;
    bool has_record;
    /* hours */
    int64_t final_until, cut_until;
    struct hour hours[HOURS_RING];
    int64_t next_revision_due; /* NO_TIME none */
    struct outage outages[OUTAGES_MAX];
    uint32_t outages_n;
    uint32_t first_correction;
    uint32_t first_dead_letter, last_dead_letter;
    uint32_t dead_letters_n;
    uint32_t corrections_n;
    uint32_t
        lagging;    /* position in instance order of one that does not reach the open hour's end */
    bool sweep_due; /* something may be forgotten (R7): done before the next record is applied */
    /* a record being taken */
    enum step_phase phase;
    enum pool_id short_of;
    bool short_of_bytes;
};

static inline void *pool_at(const struct partition *p, enum pool_id id, uint32_t index)
{
    const struct pool *pool = &p->pools[id];

    assert(index != 0 && index < pool->used);
    return (uint8_t *)(uintptr_t)p + pool->at + (size_t)index * pool->element_bytes;
}

static inline struct instance *instance_at(const struct partition *p, uint32_t i)
{
    return pool_at(p, POOL_INSTANCES, i);
}
static inline struct epoch *epoch_at(const struct partition *p, uint32_t i)
{
    return pool_at(p, POOL_EPOCHS, i);
}
static inline struct interval *interval_at(const struct partition *p, uint32_t i)
{
    return pool_at(p, POOL_INTERVALS, i);
}
static inline struct claim *claim_at(const struct partition *p, uint32_t i)
{
    return pool_at(p, POOL_CLAIMS, i);
}
static inline struct correction *correction_at(const struct partition *p, uint32_t i)
{
    return pool_at(p, POOL_CORRECTIONS, i);
}

static inline int64_t hour_floor(int64_t t)
{
    int64_t r = t % HOUR_MS;

    return t - (r < 0 ? r + HOUR_MS : r);
}

static inline uint32_t hour_slot(int64_t hour)
{
    return (uint32_t)((hour / HOUR_MS) % HOURS_RING);
}

static inline int64_t time_max(int64_t a, int64_t b)
{
    return a > b ? a : b;
}
static inline int64_t time_min(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline bool bit_get(const uint64_t *bits, int64_t hour)
{
    uint32_t i = hour_slot(hour);

    return (bits[i / 64] >> (i % 64) & 1) != 0;
}
static inline void bit_set(uint64_t *bits, int64_t hour)
{
    uint32_t i = hour_slot(hour);

    bits[i / 64] |= UINT64_C(1) << (i % 64);
}
static inline void bit_clear(uint64_t *bits, int64_t hour)
{
    uint32_t i = hour_slot(hour);

    bits[i / 64] &= ~(UINT64_C(1) << (i % 64));
}

#endif
