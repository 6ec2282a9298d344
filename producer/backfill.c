/*
 * `enclave-producer run --backfill FILE…`: publishes the history in log files, in an epoch of its
 * own that states no watermark, and exits when everything is acknowledged. Its journal is a
 * directory of its own beside the live one's files, so it may run beside `run`; stopped or killed
 * at any moment, the same command goes on where it was.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "common/log.h"
#include "producer/edge/file_order.h"
#include "producer/edge/session.h"
#include "producer/run.h"

static enum err publish(struct session *session, bool *complete, uint64_t *left,
                        struct err_detail *detail)
{
    enum err err = session_run(session, true, complete, detail);

    if (err == ERR_OK && *complete)
        return session_finish_backfill(session, detail);
    /* Told to stop: what is known is committed, what is not delivered stays. */
    return err == ERR_OK ? session_stop(session, 0, left, detail) : err;
}

static enum err backfill(const struct cli *cli, int stop_fd, bool *complete,
                         struct err_detail *detail)
{
    const struct producer_settings *settings = cli->config->target;
    char directory[JOURNAL_PATH_MAX];
    struct session *session = NULL;
    const char **files = NULL;
    uint64_t left = 0;

    if (snprintf(directory, sizeof directory, "%s/backfill", settings->journal_dir) >=
        (int)sizeof directory)
        return err_set(detail, ERR_CONFIG, "journal.dir is too long");
    enum err err = file_make_parents(directory, 0700, detail);
    if (err == ERR_OK)
        err = file_order_by_time(cli->operands, cli->operands_n, &files, detail);
    struct session_options options = {.settings = settings,
                                      .journal_dir = directory,
                                      .files = files,
                                      .files_n = cli->operands_n,
                                      .stop_fd = stop_fd};
    if (err == ERR_OK)
        err = session_open(&options, &session, detail);
    if (err == ERR_OK)
        err = publish(session, complete, &left, detail);
    if (session != NULL) {
        struct pipeline_counters counters = session_get_counters(session);

        log_info("backfill", "stopped", field_bool("complete", err == ERR_OK && *complete),
                 field_uint("lines", counters.lines), field_uint("events", counters.events),
                 field_uint("left_in_journal", left));
    }
    session_close(session);
    free(files);
    return err;
}

int run_backfill(const struct cli *cli)
{
    struct err_detail detail = {{0}};
    bool complete = false;
    int stop_fd = -1;
    enum err err = ERR_OK;

    if (cli->operands_n == 0)
        err = err_set(&detail, ERR_USAGE, "--backfill needs at least one log file");
    else if ((stop_fd = run_open_stop_fd()) < 0)
        err = err_set(&detail, ERR_IO, "signalfd: %s", strerror(errno));
    else
        err = backfill(cli, stop_fd, &complete, &detail);
    if (stop_fd >= 0)
        close(stop_fd);
    if (err != ERR_OK)
        return run_fail(cli, err, &detail);
    if (!complete)
        log_warn("backfill", "interrupted: the same command goes on");
    return complete ? CLI_OK : CLI_FAILED;
}
