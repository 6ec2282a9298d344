/*
 * enclave-aggregator run: meters until told to stop.
 *
 * One thread meters (consumer, workers, checkpoints, control records), one seals, libmicrohttpd
 * serves. On SIGTERM or SIGINT: final checkpoints, leave the group, exit 0.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "aggregator/commands.h"
#include "aggregator/config.h"
#include "aggregator/edge/control.h"
#include "aggregator/edge/http.h"
#include "aggregator/edge/seal_thread.h"
#include "aggregator/preflight.h"
#include "common/clock.h"
#include "common/log.h"

enum {
    RUN_POLL_MS = 100,
    RUN_CONTROL_INTERVAL_MS = 100,
    RUN_RETRY_MS = 2000,
    RUN_FLUSH_MS = 2000,
};

static volatile sig_atomic_t stop_requested;

static void on_signal(int signal_number)
{
    (void)signal_number;
    stop_requested = 1;
}

static void install_signals(void)
{
    const struct sigaction stop = {.sa_handler = on_signal}; /* no SA_RESTART: waits end */
    const struct sigaction ignore = {.sa_handler = SIG_IGN};

    sigaction(SIGTERM, &stop, NULL);
    sigaction(SIGINT, &stop, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
}

/* Everything that lives while metering. */
struct run {
    const struct aggregator_config *config;
    struct preflight before;
    struct era era;
    struct decoder_cache *decoders;
    struct aggregator_policy policy;
    struct seal_thread *sealing;
    struct consumer *consumer;
    struct control *control;
    struct http *http;
    struct consumer_view *views; /* room for every partition */
};

/* ---- before metering ------------------------------------------------------------------------ */

static void log_findings(const struct preflight *before)
{
    for (size_t i = 0; i < before->findings_n; i++) {
        const struct topic_finding *f = &before->findings[i];

        if (f->waived)
            log_warn("topic", "waived", field_string("finding", f->text));
        else
            log_error("topic", "refused", field_string("finding", f->text),
                      field_string("repair", f->command));
    }
}

/* Topic, era, checkpoints. ERR_KAFKA, ERR_IO, ERR_AGAIN: worth trying again. */
static enum err prepare(struct run *run, struct err_detail *detail)
{
    enum err e = preflight_topic(&run->before, detail);

    if (e != ERR_OK)
        return e;
    log_findings(&run->before);
    if (preflight_open_findings(&run->before) > 0)
        return err_set(detail, ERR_INCIDENT,
                       "the topic %s is not fit to be billed from: repair what is named above, or"
                       " list it in check.waive",
                       run->config->topic);
    struct era wanted = preflight_wanted_era(&run->before, clock_wall_ms());
    e = eras_ensure(run->before.store, &wanted, &run->era, detail);
    if (e != ERR_OK)
        return e;
    log_info("era", "in force", field_uint("era", run->era.era),
             field_string("topic", run->era.topic), field_string("topic_id", run->era.topic_id),
             field_int("partitions", run->era.partitions_n),
             field_time("first_hour", run->era.first_hour));
    return preflight_partitions(&run->before, &run->era, detail);
}

/* Brokers and store may come up later than this program. */
static enum err prepare_patiently(struct run *run, struct err_detail *detail)
{
    for (;;) {
        const struct timespec pause = {.tv_sec = RUN_RETRY_MS / 1000};
        enum err e = prepare(run, detail);

        if ((e != ERR_KAFKA && e != ERR_IO && e != ERR_AGAIN) || stop_requested)
            return e;
        log_warn("run", "not ready yet; trying again", field_err(e, detail));
        nanosleep(&pause, NULL);
        if (stop_requested)
            return e;
    }
}

static void note_part(void *context, int64_t hour)
{
    struct run *run = context;

    seal_thread_note(run->sealing, hour);
}

static enum err start_sealing(struct run *run, struct err_detail *detail)
{
    const struct sealer_options options = {
        .era = run->era.era,
        .partitions_n = run->era.partitions_n,
        .first_hour = run->era.first_hour,
        .book = run->before.book,
    };

    return seal_thread_start(run->config->sink, &options, run->config->seal_interval_ms,
                             &run->sealing, detail);
}

static enum err start_consumer(struct run *run, struct err_detail *detail)
{
    struct kafka_property defaults[CONSUMER_KAFKA_PROPERTIES_N + 2] = {
        {"group.id", "enclave-aggregator"}, {"client.id", "enclave-aggregator"}};
    const struct consumer_options options = {
        .topic = run->config->topic,
        .partitions_n = run->era.partitions_n,
        .worker =
            {
                .store = run->before.store,
                .decoders = run->decoders,
                .era = run->era.era,
                .first_hour = run->era.first_hour,
                .checkpoint_interval_ms = run->config->checkpoint_interval_ms,
                .replay_retention_ms = run->config->checkpoint_replay_retention_ms,
                .accept_lead_in = run->config->recover_accept_lead_in,
                .on_part = note_part,
                .context = run,
            },
    };
    rd_kafka_conf_t *conf;

    for (size_t i = 0; i < CONSUMER_KAFKA_PROPERTIES_N; i++)
        defaults[i + 2] = consumer_kafka_properties[i];
    enum err e = preflight_kafka_conf(run->config, KAFKA_CONSUMER, defaults,
                                      sizeof defaults / sizeof *defaults, &conf, detail);
    if (e != ERR_OK)
        return e;
    return consumer_new(conf, &options, &run->consumer, detail);
}

static enum err start_control(struct run *run, struct err_detail *detail)
{
    static const struct kafka_property defaults[] = {{"client.id", "enclave-aggregator-control"},
                                                     {"linger.ms", "5"}};
    rd_kafka_conf_t *conf;
    enum err e = preflight_kafka_conf(run->config, KAFKA_PRODUCER, defaults,
                                      sizeof defaults / sizeof *defaults, &conf, detail);

    if (e != ERR_OK)
        return e;
    aggregator_config_policy(run->config, &run->policy);
    return control_new(conf, run->config->topic, run->era.partitions_n, &run->policy.record,
                       &run->control, detail);
}

static enum err start(struct run *run, struct err_detail *detail)
{
    const struct tenant_book *book = run->before.book;
    enum err e = decoder_cache_new(&run->decoders, detail);

    preflight_disconnect(&run->before);
    run->views = calloc((size_t)run->era.partitions_n, sizeof *run->views);
    if (run->views == NULL)
        e = err_set(detail, ERR_NOMEM, "out of memory");
    if (e == ERR_OK)
        e = http_start(run->config->http_listen, book != NULL ? &book->map : NULL, &run->http,
                       detail);
    if (e == ERR_OK)
        e = start_sealing(run, detail);
    if (e == ERR_OK)
        e = start_control(run, detail);
    if (e == ERR_OK)
        e = start_consumer(run, detail);
    return e;
}

/* ---- metering ------------------------------------------------------------------------------- */

static void show(struct run *run, int64_t mono_ms)
{
    struct http_snapshot *snapshot;
    struct err_detail detail;

    if (!http_beat(run->http, mono_ms))
        return;
    const struct http_sealing sealing = seal_thread_progress(run->sealing);
    if (http_snapshot_new(run->consumer, &sealing, clock_wall_ms(), &snapshot, &detail) == ERR_OK)
        http_publish(run->http, snapshot);
}

static enum err meter(struct run *run, struct err_detail *detail)
{
    int64_t control_at = 0;

    log_info("run", "started", field_string("version", EM_VERSION),
             field_string("sink", run->config->sink));
    while (!stop_requested) {
        enum err e = consumer_poll(run->consumer, RUN_POLL_MS, detail);

        if (e != ERR_OK)
            return e;
        int64_t mono_ms = clock_monotonic_ms();
        if (mono_ms >= control_at) {
            size_t n = consumer_views(run->consumer, run->views, (size_t)run->era.partitions_n);

            control_poll(run->control, run->views, n, clock_wall_ms(), mono_ms);
            control_at = mono_ms + RUN_CONTROL_INTERVAL_MS;
        }
        show(run, mono_ms);
    }
    return ERR_OK;
}

static void finish(struct run *run)
{
    http_stop(run->http);
    consumer_close(run->consumer); /* final checkpoints; parts may still be noted */
    seal_thread_stop(run->sealing);
    control_free(run->control, RUN_FLUSH_MS);
    decoder_cache_free(run->decoders);
    free(run->views);
    preflight_close(&run->before);
}

int command_run(const struct cli *cli)
{
    struct run run = {.config = cli->config->target};
    struct err_detail detail = {.text = ""};

    install_signals();
    enum err e = preflight_open(run.config, &run.before, &detail);
    if (e == ERR_OK)
        e = prepare_patiently(&run, &detail);
    if (e == ERR_OK)
        e = start(&run, &detail);
    if (e == ERR_OK)
        e = meter(&run, &detail);
    finish(&run);
    if (e != ERR_OK && !stop_requested)
        return cli_fail(cli, e, &detail);
    log_info("run", "stopped");
    return CLI_OK;
}
