/*
 * Making a tracker and asking it: everything about it that is not a step.
 */
#include "producer/core/tracker.h"

static const char *const kind_names[STATEMENT_KIND_N] = {
    [STATEMENT_NONE] = "NONE",
    [STATEMENT_PROCESS_STARTED] = "PROCESS_STARTED",
    [STATEMENT_RUN_ARGS] = "RUN_ARGS",
    [STATEMENT_ALLOCATING] = "ALLOCATING",
    [STATEMENT_ALLOCATED] = "ALLOCATED",
    [STATEMENT_MEMORY_DONE] = "MEMORY_DONE",
    [STATEMENT_ENCLAVE_ID] = "ENCLAVE_ID",
    [STATEMENT_ALIVE] = "ALIVE",
    [STATEMENT_NOT_PERMITTED] = "NOT_PERMITTED",
    [STATEMENT_TERMINATE_RECEIVED] = "TERMINATE_RECEIVED",
    [STATEMENT_HANG_UP] = "HANG_UP",
    [STATEMENT_SIGNAL] = "SIGNAL",
    [STATEMENT_SOCKET_DELETED] = "SOCKET_DELETED",
    [STATEMENT_ERROR] = "ERROR",
    [STATEMENT_TERMINATION_COMPLETED] = "TERMINATION_COMPLETED",
    [STATEMENT_TERMINATED] = "TERMINATED",
    [STATEMENT_LISTENER_STOPPED] = "LISTENER_STOPPED",
    [STATEMENT_LOOP_EXITED] = "LOOP_EXITED",
    [STATEMENT_STALE_SOCKET] = "STALE_SOCKET",
    [STATEMENT_HOST_FACTS] = "HOST_FACTS",
    [STATEMENT_CLOCK_TICK] = "CLOCK_TICK",
    [STATEMENT_CAUGHT_UP] = "CAUGHT_UP",
    [STATEMENT_HOST_GOING_DOWN] = "HOST_GOING_DOWN",
};

const char *statement_kind_name(enum statement_kind kind)
{
    return (unsigned)kind < STATEMENT_KIND_N ? kind_names[kind] : kind_names[STATEMENT_NONE];
}

struct tracker_options tracker_standard_options(void)
{
    return (struct tracker_options){
        .heartbeat_interval_ms = 60 * 1000,
        .snapshot_interval_ms = 15 * 60 * 1000,
        .watermark_slack_ms = 2 * 1000,
    };
}

enum err tracker_init(struct tracker *t, const struct tracker_options *options,
                      struct err_detail *detail)
{
    struct bytes id = options->instance_id;

    if (id.len == 0 || id.len > TRACKER_INSTANCE_ID_MAX)
        return err_set(detail, ERR_LIMIT, "instance id: must have 1 to %d bytes, has %zu",
                       TRACKER_INSTANCE_ID_MAX, id.len);
    if (options->heartbeat_interval_ms <= 0 || options->snapshot_interval_ms <= 0 ||
        options->watermark_slack_ms < 0)
        return err_set(detail, ERR_LIMIT, "heartbeat and snapshot intervals must be positive");
    memset(t, 0, sizeof *t);
    memcpy(t->instance_text, id.ptr, id.len);
    t->options = *options;
    t->options.instance_id = bytes_of(t->instance_text, id.len);
    t->next_heartbeat_ms = t->next_snapshot_ms = INT64_MAX;
    return ERR_OK;
}

int64_t tracker_next_deadline(const struct tracker *t)
{
    return t->next_heartbeat_ms < t->next_snapshot_ms ? t->next_heartbeat_ms : t->next_snapshot_ms;
}

int64_t tracker_oldest_live_ms(const struct tracker *t)
{
    int64_t oldest = INT64_MAX;

    for (size_t i = 0; i < TRACKER_RUNS_MAX; i++) {
        const struct tracker_run *run = &t->runs[i];
        bool open = run->state != RUN_NONE && run->state != RUN_STARTED && run->state != RUN_ENDED;
        if (open && run->first_ms < oldest)
            oldest = run->first_ms;
    }
    return oldest;
}

size_t tracker_live_n(const struct tracker *t)
{
    size_t n = 0;

    for (size_t i = 0; i < TRACKER_RUNS_MAX; i++)
        n += t->runs[i].stated && t->runs[i].state != RUN_NONE && t->runs[i].state != RUN_ENDED;
    return n;
}
