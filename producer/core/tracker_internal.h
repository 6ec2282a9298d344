/*
 * What the tracker's files share. Private to tracker*.c.
 */
#ifndef PRODUCER_CORE_TRACKER_INTERNAL_H
#define PRODUCER_CORE_TRACKER_INTERNAL_H

#include "producer/core/tracker.h"

enum {
    TRACKER_CLOCK_STEP_MS = 1000, /* a larger difference between two readings is a step (R4) */
    TRACKER_BOOT_SLACK_MS = 2000, /* evidence this much older than the boot is of an earlier one */
    TRACKER_STEP_EVENTS = 4,      /* events of any step but the first CAUGHT_UP */
    TRACKER_ID_HEX_MAX = 16,
};

/* The step being taken. */
struct step {
    struct tracker *tracker;
    const struct statement *statement;
    struct tracker_out *out;
};

/* ---- tracker_run.c: the table of runs */

struct tracker_run *run_find_pid(struct tracker *t, int64_t pid);        /* not ended */
struct tracker_run *run_find_slot(struct tracker *t, uint64_t slot);     /* not ended */
bool run_has_ended(const struct tracker *t, int64_t pid, uint64_t slot); /* slot 0: by pid */
size_t run_live_n(const struct tracker *t);

/* A new run in state STARTED whose first evidence is `statement`. NULL: no room (counted). */
struct tracker_run *run_create(struct tracker *t, const struct statement *statement);
/* run_id from pid and first_ms; false: it would be too long. */
bool run_name_itself(struct tracker_run *run);
/* The one way to change a state; asserts that the table above it allows the change. */
void run_set_state(struct tracker *t, struct tracker_run *run, enum run_state state);
/* Keeps what lines that only confirm are recognised by, drops the rest. */
void run_retire(struct tracker *t, struct tracker_run *run);
void run_forget(struct tracker *t, struct tracker_run *run);

/* Evidence from before this boot, found while reading history. */
bool run_is_of_earlier_boot(const struct tracker *t, const struct statement *statement);

/* Facts: the first statement of each counts; false = it says something else (nothing changed). */
bool run_take_args(struct tracker_run *run, const struct run_args *args);
void run_take_slot(const struct tracker *t, struct tracker_run *run, uint64_t slot,
                   struct bytes enclave_id);

/* ---- tracker_emit.c: events */

/* The next event, filled but for what belongs to its type. Never NULL: capacity was checked. */
struct event *emit_event(struct step *s, enum event_type type);
void emit_run(struct step *s, const struct tracker_run *run, enum event_type type,
              int64_t event_time);
/* ENDED, or FAILED if it never had an ID; retires the run. `earliest_ms` 0: the end was seen. */
void emit_end(struct step *s, struct tracker_run *run, enum end_cause cause, struct bytes detail,
              int64_t event_time, int64_t earliest_ms);
/* SNAPSHOT or HEARTBEAT: at most one per step. */
void emit_list(struct step *s, enum event_type type);
void run_to_event(const struct tracker_run *run, struct event_run *out);

/* ---- tracker_host.c: the host, its clocks, what is due */

enum err host_take_facts(struct step *s) MUST_CHECK;
void host_take_tick(struct step *s);
void host_take_caught_up(struct step *s);
/* The run belongs to an earlier boot, the statement of this step does not: ends the run with the
 * reboot and returns true. */
bool host_end_rebooted(struct step *s, struct tracker_run *run);
void host_plan(struct tracker *t);
const struct tracker_host *host_in_force(const struct tracker *t);

#endif
