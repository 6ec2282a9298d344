/*
 * Records applied to the state. See apply.h.
 *
 *   control records   TICK: its log time is all. POLICY: values. HOST_GONE: the instance's end.
 *   producer records  seq and epoch first (a duplicate does nothing at all), then watermark, host,
 *                     the run named, the runs listed.
 *
 * A heartbeat that says nothing new about the past takes the short way through `heartbeat_fast`.
 */
#include "aggregator/core/apply.h"

#include <string.h>

#include "aggregator/core/change.h"
#include "aggregator/core/epoch.h"
#include "aggregator/core/facts.h"
#include "aggregator/core/hour.h"
#include "aggregator/core/instance.h"
#include "aggregator/core/pool.h"
#include "aggregator/core/run.h"

/* The overwhelming case: a known epoch without gaps repeats its last seq, and nothing that was cut
 * can change. */
static bool is_plain_heartbeat(const struct partition *p, const struct instance *inst,
                               const struct event *event)
{
    if (event->type != EVENT_HEARTBEAT || inst->flags != 0 || inst->current_epoch == 0 ||
        inst->reach < p->cut_until)
        return false;
    const struct epoch *e = epoch_at(p, inst->current_epoch);
    return event_uuid_equal(&e->id, &event->producer_epoch) && e->intervals_n == 1 &&
           e->pending_seq < 0 && event->seq == interval_at(p, e->first_interval)->last;
}

/* ---- room --------------------------------------------------------------------------- */

static bool need(struct partition *p, enum pool_id id, uint64_t n)
{
    if (pool_room(p, id) >= n)
        return true;
    p->short_of = id;
    p->short_of_bytes = false;
    return false;
}

static bool need_blobs(struct partition *p, const struct event *event)
{
    uint32_t blobs = 8;
    uint64_t bytes = blob_footprint(event->instance_id.len);

    facts_room(&event->run, &blobs, &bytes);
    bytes += blob_footprint(event->end_detail.len) + blob_footprint(EVENT_UUID_BYTES);
    for (uint32_t i = 0; i < event->running_n; i++)
        facts_room(&event->running[i], &blobs, &bytes);
    if ((event->has & EVENT_HAS_HOST) != 0) {
        const struct event_host *host = &event->host;
        bytes += blob_footprint(host->account.len) + blob_footprint(host->region.len) +
                 blob_footprint(host->zone.len) + blob_footprint(host->instance_type.len) +
                 2 * blob_footprint(map_encoded_bytes(&host->tags));
    }
    if (blob_room(p, blobs, bytes))
        return true;
    p->short_of = POOL_BLOBS;
    p->short_of_bytes = pool_room(p, POOL_BLOBS) >= blobs;
    return false;
}

static int64_t run_earliest(const struct event_run *run, int64_t earliest)
{
    if ((run->has & RUN_HAS_ALLOCATED_TIME) != 0)
        earliest = time_min(earliest, run->allocated_time);
    if ((run->has & RUN_HAS_RUNNING_TIME) != 0)
        earliest = time_min(earliest, run->running_time);
    return earliest;
}

/* Whether the claim may be the run that a record names, or come to share its identity. */
static bool may_concern(const struct partition *p, const struct claim *c,
                        const struct event_run *run)
{
    const struct facts *f = &c->facts;
    uint64_t slot = (run->has & RUN_HAS_ENCLAVE_ID) != 0 ? enclave_id_slot(run->enclave_id) : 0;

    return bytes_equal(blob_get(p, c->run_id), run->run_id) || (slot != 0 && slot == f->slot) ||
           ((run->has & RUN_HAS_PID) != 0 && f->rank[FACT_PID] != 0 &&
            facts_number(f, FACT_PID) == run->pid);
}

/* Upper bound of the corrections that the record can make: for every run that it may concern, and
 * every one that is open or shares an identity, each final hour since the earliest of their times.
 */
static uint64_t corrections_bound(const struct partition *p, const struct instance *inst,
                                  const struct event *event)
{
    int64_t earliest = time_min(event->event_time, p->log_time);
    uint64_t runs = 1 + (uint64_t)event->running_n;

    if ((event->has & EVENT_HAS_END_TIME_EARLIEST) != 0)
        earliest = time_min(earliest, event->end_time_earliest);
    earliest = run_earliest(&event->run, earliest);
    for (uint32_t i = 0; i < event->running_n; i++)
        earliest = run_earliest(&event->running[i], earliest);
    for (uint32_t c = inst == NULL ? 0 : inst->first_claim; c != 0; c = claim_at(p, c)->next) {
        const struct claim *claim = claim_at(p, c);
        bool touched = claim->facts.rank[FACT_END] == 0 || (claim->flags & CLAIM_SHARED) != 0 ||
                       may_concern(p, claim, &event->run);
        for (uint32_t i = 0; i < event->running_n && !touched; i++)
            touched = may_concern(p, claim, &event->running[i]);
        if (!touched)
            continue;
        runs++;
        if (facts_start(&claim->facts) != NO_TIME)
            earliest = time_min(earliest, facts_start(&claim->facts));
        if (facts_end(&claim->facts) != NO_TIME)
            earliest = time_min(earliest, facts_end(&claim->facts));
    }
    int64_t from = time_max(hour_floor(earliest), p->identity.first_hour);
    return from >= p->final_until ? 0 : runs * (uint64_t)((p->final_until - from) / HOUR_MS + 1);
}

bool apply_has_room(struct partition *p, const struct partition_record *record)
{
    if (record->kind == RECORD_UNDECODABLE)
        return need(p, POOL_DEAD_LETTERS, 1);
    const struct event *event = record->event;
    if (event->instance_id.len == 0)
        return true;
    uint32_t index = instance_find(p, event->instance_id);
    const struct instance *inst = index == 0 ? NULL : instance_at(p, index);
    if (inst != NULL && is_plain_heartbeat(p, inst, event))
        return true;
    uint64_t corrections = corrections_bound(p, inst, event);
    uint64_t claims = 1 + (uint64_t)event->running_n;
    return need(p, POOL_INSTANCES, 1) && need(p, POOL_EPOCHS, 1) && need(p, POOL_INTERVALS, 2) &&
           need(p, POOL_CLAIMS, claims) && need(p, POOL_CORRECTIONS, corrections) &&
           need_blobs(p, event);
}

/* ---- what a producer's record says -------------------------------------------------- */

/* The record being applied and where it stands. */
struct statement {
    const struct event *event;
    uint32_t instance;
    struct instance *inst;
    uint32_t epoch;
    uint32_t reason; /* why hours change, if they do */
    uint32_t *notices;
};

static void state_watermark(struct partition *p, const struct statement *s)
{
    const struct event *event = s->event;
    int64_t before = NO_TIME;

    if (event->low_watermark <= 0)
        return; /* backfill: states none (R3) */
    /* It counts only up to its record's log time: a clock ahead completes no future (R3). */
    int64_t watermark = time_min(event->low_watermark, p->log_time);
    epoch_state_watermark(p, epoch_at(p, s->epoch), event->seq, watermark, &before);
}

/* After the epoch changed: the caches of the instance, and hours whose completeness changed. */
static void reach_refresh(struct partition *p, const struct statement *s)
{
    struct instance *inst = s->inst;
    int64_t before = inst->reach;

    inst->reach = instance_reach(p, inst);
    if (before == inst->reach || inst->reach == NO_TIME)
        return;
    int64_t from =
        time_max(before == NO_TIME ? p->final_until : hour_floor(before), p->final_until);
    if (before == NO_TIME)
        from = time_max(from, hour_floor(inst->exists_from));
    for (int64_t hour = from; hour < p->cut_until && hour < inst->reach; hour += HOUR_MS)
        hour_mark(p, hour, REASON_WATERMARK_ADVANCED);
}

static void has_gap_refresh(struct partition *p, struct instance *inst)
{
    bool gap = instance_gaps(p, inst, INT64_MIN + 1, INT64_MAX, NULL, 0) > 0;

    inst->flags = gap ? inst->flags | INSTANCE_HAS_GAP : inst->flags & ~(uint32_t)INSTANCE_HAS_GAP;
}

/* One run that the record names or lists: joined, and known alive unless it ended. */
static void say_run(struct partition *p, const struct statement *s, const struct event_run *run,
                    bool is_end)
{
    const struct event *event = s->event;
    struct facts news;

    facts_from_run(p, &news, run, &event->boot_id, event->evidence, p->log_time);
    if (is_end)
        facts_add_end(p, &news, event, p->log_time);
    uint32_t claim = claim_find(p, s->inst, run->run_id);
    if (claim == 0)
        claim = claim_open(p, s->inst, run->run_id);
    claim_join(p, s->inst, claim, &news);
    if (facts_start(&news) != NO_TIME)
        s->inst->exists_from = time_min(s->inst->exists_from, facts_start(&news));
    facts_release(p, &news);
    claim_mention(p, claim, s->epoch, event->seq);
}

static bool run_says_something(const struct event_run *run)
{
    return run->has != 0;
}

static void say_listed(struct partition *p, const struct statement *s)
{
    for (uint32_t i = 0; i < s->event->running_n; i++) {
        const struct event_run *run = &s->event->running[i];
        if (run->run_id.len == 0)
            continue;
        uint32_t claim = claim_find(p, s->inst, run->run_id);
        if (run_says_something(run))
            say_run(p, s, run, false);
        else if (claim != 0)
            claim_mention(p, claim, s->epoch, s->event->seq);
    }
    s->inst->flags &= ~(uint32_t)INSTANCE_NEEDS_MENTIONS;
}

/* News about a run that is not known, wholly older than the horizon: in covered time it is a
 * re-telling (R7). */
static bool is_retelling(const struct partition *p, const struct statement *s)
{
    const struct event *event = s->event;
    int64_t horizon = p->log_time - p->policy.horizon_ms;
    int64_t from = run_earliest(&event->run, event->event_time);

    if (event->run.run_id.len == 0 || event->event_time >= horizon || s->inst->forgotten_n == 0)
        return false;
    return claim_find(p, s->inst, event->run.run_id) == 0 &&
           instance_covers(p, s->inst, from, event->event_time);
}

static bool is_violation(const struct statement *s)
{
    const struct event *event = s->event;

    switch (event->type) {
    case EVENT_ALLOCATED:
    case EVENT_RUNNING:
    case EVENT_ENDED:
    case EVENT_FAILED: break;
    default: return false;
    }
    return event->low_watermark > 0 && s->inst->reach != NO_TIME &&
           event->event_time < s->inst->reach;
}

/* Runs and life of the host. */
static void say_content(struct partition *p, const struct statement *s)
{
    const struct event *event = s->event;

    if ((event->has & EVENT_HAS_HOST) != 0)
        instance_host_facts(p, s->inst, event);
    switch (event->type) {
    case EVENT_ALLOCATED:
    case EVENT_RUNNING:
    case EVENT_ENDED:
    case EVENT_FAILED:
        if (event->run.run_id.len > 0)
            say_run(p, s, &event->run, event->type == EVENT_ENDED || event->type == EVENT_FAILED);
        break;
    case EVENT_SNAPSHOT:
    case EVENT_HEARTBEAT: say_listed(p, s); break;
    case EVENT_HOST_DOWN: {
        struct epoch *e = epoch_at(p, s->epoch);
        e->down_seq = event->seq;
        e->down_time = time_min(event->event_time, p->log_time);
        break;
    }
    default: break;
    }
}

/* DOWN holds while a HOST_DOWN is the last thing that the newest epoch said (R9). */
static void host_life_refresh(struct partition *p, const struct statement *s)
{
    struct instance *inst = s->inst;
    const struct epoch *e = epoch_at(p, s->epoch);
    bool was_down = (inst->flags & INSTANCE_DOWN) != 0;
    bool down = e->down_seq >= 0 && e->first_interval != 0 &&
                interval_at(p, e->first_interval)->first == 1 &&
                interval_at(p, e->first_interval)->last == e->down_seq;

    if (e->started < inst->newest_epoch_started)
        return; /* the tail of an older epoch */
    inst->newest_epoch_started = e->started;
    inst->flags = down ? inst->flags | INSTANCE_DOWN : inst->flags & ~(uint32_t)INSTANCE_DOWN;
    inst->down_time = down ? e->down_time : NO_TIME;
    if (was_down == down || !down)
        return;
    for (int64_t hour = time_max(hour_floor(inst->down_time), p->final_until); hour < p->cut_until;
         hour += HOUR_MS)
        hour_mark(p, hour, REASON_HOST_LIFE);
}

/* ---- epochs ------------------------------------------------------------------------- */

static void epoch_learn(struct partition *p, struct statement *s)
{
    const struct event *event = s->event;
    struct instance *inst = s->inst;

    s->epoch = epoch_find(p, inst, &event->producer_epoch);
    bool new = s->epoch == 0;
    if (new)
        s->epoch = epoch_open(p, inst, event);
    struct epoch *e = epoch_at(p, s->epoch);
    if (event->low_watermark > 0)
        e->flags |= EPOCH_LIVE;
    if ((event->has & EVENT_HAS_PREV_EPOCH) != 0 && (event->has & EVENT_HAS_PREV_SEQ) != 0) {
        e->flags |= EPOCH_HAS_PREV;
        e->prev = event->prev_epoch;
        e->prev_seq = event->prev_seq;
    }
    if (!new && s->epoch != inst->current_epoch && inst->current_epoch != 0 &&
        event->low_watermark > 0) {
        /* An older epoch speaks after a newer one began: its late tail, or a twin (R1). */
        const struct epoch *current = epoch_at(p, inst->current_epoch);
        if (event->observed_time > current->started && e->started < current->started) {
            inst->flags |= INSTANCE_CONFLICT;
            *s->notices |= NOTICE_IDENTITY_CONFLICT;
        }
    }
    inst->current_epoch = s->epoch;
}

/* Whether the seq is news; gaps and links are looked at when something about them may have changed.
 */
static bool seq_learn(struct partition *p, struct statement *s)
{
    const struct event *event = s->event;
    struct epoch *e = epoch_at(p, s->epoch);
    uint32_t intervals_before = e->intervals_n;

    if (event->type == EVENT_HEARTBEAT) {
        e->started = time_min(e->started, event->observed_time);
        return true;
    }
    if (!epoch_take_seq(p, e, event->seq, event->observed_time)) {
        *s->notices |= NOTICE_DUPLICATE;
        return false;
    }
    if (e->intervals_n == intervals_before && intervals_before == 1)
        return true;
    if (e->intervals_n > intervals_before && (e->intervals_n > 1 || event->seq != 1))
        *s->notices |= NOTICE_SEQUENCE_GAP;
    has_gap_refresh(p, s->inst);
    bool first = e->intervals_n == 1 && event->seq == 1;
    if (!first || !epoch_is_linked(p, s->inst, e))
        s->inst->flags |= INSTANCE_NEEDS_MENTIONS;
    if (first && s->inst->epochs_n > 1 && (e->flags & EPOCH_LIVE) != 0 &&
        !epoch_is_linked(p, s->inst, e))
        *s->notices |= NOTICE_EPOCH_UNLINKED;
    return true;
}

static void touch(struct partition *p, struct instance *inst)
{
    inst->last_log_time = p->log_time;
    inst->last_active = p->active;
}

/* Nothing but a later watermark. */
static void heartbeat_fast(struct partition *p, struct instance *inst, const struct event *event)
{
    struct interval *i = interval_at(p, epoch_at(p, inst->current_epoch)->first_interval);

    i->watermark = time_max(i->watermark, time_min(event->low_watermark, p->log_time));
    inst->reach = time_max(inst->reach, i->watermark);
    touch(p, inst);
}

static void apply_producer(struct partition *p, const struct event *event, uint32_t *notices)
{
    struct statement s = {.event = event, .notices = notices, .reason = REASON_LATE_EVENT};
    struct change change;

    s.instance = instance_find(p, event->instance_id);
    if (s.instance != 0 && is_plain_heartbeat(p, instance_at(p, s.instance), event)) {
        heartbeat_fast(p, instance_at(p, s.instance), event);
        return;
    }
    if (s.instance == 0) {
        s.instance = instance_open(p, event->instance_id);
        s.reason = REASON_NEW_INSTANCE;
    }
    s.inst = instance_at(p, s.instance);
    touch(p, s.inst);
    uint32_t target = claim_find(p, s.inst, event->run.run_id);
    change_begin(p, s.instance, target, &change);
    if ((s.inst->flags & INSTANCE_GONE) != 0 && event->observed_time > s.inst->gone_time)
        s.inst->flags &= ~(uint32_t)INSTANCE_GONE; /* it speaks: the inventory was wrong */
    epoch_learn(p, &s);
    if (seq_learn(p, &s)) {
        if (is_violation(&s)) {
            *notices |= NOTICE_WATERMARK_VIOLATION;
            s.reason |= REASON_WATERMARK_VIOLATION;
        }
        if (is_retelling(p, &s))
            *notices |= NOTICE_LATE_BEYOND_HORIZON;
        else
            say_content(p, &s);
        state_watermark(p, &s);
        host_life_refresh(p, &s);
    }
    reach_refresh(p, &s);
    if (target == 0)
        target = claim_find(p, s.inst, event->run.run_id);
    change_end(p, &change, target, s.reason);
}

/* ---- control records ---------------------------------------------------------------- */

static enum err apply_policy(struct partition *p, const struct event *event, uint32_t *notices)
{
    struct policy next = policy_default();

    if ((event->has & EVENT_HAS_POLICY) == 0) {
        *notices |= NOTICE_POLICY_INVALID;
        return ERR_OK;
    }
    if (event->policy.version > p->policy.version && event->policy.rules_version != RULES_VERSION)
        return ERR_UNSUPPORTED;
    if (policy_apply(&next, &event->policy, NULL) != ERR_OK) {
        *notices |= NOTICE_POLICY_INVALID;
        return ERR_OK;
    }
    if (next.version <= p->policy.version) {
        bool same = policy_equal(&next, &p->policy);
        *notices |= next.version == p->policy.version && !same ? NOTICE_POLICY_CONFLICT
                                                               : NOTICE_POLICY_IGNORED;
        return ERR_OK;
    }
    p->policy = next;
    hours_revision_refresh(p); /* as after a load: revision_interval may have changed */
    *notices |= NOTICE_POLICY_CHANGED;
    return ERR_OK;
}

static void apply_host_gone(struct partition *p, const struct event *event)
{
    uint32_t index = instance_find(p, event->instance_id);
    struct change change;

    if (index == 0)
        return;
    struct instance *inst = instance_at(p, index);
    if ((inst->flags & INSTANCE_GONE) != 0 && inst->gone_time <= event->event_time)
        return;
    change_begin(p, index, 0, &change);
    inst->flags |= INSTANCE_GONE;
    inst->gone_time = time_min(event->event_time, p->log_time);
    change_end(p, &change, 0, REASON_HOST_LIFE);
}

static void dead_letter_remember(struct partition *p, int64_t offset)
{
    uint32_t index = pool_take(p, POOL_DEAD_LETTERS);
    struct dead_letter *d = pool_at(p, POOL_DEAD_LETTERS, index);

    d->offset = offset;
    d->hour = hour_floor(p->log_time);
    if (p->last_dead_letter == 0)
        p->first_dead_letter = index;
    else
        ((struct dead_letter *)pool_at(p, POOL_DEAD_LETTERS, p->last_dead_letter))->next = index;
    p->last_dead_letter = index;
    p->dead_letters_n++;
    if (d->hour >= p->final_until && d->hour < p->cut_until)
        hour_mark(p, d->hour, REASON_LATE_EVENT);
}

enum err apply_record(struct partition *p, const struct partition_record *record, uint32_t *notices)
{
    const struct event *event = record->event;

    if (record->kind == RECORD_UNDECODABLE) {
        dead_letter_remember(p, record->offset);
        *notices |= NOTICE_UNDECODABLE;
        return ERR_OK;
    }
    switch (event->type) {
    case EVENT_TICK: return ERR_OK;
    case EVENT_POLICY: return apply_policy(p, event, notices);
    case EVENT_HOST_GONE: apply_host_gone(p, event); return ERR_OK;
    default: break;
    }
    if (event->instance_id.len > 0)
        apply_producer(p, event, notices);
    return ERR_OK;
}

/* ---- forgetting --------------------------------------------------------------------- */

static bool has_bits(const uint64_t bits[HOURS_RING / 64])
{
    return (bits[0] | bits[1]) != 0;
}

static bool can_forget(const struct partition *p, const struct claim *c)
{
    int64_t end = facts_end(&c->facts);

    return end != NO_TIME && end + p->policy.horizon_ms < p->log_time && end < p->final_until &&
           c->corrections_n == 0 && !has_bits(c->dirty) && !has_bits(c->issued);
}

void apply_sweep(struct partition *p)
{
    p->sweep_due = false;
    for (uint32_t i = 0; i < p->instances_n; i++) {
        struct instance *inst = instance_at(p, instance_in_order(p, i));
        for (uint32_t c = inst->first_claim, next; c != 0; c = next) {
            next = claim_at(p, c)->next;
            if (can_forget(p, claim_at(p, c)))
                claim_forget(p, inst, c);
        }
        if (inst->claims_n == 0 && inst->first_epoch != 0 &&
            p->log_time - inst->last_log_time >= p->policy.instance_ttl_ms)
            instance_forget(p, inst);
    }
    while (p->first_dead_letter != 0) {
        uint32_t first = p->first_dead_letter;
        const struct dead_letter *d = pool_at(p, POOL_DEAD_LETTERS, first);
        if (d->hour >= p->final_until)
            break;
        p->first_dead_letter = d->next;
        p->dead_letters_n--;
        pool_give(p, POOL_DEAD_LETTERS, first);
    }
    if (p->first_dead_letter == 0)
        p->last_dead_letter = 0;
}
