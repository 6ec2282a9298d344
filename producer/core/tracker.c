/*
 * What a statement does to a run, and which event comes of it; see tracker.h for the contract.
 *
 *               PROCESS_STARTED        RUN_ARGS           ALLOCATED             ENCLAVE_ID
 *        (none) ──────────────▶ STARTED ──────▶ REQUESTED ────────▶ ALLOCATED ─────────▶ RUNNING
 *          │                       │              │   │      event     │        event     │  ▲
 *          │                       │ gone         │   │   "ALLOCATED"  │      "RUNNING"   │  │
 *          │                       ▼              │   │                │                  │  │
 *          │                    (none)◀───────────┘   │ E-code, exit   │ E-code, exit     │ end
 *          │                                 replaced ▼                ▼                  ▼  │
 *          │                                        ENDED ◀────────────┴──────────────── ENDED
 *          │                                    event "FAILED"                      event "ENDED"
 *          └── marker or end of a slot that was never seen starting (the log was rotated away) ─┘
 *
 * Lost lines: every statement of a start may come first and moves the run as far as it says.
 *
 * Joins. Statements of a start carry the pid; the ID line joins pid and slot; after that the slot
 * counts. A process that starts under the pid of an open run proves that run gone: KILLED, at some
 * time between its last evidence and the new start.
 *
 * End (facts: stop). The first of COMPLETED, TERMINATED, LISTENER_STOPPED, LOOP_EXITED ends the
 * run, the others confirm. SOCKET_DELETED does so too: nitro-cli's monitor thread calls exit(1)
 * right after that line, so nothing follows. An ERROR alone ends nothing that runs. Why it ended:
 * the first marker, else the last E-code (COMMAND_FAILED). Before an ID an E-code is the end: E36,
 * or any after "Waiting on enclave to boot failed", is BOOT_FAILED; others are REFUSED.
 */
#include "producer/core/tracker.h"

#include <assert.h>

#include "producer/core/tracker_internal.h"

static bool is_end(enum statement_kind kind)
{
    return kind == STATEMENT_TERMINATION_COMPLETED || kind == STATEMENT_TERMINATED ||
           kind == STATEMENT_LISTENER_STOPPED || kind == STATEMENT_LOOP_EXITED ||
           kind == STATEMENT_SOCKET_DELETED;
}

static enum end_cause marker_of(enum statement_kind kind)
{
    switch (kind) {
    case STATEMENT_TERMINATE_RECEIVED: return END_TERMINATED;
    case STATEMENT_HANG_UP: return END_EXITED;
    case STATEMENT_SIGNAL: return END_SIGNALLED;
    case STATEMENT_SOCKET_DELETED: return END_SOCKET_DELETED;
    default: return END_UNKNOWN;
    }
}

static struct bytes detail_of(const struct tracker_run *run, enum end_cause cause)
{
    if (cause == END_SIGNALLED)
        return bytes_of(run->signal, run->signal_len);
    return bytes_of(run->code, run->code_len);
}

static void contradict(struct step *s)
{
    s->tracker->counters.contradictions++;
}

/* The run's process is gone without a word: its pid belongs to somebody else now. */
static void replace(struct step *s, struct tracker_run *run)
{
    int64_t now = s->statement->time_ms;

    if (host_end_rebooted(s, run))
        return;
    if (run->stated)
        emit_end(s, run, END_KILLED, detail_of(run, run->marker), now,
                 run->last_ms < now ? run->last_ms : now);
    else
        run_forget(s->tracker, run);
}

static void note(struct step *s, struct tracker_run *run)
{
    if (s->statement->time_ms > run->last_ms)
        run->last_ms = s->statement->time_ms;
    if (s->statement->suspect)
        s->tracker->counters.suspect++;
}

static void on_process_started(struct step *s)
{
    struct tracker_run *run = run_find_pid(s->tracker, s->statement->pid);

    if (run != NULL && run->first_ms == s->statement->time_ms)
        return; /* the same line again */
    if (run != NULL && s->statement->suspect) {
        contradict(s);
        return;
    }
    if (run != NULL)
        replace(s, run);
    run = run_create(s->tracker, s->statement);
    if (run != NULL)
        note(s, run);
}

/* ---- a start: by pid */

/* The run that this statement of a start is about; NULL: none, or it says what cannot be. */
static struct tracker_run *starting_run(struct step *s)
{
    const struct statement *st = s->statement;
    struct tracker_run *run = run_find_pid(s->tracker, st->pid);

    if (run != NULL && st->suspect && st->time_ms < run->last_ms) {
        contradict(s);
        return NULL;
    }
    if (run != NULL && run->state == RUN_RUNNING && st->kind == STATEMENT_RUN_ARGS &&
        !st->suspect && st->time_ms > run->last_ms) {
        replace(s, run); /* a process asks once: another one has the pid, its first line is lost */
        run = NULL;
    }
    if (run == NULL)
        run = run_create(s->tracker, st);
    if (run != NULL)
        note(s, run);
    return run;
}

static void on_run_args(struct step *s)
{
    struct tracker_run *run = starting_run(s);

    if (run == NULL)
        return;
    if (!run_take_args(run, &s->statement->args))
        contradict(s);
    else if (run->state == RUN_STARTED)
        run_set_state(s->tracker, run, RUN_REQUESTED);
}

static void on_allocating(struct step *s)
{
    struct tracker_run *run = starting_run(s);

    if (run == NULL)
        return;
    if (run->state == RUN_STARTED)
        run_set_state(s->tracker, run, RUN_REQUESTED);
    if (run->state != RUN_REQUESTED || (run->has & RUN_HAS_ALLOCATED_TIME) != 0)
        return;
    run->allocated_time = s->statement->time_ms;
    run->has |= RUN_HAS_ALLOCATED_TIME;
}

static void on_allocated(struct step *s)
{
    struct tracker_run *run = starting_run(s);

    if (run == NULL)
        return;
    if (run->state != RUN_STARTED && run->state != RUN_REQUESTED) {
        contradict(s);
        return;
    }
    if ((run->has & RUN_HAS_ALLOCATED_TIME) == 0)
        run->allocated_time = s->statement->time_ms;
    run->memory_mib = (int64_t)(s->statement->bytes >> 20);
    run->has |= RUN_HAS_ALLOCATED_TIME | RUN_HAS_MEMORY_MIB;
    run_set_state(s->tracker, run, RUN_ALLOCATED);
    run->stated = true;
    emit_run(s, run, EVENT_ALLOCATED, run->allocated_time);
}

static void run_becomes_running(struct step *s, struct tracker_run *run)
{
    run->running_time = s->statement->time_ms;
    run->has |= RUN_HAS_RUNNING_TIME;
    run->stated = true;
    emit_run(s, run, EVENT_RUNNING, run->running_time);
}

static void on_enclave_id(struct step *s)
{
    const struct statement *st = s->statement;
    const struct tracker_run *same = run_find_slot(s->tracker, st->slot);

    if (st->slot == 0 || (same != NULL && same->pid != st->pid) ||
        run_has_ended(s->tracker, st->pid, st->slot)) {
        contradict(s);
        return;
    }
    struct tracker_run *run = starting_run(s);
    if (run == NULL)
        return;
    if (run->state == RUN_RUNNING) {
        if (run->slot != st->slot)
            contradict(s);
        return;
    }
    run_take_slot(s->tracker, run, st->slot, st->enclave_id);
    run_set_state(s->tracker, run, RUN_RUNNING);
    run_becomes_running(s, run);
}

/* ---- life and end: by slot, before the ID by pid */

/* A slot that was never seen starting: what is said from now on still counts. */
static struct tracker_run *unseen_run(struct step *s)
{
    const struct statement *st = s->statement;

    if (marker_of(st->kind) == END_UNKNOWN && !is_end(st->kind) &&
        !(st->kind == STATEMENT_ERROR && st->text.len > 0)) {
        s->tracker->counters.unmatched++;
        return NULL;
    }
    struct tracker_run *run = run_create(s->tracker, st);
    if (run != NULL) {
        run_take_slot(s->tracker, run, st->slot, bytes_of(NULL, 0));
        run_set_state(s->tracker, run, RUN_RUNNING);
    }
    return run;
}

/* By slot. The process with this pid may be known without its ID: that line is lost. */
static struct tracker_run *slot_run(struct step *s)
{
    const struct statement *st = s->statement;
    struct tracker_run *run = run_find_slot(s->tracker, st->slot);

    if (run != NULL && run->pid != st->pid && run->pid != 0 && st->pid != 0) {
        contradict(s);
        return NULL;
    }
    if (run != NULL || run_has_ended(s->tracker, st->pid, st->slot))
        return run; /* NULL: it only confirms */
    run = run_find_pid(s->tracker, st->pid);
    if (run == NULL)
        return unseen_run(s);
    if (run->slot != 0 || (st->suspect && st->time_ms < run->last_ms)) {
        contradict(s);
        return NULL;
    }
    run_take_slot(s->tracker, run, st->slot, bytes_of(NULL, 0));
    run_set_state(s->tracker, run, RUN_RUNNING);
    if (!is_end(st->kind))
        run_becomes_running(s, run); /* at the latest now */
    return run;
}

static struct tracker_run *process_run(struct step *s)
{
    const struct statement *st = s->statement;
    struct tracker_run *run;

    if (st->slot != 0) {
        run = slot_run(s);
    } else {
        run = run_find_pid(s->tracker, st->pid);
        if (run == NULL && !run_has_ended(s->tracker, st->pid, 0))
            s->tracker->counters.unmatched++;
    }
    if (run != NULL && st->suspect && st->time_ms < run->last_ms) {
        contradict(s);
        return NULL;
    }
    if (run != NULL)
        note(s, run);
    return run;
}

static void on_life(struct step *s)
{
    (void)process_run(s);
}

static void take_marker(const struct statement *st, struct tracker_run *run)
{
    if (run->marker != END_UNKNOWN)
        return;
    run->marker = marker_of(st->kind);
    run->code_len = 0; /* an error before it explains nothing */
    if (st->kind == STATEMENT_SIGNAL && st->text.len > 0 && st->text.len <= sizeof run->signal) {
        memcpy(run->signal, st->text.ptr, st->text.len);
        run->signal_len = (uint8_t)st->text.len;
    }
}

static void on_marker(struct step *s)
{
    struct tracker_run *run = process_run(s);

    if (run != NULL)
        take_marker(s->statement, run);
}

/* Before the ID: only what held or asked for something has failed; a bare process just goes. */
static void fail_run(struct step *s, struct tracker_run *run)
{
    enum end_cause cause = run->marker;
    struct bytes code = bytes_of(run->code, run->code_len);

    if (run->state == RUN_STARTED) {
        run_forget(s->tracker, run);
        return;
    }
    if (run->boot_wait_failed || bytes_equal(code, BYTES_LITERAL("E36")))
        cause = END_BOOT_FAILED;
    else if (code.len > 0)
        cause = END_REFUSED;
    else if (cause == END_UNKNOWN) /* the ERROR is lost */
        cause = run->state == RUN_ALLOCATED ? END_BOOT_FAILED : END_REFUSED;
    emit_end(s, run, cause, detail_of(run, cause), s->statement->time_ms, 0);
}

static void on_error(struct step *s)
{
    const struct statement *st = s->statement;
    struct tracker_run *run = process_run(s);

    if (run == NULL)
        return;
    if (st->text.len > 0 && st->text.len <= sizeof run->code) {
        memcpy(run->code, st->text.ptr, st->text.len);
        run->code_len = (uint8_t)st->text.len;
    }
    run->boot_wait_failed = run->boot_wait_failed || st->boot_wait_failed;
    if (run->state != RUN_RUNNING && st->text.len > 0)
        fail_run(s, run);
}

static void on_end(struct step *s)
{
    struct tracker_run *run = process_run(s);

    if (run == NULL)
        return;
    if (s->statement->kind == STATEMENT_SOCKET_DELETED)
        take_marker(s->statement, run);
    if (run->state != RUN_RUNNING) {
        fail_run(s, run);
        return;
    }
    enum end_cause cause = run->marker;
    if (cause == END_UNKNOWN && run->code_len > 0)
        cause = END_COMMAND_FAILED;
    else if (cause == END_UNKNOWN && s->statement->kind == STATEMENT_TERMINATION_COMPLETED)
        cause = END_TERMINATED; /* only a terminate says so; its first line is lost */
    emit_end(s, run, cause, detail_of(run, cause), s->statement->time_ms, 0);
}

static void on_stale_socket(struct step *s)
{
    s->tracker->counters.stale_sockets++; /* claims no end: only /proc could confirm it */
}

static void on_going_down(struct step *s)
{
    if (!s->tracker->options.backfill)
        emit_event(s, EVENT_HOST_DOWN);
}

static void (*const actions[STATEMENT_KIND_N])(struct step *s) = {
    [STATEMENT_PROCESS_STARTED] = on_process_started,
    [STATEMENT_RUN_ARGS] = on_run_args,
    [STATEMENT_ALLOCATING] = on_allocating,
    [STATEMENT_ALLOCATED] = on_allocated,
    [STATEMENT_MEMORY_DONE] = on_life,
    [STATEMENT_ENCLAVE_ID] = on_enclave_id,
    [STATEMENT_ALIVE] = on_life,
    [STATEMENT_NOT_PERMITTED] = on_life,
    [STATEMENT_TERMINATE_RECEIVED] = on_marker,
    [STATEMENT_HANG_UP] = on_marker,
    [STATEMENT_SIGNAL] = on_marker,
    [STATEMENT_SOCKET_DELETED] = on_end,
    [STATEMENT_ERROR] = on_error,
    [STATEMENT_TERMINATION_COMPLETED] = on_end,
    [STATEMENT_TERMINATED] = on_end,
    [STATEMENT_LISTENER_STOPPED] = on_end,
    [STATEMENT_LOOP_EXITED] = on_end,
    [STATEMENT_STALE_SOCKET] = on_stale_socket,
    [STATEMENT_CLOCK_TICK] = host_take_tick,
    [STATEMENT_CAUGHT_UP] = host_take_caught_up,
    [STATEMENT_HOST_GOING_DOWN] = on_going_down,
};

/* Before anything changes: does the most that this statement could state fit? */
static bool has_room(const struct tracker *t, const struct statement *statement,
                     const struct tracker_out *out)
{
    size_t live = run_live_n(t), events = TRACKER_STEP_EVENTS;

    if (statement->kind == STATEMENT_CAUGHT_UP && !t->caught_up)
        events += live;
    return out->events_cap >= events && out->running_cap >= live;
}

enum err tracker_step(struct tracker *t, const struct statement *statement, struct tracker_out *out)
{
    struct step s = {t, statement, out};
    int64_t seq = t->seq, watermark = t->low_watermark;

    out->events_n = 0;
    if (!has_room(t, statement, out))
        return ERR_CAPACITY;
    if (statement->kind == STATEMENT_HOST_FACTS) {
        enum err err = host_take_facts(&s);
        if (err != ERR_OK)
            return err;
    } else if ((unsigned)statement->kind < STATEMENT_KIND_N && actions[statement->kind] != NULL) {
        actions[statement->kind](&s);
    }
    t->counters.statements++;

    size_t heartbeats = 0;
    for (size_t i = 0; i < out->events_n; i++)
        heartbeats += out->events[i].type == EVENT_HEARTBEAT;
    assert(t->seq - seq == (int64_t)(out->events_n - heartbeats)); /* K1 */
    assert(t->low_watermark >= watermark);                         /* K3 */
    return ERR_OK;
}
