/*
 * The producer's one event loop.
 *
 *   turn:  pipeline pass (clocks, lines, commit) → heartbeat → publisher (reports, sending)
 *   wait:  until the stop descriptor, the publisher's queue, the next look at the log, or a
 * deadline
 *
 * Waiting is session_wait alone: another way to learn that the log has grown belongs there.
 */
#include "producer/edge/session.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/kafka_conf.h"
#include "common/log.h"
#include "common/uuid.h"

struct session {
    const struct producer_settings *settings;
    int stop_fd;
    struct host host;
    struct journal *journal;
    struct line_source source;
    struct pipeline *pipeline;
    struct publisher *publisher;
    struct pipeline_pass last; /* the last pass */
    bool said_full;
    enum err said_source_err;
};

/* ---- opening ------------------------------------------------------------------------------- */

static void log_client(void *user, int level, const char *text)
{
    (void)user;
    if (level <= 3)
        log_error("kafka", "client", field_string("text", text));
    else if (level <= 5)
        log_warn("kafka", "client", field_string("text", text));
    else
        log_debug("kafka", "client", field_string("text", text));
}

static enum err open_journal(struct session *s, const char *directory, struct err_detail *detail)
{
    struct journal_options options = producer_journal_options(s->settings);
    struct journal_state state;

    options.directory = directory;
    enum err err = journal_open(&options, &s->journal, detail);
    if (err != ERR_OK)
        return err;
    journal_get_state(s->journal, &state);
    log_info("journal", "opened", field_string("directory", directory),
             field_uint("unacknowledged", state.last_index - state.acked),
             field_uint("last_index", state.last_index));
    if (state.torn_bytes > 0)
        log_warn("journal", "cut off a record that was being written when the producer stopped");
    return ERR_OK;
}

static enum err open_source(struct session *s, const struct session_options *options,
                            struct err_detail *detail)
{
    struct tailer_options tailer = {.path = s->settings->log_path,
                                    .old_file_idle_ms = s->settings->log_old_file_idle_ms};

    if (options->files != NULL)
        return file_list_new(options->files, options->files_n, &s->source.list, detail);
    return tailer_new(&tailer, &s->source.tailer, detail);
}

static enum err open_publisher(struct session *s, struct err_detail *detail)
{
    struct kafka_conf_request request = {.role = KAFKA_PRODUCER, .properties = &s->settings->kafka};
    rd_kafka_conf_t *conf;

    enum err err = kafka_conf_build(&request, &conf, detail);
    if (err != ERR_OK)
        return err;
    struct publisher_options options = {.conf = conf,
                                        .topic = s->settings->topic,
                                        .key = bytes_of_string(s->host.instance_id),
                                        .in_flight_max = PUBLISHER_IN_FLIGHT_MAX,
                                        .journal = s->journal,
                                        .log = log_client};
    err = publisher_new(&options, &s->publisher, detail);
    rd_kafka_conf_destroy(conf);
    return err;
}

static enum err require_bootstrap_servers(const struct producer_settings *settings,
                                          struct err_detail *detail)
{
    for (size_t i = 0; i < settings->kafka.n; i++)
        if (strcmp(settings->kafka.items[i].key, "bootstrap.servers") == 0 ||
            strcmp(settings->kafka.items[i].key, "metadata.broker.list") == 0)
            return ERR_OK;
    return err_set(detail, ERR_CONFIG, "kafka.bootstrap.servers is not set");
}

enum err session_open(const struct session_options *options, struct session **session,
                      struct err_detail *detail)
{
    *session = NULL;
    struct session *s = calloc(1, sizeof *s);
    if (s == NULL)
        return err_set(detail, ERR_NOMEM, "out of memory");
    s->settings = options->settings;
    s->stop_fd = options->stop_fd;
    enum err err = require_bootstrap_servers(s->settings, detail);
    if (err == ERR_OK)
        err = host_init(&s->host, s->settings, detail);
    if (err == ERR_OK)
        err = open_journal(s, options->journal_dir, detail);
    if (err == ERR_OK)
        err = open_source(s, options, detail);
    struct pipeline_options pipeline = {.settings = s->settings,
                                        .host = &s->host,
                                        .journal = s->journal,
                                        .source = s->source,
                                        .backfill = options->files != NULL};
    if (err == ERR_OK)
        err = pipeline_new(&pipeline, &s->pipeline, detail);
    if (err == ERR_OK)
        err = open_publisher(s, detail);
    if (err != ERR_OK) {
        session_close(s);
        return err;
    }
    char epoch[UUID_TEXT_SIZE];
    struct event_uuid uuid = pipeline_epoch(s->pipeline);
    log_info("run", "started", field_string("instance", s->host.instance_id),
             field_string("epoch", uuid_format(uuid.bytes, epoch)),
             field_string("version", EM_VERSION));
    *session = s;
    return ERR_OK;
}

void session_close(struct session *s)
{
    if (s == NULL)
        return;
    publisher_free(s->publisher);
    pipeline_free(s->pipeline);
    tailer_free(s->source.tailer);
    file_list_free(s->source.list);
    journal_close(s->journal);
    free(s);
}

/* ---- the loop ------------------------------------------------------------------------------ */

/* Says what changed, once. */
static void report_pass(struct session *s)
{
    const struct pipeline_pass *pass = &s->last;

    if (pass->source_err != s->said_source_err) {
        if (pass->source_err != ERR_OK)
            log_error("log", "cannot be read", field_err(pass->source_err, &pass->source_detail));
        else
            log_info("log", "can be read again");
        s->said_source_err = pass->source_err;
    }
    if (pass->is_full != s->said_full) {
        if (pass->is_full)
            log_error("journal", "full: events wait in the log files for the broker",
                      field_int("max_bytes", s->settings->journal_max_bytes));
        else
            log_info("journal", "has room again");
        s->said_full = pass->is_full;
    }
}

static enum err turn(struct session *s, struct err_detail *detail)
{
    struct bytes heartbeat;
    enum err err = pipeline_run_pass(s->pipeline, &s->last, detail);

    if (err != ERR_OK)
        return err;
    report_pass(s);
    if (pipeline_take_heartbeat(s->pipeline, &heartbeat))
        publisher_heartbeat(s->publisher, heartbeat);
    return publisher_serve(s->publisher, clock_boot_ms(), detail);
}

static bool is_idle(const struct session *s)
{
    return s->last.at_end && !s->last.is_full && publisher_is_drained(s->publisher);
}

/* Waits for something to do, at most until `limit_ms` (CLOCK_BOOTTIME). true: stop. */
static bool session_wait(const struct session *s, int64_t poll_ms, int64_t limit_ms)
{
    struct pollfd fds[] = {{.fd = s->stop_fd, .events = POLLIN},
                           {.fd = publisher_fd(s->publisher), .events = POLLIN}};
    int64_t now = clock_boot_ms();
    int64_t until = now + poll_ms;

    if (publisher_next_deadline(s->publisher) < until)
        until = publisher_next_deadline(s->publisher);
    if (pipeline_next_deadline(s->pipeline) < until)
        until = pipeline_next_deadline(s->pipeline);
    if (limit_ms < until)
        until = limit_ms;
    int timeout = until <= now ? 0 : (int)(until - now);
    return poll(fds, 2, timeout) > 0 && fds[0].revents != 0;
}

enum err session_run(struct session *s, bool until_idle, bool *idle, struct err_detail *detail)
{
    bool stop = false;

    *idle = false;
    while (!stop) {
        enum err err = turn(s, detail);
        if (err != ERR_OK)
            return err;
        *idle = is_idle(s);
        if (until_idle && *idle)
            return ERR_OK;
        bool has_more = !s->last.at_end && !s->last.is_full && s->last.source_err == ERR_OK;
        stop = session_wait(s, has_more ? 0 : s->settings->log_poll_interval_ms, INT64_MAX);
    }
    return ERR_OK;
}

static uint64_t unacknowledged(const struct session *s)
{
    struct journal_state state;

    journal_get_state(s->journal, &state);
    return state.last_index - state.acked;
}

enum err session_stop(struct session *s, int64_t timeout_ms, uint64_t *left,
                      struct err_detail *detail)
{
    int64_t limit = clock_boot_ms() + timeout_ms;
    enum err err = pipeline_flush(s->pipeline, false, detail);

    if (err == ERR_NO_SPACE)
        err = ERR_OK; /* the evidence waits in its files */
    while (err == ERR_OK) {
        err = publisher_serve(s->publisher, clock_boot_ms(), detail);
        if (publisher_is_drained(s->publisher) || clock_boot_ms() >= limit)
            break;
        struct pollfd fd = {.fd = publisher_fd(s->publisher), .events = POLLIN};
        int64_t wake = publisher_next_deadline(s->publisher);
        int64_t wait = (wake < limit ? wake : limit) - clock_boot_ms();
        (void)poll(&fd, 1, wait < 0 ? 0 : (int)wait);
    }
    *left = unacknowledged(s);
    return err;
}

enum err session_finish_backfill(struct session *s, struct err_detail *detail)
{
    return pipeline_flush(s->pipeline, true, detail);
}

struct pipeline_counters session_get_counters(const struct session *s)
{
    return pipeline_get_counters(s->pipeline);
}
