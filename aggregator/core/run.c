/*
 * Claims and runs. See run.h; the invariants are in state.h.
 */
#include "aggregator/core/run.h"

#include <string.h>

#include "aggregator/core/epoch.h"
#include "aggregator/core/pool.h"

uint32_t claim_find(const struct partition *p, const struct instance *inst, struct bytes run_id)
{
    blob_ref ref = blob_find(p, run_id);

    if (ref == 0)
        return 0;
    for (uint32_t c = inst->first_claim; c != 0; c = claim_at(p, c)->next)
        if (claim_at(p, c)->run_id == ref)
            return c;
    return 0;
}

uint32_t claim_open(struct partition *p, struct instance *inst, struct bytes run_id)
{
    uint32_t index = pool_take(p, POOL_CLAIMS);
    struct claim *claim = claim_at(p, index);

    claim->run_id = blob_intern(p, run_id);
    claim->mention_proof = NO_TIME;
    claim->flags = CLAIM_NEW;
    uint32_t *link = &inst->first_claim;
    while (*link != 0 && blob_compare(p, claim_at(p, *link)->run_id, claim->run_id) < 0)
        link = &claim_at(p, *link)->next;
    claim->next = *link;
    *link = index;
    inst->claims_n++;
    return index;
}

/* ---- which claims are one run ------------------------------------------------------- */

static bool shares_slot(const struct facts *a, const struct facts *b)
{
    return a->slot != 0 && a->slot == b->slot;
}

static bool shares_process(const struct facts *a, const struct facts *b)
{
    return a->rank[FACT_PID] != 0 && b->rank[FACT_PID] != 0 && a->rank[FACT_BOOT_ID] != 0 &&
           a->blobs[FACT_BOOT_ID] == b->blobs[FACT_BOOT_ID] &&
           facts_number(a, FACT_PID) == facts_number(b, FACT_PID);
}

static bool is_open(const struct facts *f)
{
    return f->rank[FACT_END] == 0;
}

/* The interval of one claim by itself: from its start (or end, when only that is known) to its end,
 * or to its last proof of life. */
static void claim_interval(const struct partition *p, const struct instance *inst,
                           const struct claim *claim, int64_t *from, int64_t *to)
{
    const struct facts *f = &claim->facts;

    *to = is_open(f) ? time_max(claim->mention_proof,
                                epoch_proof(p, inst, claim->mention_epoch, claim->mention_seq))
                     : facts_end(f);
    *from = facts_start(f) != NO_TIME ? facts_start(f) : *to;
    *to = time_max(*to, *from);
}

/* R6: the same slot, or the same process at overlapping times. */
static bool is_same_run(const struct partition *p, const struct instance *inst,
                        const struct claim *a, const struct claim *b)
{
    int64_t a_from, a_to, b_from, b_to;

    if (shares_slot(&a->facts, &b->facts))
        return true;
    if (!shares_process(&a->facts, &b->facts))
        return false;
    claim_interval(p, inst, a, &a_from, &a_to);
    claim_interval(p, inst, b, &b_from, &b_to);
    return a_from <= b_to && b_from <= a_to;
}

/* All claims of the run that `claim` belongs to, transitively; at most FAMILY_MAX. */
static uint32_t gather_run(const struct partition *p, const struct instance *inst, uint32_t claim,
                           uint32_t found[FAMILY_MAX])
{
    uint32_t n = 1;

    found[0] = claim;
    if ((claim_at(p, claim)->flags & CLAIM_SHARED) == 0)
        return n;
    for (uint32_t k = 0; k < n; k++) {
        for (uint32_t c = inst->first_claim; c != 0 && n < FAMILY_MAX; c = claim_at(p, c)->next) {
            bool known = (claim_at(p, c)->flags & CLAIM_SHARED) == 0;
            for (uint32_t i = 0; i < n && !known; i++)
                known = found[i] == c;
            if (!known && is_same_run(p, inst, claim_at(p, found[k]), claim_at(p, c)))
                found[n++] = c;
        }
    }
    return n;
}

static bool shares_identity(const struct facts *a, const struct facts *b)
{
    return shares_slot(a, b) || shares_process(a, b);
}

void claim_join(struct partition *p, struct instance *inst, uint32_t claim,
                const struct facts *news)
{
    struct claim *mine = claim_at(p, claim);
    uint64_t slot = mine->facts.slot;
    uint8_t pid_rank = mine->facts.rank[FACT_PID];
    uint8_t boot_rank = mine->facts.rank[FACT_BOOT_ID];

    facts_join(p, &mine->facts, news);
    if (slot == mine->facts.slot && pid_rank == mine->facts.rank[FACT_PID] &&
        boot_rank == mine->facts.rank[FACT_BOOT_ID])
        return;
    for (uint32_t c = inst->first_claim; c != 0; c = claim_at(p, c)->next) {
        struct claim *other = claim_at(p, c);
        if (c != claim && shares_identity(&mine->facts, &other->facts)) {
            mine->flags |= CLAIM_SHARED;
            other->flags |= CLAIM_SHARED;
        }
    }
}

void claim_forget(struct partition *p, struct instance *inst, uint32_t claim)
{
    struct claim *c = claim_at(p, claim);
    uint32_t *link = &inst->first_claim;

    assert(c->corrections_n == 0);
    while (*link != claim)
        link = &claim_at(p, *link)->next;
    *link = c->next;
    blob_release(p, c->run_id);
    facts_release(p, &c->facts);
    pool_give(p, POOL_CLAIMS, claim);
    inst->claims_n--;
    inst->forgotten_n++;
}

void claim_mention(struct partition *p, uint32_t claim, uint32_t epoch, int64_t seq)
{
    struct claim *c = claim_at(p, claim);

    if (c->mention_epoch == epoch) {
        c->mention_seq = time_max(c->mention_seq, seq);
        return;
    }
    if (c->mention_epoch != 0) {
        const struct epoch *now = epoch_at(p, c->mention_epoch);
        const struct epoch *then = epoch_at(p, epoch);
        /* Watermarks of a backfill prove nothing, so a live epoch is never given up for one. */
        if ((then->flags & EPOCH_LIVE) < (now->flags & EPOCH_LIVE))
            return;
        if ((then->flags & EPOCH_LIVE) == (now->flags & EPOCH_LIVE) && epoch_is_older(then, now))
            return;
    }
    c->mention_epoch = epoch;
    c->mention_seq = seq;
}

/* ---- a run -------------------------------------------------------------------------- */

/* The bounds of R4 that depend on the host's boot, and the order of start, running and end. */
static void view_bound(const struct partition *p, const struct instance *inst, struct run_view *v)
{
    const struct facts *f = &v->facts;
    bool this_boot = f->rank[FACT_BOOT_ID] != 0 && f->blobs[FACT_BOOT_ID] == inst->boot_id;

    (void)p;
    if (this_boot && inst->boot_time != NO_TIME && v->held_from != NO_TIME &&
        v->held_from < inst->boot_time - CLOCK_TOLERANCE_MS) {
        v->held_from = inst->boot_time;
        v->clock = true;
    }
    if (v->until == NO_TIME)
        v->until = v->held_from;
    if (v->held_from != NO_TIME && v->until < v->held_from) {
        v->clock |= v->ended;
        v->until = v->held_from;
    }
    if (v->running_from != NO_TIME) {
        v->running_from = time_max(v->running_from, v->held_from);
        v->running_from = time_min(v->running_from, v->until);
    }
}

static void view_fill(const struct partition *p, const struct instance *inst, int64_t proof,
                      struct run_view *v)
{
    const struct facts *f = &v->facts;

    v->ended = !is_open(f);
    v->clock = f->clock != 0;
    v->held_from = facts_start(f);
    v->running_from = f->rank[FACT_RUNNING] != 0 ? facts_number(f, FACT_RUNNING) : NO_TIME;
    if (v->ended) {
        v->until = facts_end(f);
    } else {
        /* A statement about the run is itself a proof of life at its time. */
        v->until = time_max(proof, time_max(v->held_from, v->running_from));
        v->provisional = true;
        if ((inst->flags & INSTANCE_GONE) != 0) {
            v->ended = true;
            v->provisional = false;
            v->facts.end_cause = END_HOST_LOST;
            v->facts.end = v->until;
            v->facts.end_earliest = NO_TIME;
            v->facts.rank[FACT_END] = evidence_rank(EVIDENCE_EC2);
        }
    }
    view_bound(p, inst, v);
    v->no_start = v->held_from == NO_TIME;
    if (v->ended && f->end_cause == END_REFUSED) {
        v->held_from = v->until; /* resources were never given: a line of zero length */
        v->running_from = NO_TIME;
        v->no_start = false;
    }
    if (v->no_start)
        v->held_from = v->until;
    v->exists = v->until != NO_TIME;
}

void run_view(const struct partition *p, const struct instance *inst, uint32_t claim,
              struct run_view *view)
{
    uint32_t members[FAMILY_MAX];
    uint32_t n = gather_run(p, inst, claim, members);
    int64_t proof = NO_TIME;

    memset(view, 0, sizeof *view);
    view->until = view->held_from = view->running_from = NO_TIME;
    for (uint32_t i = 0; i < n; i++) {
        const struct claim *c = claim_at(p, members[i]);
        if (blob_compare(p, c->run_id, claim_at(p, claim)->run_id) < 0)
            return; /* merged under a smaller run id */
        facts_join_view(p, &view->facts, &c->facts);
        proof = time_max(proof, c->mention_proof);
        proof = time_max(proof, epoch_proof(p, inst, c->mention_epoch, c->mention_seq));
    }
    view_fill(p, inst, proof, view);
}

bool run_line(const struct run_view *v, int64_t hour, struct line_values *values)
{
    int64_t hour_end = hour + HOUR_MS;

    memset(values, 0, sizeof *values);
    values->end_time = values->held_from = values->held_to = NO_TIME;
    values->running_from = values->running_to = NO_TIME;
    if (!v->exists || v->held_from >= hour_end)
        return false;
    /* A run of zero length is a line in the hour where it lies (R8). */
    if (v->until <= hour && !(v->until == v->held_from && v->until == hour))
        return false;
    values->held_from = time_max(v->held_from, hour);
    values->held_to = time_min(v->until, hour_end);
    if (v->running_from != NO_TIME && v->running_from < hour_end && v->until > hour) {
        values->running_from = time_max(v->running_from, hour);
        values->running_to = values->held_to;
    }
    if (v->facts.rank[FACT_VCPUS] != 0)
        values->vcpus = facts_number(&v->facts, FACT_VCPUS);
    if (v->facts.rank[FACT_MEMORY] != 0)
        values->memory_mib = facts_number(&v->facts, FACT_MEMORY);
    /* The end shows in the hour that it lies in; earlier lines do not change for it. */
    if (v->ended && v->until <= hour_end) {
        values->end_time = v->until;
        values->end_cause = v->facts.end_cause;
        values->end_detail = v->facts.end_detail;
    }
    if (!v->ended && v->until < hour_end)
        values->flags |= LINE_PROVISIONAL;
    if (v->clock)
        values->flags |= LINE_CLOCK;
    if (v->no_start)
        values->flags |= LINE_NO_START;
    memcpy(values->blobs, v->facts.blobs, sizeof values->blobs);
    return true;
}

int64_t line_held_ms(const struct line_values *values)
{
    return values->held_from == NO_TIME ? 0 : values->held_to - values->held_from;
}

int64_t line_running_ms(const struct line_values *values)
{
    return values->running_from == NO_TIME ? 0 : values->running_to - values->running_from;
}
