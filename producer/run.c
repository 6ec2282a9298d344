/*
 * `enclave-producer run`: follows the log until it is told to stop. SIGTERM and SIGINT stop it
 * cleanly, which says nothing about the host (R9). With --backfill: backfill.c.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/log.h"
#include "producer/commands.h"
#include "producer/edge/session.h"
#include "producer/run.h"

int run_open_stop_fd(void)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    signal(SIGPIPE, SIG_IGN);
    /* Before any thread is made: librdkafka's inherit the mask. */
    if (sigprocmask(SIG_BLOCK, &signals, NULL) != 0)
        return -1;
    return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

int run_fail(const struct cli *cli, enum err err, const struct err_detail *detail)
{
    if (err == ERR_CONFIG || err == ERR_USAGE)
        return cli_fail(cli, err, detail);
    log_error("run", "failed", field_err(err, detail));
    return CLI_FAILED;
}

static enum err follow(const struct producer_settings *settings, int stop_fd, bool until_idle,
                       struct err_detail *detail)
{
    struct session_options options = {
        .settings = settings, .journal_dir = settings->journal_dir, .stop_fd = stop_fd};
    struct session *session;
    bool idle;
    uint64_t left = 0;

    enum err err = session_open(&options, &session, detail);
    if (err != ERR_OK)
        return err;
    err = session_run(session, until_idle, &idle, detail);
    if (err == ERR_OK) {
        log_info("run", "stopping");
        err = session_stop(session, settings->shutdown_flush_timeout_ms, &left, detail);
    }
    struct pipeline_counters counters = session_get_counters(session);
    session_close(session);
    log_info("run", "stopped", field_uint("lines", counters.lines),
             field_uint("events", counters.events), field_uint("left_in_journal", left));
    return err;
}

int command_run(const struct cli *cli)
{
    const struct producer_settings *settings = cli->config->target;
    struct err_detail detail = {{0}};

    if (cli_has(cli, "backfill"))
        return run_backfill(cli);
    if (cli->operands_n > 0) {
        err_set(&detail, ERR_USAGE, "run takes files only with --backfill");
        return cli_fail(cli, ERR_USAGE, &detail);
    }
    int stop_fd = run_open_stop_fd();
    if (stop_fd < 0) {
        err_set(&detail, ERR_IO, "signalfd: %s", strerror(errno));
        return cli_fail(cli, ERR_IO, &detail);
    }
    enum err err = follow(settings, stop_fd, cli_has(cli, "until-idle"), &detail);
    close(stop_fd);
    return err == ERR_OK ? CLI_OK : run_fail(cli, err, &detail);
}
