/*
 * `enclave-producer status`: what the journal's directory says, read only, so it works beside a
 * running producer and after one that died. One "name value" per line, runs at the end.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/cli.h"
#include "common/clock.h"
#include "common/time_text.h"
#include "common/uuid.h"
#include "producer/commands.h"
#include "producer/core/tracker.h"
#include "producer/edge/pipeline.h"

static void print_time(const char *name, int64_t unix_ms)
{
    char text[TIME_TEXT_SIZE];

    if (unix_ms != 0)
        printf("%-24s %s\n", name, time_text_format(unix_ms, text));
}

static void print_journal(const struct journal_state *state)
{
    char epoch[UUID_TEXT_SIZE];

    printf("%-24s %s\n", "epoch", uuid_format(state->epoch.bytes, epoch));
    printf("%-24s %" PRIu64 "\n", "last_seq", state->last_seq);
    print_time("last_commit", state->wall_ms);
    printf("%-24s %" PRIu64 "\n", "unacknowledged", state->last_index - state->acked);
    print_time("oldest_unacknowledged", state->oldest_unacked_ms);
    if (state->oldest_unacked_ms != 0)
        printf("%-24s %" PRId64 "\n", "oldest_age_seconds",
               (clock_wall_ms() - state->oldest_unacked_ms) / 1000);
    printf("%-24s %" PRIu64 " of %" PRIu64 "\n", "journal_bytes", state->bytes, state->max_bytes);
}

static const char *const state_names[RUN_STATE_N] = {"none",      "started", "requested",
                                                     "allocated", "running", "ended"};

/* Text from a log is shown as it is but for control characters. */
static void print_text(const char *name, const uint8_t *text, size_t len)
{
    printf(" %s=", name);
    for (size_t i = 0; i < len; i++)
        putchar(text[i] < ' ' || text[i] == 0x7f ? '?' : text[i]);
}

static void print_run(const struct tracker_run *run)
{
    char since[TIME_TEXT_SIZE];

    printf("run %.*s %s since=%s pid=%" PRId64, (int)run->run_id_len, run->run_id,
           state_names[run->state], time_text_format(run->first_ms, since), run->pid);
    if (run->has & RUN_HAS_VCPUS)
        printf(" vcpus=%" PRId32, run->vcpus);
    if (run->has & RUN_HAS_MEMORY_MIB)
        printf(" memory_mib=%" PRId64, run->memory_mib);
    if (run->enclave_id_len > 0)
        print_text("enclave_id", (const uint8_t *)run->enclave_id, run->enclave_id_len);
    if (run->has & RUN_HAS_NAME)
        print_text("name", run->name, run->name_len);
    putchar('\n');
}

static enum err print_runs(struct bytes saved, struct bytes instance_id, struct err_detail *detail)
{
    struct tracker *tracker = calloc(1, sizeof *tracker);
    struct tracker_options options = tracker_standard_options();
    size_t live = 0;

    if (tracker == NULL)
        return err_set(detail, ERR_NOMEM, "out of memory");
    options.instance_id = instance_id;
    enum err err = tracker_init(tracker, &options, detail);
    if (err == ERR_OK)
        err = tracker_load(tracker, saved, detail);
    for (size_t i = 0; err == ERR_OK && i < TRACKER_RUNS_MAX; i++)
        live += tracker->runs[i].state != RUN_NONE && tracker->runs[i].state != RUN_ENDED;
    if (err == ERR_OK)
        printf("%-24s %zu\n", "live_runs", live);
    for (size_t i = 0; err == ERR_OK && i < TRACKER_RUNS_MAX; i++)
        if (tracker->runs[i].state != RUN_NONE && tracker->runs[i].state != RUN_ENDED)
            print_run(&tracker->runs[i]);
    free(tracker);
    return err;
}

int command_status(const struct cli *cli)
{
    const struct producer_settings *settings = cli->config->target;
    struct journal_options options = producer_journal_options(settings);
    struct journal_state state;
    struct pipeline_state parts;
    struct journal *journal;
    struct err_detail detail = {{0}};

    options.read_only = true;
    enum err err = journal_open(&options, &journal, &detail);
    if (err != ERR_OK)
        return cli_fail(cli, err, &detail);
    journal_get_state(journal, &state);
    if (state.has_commit)
        err = pipeline_state_parse(state.state, &parts, &detail);
    if (err == ERR_OK && state.has_commit) {
        printf("%-24s %.*s\n", "instance", BYTES_ARGS(parts.instance_id));
        print_journal(&state);
        err = print_runs(parts.tracker, parts.instance_id, &detail);
    }
    journal_close(journal);
    return err == ERR_OK ? CLI_OK : cli_fail(cli, err, &detail);
}
