/*
 * Facts of a run: from records, and joined. See facts.h.
 */
#include "aggregator/core/facts.h"

#include <string.h>

#include "aggregator/core/pool.h"

uint8_t evidence_rank(enum evidence evidence)
{
    static const uint8_t rank[EVIDENCE_N] = {
        [EVIDENCE_LOG] = 8,  [EVIDENCE_PROC] = 7, [EVIDENCE_PIDFD] = 6, [EVIDENCE_INOTIFY] = 5,
        [EVIDENCE_BOOT] = 4, [EVIDENCE_CLI] = 3,  [EVIDENCE_EC2] = 2,   [EVIDENCE_UNKNOWN] = 1,
    };

    return rank[(unsigned)evidence < EVIDENCE_N ? evidence : EVIDENCE_UNKNOWN];
}

uint64_t enclave_id_slot(struct bytes enclave_id)
{
    static const char mark[] = "-enc";
    size_t i = enclave_id.len;
    uint64_t slot = 0;

    for (; i >= 4; i--)
        if (memcmp(enclave_id.ptr + i - 4, mark, 4) == 0)
            break;
    if (i < 4 || enclave_id.len - i == 0 || enclave_id.len - i > 16)
        return 0;
    for (; i < enclave_id.len; i++) {
        uint8_t c = enclave_id.ptr[i];
        uint64_t digit;
        if (c >= '0' && c <= '9')
            digit = (uint64_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            digit = (uint64_t)(c - 'a' + 10);
        else
            return 0;
        slot = slot << 4 | digit;
    }
    return slot;
}

/* ---- maps as blobs: u32 count, then per pair u32 key length, u32 value length, key, value
 * -------- */

size_t map_encoded_bytes(const struct event_map *map)
{
    size_t n = map->n == 0 ? 0 : 4;

    for (uint32_t i = 0; i < map->n; i++)
        n += 8 + map->pairs[i].key.len + map->pairs[i].value.len;
    return n;
}

/* Interning wants the content in one piece; it is put together in the blob bytes' own free room. */
blob_ref map_intern(struct partition *p, const struct event_map *map)
{
    size_t len = map_encoded_bytes(map);

    if (len == 0)
        return 0;
    assert(p->blob_bytes_cap - p->blob_bytes_used >= 2 * blob_footprint(len));
    uint8_t *start = (uint8_t *)p + p->blob_bytes_at + p->blob_bytes_cap - len;
    uint8_t *out = start;
    memcpy(out, &map->n, 4);
    out += 4;
    for (uint32_t i = 0; i < map->n; i++) {
        const struct event_pair *pair = &map->pairs[i];
        uint32_t lens[2] = {(uint32_t)pair->key.len, (uint32_t)pair->value.len};
        memcpy(out, lens, 8);
        out += 8;
        if (pair->key.len > 0)
            memcpy(out, pair->key.ptr, pair->key.len);
        out += pair->key.len;
        if (pair->value.len > 0)
            memcpy(out, pair->value.ptr, pair->value.len);
        out += pair->value.len;
    }
    return blob_intern(p, bytes_of(start, len));
}

bool map_is_valid(struct bytes encoded)
{
    uint32_t n = 0;

    if (encoded.len == 0)
        return true;
    if (encoded.len < 4)
        return false;
    memcpy(&n, encoded.ptr, 4);
    encoded = bytes_skip(encoded, 4);
    if (n == 0 || n > EVENT_PAIRS_MAX)
        return false;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t lens[2];
        if (encoded.len < sizeof lens)
            return false;
        memcpy(lens, encoded.ptr, sizeof lens);
        encoded = bytes_skip(encoded, sizeof lens);
        if ((uint64_t)lens[0] + lens[1] > encoded.len)
            return false;
        encoded = bytes_skip(encoded, (size_t)lens[0] + lens[1]);
    }
    return encoded.len == 0;
}

uint32_t map_pairs_n(const struct partition *p, blob_ref ref)
{
    uint32_t n = 0;

    if (ref != 0)
        memcpy(&n, blob_get(p, ref).ptr, 4);
    return n;
}

struct event_map map_get(const struct partition *p, blob_ref ref, struct event_pair *pairs)
{
    uint32_t n = map_pairs_n(p, ref);
    const uint8_t *in = n == 0 ? NULL : blob_get(p, ref).ptr + 4;

    for (uint32_t i = 0; i < n; i++) {
        uint32_t lens[2];
        memcpy(lens, in, 8);
        pairs[i].key = bytes_of(in + 8, lens[0]);
        pairs[i].value = bytes_of(in + 8 + lens[0], lens[1]);
        in += 8 + lens[0] + lens[1];
    }
    return (struct event_map){pairs, n};
}

/* ---- from a record ------------------------------------------------------------------ */

/* Which event fields are blobs: presence bit and place, one row each. */
static const struct {
    enum fact fact;
    uint32_t has;
    size_t at;
} string_rows[] = {
    {FACT_ENCLAVE_ID, RUN_HAS_ENCLAVE_ID, offsetof(struct event_run, enclave_id)},
    {FACT_NAME, RUN_HAS_NAME, offsetof(struct event_run, name)},
    {FACT_EIF_PATH, RUN_HAS_EIF_PATH, offsetof(struct event_run, eif_path)},
    {FACT_PCR0, RUN_HAS_PCR0, offsetof(struct event_run, pcr0)},
    {FACT_PCR1, RUN_HAS_PCR1, offsetof(struct event_run, pcr1)},
    {FACT_PCR2, RUN_HAS_PCR2, offsetof(struct event_run, pcr2)},
    {FACT_PCR8, RUN_HAS_PCR8, offsetof(struct event_run, pcr8)},
};

enum { STRING_ROWS_N = sizeof string_rows / sizeof string_rows[0] };

static struct bytes row_value(const struct event_run *run, size_t row)
{
    struct bytes value;

    memcpy(&value, (const uint8_t *)run + string_rows[row].at, sizeof value);
    return value;
}

void facts_room(const struct event_run *run, uint32_t *blobs, uint64_t *bytes)
{
    *blobs += STRING_ROWS_N + 4; /* and CPU ids, metadata, boot id, run id */
    for (size_t i = 0; i < STRING_ROWS_N; i++)
        *bytes += blob_footprint(row_value(run, i).len);
    *bytes += blob_footprint(run->run_id.len) + blob_footprint(EVENT_UUID_BYTES);
    *bytes += blob_footprint(run->cpu_ids.n * sizeof(int32_t));
    *bytes += 2 * blob_footprint(map_encoded_bytes(&run->metadata)); /* see map_intern */
}

static void put_number(struct facts *f, enum fact which, uint8_t rank, int64_t value)
{
    f->rank[which] = rank;
    f->numbers[which - FACT_BLOBS_N] = value;
}

static int64_t not_after(struct facts *f, int64_t time, int64_t bound)
{
    if (time <= bound)
        return time;
    f->clock = 1;
    return bound;
}

void facts_from_run(struct partition *p, struct facts *f, const struct event_run *run,
                    const struct event_uuid *boot_id, enum evidence evidence, int64_t log_time)
{
    uint8_t rank = evidence_rank(evidence);
    int64_t bound = log_time + CLOCK_TOLERANCE_MS;

    memset(f, 0, sizeof *f);
    for (size_t i = 0; i < STRING_ROWS_N; i++) {
        if ((run->has & string_rows[i].has) == 0)
            continue;
        f->rank[string_rows[i].fact] = rank;
        f->blobs[string_rows[i].fact] = blob_intern(p, row_value(run, i));
    }
    if ((run->has & RUN_HAS_ENCLAVE_ID) != 0)
        f->slot = enclave_id_slot(run->enclave_id);
    if ((run->has & RUN_HAS_CPU_IDS) != 0) {
        f->rank[FACT_CPU_IDS] = rank;
        f->blobs[FACT_CPU_IDS] =
            blob_intern(p, bytes_of(run->cpu_ids.ids, run->cpu_ids.n * sizeof(int32_t)));
    }
    if ((run->has & RUN_HAS_METADATA) != 0) {
        f->rank[FACT_METADATA] = rank;
        f->blobs[FACT_METADATA] = map_intern(p, &run->metadata);
    }
    if (!event_uuid_is_nil(boot_id)) {
        f->rank[FACT_BOOT_ID] = rank;
        f->blobs[FACT_BOOT_ID] = blob_intern(p, bytes_of(boot_id->bytes, EVENT_UUID_BYTES));
    }
    if ((run->has & RUN_HAS_PID) != 0)
        put_number(f, FACT_PID, rank, run->pid);
    if ((run->has & RUN_HAS_ENCLAVE_CID) != 0)
        put_number(f, FACT_CID, rank, run->enclave_cid);
    if ((run->has & RUN_HAS_VCPUS) != 0 && run->vcpus >= 0 && run->vcpus <= FACT_VCPUS_MAX)
        put_number(f, FACT_VCPUS, rank, run->vcpus);
    if ((run->has & RUN_HAS_MEMORY_MIB_REQUESTED) != 0)
        put_number(f, FACT_MEMORY_REQUESTED, rank, run->memory_mib_requested);
    if ((run->has & RUN_HAS_MEMORY_MIB) != 0 && run->memory_mib >= 0 &&
        run->memory_mib <= FACT_MEMORY_MIB_MAX)
        put_number(f, FACT_MEMORY, rank, run->memory_mib);
    if ((run->has & RUN_HAS_DEBUG_MODE) != 0)
        put_number(f, FACT_DEBUG, rank, run->debug_mode);
    if ((run->has & RUN_HAS_ALLOCATED_TIME) != 0)
        put_number(f, FACT_ALLOCATED, rank, not_after(f, run->allocated_time, bound));
    if ((run->has & RUN_HAS_RUNNING_TIME) != 0)
        put_number(f, FACT_RUNNING, rank, not_after(f, run->running_time, bound));
}

void facts_add_end(struct partition *p, struct facts *f, const struct event *event,
                   int64_t log_time)
{
    int64_t bound = log_time + CLOCK_TOLERANCE_MS;

    f->rank[FACT_END] = evidence_rank(event->evidence);
    f->end = not_after(f, event->event_time, bound);
    f->end_earliest = (event->has & EVENT_HAS_END_TIME_EARLIEST) != 0
                          ? not_after(f, event->end_time_earliest, bound)
                          : NO_TIME;
    f->end_cause = (uint8_t)event->end_cause;
    f->end_detail = blob_intern(p, event->end_detail);
}

/* ---- join --------------------------------------------------------------------------- */

int64_t facts_end(const struct facts *f)
{
    if (f->rank[FACT_END] == 0)
        return NO_TIME;
    return f->end_earliest != NO_TIME ? time_min(f->end_earliest, f->end) : f->end;
}

int64_t facts_start(const struct facts *f)
{
    if (f->rank[FACT_ALLOCATED] != 0)
        return facts_number(f, FACT_ALLOCATED);
    return f->rank[FACT_RUNNING] != 0 ? facts_number(f, FACT_RUNNING) : NO_TIME;
}

/* Whether `from` says of the end what should stand instead of what `into` says. */
static bool end_prevails(const struct partition *p, const struct facts *from,
                         const struct facts *into)
{
    if (from->rank[FACT_END] != into->rank[FACT_END])
        return from->rank[FACT_END] > into->rank[FACT_END];
    if (from->rank[FACT_END] == 0)
        return false;
    if (facts_end(from) != facts_end(into))
        return facts_end(from) < facts_end(into);
    if (from->end != into->end)
        return from->end < into->end;
    if (from->end_cause != into->end_cause)
        return from->end_cause < into->end_cause;
    return blob_compare(p, from->end_detail, into->end_detail) < 0;
}

/* The join; `owner` (may be NULL) is the partition whose blob references are to be kept right. */
static void join(const struct partition *p, struct partition *owner, struct facts *into,
                 const struct facts *from)
{
    for (int i = 0; i < FACT_BLOBS_N; i++) {
        bool stronger = from->rank[i] > into->rank[i];
        if (!stronger && (from->rank[i] != into->rank[i] || from->rank[i] == 0 ||
                          blob_compare(p, from->blobs[i], into->blobs[i]) >= 0))
            continue;
        if (owner != NULL) {
            blob_retain(owner, from->blobs[i]);
            blob_release(owner, into->blobs[i]);
        }
        into->blobs[i] = from->blobs[i];
        into->rank[i] = from->rank[i];
        if (i == FACT_ENCLAVE_ID)
            into->slot = from->slot;
    }
    for (int i = FACT_BLOBS_N; i < FACT_NUMBERS_END; i++) {
        int64_t theirs = from->numbers[i - FACT_BLOBS_N];
        int64_t *ours = &into->numbers[i - FACT_BLOBS_N];
        if (from->rank[i] > into->rank[i] ||
            (from->rank[i] == into->rank[i] && from->rank[i] != 0 && theirs < *ours)) {
            *ours = theirs;
            into->rank[i] = from->rank[i];
        }
    }
    if (end_prevails(p, from, into)) {
        if (owner != NULL) {
            blob_retain(owner, from->end_detail);
            blob_release(owner, into->end_detail);
        }
        into->rank[FACT_END] = from->rank[FACT_END];
        into->end = from->end;
        into->end_earliest = from->end_earliest;
        into->end_cause = from->end_cause;
        into->end_detail = from->end_detail;
    }
    into->clock |= from->clock;
}

void facts_join(struct partition *p, struct facts *into, const struct facts *from)
{
    join(p, p, into, from);
}

void facts_join_view(const struct partition *p, struct facts *into, const struct facts *from)
{
    join(p, NULL, into, from);
}

void facts_release(struct partition *p, struct facts *f)
{
    for (int i = 0; i < FACT_BLOBS_N; i++)
        blob_release(p, f->blobs[i]);
    blob_release(p, f->end_detail);
    memset(f, 0, sizeof *f);
}
