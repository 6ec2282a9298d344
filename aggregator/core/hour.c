/*
 * The life of an hour. See hour.h.
 */
#include "aggregator/core/hour.h"

#include "aggregator/core/instance.h"

struct hour *hour_at(struct partition *p, int64_t hour)
{
    assert(hour >= p->final_until && hour < p->cut_until);
    return &p->hours[hour_slot(hour)];
}

/* ---- log time ----------------------------------------------------------------------- */

/* A span in which nobody could write (R14); the list is short, so old ones that still matter are
 * stretched together, which can only delay a cut by grace. */
static void outage_add(struct partition *p, int64_t from, int64_t to)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < p->outages_n; i++)
        if (p->outages[i].to > p->cut_until)
            p->outages[kept++] = p->outages[i];
    p->outages_n = kept;
    if (p->outages_n == OUTAGES_MAX) {
        p->outages[1].from = p->outages[0].from;
        for (uint32_t i = 1; i < OUTAGES_MAX; i++)
            p->outages[i - 1] = p->outages[i];
        p->outages_n--;
    }
    p->outages[p->outages_n++] = (struct outage){from, to};
}

static int64_t outages_after(const struct partition *p, int64_t since)
{
    int64_t sum = 0;

    for (uint32_t i = 0; i < p->outages_n; i++)
        if (p->outages[i].to > since)
            sum += p->outages[i].to - time_max(p->outages[i].from, since);
    return sum;
}

void hours_advance(struct partition *p, int64_t append_time, uint32_t *notices)
{
    if (p->log_time == NO_TIME) {
        p->log_time = append_time;
        p->active = 0;
        return;
    }
    if (append_time <= p->log_time) {
        if (append_time < p->log_time)
            *notices |= NOTICE_LOG_TIME_BACKWARDS;
        return;
    }
    int64_t step = append_time - p->log_time;
    if (step > 3 * p->policy.tick_interval_ms)
        outage_add(p, p->log_time, append_time);
    else
        p->active += step;
    p->log_time = append_time;
}

/* ---- cuts --------------------------------------------------------------------------- */

/* Rev n+1 is cut at rev 1's cut + k × interval, k the smallest whose moment lies after the change.
 */
static int64_t revision_boundary(const struct partition *p, const struct hour *h)
{
    int64_t interval = p->policy.revision_interval_ms;
    int64_t k = (h->changed_at - h->rev1_cut) / interval + 1;

    return h->rev1_cut + k * interval;
}

void hours_revision_refresh(struct partition *p)
{
    p->next_revision_due = NO_TIME;
    for (int64_t t = p->final_until; t < p->cut_until; t += HOUR_MS) {
        const struct hour *h = hour_at(p, t);
        if (!h->changed)
            continue;
        int64_t due = revision_boundary(p, h);
        if (p->next_revision_due == NO_TIME || due < p->next_revision_due)
            p->next_revision_due = due;
    }
}

int64_t hours_revision_due(const struct partition *p)
{
    if (p->next_revision_due == NO_TIME || p->log_time < p->next_revision_due)
        return NO_TIME;
    for (int64_t t = p->final_until; t < p->cut_until; t += HOUR_MS) {
        const struct hour *h = &p->hours[hour_slot(t)];
        if (h->changed && p->log_time >= revision_boundary(p, h))
            return t;
    }
    return NO_TIME;
}

int64_t hours_forced_revision(const struct partition *p)
{
    bool full = (p->cut_until - p->final_until) / HOUR_MS >= HOURS_RING - 1;

    return full ? p->final_until : NO_TIME;
}

/* Whether every expected instance has reached the end of the hour. Starts at the one that lagged
 * last time: watermarks do not fall, so each instance is passed about once per hour. */
static bool all_reach(struct partition *p, int64_t hour)
{
    for (; p->lagging < p->instances_n; p->lagging++) {
        const struct instance *inst = instance_at(p, instance_in_order(p, p->lagging));
        if (instance_is_expected(p, inst, hour) && !instance_reaches(p, inst, hour + HOUR_MS))
            return false;
    }
    return true;
}

int64_t hours_first_cut_due(struct partition *p)
{
    int64_t hour = p->cut_until;
    int64_t since_end = p->log_time - (hour + HOUR_MS);

    if (p->log_time == NO_TIME || since_end < p->policy.settle_ms)
        return NO_TIME;
    if (since_end - outages_after(p, hour + HOUR_MS) >= p->policy.grace_ms)
        return hour;
    if (!all_reach(p, hour))
        return NO_TIME;
    /* A cached pass is not proof: an instance may have come back or been rewound since. */
    p->lagging = 0;
    return all_reach(p, hour) ? hour : NO_TIME;
}

void hour_was_cut(struct partition *p, int64_t hour)
{
    if (hour == p->cut_until) {
        p->hours[hour_slot(hour)] = (struct hour){.revision = 1, .rev1_cut = p->log_time};
        p->cut_until += HOUR_MS;
        p->lagging = 0;
        hours_finalise(p);
        return;
    }
    struct hour *h = hour_at(p, hour);
    h->revision++;
    h->changed = false;
    h->reasons = 0;
    hours_revision_refresh(p);
}

void hour_mark(struct partition *p, int64_t hour, uint32_t reason)
{
    struct hour *h = hour_at(p, hour);

    h->reasons |= reason;
    if (h->changed)
        return;
    h->changed = true;
    h->changed_at = p->log_time;
    int64_t due = revision_boundary(p, h);
    if (p->next_revision_due == NO_TIME || due < p->next_revision_due)
        p->next_revision_due = due;
}

/* An hour that has changed is cut once more before it becomes final. */
static bool can_be_final(struct partition *p, int64_t hour)
{
    const struct hour *h = hour_at(p, hour);

    return !h->changed && hour + HOUR_MS + p->policy.horizon_ms <= p->log_time;
}

static void clear_bits(struct partition *p, int64_t hour)
{
    for (uint32_t i = 0; i < p->instances_n; i++) {
        const struct instance *inst = instance_at(p, instance_in_order(p, i));
        for (uint32_t c = inst->first_claim; c != 0; c = claim_at(p, c)->next) {
            bit_clear(claim_at(p, c)->dirty, hour);
            bit_clear(claim_at(p, c)->issued, hour);
        }
    }
}

void hours_finalise(struct partition *p)
{
    bool any = false;

    while (p->final_until < p->cut_until && can_be_final(p, p->final_until)) {
        clear_bits(p, p->final_until);
        p->final_until += HOUR_MS;
        any = true;
    }
    if (any)
        hours_revision_refresh(p);
}
