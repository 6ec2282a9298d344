/*
 * Comparing runs before and after a record. See change.h.
 */
#include "aggregator/core/change.h"

#include <string.h>

#include "aggregator/core/hour.h"
#include "aggregator/core/pool.h"

/* Whether a record about something else on the host can change this claim's lines. */
static bool is_watched(const struct claim *c)
{
    return c->facts.rank[FACT_END] == 0 || (c->flags & CLAIM_SHARED) != 0;
}

static void remember(const struct partition *p, struct change *change, uint32_t claim)
{
    if (change->n == CHANGE_RUNS_MAX) {
        change->overflow = true;
        return;
    }
    change->claims[change->n] = claim;
    run_view(p, change->inst, claim, &change->before[change->n]);
    change->n++;
}

void change_begin(const struct partition *p, uint32_t instance, uint32_t target,
                  struct change *change)
{
    change->inst = instance_at(p, instance);
    change->instance = instance;
    change->n = 0;
    change->overflow = false;
    for (uint32_t c = change->inst->first_claim; c != 0; c = claim_at(p, c)->next)
        if (c == target || is_watched(claim_at(p, c)))
            remember(p, change, c);
}

/* ---- corrections -------------------------------------------------------------------- */

static int64_t product(int64_t ms, int64_t quantity)
{
    return ms * quantity; /* ≤ 3.6e6 × 2^32 < 2^54: facts bound quantities */
}

static bool correction_precedes(const struct partition *p, const struct correction *a, int64_t hour,
                                uint32_t instance, uint32_t claim)
{
    if (a->hour != hour)
        return a->hour < hour;
    if (a->instance != instance)
        return blob_compare(p, instance_at(p, a->instance)->id, instance_at(p, instance)->id) < 0;
    return a->claim != claim &&
           blob_compare(p, claim_at(p, a->claim)->run_id, claim_at(p, claim)->run_id) < 0;
}

static void correction_add(struct partition *p, const struct change *change, uint32_t claim,
                           int64_t hour, const struct line_values *old,
                           const struct line_values *new)
{
    int64_t held_old = line_held_ms(old), held_new = line_held_ms(new);
    uint32_t *link = &p->first_correction;

    while (*link != 0 &&
           correction_precedes(p, correction_at(p, *link), hour, change->instance, claim))
        link = &correction_at(p, *link)->next;
    struct correction *c = *link == 0 ? NULL : correction_at(p, *link);
    if (c == NULL || c->hour != hour || c->claim != claim) {
        uint32_t index = pool_take(p, POOL_CORRECTIONS);
        c = correction_at(p, index);
        *c = (struct correction){
            .next = *link, .instance = change->instance, .claim = claim, .hour = hour};
        *link = index;
        p->corrections_n++;
        claim_at(p, claim)->corrections_n++;
    }
    c->held_ms += held_new - held_old;
    c->running_ms += line_running_ms(new) - line_running_ms(old);
    c->vcpu_ms += product(held_new, new->vcpus) - product(held_old, old->vcpus);
    c->mib_ms += product(held_new, new->memory_mib) - product(held_old, old->memory_mib);
}

static bool same_usage(const struct line_values *a, const struct line_values *b)
{
    return line_held_ms(a) == line_held_ms(b) && line_running_ms(a) == line_running_ms(b) &&
           (line_held_ms(a) == 0 || (a->vcpus == b->vcpus && a->memory_mib == b->memory_mib));
}

/* ---- comparison --------------------------------------------------------------------- */

static void widen(const struct run_view *v, int64_t *from, int64_t *to)
{
    if (!v->exists)
        return;
    *from = *from == NO_TIME ? v->held_from : time_min(*from, v->held_from);
    *to = *to == NO_TIME ? v->until : time_max(*to, v->until);
}

static void compare(struct partition *p, const struct change *change, uint32_t claim,
                    const struct run_view *before, uint32_t reason)
{
    struct run_view after;
    struct line_values old, new;
    int64_t from = NO_TIME, to = NO_TIME;

    run_view(p, change->inst, claim, &after);
    widen(before, &from, &to);
    widen(&after, &from, &to);
    if (from == NO_TIME)
        return;
    from = time_max(hour_floor(from), p->identity.first_hour);
    for (int64_t hour = from; hour < p->cut_until && hour <= to; hour += HOUR_MS) {
        run_line(before, hour, &old);
        run_line(&after, hour, &new);
        if (memcmp(&old, &new, sizeof old) == 0)
            continue;
        if (hour >= p->final_until) {
            bit_set(claim_at(p, claim)->dirty, hour);
            hour_mark(p, hour, reason);
        } else if (!same_usage(&old, &new)) {
            correction_add(p, change, claim, hour, &old, &new);
        }
    }
}

/* Too many runs share an identity to compare them one by one: all their cut hours are issued again.
 */
static void mark_everything(struct partition *p, const struct change *change, uint32_t reason)
{
    for (uint32_t c = change->inst->first_claim; c != 0; c = claim_at(p, c)->next)
        for (int64_t hour = p->final_until; hour < p->cut_until; hour += HOUR_MS) {
            bit_set(claim_at(p, c)->dirty, hour);
            hour_mark(p, hour, reason);
        }
}

/* How a run stood that nobody watched: ended and sharing nothing, so by itself; or not yet there.
 */
static void view_before(struct partition *p, const struct change *change, uint32_t claim,
                        struct run_view *view)
{
    struct claim *c = claim_at(p, claim);
    uint32_t flags = c->flags;

    if ((flags & CLAIM_NEW) != 0) {
        *view = (struct run_view){.held_from = NO_TIME, .running_from = NO_TIME, .until = NO_TIME};
        return;
    }
    c->flags &= ~(uint32_t)CLAIM_SHARED;
    run_view(p, change->inst, claim, view);
    c->flags = flags;
}

void change_end(struct partition *p, struct change *change, uint32_t target, uint32_t reason)
{
    struct run_view before;

    if (change->overflow)
        mark_everything(p, change, reason);
    else
        for (uint32_t i = 0; i < change->n; i++)
            compare(p, change, change->claims[i], &change->before[i], reason);
    for (uint32_t c = change->inst->first_claim; c != 0; c = claim_at(p, c)->next) {
        bool known = change->overflow || (c != target && !is_watched(claim_at(p, c)));
        for (uint32_t i = 0; i < change->n && !known; i++)
            known = change->claims[i] == c;
        if (!known) {
            view_before(p, change, c, &before);
            compare(p, change, c, &before, reason);
        }
        claim_at(p, c)->flags &= ~(uint32_t)CLAIM_NEW;
    }
}
