/*
 * The lifecycle event in memory: what schemas/lifecycle_event.avsc says, as a flat struct of
 * slices.
 *
 * This is the only vocabulary that producer and aggregator share. A decoded event points into the
 * record it was decoded from and into an `event_arena`; it owns nothing. Names of fields and
 * enumerators are those of the schema (DESIGN.md, "The event").
 */
#ifndef SCHEMAS_C_EVENT_H
#define SCHEMAS_C_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bytes.h"

/* Every limit on an event. A record beyond a limit is ERR_LIMIT, never a crash. */
enum {
    EVENT_UUID_BYTES = 16,
    EVENT_STRING_MAX = 4096,       /* bytes of any one string, bytes or map value */
    EVENT_RUNS_MAX = 64,           /* elements of `running`; AWS allows 4 enclaves per parent */
    EVENT_CPU_IDS_MAX = 1024,      /* CPU ids in one event, over all its runs */
    EVENT_PAIRS_MAX = 256,         /* map entries in one event, over all its maps */
    EVENT_RECORD_MAX = 512 * 1024, /* bytes of one encoded record */
};

/* Symbols in the order of the schema; UNKNOWN is the reader's default for symbols it lacks. */
#define EVENT_TYPE_TABLE(X)                                                                        \
    X(UNKNOWN)                                                                                     \
    X(HOST_UP)                                                                                     \
    X(ALLOCATED)                                                                                   \
    X(RUNNING)                                                                                     \
    X(ENDED) X(FAILED) X(SNAPSHOT) X(HEARTBEAT) X(HOST_DOWN) X(TICK) X(POLICY) X(HOST_GONE)
#define EVIDENCE_TABLE(X) X(UNKNOWN) X(LOG) X(PROC) X(PIDFD) X(INOTIFY) X(BOOT) X(CLI) X(EC2)
#define END_CAUSE_TABLE(X)                                                                         \
    X(UNKNOWN)                                                                                     \
    X(TERMINATED)                                                                                  \
    X(EXITED)                                                                                      \
    X(SIGNALLED)                                                                                   \
    X(KILLED)                                                                                      \
    X(SOCKET_DELETED) X(COMMAND_FAILED) X(BOOT_FAILED) X(REFUSED) X(HOST_REBOOT) X(HOST_LOST)

#define X(s) EVENT_##s,
enum event_type { EVENT_TYPE_TABLE(X) EVENT_TYPE_N };
#undef X
#define X(s) EVIDENCE_##s,
enum evidence { EVIDENCE_TABLE(X) EVIDENCE_N };
#undef X
#define X(s) END_##s,
enum end_cause { END_CAUSE_TABLE(X) END_CAUSE_N };
#undef X

/* "HOST_UP", "LOG", "TERMINATED"; out of range gives "UNKNOWN". */
const char *event_type_name(enum event_type type);
const char *evidence_name(enum evidence evidence);
const char *end_cause_name(enum end_cause cause);

struct event_uuid {
    uint8_t bytes[EVENT_UUID_BYTES];
};

/* One entry of a map<string>. Maps keep the order of the record; encoders sort nothing. */
struct event_pair {
    struct bytes key;
    struct bytes value;
};

struct event_map {
    const struct event_pair *pairs;
    uint32_t n;
};

struct event_cpu_ids {
    const int32_t *ids;
    uint32_t n;
};

/* Bits of event_run.has: which nullable fields are present. An absent field reads as zero. */
enum event_run_field {
    RUN_HAS_ENCLAVE_ID = 1u << 0,
    RUN_HAS_NAME = 1u << 1,
    RUN_HAS_EIF_PATH = 1u << 2,
    RUN_HAS_PID = 1u << 3,
    RUN_HAS_ENCLAVE_CID = 1u << 4,
    RUN_HAS_VCPUS = 1u << 5,
    RUN_HAS_CPU_IDS = 1u << 6,
    RUN_HAS_MEMORY_MIB_REQUESTED = 1u << 7,
    RUN_HAS_MEMORY_MIB = 1u << 8,
    RUN_HAS_DEBUG_MODE = 1u << 9,
    RUN_HAS_PCR0 = 1u << 10,
    RUN_HAS_PCR1 = 1u << 11,
    RUN_HAS_PCR2 = 1u << 12,
    RUN_HAS_PCR8 = 1u << 13,
    RUN_HAS_METADATA = 1u << 14,
    RUN_HAS_ALLOCATED_TIME = 1u << 15,
    RUN_HAS_RUNNING_TIME = 1u << 16,
};

/* What is known of one run. In a HEARTBEAT only run_id is set. Times: Unix milliseconds UTC. */
struct event_run {
    struct bytes run_id; /* the tracker's name; not an identity across epochs (R6) */
    uint32_t has;        /* enum event_run_field */
    struct bytes enclave_id;
    struct bytes name;
    struct bytes eif_path;
    int64_t pid;
    int64_t enclave_cid;
    int32_t vcpus;
    struct event_cpu_ids cpu_ids;
    int64_t memory_mib_requested;
    int64_t memory_mib; /* what is held */
    bool debug_mode;
    struct bytes pcr0, pcr1, pcr2, pcr8; /* 48 raw bytes each */
    struct event_map metadata;
    int64_t allocated_time;
    int64_t running_time;
};

/* Facts of the parent instance: HOST_UP and SNAPSHOT. Empty string or −1: not known. */
struct event_host {
    struct bytes account;
    struct bytes region;
    struct bytes zone;
    struct bytes instance_type;
    int32_t pool_vcpus;      /* vCPUs of the enclave pool, −1 unknown */
    int64_t pool_memory_mib; /* MiB of the enclave pool, −1 unknown */
    struct event_map tags;   /* instance tags */
    int64_t wall_time;       /* Unix ms, read together with boottime_ms */
    int64_t boottime_ms;     /* CLOCK_BOOTTIME in ms, −1 unknown */
    int64_t clock_error_us;  /* adjtimex maxerror, −1 unknown */
    bool clock_synchronised;
    struct bytes producer_version;
};

/* POLICY: values that change output bytes, as decimal or text by option name (R14). */
struct event_policy {
    int64_t version;
    int32_t rules_version;
    struct event_map values;
};

/* Bits of event.has. */
enum event_field {
    EVENT_HAS_PREV_EPOCH = 1u << 0,
    EVENT_HAS_PREV_SEQ = 1u << 1,
    EVENT_HAS_DISPUTED_BY = 1u << 2,
    EVENT_HAS_END_TIME_EARLIEST = 1u << 3,
    EVENT_HAS_HOST = 1u << 4,
    EVENT_HAS_POLICY = 1u << 5,
};

struct event {
    enum event_type type;
    uint32_t has; /* enum event_field */
    struct bytes instance_id;
    struct event_uuid producer_epoch;
    struct event_uuid prev_epoch;
    int64_t prev_seq;
    int64_t seq;
    struct event_uuid boot_id;
    int64_t event_time;    /* Unix ms: when it happened, on the host's clock */
    int64_t observed_time; /* Unix ms: when the producer saw it */
    int64_t low_watermark; /* Unix ms (R3); 0 = states nothing: backfill and control records */
    enum evidence evidence;
    enum evidence disputed_by;
    struct event_run run; /* run_id is empty for events about the host */
    enum end_cause end_cause;
    struct bytes end_detail; /* E-code, signal */
    int64_t end_time_earliest;
    const struct event_run *running;
    uint32_t running_n;
    struct event_host host;
    struct event_policy policy;
};

/* What a decoded event points into besides its record. About 40 KiB; reusable for the next one. */
struct event_arena {
    struct event_run runs[EVENT_RUNS_MAX];
    int32_t cpu_ids[EVENT_CPU_IDS_MAX];
    struct event_pair pairs[EVENT_PAIRS_MAX];
};

static inline bool event_uuid_equal(const struct event_uuid *a, const struct event_uuid *b)
{
    return memcmp(a->bytes, b->bytes, EVENT_UUID_BYTES) == 0;
}

/* The nil UUID: "not known", e.g. the boot of a run read from an old log. */
static inline bool event_uuid_is_nil(const struct event_uuid *a)
{
    static const struct event_uuid nil;

    return event_uuid_equal(a, &nil);
}

#endif
