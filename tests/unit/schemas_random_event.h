/*
 * Random events from a seed, within the limits, and a comparison that names what differs. Shared by
 * the codec's tests, its oracles and its benchmark; a seed gives the same event everywhere.
 */
#ifndef TESTS_UNIT_SCHEMAS_RANDOM_EVENT_H
#define TESTS_UNIT_SCHEMAS_RANDOM_EVENT_H

#include <stdio.h>

#include "schemas/c/event.h"

enum { RANDOM_EVENT_TEXT_BYTES = 128 * 1024 };

struct random_event {
    struct event event;
    struct event_arena arena;
    uint64_t state;
    uint32_t cpu_ids_n, pairs_n;
    size_t text_n;
    uint8_t text[RANDOM_EVENT_TEXT_BYTES];
};

/* splitmix64 */
static inline uint64_t random_u64(struct random_event *r)
{
    uint64_t z = (r->state += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static inline uint32_t random_below(struct random_event *r, uint32_t n)
{
    return (uint32_t)(random_u64(r) % n);
}

/* Mostly small or like a timestamp, sometimes any 64 bits. */
static inline int64_t random_long(struct random_event *r)
{
    switch (random_below(r, 8)) {
    case 0: return (int64_t)random_u64(r);
    case 1: return INT64_MIN;
    case 2: return INT64_MAX;
    case 3: return -(int64_t)random_below(r, 100);
    case 4: return 1700000000000 + (int64_t)random_below(r, UINT32_MAX);
    case 5: return (int64_t)(random_u64(r) >> random_below(r, 64));
    default: return random_below(r, 200);
    }
}

static inline int32_t random_int(struct random_event *r)
{
    static const int32_t edges[] = {INT32_MIN, INT32_MAX, 0, -1, 63, 64, -64, -65};

    return random_below(r, 4) == 0 ? edges[random_below(r, 8)]
                                   : (int32_t)random_u64(r) >> random_below(r, 31);
}

static inline struct bytes random_bytes(struct random_event *r, size_t len)
{
    uint8_t *at = r->text + r->text_n;

    for (size_t i = 0; i < len; i++)
        at[i] = (uint8_t)random_u64(r);
    r->text_n += len;
    return bytes_of(at, len);
}

/* Valid UTF-8, up to 240 bytes and mostly short; some are empty. */
static inline struct bytes random_string(struct random_event *r)
{
    static const char *const pieces[] = {"a",  "Z", "0", "-", "_", " ",  "\"", "\\",
                                         "\n", ",", "=", "é", "…", "漢", "🔒"};
    uint32_t n = random_below(r, random_below(r, 10) == 0 ? 60 : 16);
    uint8_t *at = r->text + r->text_n;
    size_t len = 0;

    for (uint32_t i = 0; i < n; i++) {
        const char *piece = pieces[random_below(r, sizeof pieces / sizeof pieces[0])];

        memcpy(at + len, piece, strlen(piece));
        len += strlen(piece);
    }
    r->text_n += len;
    return bytes_of(at, len);
}

static inline struct event_uuid random_uuid(struct random_event *r)
{
    struct event_uuid uuid;

    memcpy(uuid.bytes, random_bytes(r, EVENT_UUID_BYTES).ptr, EVENT_UUID_BYTES);
    return uuid;
}

/* Keys differ within a map. */
static inline struct event_map random_map(struct random_event *r)
{
    uint32_t n = random_below(r, 4) == 0 ? 0 : random_below(r, 6);
    struct event_pair *pairs = r->arena.pairs + r->pairs_n;

    if (n > EVENT_PAIRS_MAX - r->pairs_n)
        n = EVENT_PAIRS_MAX - r->pairs_n;
    for (uint32_t i = 0; i < n; i++) {
        struct bytes key = random_string(r);

        r->text[r->text_n++] = (uint8_t)('a' + i);
        pairs[i].key = bytes_of(key.ptr, key.len + 1);
        pairs[i].value = random_string(r);
    }
    r->pairs_n += n;
    return (struct event_map){pairs, n};
}

static inline struct event_cpu_ids random_cpu_ids(struct random_event *r)
{
    uint32_t n = random_below(r, 9);
    int32_t *ids = r->arena.cpu_ids + r->cpu_ids_n;

    if (n > EVENT_CPU_IDS_MAX - r->cpu_ids_n)
        n = EVENT_CPU_IDS_MAX - r->cpu_ids_n;
    for (uint32_t i = 0; i < n; i++)
        ids[i] = random_int(r);
    r->cpu_ids_n += n;
    return (struct event_cpu_ids){ids, n};
}

static inline struct event_run random_run(struct random_event *r)
{
    uint32_t has = (uint32_t)random_u64(r) & ((RUN_HAS_RUNNING_TIME << 1) - 1);
    struct event_run run = {.run_id = random_string(r), .has = has};

#define PUT(bit, member, value)                                                                    \
    do {                                                                                           \
        if (has & RUN_HAS_##bit)                                                                   \
            run.member = value;                                                                    \
    } while (0)
    PUT(ENCLAVE_ID, enclave_id, random_string(r));
    PUT(NAME, name, random_string(r));
    PUT(EIF_PATH, eif_path, random_string(r));
    PUT(PID, pid, random_long(r));
    PUT(ENCLAVE_CID, enclave_cid, random_long(r));
    PUT(VCPUS, vcpus, random_int(r));
    PUT(CPU_IDS, cpu_ids, random_cpu_ids(r));
    PUT(MEMORY_MIB_REQUESTED, memory_mib_requested, random_long(r));
    PUT(MEMORY_MIB, memory_mib, random_long(r));
    PUT(DEBUG_MODE, debug_mode, random_below(r, 2) == 1);
    PUT(PCR0, pcr0, random_bytes(r, 48));
    PUT(PCR1, pcr1, random_bytes(r, 48));
    PUT(PCR2, pcr2, random_bytes(r, 48));
    PUT(PCR8, pcr8, random_bytes(r, random_below(r, 64)));
    PUT(METADATA, metadata, random_map(r));
    PUT(ALLOCATED_TIME, allocated_time, random_long(r));
    PUT(RUNNING_TIME, running_time, random_long(r));
#undef PUT
    return run;
}

static inline struct event_host random_host(struct random_event *r)
{
    struct event_host host = {.account = random_string(r)};

    host.region = random_string(r);
    host.zone = random_string(r);
    host.instance_type = random_string(r);
    host.pool_vcpus = random_int(r);
    host.pool_memory_mib = random_long(r);
    host.tags = random_map(r);
    host.wall_time = random_long(r);
    host.boottime_ms = random_long(r);
    host.clock_error_us = random_long(r);
    host.clock_synchronised = random_below(r, 2) == 1;
    host.producer_version = random_string(r);
    return host;
}

static inline void random_event_make(struct random_event *r, uint64_t seed)
{
    struct event *e = &r->event;

    r->state = seed;
    r->cpu_ids_n = r->pairs_n = 0;
    r->text_n = 0;
    *e = (struct event){.type = (enum event_type)random_below(r, EVENT_TYPE_N)};
    e->has = (uint32_t)random_u64(r) & ((EVENT_HAS_POLICY << 1) - 1);
    e->instance_id = random_string(r);
    e->producer_epoch = random_uuid(r);
    if (e->has & EVENT_HAS_PREV_EPOCH)
        e->prev_epoch = random_uuid(r);
    if (e->has & EVENT_HAS_PREV_SEQ)
        e->prev_seq = random_long(r);
    e->seq = random_long(r);
    e->boot_id = random_uuid(r);
    e->event_time = random_long(r);
    e->observed_time = random_long(r);
    e->low_watermark = random_long(r);
    e->evidence = (enum evidence)random_below(r, EVIDENCE_N);
    if (e->has & EVENT_HAS_DISPUTED_BY)
        e->disputed_by = (enum evidence)random_below(r, EVIDENCE_N);
    e->run = random_run(r);
    e->end_cause = (enum end_cause)random_below(r, END_CAUSE_N);
    e->end_detail = random_string(r);
    if (e->has & EVENT_HAS_END_TIME_EARLIEST)
        e->end_time_earliest = random_long(r);
    e->running_n =
        random_below(r, 3) == 0 ? random_below(r, EVENT_RUNS_MAX + 1) : random_below(r, 4);
    for (uint32_t i = 0; i < e->running_n; i++) {
        bool full = random_below(r, 2) == 1;

        r->arena.runs[i] = full ? random_run(r) : (struct event_run){.run_id = random_string(r)};
    }
    e->running = r->arena.runs;
    if (e->has & EVENT_HAS_HOST)
        e->host = random_host(r);
    if (e->has & EVENT_HAS_POLICY)
        e->policy = (struct event_policy){random_long(r), random_int(r), random_map(r)};
}

/* ---- comparison: NULL if equal, else the first field that differs -----------------------------
 */

static inline bool map_equal(struct event_map a, struct event_map b)
{
    if (a.n != b.n)
        return false;
    for (uint32_t i = 0; i < a.n; i++)
        if (!bytes_equal(a.pairs[i].key, b.pairs[i].key) ||
            !bytes_equal(a.pairs[i].value, b.pairs[i].value))
            return false;
    return true;
}

#define DIFFER(condition, what)                                                                    \
    do {                                                                                           \
        if (condition)                                                                             \
            return what;                                                                           \
    } while (0)
#define DIFFER_NUMBER(member) DIFFER(a->member != b->member, #member)
#define DIFFER_BYTES(member)  DIFFER(!bytes_equal(a->member, b->member), #member)
#define DIFFER_UUID(member)   DIFFER(!event_uuid_equal(&a->member, &b->member), #member)
#define DIFFER_MAP(member)    DIFFER(!map_equal(a->member, b->member), #member)

static inline const char *run_difference(const struct event_run *a, const struct event_run *b)
{
    DIFFER_BYTES(run_id);
    DIFFER_NUMBER(has);
    DIFFER_BYTES(enclave_id);
    DIFFER_BYTES(name);
    DIFFER_BYTES(eif_path);
    DIFFER_NUMBER(pid);
    DIFFER_NUMBER(enclave_cid);
    DIFFER_NUMBER(vcpus);
    DIFFER(a->cpu_ids.n != b->cpu_ids.n ||
               (a->cpu_ids.n > 0 &&
                memcmp(a->cpu_ids.ids, b->cpu_ids.ids, a->cpu_ids.n * sizeof(int32_t)) != 0),
           "cpu_ids");
    DIFFER_NUMBER(memory_mib_requested);
    DIFFER_NUMBER(memory_mib);
    DIFFER_NUMBER(debug_mode);
    DIFFER_BYTES(pcr0);
    DIFFER_BYTES(pcr1);
    DIFFER_BYTES(pcr2);
    DIFFER_BYTES(pcr8);
    DIFFER_MAP(metadata);
    DIFFER_NUMBER(allocated_time);
    DIFFER_NUMBER(running_time);
    return NULL;
}

static inline const char *host_difference(const struct event_host *a, const struct event_host *b)
{
    DIFFER_BYTES(account);
    DIFFER_BYTES(region);
    DIFFER_BYTES(zone);
    DIFFER_BYTES(instance_type);
    DIFFER_NUMBER(pool_vcpus);
    DIFFER_NUMBER(pool_memory_mib);
    DIFFER_MAP(tags);
    DIFFER_NUMBER(wall_time);
    DIFFER_NUMBER(boottime_ms);
    DIFFER_NUMBER(clock_error_us);
    DIFFER_NUMBER(clock_synchronised);
    DIFFER_BYTES(producer_version);
    return NULL;
}

static inline const char *event_difference(const struct event *a, const struct event *b)
{
    const char *difference;

    DIFFER_NUMBER(type);
    DIFFER_NUMBER(has);
    DIFFER_BYTES(instance_id);
    DIFFER_UUID(producer_epoch);
    DIFFER_UUID(prev_epoch);
    DIFFER_NUMBER(prev_seq);
    DIFFER_NUMBER(seq);
    DIFFER_UUID(boot_id);
    DIFFER_NUMBER(event_time);
    DIFFER_NUMBER(observed_time);
    DIFFER_NUMBER(low_watermark);
    DIFFER_NUMBER(evidence);
    DIFFER_NUMBER(disputed_by);
    difference = run_difference(&a->run, &b->run);
    DIFFER(difference != NULL, difference);
    DIFFER_NUMBER(end_cause);
    DIFFER_BYTES(end_detail);
    DIFFER_NUMBER(end_time_earliest);
    DIFFER_NUMBER(running_n);
    for (uint32_t i = 0; i < a->running_n; i++)
        DIFFER(run_difference(&a->running[i], &b->running[i]) != NULL, "running");
    difference = host_difference(&a->host, &b->host);
    DIFFER(difference != NULL, difference);
    DIFFER_NUMBER(policy.version);
    DIFFER_NUMBER(policy.rules_version);
    DIFFER_MAP(policy.values);
    return NULL;
}

/* A heartbeat as a host with four enclaves sends it: the longest ids that occur. */
static inline struct event heartbeat_sample(struct event_run runs[4])
{
    static const struct event_uuid uuid = {
        {0x1e, 0x9f, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}};
    struct event e = {.type = EVENT_HEARTBEAT, .evidence = EVIDENCE_PROC};

    e.instance_id = BYTES_LITERAL("i-0123456789abcdef0");
    e.producer_epoch = uuid;
    e.boot_id = uuid;
    e.seq = 123456;
    e.event_time = e.observed_time = 1795000000123;
    e.low_watermark = 1794999998123;
    runs[0] = (struct event_run){.run_id = BYTES_LITERAL("0190a1b2c3d4e5f60")};
    runs[1] = (struct event_run){.run_id = BYTES_LITERAL("0190a1b2c3d4e5f61")};
    runs[2] = (struct event_run){.run_id = BYTES_LITERAL("0190a1b2c3d4e5f62")};
    runs[3] = (struct event_run){.run_id = BYTES_LITERAL("0190a1b2c3d4e5f63")};
    e.running = runs;
    e.running_n = 4;
    return e;
}

/* The end of a run of which everything is known. */
static inline struct event ended_sample(void)
{
    static const uint8_t pcr[48] = {0xab, 0xcd};
    static const int32_t cpus[2] = {1, 3};
    static const struct event_pair metadata[2] = {
        {{(const uint8_t *)"BuildTime", 9}, {(const uint8_t *)"2026-11-20T08:00:00Z", 20}},
        {{(const uint8_t *)"OperatingSystem", 15}, {(const uint8_t *)"Linux", 5}}};
    struct event_run runs[4];
    struct event e = heartbeat_sample(runs);

    e.type = EVENT_ENDED;
    e.evidence = EVIDENCE_LOG;
    e.running = NULL;
    e.running_n = 0;
    e.end_cause = END_TERMINATED;
    e.run = (struct event_run){
        .run_id = BYTES_LITERAL("0190a1b2c3d4e5f60"),
        .has = ((RUN_HAS_RUNNING_TIME << 1) - 1) & ~(uint32_t)RUN_HAS_PCR8,
        .enclave_id = BYTES_LITERAL("i-0123456789abcdef0-enc190a1b2c3d4e5f6"),
        .name = BYTES_LITERAL("payments-signer"),
        .eif_path = BYTES_LITERAL("/opt/enclaves/payments-signer.eif"),
        .pid = 23456,
        .enclave_cid = 18,
        .vcpus = 2,
        .cpu_ids = {cpus, 2},
        .memory_mib_requested = 2000,
        .memory_mib = 2048,
        .pcr0 = bytes_of(pcr, sizeof pcr),
        .pcr1 = bytes_of(pcr, sizeof pcr),
        .pcr2 = bytes_of(pcr, sizeof pcr),
        .metadata = {metadata, 2},
        .allocated_time = 1794990000123,
        .running_time = 1794990001456,
    };
    return e;
}

#endif
