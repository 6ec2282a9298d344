/*
 * What one partition says about one hour: usage lines and the statement of their completeness.
 *
 * A part is cut by log time alone (R10). Revision 1 holds every line of the hour; a later revision
 * holds the lines that changed, each replacing the line of the same run; correction lines speak of
 * an hour beyond the horizon, as signed deltas (LINE_CORRECTION). Slices point into the partition's
 * state and are valid until the next call that changes it.
 */
#ifndef AGGREGATOR_CORE_PART_H
#define AGGREGATOR_CORE_PART_H

#include "schemas/c/event.h"

enum { HOUR_MS = 3600 * 1000 };

enum line_kind {
    LINE_USAGE,      /* the usage of the run in the part's hour, absolute */
    LINE_CORRECTION, /* what to add to the lines of an earlier hour, beyond the horizon */
};

/* A line of a part: one run in one hour. Times are Unix ms UTC; absent times are NO_TIME. */
#define NO_TIME INT64_MIN

enum line_flag {
    LINE_PROVISIONAL = 1u << 0, /* billed to the last proof of life; no end was seen (R8) */
    LINE_CLOCK = 1u << 1,       /* a time was outside [boot, log time + 5 s] and replaced (R4) */
    LINE_REMOVED = 1u << 2,     /* the run has no usage in this hour any more: all zeros */
    LINE_NO_START = 1u << 3,    /* alive without a seen start */
};

struct usage_line {
    enum line_kind kind;
    uint32_t flags; /* enum line_flag */
    int64_t hour;   /* start of the hour the line is about */
    struct bytes instance_id;
    struct event_run
        run; /* facts; boot-independent. run.run_id is the smallest of the merged ids */
    struct bytes account, region, zone, instance_type;
    struct event_map tags; /* instance tags */
    int64_t end_time;      /* NO_TIME: not ended, or not seen */
    enum end_cause end_cause;
    struct bytes end_detail;
    int64_t held_from, held_to;       /* within the hour; NO_TIME both when not held */
    int64_t running_from, running_to; /* within the hour; NO_TIME both when not running */
    int64_t held_ms, running_ms;      /* signed in corrections */
    int64_t vcpu_ms, mib_ms;          /* held_ms × vCPUs, held_ms × MiB held */
};

/* Why a revision after the first was cut. */
enum part_reason {
    REASON_LATE_EVENT = 1u << 0,
    REASON_NEW_INSTANCE = 1u << 1,
    REASON_WATERMARK_VIOLATION = 1u << 2,
    REASON_WATERMARK_ADVANCED = 1u << 3, /* an instance that was missing has reported */
    REASON_IDENTITY = 1u << 4,           /* two run ids turned out to be one run */
    REASON_HOST_LIFE = 1u << 5,          /* HOST_DOWN, HOST_GONE, host_lost or a return */
};

/* An instance whose watermark had not reached the hour's end at the cut. */
struct part_missing {
    struct bytes instance_id;
    int64_t watermark; /* NO_TIME: none was ever stated */
    bool lost;         /* host_lost was declared */
};

/* Sequence numbers that were never seen. */
struct part_gap {
    struct bytes instance_id;
    struct event_uuid epoch;
    int64_t first_seq, last_seq; /* last_seq −1: the epoch's unknown tail before its successor */
};

enum part_status {
    PART_PROVISIONAL, /* a line rests on a presumption */
    PART_CLOSED,
    PART_FINAL, /* cut past the horizon */
};

enum { PART_EXPECTED_HASH_BYTES = 32 };

struct part {
    uint32_t era;
    int32_t partition;
    int64_t hour; /* start, Unix ms */
    uint32_t revision;
    int64_t cut_log_time;
    int64_t offset_first; /* first offset of the era that this partition has read */
    int64_t offset_next;  /* the part covers records below this offset */
    int64_t policy_version;
    int32_t rules_version;
    uint32_t reasons; /* enum part_reason; 0 in revision 1 */
    enum part_status status;
    bool complete; /* nothing missing, no gap, no dead letter in the hour */
    bool lead_in;  /* the partition was not read from the era's start (R18) */
    uint32_t expected_n;
    uint8_t expected_sha256[PART_EXPECTED_HASH_BYTES]; /* chained over the sorted ids: emit.c */
    const struct part_missing *missing;
    uint32_t missing_n;
    const struct part_gap *gaps;
    uint32_t gaps_n;
    const int64_t *dead_letters; /* offsets */
    uint32_t dead_letters_n;
    const struct usage_line *lines; /* sorted: kind, hour, instance_id, run_id */
    uint32_t lines_n;
};

#endif
