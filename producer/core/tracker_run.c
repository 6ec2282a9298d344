/*
 * The table of runs: finding, creating, changing state, forgetting. Not here: what a statement does
 * to a run (tracker.c) and what is said about it (tracker_emit.c).
 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "common/utf8.h"
#include "producer/core/tracker_internal.h"

/* Rows: from; columns: to. RUN_NONE as a target is forgetting. */
static const bool may_follow[RUN_STATE_N][RUN_STATE_N] = {
    [RUN_NONE] = {[RUN_STARTED] = true},
    [RUN_STARTED] =
        {[RUN_REQUESTED] = true, [RUN_ALLOCATED] = true, [RUN_RUNNING] = true, [RUN_NONE] = true},
    [RUN_REQUESTED] =
        {[RUN_ALLOCATED] = true, [RUN_RUNNING] = true, [RUN_ENDED] = true, [RUN_NONE] = true},
    [RUN_ALLOCATED] = {[RUN_RUNNING] = true, [RUN_ENDED] = true},
    [RUN_RUNNING] = {[RUN_ENDED] = true, [RUN_NONE] = true}, /* NONE: if it was never stated */
    [RUN_ENDED] = {[RUN_NONE] = true},
};

static bool is_live(const struct tracker_run *run)
{
    return run->state != RUN_NONE && run->state != RUN_ENDED;
}

struct tracker_run *run_find_pid(struct tracker *t, int64_t pid)
{
    for (size_t i = 0; i < TRACKER_RUNS_MAX; i++)
        if (is_live(&t->runs[i]) && t->runs[i].pid == pid)
            return &t->runs[i];
    return NULL;
}

struct tracker_run *run_find_slot(struct tracker *t, uint64_t slot)
{
    for (size_t i = 0; i < TRACKER_RUNS_MAX; i++)
        if (is_live(&t->runs[i]) && t->runs[i].slot == slot)
            return &t->runs[i];
    return NULL;
}

bool run_has_ended(const struct tracker *t, int64_t pid, uint64_t slot)
{
    for (size_t i = 0; i < TRACKER_RUNS_MAX; i++) {
        const struct tracker_run *run = &t->runs[i];
        if (run->state == RUN_ENDED && (slot != 0 ? run->slot == slot : run->pid == pid))
            return true;
    }
    return false;
}

size_t run_live_n(const struct tracker *t)
{
    size_t n = 0;

    for (size_t i = 0; i < TRACKER_RUNS_MAX; i++)
        n += is_live(&t->runs[i]);
    return n;
}

void run_set_state(struct tracker *t, struct tracker_run *run, enum run_state state)
{
    assert(may_follow[run->state][state]);
    assert(!(state == RUN_NONE && run->stated && run->state != RUN_ENDED));
    if (run->state == RUN_NONE || state == RUN_ENDED)
        run->order = ++t->order;
    run->state = state;
}

void run_forget(struct tracker *t, struct tracker_run *run)
{
    run_set_state(t, run, RUN_NONE);
}

/* The oldest run of a kind: never stated and not ended, or ended. */
static struct tracker_run *run_oldest(struct tracker *t, bool ended)
{
    struct tracker_run *oldest = NULL;

    for (size_t i = 0; i < TRACKER_RUNS_MAX; i++) {
        struct tracker_run *run = &t->runs[i];
        bool wanted = ended ? run->state == RUN_ENDED : is_live(run) && !run->stated;
        if (wanted && (oldest == NULL || run->order < oldest->order))
            oldest = run;
    }
    return oldest;
}

void run_retire(struct tracker *t, struct tracker_run *run)
{
    size_t ended = 0;

    run_set_state(t, run, RUN_ENDED);
    /* Only lengths: the event just made still points to the bytes. */
    run->has = 0;
    run->name_len = run->eif_path_len = run->cpu_ids_n = 0;
    for (size_t i = 0; i < TRACKER_RUNS_MAX; i++)
        ended += t->runs[i].state == RUN_ENDED;
    if (ended > TRACKER_ENDED_MAX)
        run_forget(t, run_oldest(t, true));
}

bool run_is_of_earlier_boot(const struct tracker *t, const struct statement *statement)
{
    return statement->source == EVIDENCE_LOG && !t->caught_up && t->has_clock &&
           statement->time_ms < t->boot_wall_ms - TRACKER_BOOT_SLACK_MS;
}

static struct tracker_run *run_room(struct tracker *t)
{
    if (run_live_n(t) >= TRACKER_LIVE_MAX) {
        struct tracker_run *oldest = run_oldest(t, false);
        t->counters.runs_dropped++;
        if (oldest == NULL)
            return NULL;
        run_forget(t, oldest);
    }
    for (size_t i = 0; i < TRACKER_RUNS_MAX; i++)
        if (t->runs[i].state == RUN_NONE)
            return &t->runs[i];
    return NULL;
}

static bool run_id_is_taken(const struct tracker *t, const struct tracker_run *run)
{
    for (size_t i = 0; i < TRACKER_RUNS_MAX; i++) {
        const struct tracker_run *other = &t->runs[i];
        if (other != run && other->state != RUN_NONE && other->run_id_len == run->run_id_len &&
            memcmp(other->run_id, run->run_id, run->run_id_len) == 0)
            return true;
    }
    return false;
}

bool run_name_itself(struct tracker_run *run)
{
    int n = snprintf(run->run_id, sizeof run->run_id, "%" PRId64 "-%" PRIx64, run->pid,
                     (uint64_t)run->first_ms);

    run->run_id_len = (uint8_t)n;
    return n < (int)sizeof run->run_id;
}

struct tracker_run *run_create(struct tracker *t, const struct statement *statement)
{
    struct tracker_run *run = run_room(t);

    if (run == NULL)
        return NULL;
    memset(run, 0, offsetof(struct tracker_run, cpu_ids));
    run->first_ms = run->last_ms = statement->time_ms;
    run->pid = statement->pid;
    run->has = statement->pid != 0 ? RUN_HAS_PID : 0;
    if (!run_is_of_earlier_boot(t, statement))
        run->boot_id = t->options.boot_id;
    /* Taken: the same start told again, it has had its events. */
    if (!run_name_itself(run) || run_id_is_taken(t, run))
        return NULL;
    run_set_state(t, run, RUN_STARTED);
    return run;
}

static uint16_t copy_text(uint8_t *to, struct bytes from)
{
    from = utf8_prefix(from, EVENT_STRING_MAX);
    if (from.len > 0)
        memcpy(to, from.ptr, from.len);
    return (uint16_t)from.len;
}

static bool says_otherwise(const struct tracker_run *run, const struct run_args *a)
{
    return (a->has_eif_path && (run->has & RUN_HAS_EIF_PATH) != 0 &&
            !bytes_equal(a->eif_path, bytes_of(run->eif_path, run->eif_path_len))) ||
           (a->has_name && (run->has & RUN_HAS_NAME) != 0 &&
            !bytes_equal(a->name, bytes_of(run->name, run->name_len))) ||
           (a->has_memory && (run->has & RUN_HAS_MEMORY_MIB_REQUESTED) != 0 &&
            a->memory_mib != run->memory_mib_requested) ||
           (a->has_cpus && (run->has & RUN_HAS_VCPUS) != 0 && a->vcpus != run->vcpus);
}

bool run_take_args(struct tracker_run *run, const struct run_args *a)
{
    uint32_t had = run->has;

    if (says_otherwise(run, a))
        return false;
    if (a->has_eif_path && (had & RUN_HAS_EIF_PATH) == 0) {
        run->eif_path_len = copy_text(run->eif_path, a->eif_path);
        run->has |= RUN_HAS_EIF_PATH;
    }
    if (a->has_name && (had & RUN_HAS_NAME) == 0) {
        run->name_len = copy_text(run->name, a->name);
        run->has |= RUN_HAS_NAME;
    }
    if (a->has_memory && (had & RUN_HAS_MEMORY_MIB_REQUESTED) == 0) {
        run->memory_mib_requested = a->memory_mib;
        run->has |= RUN_HAS_MEMORY_MIB_REQUESTED;
    }
    if (a->has_cid && (had & RUN_HAS_ENCLAVE_CID) == 0) {
        run->enclave_cid = a->enclave_cid;
        run->has |= RUN_HAS_ENCLAVE_CID;
    }
    if (a->has_debug && (had & RUN_HAS_DEBUG_MODE) == 0) {
        run->debug_mode = a->debug_mode;
        run->has |= RUN_HAS_DEBUG_MODE;
    }
    if (a->has_cpus && (had & RUN_HAS_VCPUS) == 0) {
        run->vcpus = a->vcpus;
        run->has |= RUN_HAS_VCPUS;
    }
    if (a->has_cpu_ids && (had & RUN_HAS_CPU_IDS) == 0) {
        uint32_t n = a->cpu_ids_n < RUN_ARGS_CPU_IDS_MAX ? a->cpu_ids_n : RUN_ARGS_CPU_IDS_MAX;
        if (n > 0)
            memcpy(run->cpu_ids, a->cpu_ids, n * sizeof *run->cpu_ids);
        run->cpu_ids_n = (uint16_t)n;
        run->has |= RUN_HAS_CPU_IDS;
    }
    return true;
}

/* Without the line that names it, the ID follows from instance and slot (facts: enclave ID). */
static int compose_enclave_id(const struct tracker *t, uint64_t slot, char *out)
{
    struct bytes instance = t->options.instance_id;

    if (!bytes_starts_with(instance, BYTES_LITERAL("i-")) ||
        instance.len + sizeof "-enc" + TRACKER_ID_HEX_MAX > LOG_ENCLAVE_ID_MAX)
        instance = BYTES_LITERAL("i-0000000000000000"); /* as nitro-cli does */
    return snprintf(out, LOG_ENCLAVE_ID_MAX, "%.*s-enc%" PRIx64, BYTES_ARGS(instance), slot);
}

void run_take_slot(const struct tracker *t, struct tracker_run *run, uint64_t slot,
                   struct bytes enclave_id)
{
    char suffix[sizeof "-enc" + TRACKER_ID_HEX_MAX];
    size_t n = (size_t)snprintf(suffix, sizeof suffix, "-enc%" PRIx64, slot);

    run->slot = slot;
    if (enclave_id.len > n && enclave_id.len <= LOG_ENCLAVE_ID_MAX &&
        memcmp(enclave_id.ptr + enclave_id.len - n, suffix, n) == 0) {
        memcpy(run->enclave_id, enclave_id.ptr, enclave_id.len);
        run->enclave_id_len = (uint8_t)enclave_id.len;
    } else {
        run->enclave_id_len = (uint8_t)compose_enclave_id(t, slot, run->enclave_id);
    }
    run->has |= RUN_HAS_ENCLAVE_ID;
}
