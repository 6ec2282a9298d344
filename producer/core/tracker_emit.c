/*
 * Events out of the tracker's state: numbering, the facts of a run, lists. The caller has checked
 * that `out` has room.
 */
#include <assert.h>

#include "producer/core/tracker_internal.h"

struct event *emit_event(struct step *s, enum event_type type)
{
    struct tracker *t = s->tracker;

    assert(s->out->events_n < s->out->events_cap);
    struct event *e = &s->out->events[s->out->events_n++];
    *e = (struct event){
        .type = type,
        .instance_id = t->options.instance_id,
        .producer_epoch = t->options.epoch,
        .boot_id = t->options.boot_id,
        .event_time = s->statement->time_ms,
        .observed_time = s->statement->observed_ms,
        .low_watermark = t->low_watermark,
        .evidence = s->statement->source,
    };
    if (type != EVENT_HEARTBEAT) {
        t->seq++;
        assert(t->seq > 0);
    }
    e->seq = t->seq;
    if (t->seq == 1 && t->has_prev && type != EVENT_HEARTBEAT) {
        e->has |= EVENT_HAS_PREV_EPOCH | EVENT_HAS_PREV_SEQ;
        e->prev_epoch = t->prev_epoch;
        e->prev_seq = t->prev_seq;
    }
    t->counters.events++;
    return e;
}

void run_to_event(const struct tracker_run *run, struct event_run *out)
{
    *out = (struct event_run){
        .run_id = bytes_of(run->run_id, run->run_id_len),
        .has = run->has,
        .enclave_id = bytes_of(run->enclave_id, run->enclave_id_len),
        .name = bytes_of(run->name, run->name_len),
        .eif_path = bytes_of(run->eif_path, run->eif_path_len),
        .pid = run->pid,
        .enclave_cid = run->enclave_cid,
        .vcpus = run->vcpus,
        .cpu_ids = {.ids = run->cpu_ids, .n = run->cpu_ids_n},
        .memory_mib_requested = run->memory_mib_requested,
        .memory_mib = run->memory_mib,
        .debug_mode = run->debug_mode,
        .allocated_time = run->allocated_time,
        .running_time = run->running_time,
    };
}

static struct event *emit_about(struct step *s, const struct tracker_run *run, enum event_type type,
                                int64_t event_time)
{
    struct event *e = emit_event(s, type);

    e->event_time = event_time;
    e->boot_id = run->boot_id;
    run_to_event(run, &e->run);
    return e;
}

void emit_run(struct step *s, const struct tracker_run *run, enum event_type type,
              int64_t event_time)
{
    emit_about(s, run, type, event_time);
}

void emit_end(struct step *s, struct tracker_run *run, enum end_cause cause, struct bytes detail,
              int64_t event_time, int64_t earliest_ms)
{
    struct event *e = emit_about(s, run, run->slot != 0 ? EVENT_ENDED : EVENT_FAILED, event_time);

    e->end_cause = cause;
    e->end_detail = detail;
    if (earliest_ms != 0) {
        e->has |= EVENT_HAS_END_TIME_EARLIEST;
        e->end_time_earliest = earliest_ms;
    }
    run->stated = true;
    run_retire(s->tracker, run);
}

static bool comes_before(const struct tracker_run *a, const struct tracker_run *b)
{
    if (a->first_ms != b->first_ms)
        return a->first_ms < b->first_ms;
    return bytes_compare(bytes_of(a->run_id, a->run_id_len), bytes_of(b->run_id, b->run_id_len)) <
           0;
}

/* Live, stated runs by age. */
static size_t list_runs(const struct tracker *t, const struct tracker_run *list[])
{
    size_t n = 0;

    for (size_t i = 0; i < TRACKER_RUNS_MAX; i++) {
        const struct tracker_run *run = &t->runs[i];
        if (run->state == RUN_NONE || run->state == RUN_ENDED || !run->stated)
            continue;
        assert(n < TRACKER_LIVE_MAX);
        size_t at = n++;
        for (; at > 0 && comes_before(run, list[at - 1]); at--)
            list[at] = list[at - 1];
        list[at] = run;
    }
    return n;
}

/* In full, as far as one record may hold: every fact left out here is in the run's own events. */
static void list_in_full(const struct tracker_run *run, struct event_run *out, size_t *text,
                         uint32_t *cpu_ids)
{
    run_to_event(run, out);
    *text += out->name.len + out->eif_path.len;
    if (*text > TRACKER_LIST_TEXT_MAX) {
        out->has &= ~(uint32_t)(RUN_HAS_NAME | RUN_HAS_EIF_PATH);
        out->name = out->eif_path = bytes_of(NULL, 0);
    }
    *cpu_ids += out->cpu_ids.n;
    if (*cpu_ids > EVENT_CPU_IDS_MAX) {
        out->has &= ~(uint32_t)RUN_HAS_CPU_IDS;
        out->cpu_ids = (struct event_cpu_ids){NULL, 0};
    }
}

void emit_list(struct step *s, enum event_type type)
{
    struct tracker *t = s->tracker;
    const struct tracker_run *list[TRACKER_LIVE_MAX];
    size_t n = list_runs(t, list), text = 0;
    uint32_t cpu_ids = 0;

    struct event *e = emit_event(s, type);
    if (t->has_clock)
        e->event_time = t->wall_ms;
    e->evidence = EVIDENCE_LOG; /* what the list rests on */
    assert(n <= s->out->running_cap);
    for (size_t i = 0; i < n; i++) {
        struct event_run *out = &s->out->running[i];
        if (type == EVENT_SNAPSHOT)
            list_in_full(list[i], out, &text, &cpu_ids);
        else
            *out = (struct event_run){.run_id = bytes_of(list[i]->run_id, list[i]->run_id_len)};
    }
    e->running = s->out->running;
    e->running_n = (uint32_t)n;
    const struct tracker_host *host = host_in_force(t);
    if (type == EVENT_SNAPSHOT && host->known) {
        e->has |= EVENT_HAS_HOST;
        e->host = host->facts;
    }
}
