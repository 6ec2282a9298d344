/*
 * A partition's block of memory and the taking of records. See partition.h for the contract,
 * state.h for what is kept, hour.h for when hours are cut, apply.h for what records do.
 *
 *   IDLE ──record──▶ REVISIONS ──no revision due──▶ APPLY ──▶ FIRST_CUTS ──no hour due──▶ IDLE
 *                       │ ▲ one part per call                    │ ▲ one part per call
 *                       └─┘                                      └─┘
 * Later revisions are cut before the record is applied ("if records before it changed the hour"),
 * first revisions after it ("the first record … at which all watermarks reach the hour end"), R10.
 */
#include "aggregator/core/partition.h"

#include <string.h>

#include "aggregator/core/apply.h"
#include "aggregator/core/emit.h"
#include "aggregator/core/hour.h"
#include "aggregator/core/instance.h"
#include "aggregator/core/pool.h"
#include "aggregator/core/run.h"

/* ---- memory ------------------------------------------------------------------------- */

struct partition_capacity partition_capacity_default(void)
{
    return (struct partition_capacity){
        .instances = 64,
        .epochs = 128,
        .intervals = 256,
        .runs = 256,
        .corrections = 64,
        .dead_letters = 16,
        .blobs = 2048,
        .blob_bytes = 128 * 1024,
    };
}

static uint32_t power_of_two(uint32_t at_least)
{
    uint32_t n = 16;

    while (n < at_least)
        n *= 2;
    return n;
}

static size_t align16(size_t n)
{
    return (n + 15) & ~(size_t)15;
}

/* Where each array stands in a block of this capacity; returns the block's size. */
static size_t lay_out(struct partition *p, const struct partition_capacity *c)
{
    const struct {
        uint32_t n;
        size_t element;
    } rows[POOLS_N] = {
        [POOL_INSTANCES] = {c->instances, sizeof(struct instance)},
        [POOL_EPOCHS] = {c->epochs, sizeof(struct epoch)},
        [POOL_INTERVALS] = {c->intervals, sizeof(struct interval)},
        [POOL_CLAIMS] = {c->runs, sizeof(struct claim)},
        [POOL_CORRECTIONS] = {c->corrections, sizeof(struct correction)},
        [POOL_DEAD_LETTERS] = {c->dead_letters, sizeof(struct dead_letter)},
        [POOL_BLOBS] = {c->blobs, sizeof(struct blob)},
    };
    size_t at = align16(sizeof *p);

    p->capacity = *c;
    for (int i = 0; i < POOLS_N; i++) {
        p->pools[i].cap = rows[i].n + 1; /* index 0 means none */
        p->pools[i].element_bytes = (uint32_t)rows[i].element;
        p->pools[i].at = at;
        at = align16(at + (size_t)p->pools[i].cap * rows[i].element);
    }
    p->instance_buckets_n = power_of_two(2 * c->instances);
    p->instance_buckets_at = at;
    at = align16(at + (size_t)p->instance_buckets_n * sizeof(uint32_t));
    p->instance_order_at = at;
    at = align16(at + (size_t)c->instances * sizeof(uint32_t));
    p->blob_buckets_n = power_of_two(2 * c->blobs);
    p->blob_buckets_at = at;
    at = align16(at + (size_t)p->blob_buckets_n * sizeof(uint32_t));
    p->blob_bytes_cap = c->blob_bytes;
    p->blob_bytes_at = at;
    return align16(at + c->blob_bytes);
}

size_t partition_bytes(const struct partition_capacity *capacity)
{
    struct partition layout = {0};

    return lay_out(&layout, capacity);
}

static void clear_buckets(struct partition *p)
{
    memset((uint8_t *)p + p->instance_buckets_at, 0,
           (size_t)p->instance_buckets_n * sizeof(uint32_t));
    memset((uint8_t *)p + p->blob_buckets_at, 0, (size_t)p->blob_buckets_n * sizeof(uint32_t));
}

struct partition *partition_init(void *memory, const struct partition_capacity *capacity,
                                 const struct partition_identity *identity)
{
    struct partition *p = memory;

    assert((uintptr_t)memory % 16 == 0);
    assert(identity->first_hour % HOUR_MS == 0);
    memset(p, 0, sizeof *p);
    lay_out(p, capacity);
    for (int i = 0; i < POOLS_N; i++)
        p->pools[i].used = 1;
    clear_buckets(p);
    p->identity = *identity;
    p->policy = policy_default();
    p->next_offset = identity->first_offset;
    p->log_time = NO_TIME;
    p->final_until = p->cut_until = identity->first_hour;
    p->next_revision_due = NO_TIME;
    return p;
}

static uint32_t doubled(uint32_t n)
{
    assert(n < UINT32_MAX / 2);
    return n * 2;
}

struct partition_capacity partition_capacity_grown(const struct partition *p)
{
    struct partition_capacity c = p->capacity;

    switch (p->short_of) {
    case POOL_INSTANCES: c.instances = doubled(c.instances); break;
    case POOL_EPOCHS: c.epochs = doubled(c.epochs); break;
    case POOL_INTERVALS: c.intervals = doubled(c.intervals); break;
    case POOL_CLAIMS: c.runs = doubled(c.runs); break;
    case POOL_CORRECTIONS: c.corrections = doubled(c.corrections); break;
    case POOL_DEAD_LETTERS: c.dead_letters = doubled(c.dead_letters); break;
    case POOL_BLOBS:
        if (p->short_of_bytes)
            c.blob_bytes = doubled(c.blob_bytes);
        else
            c.blobs = doubled(c.blobs);
        break;
    case POOLS_N: break;
    }
    return c;
}

/* Puts every blob in use into the buckets again. */
static void blob_index_rebuild(struct partition *p)
{
    uint32_t *buckets = (uint32_t *)(void *)((uint8_t *)p + p->blob_buckets_at);

    for (uint32_t i = 1; i < p->pools[POOL_BLOBS].used; i++) {
        struct blob *b = pool_at(p, POOL_BLOBS, i);
        if (b->refs == 0)
            continue;
        uint32_t *bucket = &buckets[b->hash & (p->blob_buckets_n - 1)];
        b->next = *bucket;
        *bucket = i;
    }
}

struct partition *partition_move(const struct partition *p, void *memory,
                                 const struct partition_capacity *capacity)
{
    struct partition *moved = memory;

    memcpy(moved, p, sizeof *p);
    lay_out(moved, capacity);
    for (int i = 0; i < POOLS_N; i++) {
        assert(moved->pools[i].cap >= p->pools[i].used);
        memcpy((uint8_t *)moved + moved->pools[i].at, (const uint8_t *)p + p->pools[i].at,
               (size_t)p->pools[i].used * p->pools[i].element_bytes);
    }
    memcpy((uint8_t *)moved + moved->instance_order_at, (const uint8_t *)p + p->instance_order_at,
           (size_t)p->instances_n * sizeof(uint32_t));
    memcpy((uint8_t *)moved + moved->blob_bytes_at, (const uint8_t *)p + p->blob_bytes_at,
           p->blob_bytes_used);
    clear_buckets(moved);
    blob_index_rebuild(moved);
    instance_index_rebuild(moved);
    return moved;
}

/* ---- records ------------------------------------------------------------------------ */

static enum err take(struct partition *p, const struct partition_record *record,
                     struct partition_out *out)
{
    enum err e;

    if (p->sweep_due)
        apply_sweep(p);
    if (!apply_has_room(p, record)) {
        out->need.state = true;
        return ERR_CAPACITY;
    }
    e = apply_record(p, record, &out->notices);
    if (e != ERR_OK)
        return e;
    p->phase = PHASE_FIRST_CUTS;
    return ERR_OK;
}

static void finish(struct partition *p, const struct partition_record *record)
{
    p->phase = PHASE_IDLE;
    p->has_record = true;
    p->last_offset = record->offset;
    p->last_append = record->append_time;
    p->last_crc = record->crc;
    p->next_offset = record->offset + 1;
}

static int64_t cut_due(struct partition *p)
{
    int64_t hour = hours_forced_revision(p);

    return hour != NO_TIME ? hour : hours_first_cut_due(p);
}

enum err partition_step(struct partition *p, const struct partition_record *record,
                        struct partition_out *out)
{
    int64_t hour;
    enum err e;

    assert(record->offset >= p->next_offset);
    out->more = out->has_part = false;
    out->notices = 0;
    memset(&out->need, 0, sizeof out->need);
    if (p->phase == PHASE_IDLE) {
        hours_advance(p, record->append_time, &out->notices);
        p->phase = PHASE_REVISIONS;
    }
    if (p->phase == PHASE_REVISIONS) {
        hour = hours_revision_due(p);
        if (hour != NO_TIME) {
            out->more = true;
            return emit_part(p, hour, record->offset, out);
        }
        hours_finalise(p);
        p->phase = PHASE_APPLY;
    }
    if (p->phase == PHASE_APPLY) {
        e = take(p, record, out);
        if (e != ERR_OK)
            return e;
    }
    hour = cut_due(p);
    if (hour != NO_TIME) {
        out->more = true;
        p->sweep_due = true;
        return emit_part(p, hour, record->offset + 1, out);
    }
    finish(p, record);
    return ERR_OK;
}

/* ---- what others may ask ------------------------------------------------------------ */

int64_t partition_next_offset(const struct partition *p)
{
    return p->next_offset;
}

int64_t partition_log_time(const struct partition *p)
{
    return p->log_time;
}

bool partition_last_record(const struct partition *p, int64_t *offset, int64_t *append_time,
                           uint32_t *crc)
{
    *offset = p->last_offset;
    *append_time = p->last_append;
    *crc = p->last_crc;
    return p->has_record;
}

const struct policy *partition_policy(const struct partition *p)
{
    return &p->policy;
}

const struct partition_identity *partition_identity(const struct partition *p)
{
    return &p->identity;
}

uint32_t partition_instances_n(const struct partition *p)
{
    return p->instances_n;
}

uint32_t partition_open_runs_n(const struct partition *p)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < p->instances_n; i++) {
        const struct instance *inst = instance_at(p, instance_in_order(p, i));
        for (uint32_t c = inst->first_claim; c != 0; c = claim_at(p, c)->next)
            n += claim_at(p, c)->facts.rank[FACT_END] == 0;
    }
    return n;
}

static void visit_run(const struct partition *p, const struct instance *inst, uint32_t claim,
                      struct event_pair *pairs, partition_run_visitor *visit, void *context)
{
    struct partition_run run = {0};
    struct run_view view;

    run_view(p, inst, claim, &view);
    if (!view.exists || (view.ended && view.until < p->cut_until))
        return;
    run.instance_id = blob_get(p, inst->id);
    emit_run(p, &view.facts, blob_get(p, claim_at(p, claim)->run_id), &pairs, &run.run);
    run.region = blob_get(p, inst->region);
    run.instance_type = blob_get(p, inst->instance_type);
    run.tags = map_get(p, inst->tags, pairs);
    run.ended = view.ended;
    run.provisional = view.provisional;
    run.held_from = view.held_from;
    run.running_from = view.running_from;
    run.until = view.until;
    run.end_cause = view.ended ? (enum end_cause)view.facts.end_cause : END_UNKNOWN;
    run.end_detail = view.ended ? blob_get(p, view.facts.end_detail) : bytes_of(NULL, 0);
    visit(context, &run);
}

void partition_each_run(const struct partition *p, struct event_pair *pairs,
                        partition_run_visitor *visit, void *context)
{
    for (uint32_t i = 0; i < p->instances_n; i++) {
        const struct instance *inst = instance_at(p, instance_in_order(p, i));
        for (uint32_t c = inst->first_claim; c != 0; c = claim_at(p, c)->next)
            visit_run(p, inst, c, pairs, visit, context);
    }
}
