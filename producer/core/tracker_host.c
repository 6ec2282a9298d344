/*
 * The host in the tracker: its facts, its clocks, the watermark, and what is due when. Deadlines
 * are in CLOCK_BOOTTIME, so that a step of the wall clock delays nothing.
 */
#include <assert.h>

#include "common/sha256.h"
#include "producer/core/tracker_internal.h"

const struct tracker_host *host_in_force(const struct tracker *t)
{
    return &t->hosts[t->host_at];
}

static struct bytes keep(struct tracker_host *h, struct bytes text, bool *fits)
{
    if (text.len > EVENT_STRING_MAX || text.len > sizeof h->text - h->text_len) {
        *fits = false;
        return bytes_of(NULL, 0);
    }
    uint8_t *at = h->text + h->text_len;
    if (text.len > 0)
        memcpy(at, text.ptr, text.len);
    h->text_len += text.len;
    return bytes_of(at, text.len);
}

static bool host_copy(struct tracker_host *h, const struct event_host *from)
{
    bool fits = from->tags.n <= EVENT_PAIRS_MAX;

    if (!fits)
        return false;
    h->text_len = 0;
    h->facts = *from;
    h->facts.account = keep(h, from->account, &fits);
    h->facts.region = keep(h, from->region, &fits);
    h->facts.zone = keep(h, from->zone, &fits);
    h->facts.instance_type = keep(h, from->instance_type, &fits);
    h->facts.producer_version = keep(h, from->producer_version, &fits);
    for (uint32_t i = 0; i < from->tags.n; i++) {
        h->tags[i].key = keep(h, from->tags.pairs[i].key, &fits);
        h->tags[i].value = keep(h, from->tags.pairs[i].value, &fits);
    }
    h->facts.tags.pairs = h->tags;
    h->known = fits;
    return fits;
}

/* Clocks and their quality always differ; they are no news. */
static bool same_facts(const struct event_host *a, const struct event_host *b)
{
    bool same = bytes_equal(a->account, b->account) && bytes_equal(a->region, b->region) &&
                bytes_equal(a->zone, b->zone) && bytes_equal(a->instance_type, b->instance_type) &&
                bytes_equal(a->producer_version, b->producer_version) &&
                a->pool_vcpus == b->pool_vcpus && a->pool_memory_mib == b->pool_memory_mib &&
                a->tags.n == b->tags.n;

    for (uint32_t i = 0; same && i < a->tags.n; i++)
        same = bytes_equal(a->tags.pairs[i].key, b->tags.pairs[i].key) &&
               bytes_equal(a->tags.pairs[i].value, b->tags.pairs[i].value);
    return same;
}

static void emit_host_up(struct step *s)
{
    struct event *e = emit_event(s, EVENT_HOST_UP);

    e->has |= EVENT_HAS_HOST;
    e->host = host_in_force(s->tracker)->facts;
}

/* Returns true if the wall clock was set since the last reading (R4). */
static bool clock_read(struct tracker *t, int64_t wall_ms, int64_t boottime_ms)
{
    struct tracker_host *host = &t->hosts[t->host_at];
    int64_t offset, before, change;
    bool stepped = false;

    if (boottime_ms < 0 || __builtin_sub_overflow(wall_ms, boottime_ms, &offset))
        return false;
    if (!t->has_clock) {
        t->has_clock = true;
        t->boot_wall_ms = offset;
    } else if (!__builtin_sub_overflow(t->wall_ms, t->boottime_ms, &before)) {
        stepped = __builtin_sub_overflow(offset, before, &change) ||
                  change > TRACKER_CLOCK_STEP_MS || change < -TRACKER_CLOCK_STEP_MS;
    }
    t->wall_ms = wall_ms;
    t->boottime_ms = boottime_ms;
    host->facts.wall_time = wall_ms;
    host->facts.boottime_ms = boottime_ms;
    if (stepped) {
        t->counters.clock_steps++;
        t->next_snapshot_ms = INT64_MAX; /* planned by the wall clock: again */
    }
    return stepped;
}

static int64_t plus(int64_t a, int64_t b)
{
    int64_t sum;

    return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

/* Snapshots of a fleet are spread: each instance has its own offset within the interval. */
static int64_t snapshot_delay_ms(const struct tracker *t)
{
    uint8_t digest[SHA256_RAW_BYTES];
    int64_t interval = t->options.snapshot_interval_ms;
    uint64_t hash = 0;

    sha256_of(t->options.instance_id, digest);
    for (size_t i = 0; i < sizeof hash; i++)
        hash = hash << 8 | digest[i];
    int64_t offset = (int64_t)(hash % (uint64_t)interval);
    int64_t phase = t->wall_ms % interval;
    if (phase < 0)
        phase += interval;
    return offset > phase ? offset - phase : offset - phase + interval;
}

void host_plan(struct tracker *t)
{
    if (!t->has_clock || !t->caught_up || t->options.backfill)
        return;
    if (t->next_heartbeat_ms == INT64_MAX)
        t->next_heartbeat_ms = plus(t->boottime_ms, t->options.heartbeat_interval_ms);
    if (t->next_snapshot_ms == INT64_MAX)
        t->next_snapshot_ms = plus(t->boottime_ms, snapshot_delay_ms(t));
}

static void snapshot(struct step *s)
{
    emit_list(s, EVENT_SNAPSHOT);
    s->tracker->next_heartbeat_ms = INT64_MAX;
    s->tracker->next_snapshot_ms = INT64_MAX;
}

enum err host_take_facts(struct step *s)
{
    struct tracker *t = s->tracker;
    const struct event_host *facts = s->statement->host;
    uint32_t next = 1 - t->host_at;
    bool known = host_in_force(t)->known;

    if (facts == NULL || !host_copy(&t->hosts[next], facts))
        return ERR_LIMIT;
    bool changed = known && !same_facts(&host_in_force(t)->facts, &t->hosts[next].facts);
    t->host_at = next;
    bool stepped = clock_read(t, facts->wall_time, facts->boottime_ms);
    if (t->options.backfill)
        return ERR_OK;
    if (!known || stepped)
        emit_host_up(s);
    if (changed && t->caught_up)
        snapshot(s);
    host_plan(t);
    return ERR_OK;
}

void host_take_tick(struct step *s)
{
    struct tracker *t = s->tracker;
    bool stepped = clock_read(t, s->statement->time_ms, s->statement->boottime_ms);

    if (t->options.backfill)
        return;
    if (stepped && host_in_force(t)->known)
        emit_host_up(s);
    if (t->caught_up && t->boottime_ms >= t->next_snapshot_ms) {
        snapshot(s);
    } else if (t->caught_up && t->boottime_ms >= t->next_heartbeat_ms) {
        emit_list(s, EVENT_HEARTBEAT);
        t->next_heartbeat_ms = INT64_MAX;
    }
    host_plan(t);
}

/* No enclave survives a reboot: it ended between its last proof of life and the boot. */
bool host_end_rebooted(struct step *s, struct tracker_run *run)
{
    struct tracker *t = s->tracker;
    int64_t boot = t->has_clock ? t->boot_wall_ms : s->statement->time_ms;

    if (event_uuid_equal(&run->boot_id, &t->options.boot_id) ||
        run_is_of_earlier_boot(t, s->statement))
        return false;
    if (!run->stated) {
        run_forget(t, run);
        return true;
    }
    int64_t alive = run->last_ms > t->old_watermark ? run->last_ms : t->old_watermark;
    int64_t end = boot > run->last_ms ? boot : run->last_ms;
    emit_end(s, run, END_HOST_REBOOT, bytes_of(NULL, 0), end, alive < end ? alive : end);
    s->out->events[s->out->events_n - 1].evidence = EVIDENCE_BOOT;
    return true;
}

/* The log of this boot has been read: it did not end what is left of an earlier one. */
static void end_earlier_boots(struct step *s)
{
    for (size_t i = 0; i < TRACKER_RUNS_MAX; i++) {
        struct tracker_run *run = &s->tracker->runs[i];
        if (run->state != RUN_NONE && run->state != RUN_ENDED)
            (void)host_end_rebooted(s, run);
    }
}

void host_take_caught_up(struct step *s)
{
    struct tracker *t = s->tracker;
    bool first = !t->caught_up;
    int64_t watermark;

    t->caught_up = true;
    if (t->options.backfill)
        return;
    if (first && !event_uuid_is_nil(&t->options.boot_id))
        end_earlier_boots(s); /* still under the old watermark: they are news from before it */
    if (!__builtin_sub_overflow(s->statement->time_ms, t->options.watermark_slack_ms, &watermark) &&
        watermark > t->low_watermark)
        t->low_watermark = watermark;
    if (first)
        snapshot(s);
    host_plan(t);
}
