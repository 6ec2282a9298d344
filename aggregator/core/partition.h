/*
 * The state machine of one partition: records in, usage parts out. Pure.
 *
 * `partition_step` is a function of the state and the record; no clock, no I/O, no allocation.
 * Everything it decides is in `out`; the edge does what `out` says and nothing else. State lives in
 * memory that the caller gives; when a pool or an output array is too small the call returns
 * ERR_CAPACITY before it has changed anything, the caller enlarges what `out->need` names and calls
 * again with the same record.
 *
 * One record may cut several hours (after a silence). Each call emits at most one part; while
 * out->more is set, call again with the same record:
 *
 *     do {
 *         e = partition_step(p, &record, &out);   // on ERR_CAPACITY enlarge, then again
 *         … write out.part if out.has_part …
 *     } while (e == ERR_OK && out.more);
 */
#ifndef AGGREGATOR_CORE_PARTITION_H
#define AGGREGATOR_CORE_PARTITION_H

#include "aggregator/core/part.h"
#include "common/err.h"

/* Values that change output bytes: only POLICY records change them (R14). Times in ms. */
struct policy {
    int64_t version;
    int32_t rules_version;
    int64_t settle_ms;            /* 2 min */
    int64_t grace_ms;             /* 30 min */
    int64_t revision_interval_ms; /* 15 min */
    int64_t tick_interval_ms;     /* 60 s */
    int64_t horizon_ms;           /* 72 h */
    int64_t instance_ttl_ms;      /* 30 d */
    int64_t host_lost_ms;         /* 1 h */
};

/* Rules that this program knows. A POLICY with another rules_version is ERR_UNSUPPORTED. */
enum { RULES_VERSION = 1 };

/* The values in force before any POLICY record: version 0. */
struct policy policy_default(void);

/* Applies `values` (by option name, e.g. "settle" = "120s" | "2m" | "120000ms") onto `policy`.
 * ERR_CONFIG with detail: unknown name, not a duration, out of range, or values that contradict
 * each other (grace < settle …). On error *policy is unchanged. */
enum err policy_apply(struct policy *policy, const struct event_policy *record,
                      struct err_detail *detail) MUST_CHECK;

bool policy_equal(const struct policy *a, const struct policy *b);

/* How many of each thing the state can hold. Any of them may be 0 in a request: then the default.
 */
struct partition_capacity {
    uint32_t instances;
    uint32_t epochs;
    uint32_t intervals;
    uint32_t runs;
    uint32_t corrections;
    uint32_t dead_letters;
    uint32_t blobs;      /* distinct strings */
    uint32_t blob_bytes; /* room for them */
};

struct partition; /* lives in the caller's memory; position-independent but for its own address */

struct partition_identity {
    uint32_t era;
    int32_t partition;
    int64_t first_hour;   /* first hour of the era, Unix ms, a multiple of HOUR_MS */
    int64_t first_offset; /* where reading begins */
    bool lead_in;         /* reading begins after the era's start */
};

struct partition_capacity partition_capacity_default(void);
size_t partition_bytes(const struct partition_capacity *capacity);

/* Makes an empty state in `memory` (partition_bytes(capacity) bytes, 16-byte aligned). */
struct partition *partition_init(void *memory, const struct partition_capacity *capacity,
                                 const struct partition_identity *identity);

/* The capacity that ERR_CAPACITY asked for: the pool that was short is doubled. */
struct partition_capacity partition_capacity_grown(const struct partition *p);
/* Moves the state into larger memory; the old memory is the caller's again. */
struct partition *partition_move(const struct partition *p, void *memory,
                                 const struct partition_capacity *capacity);

enum partition_record_kind {
    RECORD_EVENT,
    RECORD_UNDECODABLE, /* malformed under its known writer schema (R15) */
};

struct partition_record {
    enum partition_record_kind kind;
    int64_t offset;
    int64_t append_time;       /* LogAppendTime, Unix ms */
    uint32_t crc;              /* CRC-32 of key and value: checked when reading resumes (R16) */
    const struct event *event; /* RECORD_EVENT */
};

/* Things the operator hears of; the alerts of DESIGN.md §5 are the next layer up. */
enum partition_notice {
    NOTICE_POLICY_CHANGED = 1u << 0,
    NOTICE_POLICY_IGNORED = 1u << 1,  /* version not greater than the one in force */
    NOTICE_POLICY_CONFLICT = 1u << 2, /* same version, other content */
    NOTICE_POLICY_INVALID = 1u << 3,
    NOTICE_DUPLICATE = 1u << 4,
    NOTICE_SEQUENCE_GAP = 1u << 5,
    NOTICE_EPOCH_UNLINKED = 1u << 6,
    NOTICE_IDENTITY_CONFLICT = 1u << 7,
    NOTICE_LATE_BEYOND_HORIZON = 1u << 8,
    NOTICE_WATERMARK_VIOLATION = 1u << 9,
    NOTICE_HOST_LOST = 1u << 10,
    NOTICE_UNDECODABLE = 1u << 11,
    NOTICE_LOG_TIME_BACKWARDS = 1u << 12,
};

/* Output arrays are the caller's; sizes in elements. */
struct partition_out {
    struct usage_line *lines;
    uint32_t lines_cap;
    struct part_missing *missing;
    uint32_t missing_cap;
    struct part_gap *gaps;
    uint32_t gaps_cap;
    struct event_pair *pairs; /* map entries that the lines point to */
    uint32_t pairs_cap;
    int64_t *dead_letters;
    uint32_t dead_letters_cap;
    /* on ERR_CAPACITY: what was too small, and how many elements would do */
    struct {
        uint32_t lines, missing, gaps, pairs, dead_letters;
        bool state; /* enlarge the state: partition_capacity_grown, partition_move */
    } need;
    /* results */
    bool more;     /* call again with the same record */
    bool has_part; /* `part` is to be written */
    struct part part;
    uint32_t notices; /* enum partition_notice */
};

/*
 * Takes one record. Records come in offset order; a record below partition_next_offset is a bug
 * (assertion). ERR_CAPACITY: see above. ERR_UNSUPPORTED: a POLICY demands rules this program does
 * not know: the state is unchanged and the partition must stop.
 */
enum err partition_step(struct partition *p, const struct partition_record *record,
                        struct partition_out *out) MUST_CHECK;

int64_t partition_next_offset(const struct partition *p);
/* Running maximum of append times; NO_TIME before the first record. */
int64_t partition_log_time(const struct partition *p);
/* Append time, offset and CRC of the last record taken; false if none. */
bool partition_last_record(const struct partition *p, int64_t *offset, int64_t *append_time,
                           uint32_t *crc);
const struct policy *partition_policy(const struct partition *p);
const struct partition_identity *partition_identity(const struct partition *p);
uint32_t partition_instances_n(const struct partition *p);
uint32_t partition_open_runs_n(const struct partition *p);

/* Canonical bytes of the state (equal states give equal bytes), between records only. ERR_CAPACITY:
 * a larger buffer is needed; twice as large is a good next try. */
enum err partition_save(const struct partition *p, uint8_t *buffer, size_t cap,
                        size_t *len) MUST_CHECK;
/* The capacity that `saved` needs, then the state itself in `memory` of that capacity.
 * ERR_MALFORMED, ERR_TRUNCATED, ERR_UNSUPPORTED (format version). */
enum err partition_saved_capacity(struct bytes saved,
                                  struct partition_capacity *capacity) MUST_CHECK;
enum err partition_load(struct bytes saved, void *memory, const struct partition_capacity *capacity,
                        struct partition **p, struct err_detail *detail) MUST_CHECK;

/* The runs as they stand, for live views: every open run and those that ended in an hour that is
 * not cut yet. `until` is the end, or the last proof of life. Slices are valid during the call.
 * Order: instance id, run id. `pairs` is scratch of EVENT_PAIRS_MAX × 2 entries. */
struct partition_run {
    struct bytes instance_id;
    struct event_run run;
    struct bytes region, instance_type;
    struct event_map tags;
    bool ended;
    bool provisional;
    int64_t held_from, running_from, until; /* NO_TIME: not known */
    enum end_cause end_cause;
    struct bytes end_detail;
};
typedef void partition_run_visitor(void *context, const struct partition_run *run);
void partition_each_run(const struct partition *p, struct event_pair *pairs,
                        partition_run_visitor *visit, void *context);

/* Asserts every invariant, O(state). For dev builds, fuzzing and simulation. */
void partition_check_all(const struct partition *p);

#endif
