/*
 * A saved state read back. See save.c for the format. Every count and length is checked against
 * what the input can hold and against the capacity, so a damaged or hostile file is an error.
 */
#include "aggregator/core/partition.h"

#include <string.h>

#include "aggregator/core/facts.h"
#include "aggregator/core/hour.h"
#include "aggregator/core/instance.h"
#include "aggregator/core/pool.h"
#include "aggregator/core/run.h"
#include "schemas/c/avro_buffer.h"

/* A reader that remembers its first error, so that a row of fields reads as a row. */
struct loader {
    struct avro_reader in;
    enum err err;
    struct partition *p; /* NULL while only the counts are read */
};

static int64_t get(struct loader *l)
{
    int64_t value = 0;

    if (l->err == ERR_OK)
        l->err = avro_get_long(&l->in, &value);
    return l->err == ERR_OK ? value : 0;
}

static int64_t get_between(struct loader *l, int64_t low, int64_t high)
{
    int64_t value = get(l);

    if (l->err == ERR_OK && (value < low || value > high))
        l->err = ERR_MALFORMED;
    return l->err == ERR_OK ? value : low;
}

static uint32_t get_u32(struct loader *l)
{
    return (uint32_t)get_between(l, 0, UINT32_MAX);
}

static bool get_flag(struct loader *l)
{
    bool value = false;

    if (l->err == ERR_OK)
        l->err = avro_get_bool(&l->in, &value);
    return l->err == ERR_OK && value;
}

static struct bytes get_text(struct loader *l)
{
    struct bytes value = {0};

    if (l->err == ERR_OK)
        l->err = avro_get_bytes(&l->in, &value);
    if (l->err == ERR_OK && value.len > EVENT_RECORD_MAX)
        l->err = ERR_LIMIT;
    return l->err == ERR_OK ? value : bytes_of(NULL, 0);
}

static blob_ref get_blob(struct loader *l)
{
    struct bytes text = get_text(l);

    if (l->err != ERR_OK)
        return 0;
    if (!blob_room(l->p, 1, blob_footprint(text.len))) {
        l->err = ERR_CAPACITY;
        return 0;
    }
    return blob_intern(l->p, text);
}

/* A map as map_intern writes it. */
static blob_ref get_map(struct loader *l)
{
    blob_ref ref = get_blob(l);

    if (l->err == ERR_OK && !map_is_valid(blob_get(l->p, ref)))
        l->err = ERR_MALFORMED;
    return ref;
}

static void get_raw(struct loader *l, void *into, size_t n)
{
    struct bytes value = {0};

    if (l->err == ERR_OK)
        l->err = avro_get_raw(&l->in, n, &value);
    if (l->err == ERR_OK)
        memcpy(into, value.ptr, n);
}

static int64_t get_hour(struct loader *l)
{
    int64_t value = get(l);

    if (l->err == ERR_OK && value % HOUR_MS != 0)
        l->err = ERR_MALFORMED;
    return l->err == ERR_OK ? value : 0;
}

static uint32_t take(struct loader *l, enum pool_id id)
{
    if (l->err == ERR_OK && pool_room(l->p, id) == 0)
        l->err = ERR_CAPACITY;
    return l->err == ERR_OK ? pool_take(l->p, id) : 0;
}

/* ---- header ------------------------------------------------------------------------- */

struct header {
    struct partition_identity identity;
    struct policy policy;
    int64_t next_offset, log_time, active, last_offset, last_append;
    uint32_t last_crc;
    bool has_record, sweep_due;
    int64_t final_until, cut_until;
    struct hour hours[HOURS_RING];
    uint32_t outages_n;
    struct outage outages[OUTAGES_MAX];
    uint32_t instances, epochs, intervals, claims, corrections, dead_letters;
};

static void get_policy(struct loader *l, struct policy *policy)
{
    policy->version = get(l);
    policy->rules_version = (int32_t)get_between(l, 0, INT32_MAX);
    policy->settle_ms = get_between(l, 0, INT64_MAX);
    policy->grace_ms = get_between(l, 0, INT64_MAX);
    policy->revision_interval_ms = get_between(l, 1, INT64_MAX);
    policy->tick_interval_ms = get_between(l, 1, INT64_MAX);
    policy->horizon_ms = get_between(l, 0, (int64_t)HORIZON_MAX_HOURS * HOUR_MS);
    policy->instance_ttl_ms = get_between(l, 0, INT64_MAX);
    policy->host_lost_ms = get_between(l, 1, INT64_MAX);
}

static void get_hours(struct loader *l, struct header *h)
{
    h->final_until = get_hour(l);
    h->cut_until = get_hour(l);
    if (l->err == ERR_OK &&
        (h->final_until < h->identity.first_hour || h->cut_until < h->final_until ||
         (h->cut_until - h->final_until) / HOUR_MS > HOURS_RING))
        l->err = ERR_MALFORMED;
    for (int64_t t = h->final_until; l->err == ERR_OK && t < h->cut_until; t += HOUR_MS) {
        struct hour *hour = &h->hours[hour_slot(t)];
        hour->revision = (uint32_t)get_between(l, 1, UINT32_MAX);
        hour->reasons = get_u32(l);
        hour->changed = get_flag(l);
        hour->rev1_cut = get(l);
        hour->changed_at = get(l);
    }
    h->outages_n = (uint32_t)get_between(l, 0, OUTAGES_MAX);
    for (uint32_t i = 0; i < h->outages_n; i++) {
        h->outages[i].from = get(l);
        h->outages[i].to = get(l);
    }
}

static void get_header(struct loader *l, struct header *h)
{
    memset(h, 0, sizeof *h);
    int64_t version = get(l);
    if (l->err == ERR_OK && version != SAVE_VERSION)
        l->err = ERR_UNSUPPORTED;
    h->identity.era = get_u32(l);
    h->identity.partition = (int32_t)get_between(l, 0, INT32_MAX);
    h->identity.first_hour = get_hour(l);
    h->identity.first_offset = get_between(l, 0, INT64_MAX);
    h->identity.lead_in = get_flag(l);
    get_policy(l, &h->policy);
    h->next_offset = get_between(l, 0, INT64_MAX);
    h->log_time = get(l);
    h->active = get_between(l, 0, INT64_MAX);
    h->has_record = get_flag(l);
    h->last_offset = get(l);
    h->last_append = get(l);
    h->last_crc = get_u32(l);
    h->sweep_due = get_flag(l);
    get_hours(l, h);
    h->instances = get_u32(l);
    h->epochs = get_u32(l);
    h->intervals = get_u32(l);
    h->claims = get_u32(l);
    h->corrections = get_u32(l);
    h->dead_letters = get_u32(l);
}

/* No element is smaller than a byte, so a count beyond the file's length is a lie. */
static bool counts_are_possible(const struct header *h, size_t len)
{
    return h->instances <= len && h->epochs <= len && h->intervals <= len && h->claims <= len &&
           h->corrections <= len && h->dead_letters <= len;
}

enum err partition_saved_capacity(struct bytes saved, struct partition_capacity *capacity)
{
    struct loader l = {.in = avro_reader_over(saved)};
    struct header h;

    get_header(&l, &h);
    if (l.err == ERR_OK && !counts_are_possible(&h, saved.len))
        l.err = ERR_MALFORMED;
    if (l.err != ERR_OK)
        return l.err;
    *capacity = partition_capacity_default();
#define AT_LEAST(field, n)                                                                         \
    if (capacity->field < (n) + (n) / 4)                                                           \
        capacity->field = (n) + (n) / 4;
    AT_LEAST(instances, h.instances)
    AT_LEAST(epochs, h.epochs)
    AT_LEAST(intervals, h.intervals)
    AT_LEAST(runs, h.claims)
    AT_LEAST(corrections, h.corrections)
    AT_LEAST(dead_letters, h.dead_letters)
#undef AT_LEAST
    uint64_t blobs = 8 * (uint64_t)h.instances + 13 * (uint64_t)h.claims;
    uint64_t bytes = 2 * (uint64_t)saved.len + blobs * BLOB_MIN_BYTES;
    if (blobs > UINT32_MAX / 4 || bytes > UINT32_MAX / 2)
        return ERR_LIMIT;
    if (capacity->blobs < blobs)
        capacity->blobs = (uint32_t)blobs;
    if (capacity->blob_bytes < bytes)
        capacity->blob_bytes = (uint32_t)bytes;
    return ERR_OK;
}

/* ---- instances ---------------------------------------------------------------------- */

static void get_intervals(struct loader *l, struct epoch *e)
{
    uint32_t n = (uint32_t)get_between(l, 0, INTERVALS_PER_EPOCH_MAX);
    uint32_t *link = &e->first_interval;
    int64_t last = -1;

    for (uint32_t i = 0; i < n; i++) {
        uint32_t index = take(l, POOL_INTERVALS);
        if (index == 0)
            return;
        struct interval *v = interval_at(l->p, index);
        v->first = get_between(l, last < 0 ? 0 : last + 2, INT64_MAX - 2);
        v->last = get_between(l, v->first, INT64_MAX - 2);
        v->cover_from = get(l);
        v->watermark = get(l);
        v->seen_active = get(l);
        last = v->last;
        *link = index;
        link = &v->next;
        e->intervals_n++;
    }
}

static void get_epochs(struct loader *l, struct instance *inst,
                       uint32_t epochs[EPOCHS_PER_INSTANCE_MAX + 1])
{
    uint32_t n = (uint32_t)get_between(l, 0, EPOCHS_PER_INSTANCE_MAX);

    epochs[0] = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t index = take(l, POOL_EPOCHS);
        if (index == 0)
            return;
        struct epoch *e = epoch_at(l->p, index);
        get_raw(l, e->id.bytes, EVENT_UUID_BYTES);
        e->flags = get_u32(l);
        get_raw(l, e->prev.bytes, EVENT_UUID_BYTES);
        e->prev_seq = get(l);
        e->started = get(l);
        e->pending_seq = get(l);
        e->pending_watermark = get(l);
        e->dropped_watermark = get(l);
        e->down_seq = get(l);
        e->down_time = get(l);
        get_intervals(l, e);
        e->next = inst->first_epoch;
        inst->first_epoch = index;
        inst->epochs_n++;
        epochs[inst->epochs_n] = index;
    }
    inst->current_epoch = epochs[get_between(l, 0, inst->epochs_n)];
}

static void get_facts(struct loader *l, struct facts *f)
{
    uint8_t rank[FACT_N] = {0};

    get_raw(l, rank, sizeof rank);
    f->clock = (uint8_t)get_between(l, 0, 1);
    for (int i = 0; i < FACT_BLOBS_N; i++)
        if (rank[i] != 0 && l->err == ERR_OK) {
            f->blobs[i] = i == FACT_METADATA ? get_map(l) : get_blob(l);
            f->rank[i] = rank[i];
        }
    if (f->rank[FACT_ENCLAVE_ID] != 0)
        f->slot = enclave_id_slot(blob_get(l->p, f->blobs[FACT_ENCLAVE_ID]));
    for (int i = FACT_BLOBS_N; i < FACT_NUMBERS_END; i++)
        if (rank[i] != 0) {
            f->numbers[i - FACT_BLOBS_N] = get(l);
            f->rank[i] = rank[i];
        }
    if (rank[FACT_END] == 0)
        return;
    f->rank[FACT_END] = rank[FACT_END];
    f->end = get(l);
    f->end_earliest = get(l);
    f->end_cause = (uint8_t)get_between(l, 0, END_CAUSE_N - 1);
    f->end_detail = get_blob(l);
}

static void get_claims(struct loader *l, struct instance *inst, const uint32_t *epochs)
{
    uint32_t n = get_u32(l);
    uint32_t *link = &inst->first_claim;
    struct bytes last = {0};

    for (uint32_t i = 0; i < n && l->err == ERR_OK; i++) {
        struct bytes run_id = get_text(l);
        if (run_id.len == 0 || (i > 0 && bytes_compare(last, run_id) >= 0))
            l->err = l->err == ERR_OK ? ERR_MALFORMED : l->err;
        if (l->err == ERR_OK && !blob_room(l->p, 1, blob_footprint(run_id.len)))
            l->err = ERR_CAPACITY;
        uint32_t index = take(l, POOL_CLAIMS);
        if (index == 0)
            return;
        struct claim *c = claim_at(l->p, index);
        c->run_id = blob_intern(l->p, run_id);
        last = run_id;
        *link = index;
        link = &c->next;
        inst->claims_n++;
        c->flags = get_u32(l);
        c->mention_epoch = epochs[get_between(l, 0, inst->epochs_n)];
        c->mention_seq = get(l);
        c->mention_proof = get(l);
        for (int k = 0; k < HOURS_RING / 64; k++) {
            c->dirty[k] = (uint64_t)get(l);
            c->issued[k] = (uint64_t)get(l);
        }
        get_facts(l, &c->facts);
    }
}

static void get_instance(struct loader *l)
{
    uint32_t epochs[EPOCHS_PER_INSTANCE_MAX + 1] = {0};
    struct bytes id = get_text(l);

    if (l->err == ERR_OK &&
        (id.len == 0 || id.len > EVENT_STRING_MAX || pool_room(l->p, POOL_INSTANCES) == 0 ||
         !blob_room(l->p, 1, blob_footprint(id.len))))
        l->err = ERR_MALFORMED;
    if (l->err != ERR_OK || instance_find(l->p, id) != 0) {
        l->err = l->err == ERR_OK ? ERR_MALFORMED : l->err;
        return;
    }
    struct instance *inst = instance_at(l->p, instance_open(l->p, id));
    inst->flags = get_u32(l);
    inst->forgotten_n = get_u32(l);
    inst->exists_from = get(l);
    inst->last_log_time = get(l);
    inst->last_active = get(l);
    inst->newest_epoch_started = get(l);
    inst->reach = get(l);
    inst->down_time = get(l);
    inst->gone_time = get(l);
    inst->covered_until = get(l);
    inst->host_time = get(l);
    inst->boot_time = get(l);
    inst->boot_id = get_blob(l);
    inst->account = get_blob(l);
    inst->region = get_blob(l);
    inst->zone = get_blob(l);
    inst->instance_type = get_blob(l);
    inst->tags = get_map(l);
    get_epochs(l, inst, epochs);
    get_claims(l, inst, epochs);
}

static void get_corrections(struct loader *l, uint32_t n)
{
    uint32_t *link = &l->p->first_correction;

    for (uint32_t i = 0; i < n; i++) {
        struct bytes id = get_text(l);
        struct bytes run_id = get_text(l);
        uint32_t instance = l->err == ERR_OK ? instance_find(l->p, id) : 0;
        uint32_t claim = instance == 0 ? 0 : claim_find(l->p, instance_at(l->p, instance), run_id);
        if (l->err == ERR_OK && claim == 0)
            l->err = ERR_MALFORMED;
        uint32_t index = take(l, POOL_CORRECTIONS);
        if (index == 0)
            return;
        struct correction *c = correction_at(l->p, index);
        c->instance = instance;
        c->claim = claim;
        c->hour = get_hour(l);
        c->held_ms = get(l);
        c->running_ms = get(l);
        c->vcpu_ms = get(l);
        c->mib_ms = get(l);
        claim_at(l->p, claim)->corrections_n++;
        l->p->corrections_n++;
        *link = index;
        link = &c->next;
    }
}

static void get_dead_letters(struct loader *l, uint32_t n)
{
    uint32_t *link = &l->p->first_dead_letter;

    for (uint32_t i = 0; i < n; i++) {
        uint32_t index = take(l, POOL_DEAD_LETTERS);
        if (index == 0)
            return;
        struct dead_letter *d = pool_at(l->p, POOL_DEAD_LETTERS, index);
        d->offset = get(l);
        d->hour = get_hour(l);
        *link = index;
        link = &d->next;
        l->p->last_dead_letter = index;
        l->p->dead_letters_n++;
    }
}

static struct partition *begin(void *memory, const struct partition_capacity *capacity,
                               const struct header *h)
{
    struct partition *p = partition_init(memory, capacity, &h->identity);

    p->policy = h->policy;
    p->next_offset = h->next_offset;
    p->log_time = h->log_time;
    p->active = h->active;
    p->has_record = h->has_record;
    p->last_offset = h->last_offset;
    p->last_append = h->last_append;
    p->last_crc = h->last_crc;
    p->sweep_due = h->sweep_due;
    p->final_until = h->final_until;
    p->cut_until = h->cut_until;
    memcpy(p->hours, h->hours, sizeof p->hours);
    p->outages_n = h->outages_n;
    memcpy(p->outages, h->outages, sizeof p->outages);
    hours_revision_refresh(p);
    return p;
}

enum err partition_load(struct bytes saved, void *memory, const struct partition_capacity *capacity,
                        struct partition **p, struct err_detail *detail)
{
    struct loader l = {.in = avro_reader_over(saved)};
    struct header h;

    get_header(&l, &h);
    if (l.err != ERR_OK)
        return err_set(detail, l.err, "state header: %s", err_text(l.err));
    l.p = begin(memory, capacity, &h);
    for (uint32_t i = 0; i < h.instances && l.err == ERR_OK; i++)
        get_instance(&l);
    get_corrections(&l, h.corrections);
    get_dead_letters(&l, h.dead_letters);
    if (l.err == ERR_OK && l.in.ptr != l.in.end)
        l.err = ERR_MALFORMED;
    if (l.err != ERR_OK)
        return err_set(detail, l.err, "state, byte %zu of %zu: %s", (size_t)(l.in.ptr - saved.ptr),
                       saved.len, err_text(l.err));
    *p = l.p;
    return ERR_OK;
}
