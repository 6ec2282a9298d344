/*
 * The reader's table: see schema_reader.h. One row per field of schemas/lifecycle_event.avsc.
 */
#include "schemas/c/schema_reader.h"

#include "schemas/c/event.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define X(s) #s,
static const char *const event_types[] = {EVENT_TYPE_TABLE(X)};
static const char *const evidences[] = {EVIDENCE_TABLE(X)};
static const char *const end_causes[] = {END_CAUSE_TABLE(X)};
#undef X

static const struct reader_symbols symbols_event_type = {"EventType", event_types, EVENT_TYPE_N};
static const struct reader_symbols symbols_evidence = {"Evidence", evidences, EVIDENCE_N};
static const struct reader_symbols symbols_end_cause = {"EndCause", end_causes, END_CAUSE_N};

/* Offsets in struct event_run; `running` holds such runs, and the event holds one. */
#define RUN_FIELD(kind_, member, bit_)                                                             \
    {                                                                                              \
        .name = #member, .kind = READER_##kind_, .nullable = true,                                 \
        .at = offsetof(struct event_run, member), .bit = bit_                                      \
    }

static const struct reader_field run_facts[] = {
    RUN_FIELD(BYTES, enclave_id, RUN_HAS_ENCLAVE_ID),
    RUN_FIELD(BYTES, name, RUN_HAS_NAME),
    RUN_FIELD(BYTES, eif_path, RUN_HAS_EIF_PATH),
    RUN_FIELD(LONG, pid, RUN_HAS_PID),
    RUN_FIELD(LONG, enclave_cid, RUN_HAS_ENCLAVE_CID),
    RUN_FIELD(INT, vcpus, RUN_HAS_VCPUS),
    RUN_FIELD(CPU_IDS, cpu_ids, RUN_HAS_CPU_IDS),
    RUN_FIELD(LONG, memory_mib_requested, RUN_HAS_MEMORY_MIB_REQUESTED),
    RUN_FIELD(LONG, memory_mib, RUN_HAS_MEMORY_MIB),
    RUN_FIELD(BOOL, debug_mode, RUN_HAS_DEBUG_MODE),
    RUN_FIELD(BYTES, pcr0, RUN_HAS_PCR0),
    RUN_FIELD(BYTES, pcr1, RUN_HAS_PCR1),
    RUN_FIELD(BYTES, pcr2, RUN_HAS_PCR2),
    RUN_FIELD(BYTES, pcr8, RUN_HAS_PCR8),
    RUN_FIELD(MAP, metadata, RUN_HAS_METADATA),
    RUN_FIELD(LONG, allocated_time, RUN_HAS_ALLOCATED_TIME),
    RUN_FIELD(LONG, running_time, RUN_HAS_RUNNING_TIME),
};

static const struct reader_record record_run_facts = {
    "RunFacts", 1, {{run_facts, COUNT(run_facts), 0, offsetof(struct event_run, has)}}};

static const struct reader_field run_state[] = {
    {.name = "run_id",
     .kind = READER_BYTES,
     .required = true,
     .at = offsetof(struct event_run, run_id)},
    {.name = "full", .kind = READER_RECORD, .nullable = true, .record = &record_run_facts},
};

static const struct reader_record record_run_state = {
    "RunState", 1, {{run_state, COUNT(run_state), 0, offsetof(struct event_run, has)}}};

#define HOST_FIELD(kind_, member, missing_)                                                        \
    {                                                                                              \
        .name = #member, .kind = READER_##kind_, .at = offsetof(struct event_host, member),        \
        .missing = missing_                                                                        \
    }

static const struct reader_field host_facts[] = {
    HOST_FIELD(BYTES, account, 0),
    HOST_FIELD(BYTES, region, 0),
    HOST_FIELD(BYTES, zone, 0),
    HOST_FIELD(BYTES, instance_type, 0),
    HOST_FIELD(INT, pool_vcpus, -1),
    HOST_FIELD(LONG, pool_memory_mib, -1),
    HOST_FIELD(MAP, tags, 0),
    HOST_FIELD(LONG, wall_time, 0),
    HOST_FIELD(LONG, boottime_ms, -1),
    HOST_FIELD(LONG, clock_error_us, -1),
    HOST_FIELD(BOOL, clock_synchronised, 0),
    HOST_FIELD(BYTES, producer_version, 0),
};

static const struct reader_record record_host_facts = {
    "HostFacts", 1, {{host_facts, COUNT(host_facts), offsetof(struct event, host), 0}}};

#define POLICY_FIELD(kind_, member)                                                                \
    {                                                                                              \
        .name = #member, .kind = READER_##kind_, .at = offsetof(struct event_policy, member)       \
    }

static const struct reader_field policy[] = {
    POLICY_FIELD(LONG, version),
    POLICY_FIELD(INT, rules_version),
    POLICY_FIELD(MAP, values),
};

static const struct reader_record record_policy = {
    "Policy", 1, {{policy, COUNT(policy), offsetof(struct event, policy), 0}}};

#define EVENT_FIELD(kind_, member, ...)                                                            \
    {                                                                                              \
        .name = #member, .kind = READER_##kind_, .at = offsetof(struct event, member), __VA_ARGS__ \
    }
#define OPTIONAL(bit_) .nullable = true, .bit = bit_
#define REQUIRED       .required = true
#define DEFAULTED      .required = false

static const struct reader_field event_fields[] = {
    EVENT_FIELD(ENUM, type, REQUIRED, .symbols = &symbols_event_type),
    EVENT_FIELD(BYTES, instance_id, REQUIRED),
    EVENT_FIELD(UUID, producer_epoch, REQUIRED),
    EVENT_FIELD(UUID, prev_epoch, OPTIONAL(EVENT_HAS_PREV_EPOCH)),
    EVENT_FIELD(LONG, prev_seq, OPTIONAL(EVENT_HAS_PREV_SEQ)),
    EVENT_FIELD(LONG, seq, REQUIRED),
    EVENT_FIELD(UUID, boot_id, REQUIRED),
    EVENT_FIELD(LONG, event_time, REQUIRED),
    EVENT_FIELD(LONG, observed_time, REQUIRED),
    EVENT_FIELD(LONG, low_watermark, DEFAULTED),
    EVENT_FIELD(ENUM, evidence, DEFAULTED, .symbols = &symbols_evidence),
    EVENT_FIELD(ENUM, disputed_by, OPTIONAL(EVENT_HAS_DISPUTED_BY), .symbols = &symbols_evidence),
    {.name = "run_id", .kind = READER_BYTES, .at = offsetof(struct event, run.run_id)},
    EVENT_FIELD(ENUM, end_cause, DEFAULTED, .symbols = &symbols_end_cause),
    EVENT_FIELD(BYTES, end_detail, DEFAULTED),
    EVENT_FIELD(LONG, end_time_earliest, OPTIONAL(EVENT_HAS_END_TIME_EARLIEST)),
    EVENT_FIELD(RUNS, running, DEFAULTED, .record = &record_run_state),
    {.name = "host", .kind = READER_RECORD, OPTIONAL(EVENT_HAS_HOST), .record = &record_host_facts},
    {.name = "policy", .kind = READER_RECORD, OPTIONAL(EVENT_HAS_POLICY), .record = &record_policy},
};

const struct reader_record reader_lifecycle_event = {
    "LifecycleEvent",
    2,
    {{event_fields, COUNT(event_fields), 0, offsetof(struct event, has)},
     {run_facts, COUNT(run_facts), offsetof(struct event, run), offsetof(struct event, run.has)}}};
