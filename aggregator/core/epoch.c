/*
 * Epochs, sequence numbers and watermarks of an instance. See epoch.h.
 */
#include "aggregator/core/epoch.h"

#include "aggregator/core/pool.h"

uint32_t epoch_find(const struct partition *p, const struct instance *inst,
                    const struct event_uuid *id)
{
    uint32_t i = inst->current_epoch;

    if (i != 0 && event_uuid_equal(&epoch_at(p, i)->id, id))
        return i;
    for (i = inst->first_epoch; i != 0; i = epoch_at(p, i)->next)
        if (event_uuid_equal(&epoch_at(p, i)->id, id))
            return i;
    return 0;
}

bool epoch_is_older(const struct epoch *a, const struct epoch *b)
{
    if (a->started != b->started)
        return a->started < b->started;
    return memcmp(a->id.bytes, b->id.bytes, EVENT_UUID_BYTES) < 0;
}

/* What was mentioned in a forgotten epoch keeps the proof it had: the claim is moved to "nowhere",
 * and the time it proved becomes part of the residue. */
static void epoch_forget_oldest(struct partition *p, struct instance *inst)
{
    uint32_t oldest = inst->first_epoch;

    for (uint32_t i = oldest; i != 0; i = epoch_at(p, i)->next)
        if (epoch_is_older(epoch_at(p, i), epoch_at(p, oldest)))
            oldest = i;
    for (uint32_t c = inst->first_claim; c != 0; c = claim_at(p, c)->next) {
        struct claim *claim = claim_at(p, c);
        if (claim->mention_epoch != oldest)
            continue;
        claim->mention_proof =
            time_max(claim->mention_proof, epoch_proof(p, inst, oldest, claim->mention_seq));
        claim->mention_epoch = 0;
    }
    struct epoch *e = epoch_at(p, oldest);
    for (uint32_t i = e->first_interval; i != 0;) {
        uint32_t next = interval_at(p, i)->next;
        inst->covered_until = time_max(inst->covered_until, interval_at(p, i)->watermark);
        pool_give(p, POOL_INTERVALS, i);
        i = next;
    }
    uint32_t *link = &inst->first_epoch;
    while (*link != oldest)
        link = &epoch_at(p, *link)->next;
    *link = e->next;
    if (inst->current_epoch == oldest)
        inst->current_epoch = 0;
    pool_give(p, POOL_EPOCHS, oldest);
    inst->epochs_n--;
}

void epoch_forget_all(struct partition *p, struct instance *inst)
{
    while (inst->first_epoch != 0)
        epoch_forget_oldest(p, inst);
}

uint32_t epoch_open(struct partition *p, struct instance *inst, const struct event *event)
{
    if (inst->epochs_n == EPOCHS_PER_INSTANCE_MAX)
        epoch_forget_oldest(p, inst);
    uint32_t index = pool_take(p, POOL_EPOCHS);
    struct epoch *e = epoch_at(p, index);
    e->id = event->producer_epoch;
    e->started = event->observed_time;
    e->pending_seq = -1;
    e->pending_watermark = NO_TIME;
    e->dropped_watermark = NO_TIME;
    e->down_seq = -1;
    e->next = inst->first_epoch;
    inst->first_epoch = index;
    inst->epochs_n++;
    return index;
}

/* ---- sequence numbers --------------------------------------------------------------- */

/* The interval with the largest first ≤ seq, and the link that leads to its successor. */
static uint32_t interval_before(const struct partition *p, const struct epoch *e, int64_t seq)
{
    uint32_t before = 0;

    for (uint32_t i = e->first_interval; i != 0 && interval_at(p, i)->first <= seq;
         i = interval_at(p, i)->next)
        before = i;
    return before;
}

/* Joins `left` with its successor when they touch. */
static void interval_close_gap(struct partition *p, struct epoch *e, uint32_t left)
{
    struct interval *a = interval_at(p, left);
    uint32_t right = a->next;

    if (right == 0 || interval_at(p, right)->first != a->last + 1)
        return;
    const struct interval *b = interval_at(p, right);
    a->last = b->last;
    a->watermark = time_max(a->watermark, b->watermark);
    a->next = b->next;
    pool_give(p, POOL_INTERVALS, right);
    e->intervals_n--;
}

/* More than 32 gaps: the oldest is permanent. Its first interval is dropped, so that what lies in
 * it would be news again, which the joins of claims make harmless. */
static void interval_drop_first(struct partition *p, struct epoch *e)
{
    uint32_t first = e->first_interval;
    struct interval *i = interval_at(p, first);

    e->dropped_watermark = time_max(e->dropped_watermark, i->watermark);
    e->first_interval = i->next;
    e->intervals_n--;
    pool_give(p, POOL_INTERVALS, first);
}

static void interval_insert(struct partition *p, struct epoch *e, uint32_t before, int64_t seq,
                            int64_t observed_time)
{
    uint32_t index = pool_take(p, POOL_INTERVALS);
    struct interval *i = interval_at(p, index);

    *i = (struct interval){.first = seq,
                           .last = seq,
                           .cover_from = observed_time,
                           .watermark = NO_TIME,
                           .seen_active = p->active};
    uint32_t *link = before == 0 ? &e->first_interval : &interval_at(p, before)->next;
    i->next = *link;
    *link = index;
    e->intervals_n++;
    if (i->next != 0)
        interval_close_gap(p, e, index);
    if (e->intervals_n > INTERVALS_PER_EPOCH_MAX)
        interval_drop_first(p, e);
}

bool epoch_take_seq(struct partition *p, struct epoch *e, int64_t seq, int64_t observed_time)
{
    uint32_t before = interval_before(p, e, seq);

    e->started = time_min(e->started, observed_time);
    if (before != 0 && seq <= interval_at(p, before)->last)
        return false;
    if (before != 0 && seq == interval_at(p, before)->last + 1) {
        interval_at(p, before)->last = seq;
        interval_close_gap(p, e, before);
    } else {
        interval_insert(p, e, before, seq, observed_time);
    }
    return true;
}

uint32_t epoch_state_watermark(struct partition *p, struct epoch *e, int64_t seq, int64_t watermark,
                               int64_t *before)
{
    uint32_t at = interval_before(p, e, seq);

    e->flags |= EPOCH_LIVE;
    if (e->pending_seq >= 0 && e->pending_seq <= seq) {
        watermark = time_max(watermark, e->pending_watermark);
        e->pending_seq = -1;
        e->pending_watermark = NO_TIME;
    }
    if (at == 0 || interval_at(p, at)->last < seq) {
        if (seq >= e->pending_seq) {
            e->pending_seq = seq;
            e->pending_watermark = time_max(e->pending_watermark, watermark);
        }
        return 0;
    }
    struct interval *i = interval_at(p, at);
    *before = i->watermark;
    i->watermark = time_max(i->watermark, watermark);
    return at;
}

/* ---- links, proof and reach --------------------------------------------------------- */

static uint32_t last_interval(const struct partition *p, const struct epoch *e)
{
    uint32_t i = e->first_interval;

    while (i != 0 && interval_at(p, i)->next != 0)
        i = interval_at(p, i)->next;
    return i;
}

bool epoch_is_linked(const struct partition *p, const struct instance *inst, const struct epoch *e)
{
    if ((e->flags & EPOCH_HAS_PREV) == 0)
        return false;
    uint32_t prev = epoch_find(p, inst, &e->prev);
    if (prev == 0 || e->first_interval == 0 || interval_at(p, e->first_interval)->first != 1)
        return false;
    uint32_t last = last_interval(p, epoch_at(p, prev));
    return last != 0 && e->prev_seq <= interval_at(p, last)->last;
}

/* The epoch that continues `e` without loss, or 0. */
static uint32_t epoch_successor(const struct partition *p, const struct instance *inst,
                                const struct epoch *e)
{
    for (uint32_t i = inst->first_epoch; i != 0; i = epoch_at(p, i)->next) {
        const struct epoch *next = epoch_at(p, i);
        if ((next->flags & EPOCH_HAS_PREV) != 0 && event_uuid_equal(&next->prev, &e->id) &&
            epoch_is_linked(p, inst, next))
            return i;
    }
    return 0;
}

int64_t epoch_proof(const struct partition *p, const struct instance *inst, uint32_t epoch,
                    int64_t seq)
{
    int64_t proof = NO_TIME;

    for (uint32_t steps = 0; epoch != 0 && steps <= inst->epochs_n; steps++) {
        const struct epoch *e = epoch_at(p, epoch);
        uint32_t i = interval_before(p, e, seq);
        if (i == 0)
            return time_max(proof, e->dropped_watermark);
        proof = time_max(proof, interval_at(p, i)->watermark);
        if (interval_at(p, i)->next != 0)
            return proof; /* a gap follows */
        epoch = epoch_successor(p, inst, e);
        seq = 1;
    }
    return proof;
}

static bool gap_is_old(const struct partition *p, const struct interval *after)
{
    return p->active - after->seen_active >= p->policy.grace_ms;
}

static int64_t epoch_reach(const struct partition *p, const struct epoch *e)
{
    int64_t reach = e->dropped_watermark;
    int64_t expected = 1;

    if ((e->flags & EPOCH_LIVE) == 0)
        return NO_TIME;
    for (uint32_t i = e->first_interval; i != 0; i = interval_at(p, i)->next) {
        const struct interval *v = interval_at(p, i);
        if (v->first != expected && !gap_is_old(p, v) && !p->identity.lead_in)
            break;
        reach = time_max(reach, v->watermark);
        expected = v->last + 1;
    }
    return reach;
}

int64_t instance_reach(const struct partition *p, const struct instance *inst)
{
    int64_t reach = NO_TIME;

    for (uint32_t i = inst->first_epoch; i != 0; i = epoch_at(p, i)->next)
        reach = time_max(reach, epoch_reach(p, epoch_at(p, i)));
    return reach;
}

/* ---- what is not known -------------------------------------------------------------- */

struct gap_list {
    int64_t from, to;
    struct bytes instance_id;
    struct part_gap *gaps;
    uint32_t cap, n;
};

/* A gap whose lost records speak of times in [unknown_from, unknown_to]. */
static void gap_add(struct gap_list *list, const struct event_uuid *epoch, int64_t first_seq,
                    int64_t last_seq, int64_t unknown_from, int64_t unknown_to)
{
    if (unknown_from >= list->to || unknown_to <= list->from)
        return;
    if (list->n < list->cap)
        list->gaps[list->n] = (struct part_gap){list->instance_id, *epoch, first_seq, last_seq};
    list->n++;
}

/* The newest live epoch that is older than `e`: what an unlinked epoch should have continued. */
static const struct epoch *epoch_predecessor(const struct partition *p, const struct instance *inst,
                                             const struct epoch *e)
{
    const struct epoch *best = NULL;

    for (uint32_t i = inst->first_epoch; i != 0; i = epoch_at(p, i)->next) {
        const struct epoch *o = epoch_at(p, i);
        if (o == e || (o->flags & EPOCH_LIVE) == 0 || !epoch_is_older(o, e))
            continue;
        if (best == NULL || epoch_is_older(best, o))
            best = o;
    }
    return best;
}

static void gaps_of_link(const struct partition *p, const struct instance *inst,
                         const struct epoch *e, struct gap_list *list)
{
    const struct interval *first = interval_at(p, e->first_interval);

    if (epoch_is_linked(p, inst, e))
        return;
    uint32_t named = (e->flags & EPOCH_HAS_PREV) != 0 ? epoch_find(p, inst, &e->prev) : 0;
    const struct epoch *before = named != 0 ? epoch_at(p, named) : epoch_predecessor(p, inst, e);
    if (before == NULL || before->first_interval == 0) {
        if ((e->flags & EPOCH_HAS_PREV) != 0 && inst->covered_until == NO_TIME)
            gap_add(list, &e->prev, 1, e->prev_seq, NO_TIME, first->cover_from);
        return;
    }
    const struct interval *tail = interval_at(p, last_interval(p, before));
    int64_t last_seq = named != 0 ? e->prev_seq : -1;
    gap_add(list, &before->id, tail->last + 1, last_seq, tail->watermark, first->cover_from);
}

static void gaps_of_epoch(const struct partition *p, const struct epoch *e, struct gap_list *list)
{
    int64_t expected = 1;
    int64_t known_until = NO_TIME;

    for (uint32_t i = e->first_interval; i != 0; i = interval_at(p, i)->next) {
        const struct interval *v = interval_at(p, i);
        if (v->first != expected)
            gap_add(list, &e->id, expected, v->first - 1, known_until, v->cover_from);
        expected = v->last + 1;
        known_until = v->watermark;
    }
}

uint32_t instance_gaps(const struct partition *p, const struct instance *inst, int64_t from,
                       int64_t to, struct part_gap *gaps, uint32_t cap)
{
    struct gap_list list = {from, to, blob_get(p, inst->id), gaps, cap, 0};

    /* Oldest epoch first, whatever the order of the list. */
    const struct epoch *done = NULL;
    for (uint32_t k = 0; k < inst->epochs_n; k++) {
        const struct epoch *e = NULL;
        for (uint32_t i = inst->first_epoch; i != 0; i = epoch_at(p, i)->next) {
            const struct epoch *o = epoch_at(p, i);
            if ((done == NULL || epoch_is_older(done, o)) && (e == NULL || epoch_is_older(o, e)))
                e = o;
        }
        done = e;
        if ((e->flags & EPOCH_LIVE) == 0 || e->first_interval == 0)
            continue;
        gaps_of_link(p, inst, e, &list);
        gaps_of_epoch(p, e, &list);
    }
    return list.n;
}

bool instance_covers(const struct partition *p, const struct instance *inst, int64_t from,
                     int64_t to)
{
    int64_t reach = time_max(instance_reach(p, inst), inst->covered_until);

    return to <= reach && instance_gaps(p, inst, from, to + 1, NULL, 0) == 0;
}
