/*
 * Building a part. See emit.h. Two passes over the same code: the first counts what the caller's
 * arrays must hold, the second fills them, so that a lack of room is found before anything changes.
 */
#include "aggregator/core/emit.h"

#include <string.h>

#include <openssl/sha.h>

#include "aggregator/core/epoch.h"
#include "aggregator/core/hour.h"
#include "aggregator/core/instance.h"
#include "aggregator/core/pool.h"

struct emitter {
    struct partition *p;
    struct partition_out *out;
    int64_t hour;
    bool first; /* revision 1 */
    bool fill;  /* second pass */
    uint32_t lines_n, missing_n, gaps_n, pairs_n, dead_letters_n;
    uint32_t expected_n;
    bool provisional;
};

/* ---- lines -------------------------------------------------------------------------- */

static struct event_map take_map(const struct partition *p, blob_ref ref, struct event_pair **pairs)
{
    struct event_map map = map_get(p, ref, *pairs);

    *pairs += map.n;
    return map;
}

void emit_run(const struct partition *p, const struct facts *f, struct bytes run_id,
              struct event_pair **pairs, struct event_run *run)
{
    struct bytes cpu_ids = blob_get(p, f->blobs[FACT_CPU_IDS]);

    memset(run, 0, sizeof *run);
    run->run_id = run_id;
#define BLOB(fact, field, bit)                                                                     \
    if (f->rank[fact] != 0) {                                                                      \
        run->field = blob_get(p, f->blobs[fact]);                                                  \
        run->has |= bit;                                                                           \
    }
    BLOB(FACT_ENCLAVE_ID, enclave_id, RUN_HAS_ENCLAVE_ID)
    BLOB(FACT_NAME, name, RUN_HAS_NAME)
    BLOB(FACT_EIF_PATH, eif_path, RUN_HAS_EIF_PATH)
    BLOB(FACT_PCR0, pcr0, RUN_HAS_PCR0)
    BLOB(FACT_PCR1, pcr1, RUN_HAS_PCR1)
    BLOB(FACT_PCR2, pcr2, RUN_HAS_PCR2)
    BLOB(FACT_PCR8, pcr8, RUN_HAS_PCR8)
#undef BLOB
#define NUMBER(fact, field, type, bit)                                                             \
    if (f->rank[fact] != 0) {                                                                      \
        run->field = (type)facts_number(f, fact);                                                  \
        run->has |= bit;                                                                           \
    }
    NUMBER(FACT_PID, pid, int64_t, RUN_HAS_PID)
    NUMBER(FACT_CID, enclave_cid, int64_t, RUN_HAS_ENCLAVE_CID)
    NUMBER(FACT_VCPUS, vcpus, int32_t, RUN_HAS_VCPUS)
    NUMBER(FACT_MEMORY_REQUESTED, memory_mib_requested, int64_t, RUN_HAS_MEMORY_MIB_REQUESTED)
    NUMBER(FACT_MEMORY, memory_mib, int64_t, RUN_HAS_MEMORY_MIB)
    NUMBER(FACT_DEBUG, debug_mode, bool, RUN_HAS_DEBUG_MODE)
    NUMBER(FACT_ALLOCATED, allocated_time, int64_t, RUN_HAS_ALLOCATED_TIME)
    NUMBER(FACT_RUNNING, running_time, int64_t, RUN_HAS_RUNNING_TIME)
#undef NUMBER
    if (f->rank[FACT_CPU_IDS] != 0) {
        run->cpu_ids.ids = (const int32_t *)(const void *)cpu_ids.ptr;
        run->cpu_ids.n = (uint32_t)(cpu_ids.len / sizeof(int32_t));
        run->has |= RUN_HAS_CPU_IDS;
    }
    if (f->rank[FACT_METADATA] != 0) {
        run->metadata = take_map(p, f->blobs[FACT_METADATA], pairs);
        run->has |= RUN_HAS_METADATA;
    }
}

/* The next free line with what every line says; NULL in the counting pass. */
static struct usage_line *next_line(struct emitter *e, const struct instance *inst,
                                    const struct claim *claim, const struct facts *f)
{
    const struct partition *p = e->p;
    struct usage_line *line = NULL;

    if (e->fill) {
        struct event_pair *pairs = e->out->pairs + e->pairs_n;
        line = &e->out->lines[e->lines_n];
        memset(line, 0, sizeof *line);
        line->instance_id = blob_get(p, inst->id);
        emit_run(p, f, blob_get(p, claim->run_id), &pairs, &line->run);
        line->account = blob_get(p, inst->account);
        line->region = blob_get(p, inst->region);
        line->zone = blob_get(p, inst->zone);
        line->instance_type = blob_get(p, inst->instance_type);
        line->tags = take_map(p, inst->tags, &pairs);
        line->end_time = line->held_from = line->held_to = NO_TIME;
        line->running_from = line->running_to = NO_TIME;
        line->hour = e->hour;
    }
    e->pairs_n += map_pairs_n(p, f->blobs[FACT_METADATA]) + map_pairs_n(p, inst->tags);
    e->lines_n++;
    return line;
}

static void emit_usage(struct emitter *e, const struct instance *inst, struct claim *claim,
                       const struct run_view *view, const struct line_values *v)
{
    struct usage_line *line = next_line(e, inst, claim, &view->facts);

    e->provisional |= (v->flags & LINE_PROVISIONAL) != 0;
    if (line == NULL)
        return;
    bit_set(claim->issued, e->hour);
    /* What lies beyond the hour is not part of its line, so that the line need not change for it.
     */
    if (view->running_from == NO_TIME || view->running_from >= e->hour + HOUR_MS)
        line->run.has &= ~(uint32_t)RUN_HAS_RUNNING_TIME;
    line->kind = LINE_USAGE;
    line->flags = v->flags;
    line->end_time = v->end_time;
    line->end_cause = (enum end_cause)v->end_cause;
    line->end_detail = blob_get(e->p, v->end_detail);
    line->held_from = v->held_from;
    line->held_to = v->held_to;
    line->running_from = v->running_from;
    line->running_to = v->running_to;
    line->held_ms = line_held_ms(v);
    line->running_ms = line_running_ms(v);
    line->vcpu_ms = line->held_ms * v->vcpus;
    line->mib_ms = line->held_ms * v->memory_mib;
}

/* The run's line of the hour went: merged under another run id, or no usage any more. */
static void emit_removed(struct emitter *e, const struct instance *inst, struct claim *claim)
{
    struct usage_line *line = next_line(e, inst, claim, &claim->facts);

    if (line == NULL)
        return;
    bit_clear(claim->issued, e->hour);
    line->kind = LINE_USAGE;
    line->flags = LINE_REMOVED;
}

static void emit_instance(struct emitter *e, const struct instance *inst)
{
    struct run_view view;
    struct line_values values;

    for (uint32_t c = inst->first_claim; c != 0; c = claim_at(e->p, c)->next) {
        struct claim *claim = claim_at(e->p, c);
        if (!e->first && !bit_get(claim->dirty, e->hour))
            continue;
        run_view(e->p, inst, c, &view);
        if (run_line(&view, e->hour, &values))
            emit_usage(e, inst, claim, &view, &values);
        else if (bit_get(claim->issued, e->hour))
            emit_removed(e, inst, claim);
        if (e->fill)
            bit_clear(claim->dirty, e->hour);
    }
}

/* Corrections ride with the first revision of the open hour, sorted by the hour they speak of. */
static void emit_corrections(struct emitter *e)
{
    struct partition *p = e->p;

    for (uint32_t i = p->first_correction; i != 0; i = correction_at(p, i)->next) {
        const struct correction *c = correction_at(p, i);
        struct claim *claim = claim_at(p, c->claim);
        struct usage_line *line = next_line(e, instance_at(p, c->instance), claim, &claim->facts);
        if (line == NULL)
            continue;
        line->kind = LINE_CORRECTION;
        line->hour = c->hour;
        line->held_ms = c->held_ms;
        line->running_ms = c->running_ms;
        line->vcpu_ms = c->vcpu_ms;
        line->mib_ms = c->mib_ms;
    }
}

static void drop_corrections(struct partition *p)
{
    while (p->first_correction != 0) {
        uint32_t i = p->first_correction;
        struct correction *c = correction_at(p, i);
        p->first_correction = c->next;
        claim_at(p, c->claim)->corrections_n--;
        pool_give(p, POOL_CORRECTIONS, i);
        p->corrections_n--;
    }
}

/* ---- completeness (R11) ------------------------------------------------------------- */

static void emit_completeness(struct emitter *e, const struct instance *inst)
{
    const struct partition *p = e->p;
    int64_t end = e->hour + HOUR_MS;

    if (!instance_is_expected(p, inst, e->hour))
        return;
    e->expected_n++;
    if (!instance_reaches(p, inst, end)) {
        if (e->fill)
            e->out->missing[e->missing_n] =
                (struct part_missing){blob_get(p, inst->id), instance_reach_now(p, inst),
                                      instance_lost_at(p, inst) != NO_TIME};
        e->missing_n++;
    }
    if ((inst->flags & INSTANCE_HAS_GAP) == 0)
        return;
    struct part_gap *gaps = e->fill ? e->out->gaps + e->gaps_n : NULL;
    e->gaps_n +=
        instance_gaps(p, inst, e->hour, end, gaps, e->fill ? e->out->gaps_cap - e->gaps_n : 0);
}

/* h := SHA-256(h ‖ id ‖ "\n") over the expected ids in order, from 32 zero bytes. */
static void expected_hash(const struct emitter *e, uint8_t hash[PART_EXPECTED_HASH_BYTES])
{
    uint8_t text[PART_EXPECTED_HASH_BYTES + EVENT_STRING_MAX + 1];

    memset(hash, 0, PART_EXPECTED_HASH_BYTES);
    for (uint32_t i = 0; i < e->p->instances_n; i++) {
        const struct instance *inst = instance_at(e->p, instance_in_order(e->p, i));
        if (!instance_is_expected(e->p, inst, e->hour))
            continue;
        struct bytes id = blob_get(e->p, inst->id);
        memcpy(text, hash, PART_EXPECTED_HASH_BYTES);
        memcpy(text + PART_EXPECTED_HASH_BYTES, id.ptr, id.len);
        text[PART_EXPECTED_HASH_BYTES + id.len] = '\n';
        SHA256(text, PART_EXPECTED_HASH_BYTES + id.len + 1, hash);
    }
}

static void emit_dead_letters(struct emitter *e)
{
    const struct partition *p = e->p;

    for (uint32_t i = p->first_dead_letter; i != 0;) {
        const struct dead_letter *d = pool_at(p, POOL_DEAD_LETTERS, i);
        i = d->next;
        if (d->hour != e->hour)
            continue;
        if (e->fill)
            e->out->dead_letters[e->dead_letters_n] = d->offset;
        e->dead_letters_n++;
    }
}

static void pass(struct emitter *e, bool fill)
{
    struct partition *p = e->p;

    e->fill = fill;
    e->lines_n = e->missing_n = e->gaps_n = e->pairs_n = e->dead_letters_n = e->expected_n = 0;
    for (uint32_t i = 0; i < p->instances_n; i++) {
        const struct instance *inst = instance_at(p, instance_in_order(p, i));
        emit_instance(e, inst);
        emit_completeness(e, inst);
    }
    if (e->first)
        emit_corrections(e);
    emit_dead_letters(e);
}

static bool has_room(const struct emitter *e)
{
    struct partition_out *out = e->out;

    out->need.lines = e->lines_n;
    out->need.missing = e->missing_n;
    out->need.gaps = e->gaps_n;
    out->need.pairs = e->pairs_n;
    out->need.dead_letters = e->dead_letters_n;
    return e->lines_n <= out->lines_cap && e->missing_n <= out->missing_cap &&
           e->gaps_n <= out->gaps_cap && e->pairs_n <= out->pairs_cap &&
           e->dead_letters_n <= out->dead_letters_cap;
}

/* A revision that issues no provisional line may stand on one that did: then look at all runs. */
static bool hour_is_provisional(struct partition *p, int64_t hour)
{
    struct run_view view;
    struct line_values values;

    for (uint32_t i = 0; i < p->instances_n; i++) {
        const struct instance *inst = instance_at(p, instance_in_order(p, i));
        for (uint32_t c = inst->first_claim; c != 0; c = claim_at(p, c)->next) {
            if (claim_at(p, c)->facts.rank[FACT_END] != 0)
                continue;
            run_view(p, inst, c, &view);
            if (run_line(&view, hour, &values) && (values.flags & LINE_PROVISIONAL) != 0)
                return true;
        }
    }
    return false;
}

static void describe(const struct emitter *e, int64_t offset_next, struct part *part)
{
    struct partition *p = e->p;
    bool provisional = e->first ? e->provisional : hour_is_provisional(p, e->hour);

    *part = (struct part){
        .era = p->identity.era,
        .partition = p->identity.partition,
        .hour = e->hour,
        .revision = e->first ? 1 : hour_at(p, e->hour)->revision + 1,
        .cut_log_time = p->log_time,
        .offset_first = p->identity.first_offset,
        .offset_next = offset_next,
        .policy_version = p->policy.version,
        .rules_version = p->policy.rules_version,
        .reasons = e->first ? 0 : hour_at(p, e->hour)->reasons,
        .complete = e->missing_n == 0 && e->gaps_n == 0 && e->dead_letters_n == 0,
        .lead_in = p->identity.lead_in,
        .expected_n = e->expected_n,
        .missing = e->out->missing,
        .missing_n = e->missing_n,
        .gaps = e->out->gaps,
        .gaps_n = e->gaps_n,
        .dead_letters = e->out->dead_letters,
        .dead_letters_n = e->dead_letters_n,
        .lines = e->out->lines,
        .lines_n = e->lines_n,
    };
    part->status = provisional ? PART_PROVISIONAL : PART_CLOSED;
    if (e->hour + HOUR_MS + p->policy.horizon_ms <= p->log_time)
        part->status = PART_FINAL;
    expected_hash(e, part->expected_sha256);
}

enum err emit_part(struct partition *p, int64_t hour, int64_t offset_next,
                   struct partition_out *out)
{
    struct emitter e = {.p = p, .out = out, .hour = hour, .first = hour == p->cut_until};

    pass(&e, false);
    if (!has_room(&e))
        return ERR_CAPACITY;
    pass(&e, true);
    describe(&e, offset_next, &out->part);
    if (e.first)
        drop_corrections(p);
    hour_was_cut(p, hour);
    out->has_part = true;
    return ERR_OK;
}
