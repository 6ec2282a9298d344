/*
 * K1…K9 of tracker.h, all of them, at any cost: for tests, fuzzing and loaded state.
 */
#include <inttypes.h>
#include <stdio.h>

#include "common/utf8.h"
#include "producer/core/tracker_internal.h"

static bool is_live(const struct tracker_run *run)
{
    return run->state != RUN_NONE && run->state != RUN_ENDED;
}

static bool run_id_is_right(const struct tracker_run *run)
{
    char id[2 * TRACKER_RUN_ID_MAX];
    int n = snprintf(id, sizeof id, "%" PRId64 "-%" PRIx64, run->pid, (uint64_t)run->first_ms);

    return n == run->run_id_len && memcmp(id, run->run_id, (size_t)n) == 0;
}

static bool enclave_id_is_right(const struct tracker_run *run)
{
    char suffix[sizeof "-enc" + TRACKER_ID_HEX_MAX];
    size_t n = (size_t)snprintf(suffix, sizeof suffix, "-enc%" PRIx64, run->slot);

    if (run->slot == 0)
        return run->enclave_id_len == 0;
    return run->enclave_id_len > n && run->enclave_id_len <= LOG_ENCLAVE_ID_MAX &&
           memcmp(run->enclave_id + run->enclave_id_len - n, suffix, n) == 0;
}

static bool texts_are_right(const struct tracker_run *run)
{
    return run->name_len <= EVENT_STRING_MAX && run->eif_path_len <= EVENT_STRING_MAX &&
           run->cpu_ids_n <= RUN_ARGS_CPU_IDS_MAX && run->signal_len <= sizeof run->signal &&
           run->code_len <= sizeof run->code && utf8_is_valid(bytes_of(run->name, run->name_len)) &&
           utf8_is_valid(bytes_of(run->eif_path, run->eif_path_len)) &&
           utf8_is_valid(bytes_of(run->signal, run->signal_len)) &&
           utf8_is_valid(bytes_of(run->code, run->code_len)) &&
           utf8_is_valid(bytes_of(run->enclave_id, run->enclave_id_len));
}

static const char *run_check(const struct tracker_run *run)
{
    if ((unsigned)run->state >= RUN_STATE_N || (unsigned)run->marker >= END_CAUSE_N)
        return "K6 unknown state";
    if (!run_id_is_right(run))
        return "K4 run_id";
    if (!texts_are_right(run))
        return "K9 texts";
    if (!enclave_id_is_right(run) ||
        (is_live(run) && (run->slot != 0) != (run->state == RUN_RUNNING)))
        return "K7 enclave ID";
    if (run->state == RUN_ALLOCATED && (run->has & RUN_HAS_ALLOCATED_TIME) == 0)
        return "K8 allocated_time";
    if (run->state == RUN_STARTED && (run->has & ~(uint32_t)RUN_HAS_PID) != 0)
        return "K8 facts of a bare process";
    if (run->state != RUN_RUNNING &&
        run->stated != (run->state == RUN_ALLOCATED || run->state == RUN_ENDED))
        return "K8 stated";
    return run->last_ms < run->first_ms ? "K8 last evidence before the first" : NULL;
}

static const char *pair_check(const struct tracker_run *a, const struct tracker_run *b)
{
    if (a->run_id_len == b->run_id_len && memcmp(a->run_id, b->run_id, a->run_id_len) == 0)
        return "K4 two runs with one run_id";
    if (!is_live(a) || !is_live(b))
        return NULL;
    if (a->pid == b->pid)
        return "K5 two live runs with one pid";
    return a->slot != 0 && a->slot == b->slot ? "K5 two live runs with one slot" : NULL;
}

const char *tracker_check_all(const struct tracker *t)
{
    size_t live = 0, ended = 0;

    if (t->seq < 0 || (t->has_prev && t->prev_seq < 0))
        return "K1 seq";
    if (t->options.backfill && t->low_watermark != 0)
        return "K3 a backfill states no watermark";
    for (size_t i = 0; i < TRACKER_RUNS_MAX; i++) {
        const struct tracker_run *run = &t->runs[i];
        if (run->state == RUN_NONE)
            continue;
        const char *problem = run_check(run);
        live += is_live(run);
        ended += run->state == RUN_ENDED;
        for (size_t j = 0; problem == NULL && j < i; j++)
            if (t->runs[j].state != RUN_NONE)
                problem = pair_check(run, &t->runs[j]);
        if (problem != NULL)
            return problem;
    }
    return live > TRACKER_LIVE_MAX || ended > TRACKER_ENDED_MAX ? "K6 too many runs" : NULL;
}
