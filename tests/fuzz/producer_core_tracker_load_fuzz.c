/*
 * Any bytes as saved state: refused, or a tracker whose invariants hold, that saves the same bytes
 * and goes on.
 */
#include <stdlib.h>

#include "producer/core/tracker.h"
#include "schemas/c/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct tracker tracker;

static void require(int condition)
{
    if (!condition)
        abort();
}

static void step(const struct statement *statement)
{
    static struct event events[TRACKER_EVENTS_MAX];
    static struct event_run running[TRACKER_LIVE_MAX];
    static uint8_t record[EVENT_RECORD_MAX];
    struct tracker_out out = {events, TRACKER_EVENTS_MAX, 0, running, TRACKER_LIVE_MAX};
    size_t len;

    require(tracker_step(&tracker, statement, &out) == ERR_OK);
    for (size_t i = 0; i < out.events_n; i++)
        require(event_encode(&out.events[i], record, sizeof record, &len) == ERR_OK);
    require(tracker_check_all(&tracker) == NULL);
}

/* Whatever was loaded, every process that it names may go on and end. */
static void go_on(void)
{
    static const enum statement_kind kinds[] = {STATEMENT_SIGNAL, STATEMENT_ERROR,
                                                STATEMENT_ALLOCATED, STATEMENT_LOOP_EXITED,
                                                STATEMENT_PROCESS_STARTED};
    struct statement s = {.source = EVIDENCE_LOG, .kind = STATEMENT_CAUGHT_UP, .time_ms = 5000};

    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        for (size_t i = 0; i < TRACKER_RUNS_MAX; i++) {
            if (tracker.runs[i].state == RUN_NONE)
                continue;
            s.kind = kinds[k];
            s.pid = tracker.runs[i].pid;
            s.slot = kinds[k] == STATEMENT_ALLOCATED ? 0 : tracker.runs[i].slot;
            step(&s);
        }
        s.kind = STATEMENT_CAUGHT_UP;
        s.slot = 0;
        step(&s);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t saved[TRACKER_SAVE_MAX];
    struct tracker_options options = tracker_standard_options();
    struct err_detail detail;

    options.instance_id = BYTES_LITERAL("i-1");
    options.boot_id.bytes[0] = 1;
    require(tracker_init(&tracker, &options, NULL) == ERR_OK);
    enum err err = tracker_load(&tracker, bytes_of(data, size), &detail);
    require(tracker_check_all(&tracker) == NULL);
    if (err != ERR_OK) {
        require(tracker_live_n(&tracker) == 0 && !tracker.has_prev);
        return 0;
    }
    require(tracker_save(&tracker, saved) == size);
    require(memcmp(saved, data, size) == 0);
    go_on();
    return 0;
}
