/*
 * Passes and commits. See pipeline.h for the picture.
 */
#include "producer/edge/pipeline.h"

#include <assert.h>
#include <stdlib.h>

#include "common/buffer.h"
#include "common/clock.h"
#include "common/uuid.h"
#include "producer/core/tracker.h"
#include "producer/edge/pipeline_internal.h"
#include "schemas/c/codec.h"

enum { PARSERS_MAX = TAILER_FILES_MAX };

/* A parser per file: an ERROR block of one is not interrupted by the lines of another. */
struct file_parser {
    uint64_t device, inode;
    uint64_t used; /* rises; the one used longest ago gives way */
    struct log_parser parser;
};

/* Events of the pass, encoded one behind the other. */
struct batch {
    struct buffer bytes;
    size_t lengths[JOURNAL_EVENTS_MAX];
    struct bytes events[JOURNAL_EVENTS_MAX]; /* set by commit only: `bytes` moves when it grows */
    size_t n;
};

struct pipeline {
    struct pipeline_options options;
    struct tracker *tracker;
    struct file_parser *parsers; /* PARSERS_MAX */
    uint64_t uses;
    struct event *out_events;
    struct event_run *out_running;
    struct tracker_out out;
    struct batch batch;
    bool has_moved; /* the source has, since the last commit */
    bool is_full;   /* the batch waits for the journal */
    int64_t committed_boot_ms;
    int64_t facts_due_ms; /* CLOCK_BOOTTIME */
    uint8_t *encoded;     /* EVENT_RECORD_MAX */
    uint8_t *state;       /* PIPELINE_STATE_HEAD_MAX + TRACKER_SAVE_MAX */
    uint8_t *heartbeat;   /* EVENT_RECORD_MAX */
    size_t heartbeat_len; /* 0 = none */
    struct pipeline_counters counters;

    /* the pass that is going on */
    struct clock_pair now;
    enum err error; /* what made a callback stop */
    struct err_detail error_detail;
};

/* ---- the batch ----------------------------------------------------------------------------- */

/* An eighth of a segment for lines leaves room for the largest step and for the state. */
static bool batch_has_room(const struct pipeline *p)
{
    return p->batch.n + TRACKER_EVENTS_MAX <= JOURNAL_EVENTS_MAX &&
           p->batch.bytes.len < (size_t)p->options.settings->journal_segment_bytes / 8;
}

static enum err take_event(struct pipeline *p, const struct event *event, struct err_detail *detail)
{
    size_t len;
    enum err err = event_encode(event, p->encoded, EVENT_RECORD_MAX, &len);

    if (err != ERR_OK)
        return err_set(detail, err, "a %s event cannot be encoded: %s",
                       event_type_name(event->type), err_text(err));
    if (event->type == EVENT_HEARTBEAT) {
        memcpy(p->heartbeat, p->encoded, len);
        p->heartbeat_len = len;
        return ERR_OK;
    }
    p->heartbeat_len = 0; /* this event says more and comes later */
    assert(p->batch.n < JOURNAL_EVENTS_MAX);
    if (buffer_append(&p->batch.bytes, bytes_of(p->encoded, len)) != ERR_OK)
        return err_set(detail, ERR_NOMEM, "out of memory");
    p->batch.lengths[p->batch.n++] = len;
    return ERR_OK;
}

/* One statement through the tracker into the batch. */
static enum err step(struct pipeline *p, const struct statement *statement,
                     struct err_detail *detail)
{
    enum err err = tracker_step(p->tracker, statement, &p->out);

    if (err != ERR_OK)
        return err_set(detail, err, "the tracker refused %s: %s",
                       statement_kind_name(statement->kind), err_text(err));
    for (size_t i = 0; err == ERR_OK && i < p->out.events_n; i++)
        err = take_event(p, &p->out.events[i], detail);
    return err;
}

/* ERR_OK also when the journal is full: then p->is_full, and the batch stays. */
static enum err commit(struct pipeline *p, bool is_finished, struct err_detail *detail)
{
    uint8_t positions[LINE_SOURCE_POSITIONS_MAX];
    struct pipeline_state parts = {
        .is_finished = is_finished,
        .instance_id = bytes_of_string(p->options.host->instance_id),
        .positions = bytes_of(positions, line_source_save(&p->options.source, positions)),
    };
    size_t head = pipeline_state_put(p->state, &parts);
    size_t len = head + tracker_save(p->tracker, p->state + head);
    size_t at = 0;

    for (size_t i = 0; i < p->batch.n; i++) {
        p->batch.events[i] = bytes_of(p->batch.bytes.ptr + at, p->batch.lengths[i]);
        at += p->batch.lengths[i];
    }
    struct journal_commit commit = {.epoch = p->tracker->options.epoch,
                                    .last_seq = (uint64_t)p->tracker->seq,
                                    .wall_ms = p->now.wall_ms,
                                    .events = p->batch.events,
                                    .events_n = p->batch.n,
                                    .state = bytes_of(p->state, len)};
    enum err err = journal_append(p->options.journal, &commit, detail);
    p->is_full = err == ERR_NO_SPACE;
    if (err != ERR_OK)
        return p->is_full ? ERR_OK : err;
    p->counters.events += p->batch.n;
    p->batch.n = 0;
    buffer_clear(&p->batch.bytes);
    p->has_moved = false;
    p->committed_boot_ms = p->now.boot_ms;
    return ERR_OK;
}

/* ---- lines --------------------------------------------------------------------------------- */

static struct log_parser *parser_of(struct pipeline *p, const struct log_text *line)
{
    struct file_parser *oldest = &p->parsers[0];

    for (size_t i = 0; i < PARSERS_MAX; i++) {
        struct file_parser *f = &p->parsers[i];

        if (f->used != 0 && f->device == line->device && f->inode == line->inode) {
            f->used = ++p->uses;
            return &f->parser;
        }
        if (f->used < oldest->used)
            oldest = f;
    }
    *oldest = (struct file_parser){.device = line->device, .inode = line->inode, .used = ++p->uses};
    log_parser_init(&oldest->parser);
    return &oldest->parser;
}

/* log_text_fn */
static bool take_line(void *user, const struct log_text *line)
{
    struct pipeline *p = user;
    struct statement statement;

    if (p->error != ERR_OK || !batch_has_room(p))
        return false;
    struct log_parser *parser = parser_of(p, line);
    log_parser_line(parser, line->text, (line->flags & LOG_TEXT_CUT) != 0, p->now.wall_ms);
    p->counters.lines++;
    /* A line that holds so many glued records that its events overflow the batch is not ended
     * half-way: the batch grows, and the next line waits. */
    while (log_parser_next(parser, &statement)) {
        p->counters.statements++;
        p->error = step(p, &statement, &p->error_detail);
        if (p->error != ERR_OK)
            return false;
    }
    return true;
}

/* ---- passes -------------------------------------------------------------------------------- */

/* What the clocks and the host say, before the sources are looked at. */
static enum err state_time(struct pipeline *p, struct err_detail *detail)
{
    struct statement tick = {.source = EVIDENCE_BOOT,
                             .kind = STATEMENT_CLOCK_TICK,
                             .time_ms = p->now.wall_ms,
                             .observed_ms = p->now.wall_ms,
                             .boottime_ms = p->now.boot_ms};

    if (p->now.boot_ms >= p->facts_due_ms) {
        host_read_clocks(p->options.host);
        struct statement facts = {.source = EVIDENCE_BOOT,
                                  .kind = STATEMENT_HOST_FACTS,
                                  .time_ms = p->options.host->facts.wall_time,
                                  .observed_ms = p->options.host->facts.wall_time,
                                  .boottime_ms = p->options.host->facts.boottime_ms,
                                  .host = &p->options.host->facts};
        p->facts_due_ms = p->now.boot_ms + p->options.settings->heartbeat_interval_ms;
        enum err err = step(p, &facts, detail);
        if (err != ERR_OK)
            return err;
    }
    return step(p, &tick, detail);
}

static enum err read_source(struct pipeline *p, struct pipeline_pass *pass,
                            struct err_detail *detail)
{
    struct tailer_progress progress;
    struct tailer_request request = {.now_ms = p->now.wall_ms,
                                     .oldest_live_ms = tracker_oldest_live_ms(p->tracker),
                                     .max_bytes = PIPELINE_PASS_BYTES,
                                     .take = take_line,
                                     .user = p};

    p->error = ERR_OK;
    enum err err = line_source_read(&p->options.source, &request, &progress, &pass->source_detail);
    if (p->error != ERR_OK)
        return err_set(detail, p->error, "%s", p->error_detail.text);
    if (err == ERR_INCIDENT)
        return err_set(detail, err, "%s", pass->source_detail.text);
    pass->source_err = err;
    pass->lines = progress.lines;
    pass->at_end = progress.at_end;
    if (progress.bytes > 0)
        p->has_moved = true;
    return ERR_OK;
}

static enum err state_caught_up(struct pipeline *p, struct err_detail *detail)
{
    struct statement caught_up = {.source = EVIDENCE_LOG,
                                  .kind = STATEMENT_CAUGHT_UP,
                                  .time_ms = p->now.wall_ms,
                                  .observed_ms = p->now.wall_ms,
                                  .boottime_ms = p->now.boot_ms};

    return step(p, &caught_up, detail);
}

enum err pipeline_run_pass(struct pipeline *p, struct pipeline_pass *pass,
                           struct err_detail *detail)
{
    bool is_live = !p->options.backfill;
    uint64_t events = p->counters.events;
    enum err err = ERR_OK;

    *pass = (struct pipeline_pass){0};
    p->now = clock_read_pair();
    if (p->is_full) {
        err = commit(p, false, detail);
        pass->is_full = p->is_full;
        if (err != ERR_OK || p->is_full)
            return err;
    }
    if (is_live)
        err = state_time(p, detail);
    if (err == ERR_OK)
        err = read_source(p, pass, detail);
    if (err == ERR_OK && is_live && pass->at_end)
        err = state_caught_up(p, detail);
    if (err == ERR_OK &&
        (p->batch.n > 0 ||
         (p->has_moved && p->now.boot_ms - p->committed_boot_ms >= PIPELINE_IDLE_COMMIT_MS)))
        err = commit(p, false, detail);
    pass->is_full = p->is_full;
    pass->events = p->counters.events - events;
    if (p->is_full)
        pass->at_end = false;
    return err;
}

enum err pipeline_flush(struct pipeline *p, bool is_finished, struct err_detail *detail)
{
    p->now = clock_read_pair();
    if (!p->has_moved && p->batch.n == 0 && !is_finished)
        return ERR_OK;
    enum err err = commit(p, is_finished, detail);
    return err == ERR_OK && p->is_full ? ERR_NO_SPACE : err;
}

bool pipeline_take_heartbeat(struct pipeline *p, struct bytes *heartbeat)
{
    if (p->heartbeat_len == 0 || p->batch.n > 0)
        return false;
    *heartbeat = bytes_of(p->heartbeat, p->heartbeat_len);
    p->heartbeat_len = 0;
    return true;
}

int64_t pipeline_next_deadline(const struct pipeline *p)
{
    if (p->options.backfill || p->is_full)
        return INT64_MAX;
    return tracker_next_deadline(p->tracker);
}

struct pipeline_counters pipeline_get_counters(const struct pipeline *p)
{
    struct pipeline_counters counters = p->counters;

    counters.live_runs = tracker_live_n(p->tracker);
    return counters;
}

struct event_uuid pipeline_epoch(const struct pipeline *p)
{
    return p->tracker->options.epoch;
}

/* ---- life ---------------------------------------------------------------------------------- */

static enum err init_tracker(struct pipeline *p, struct err_detail *detail)
{
    const struct producer_settings *settings = p->options.settings;
    struct tracker_options options = {
        .instance_id = bytes_of_string(p->options.host->instance_id),
        .backfill = p->options.backfill,
        .heartbeat_interval_ms = settings->heartbeat_interval_ms,
        .snapshot_interval_ms = settings->snapshot_interval_ms,
        .watermark_slack_ms = settings->watermark_slack_ms,
    };

    if (!p->options.backfill)
        options.boot_id = p->options.host->boot_id;
    enum err err = uuid_random(options.epoch.bytes, detail);
    return err == ERR_OK ? tracker_init(p->tracker, &options, detail) : err;
}

/* From the journal's last commit, if there is one to go on from. */
static enum err load_state(struct pipeline *p, struct err_detail *detail)
{
    struct journal_state journal;
    struct pipeline_state parts;

    journal_get_state(p->options.journal, &journal);
    if (!journal.has_commit)
        return ERR_OK;
    enum err err = pipeline_state_parse(journal.state, &parts, detail);
    if (err != ERR_OK)
        return err;
    if (!bytes_equal(parts.instance_id, bytes_of_string(p->options.host->instance_id)))
        return err_set(detail, ERR_CONFLICT,
                       "the journal belongs to instance %.*s, this is %s (a cloned image?): give "
                       "this one an empty journal.dir",
                       BYTES_ARGS(parts.instance_id), p->options.host->instance_id);
    if (parts.is_finished)
        return ERR_OK; /* a backfill that came to its end: this is another one */
    err = line_source_load(&p->options.source, parts.positions, detail);
    if (err == ERR_CONFLICT)
        return err_set(
            detail, err,
            "an unfinished backfill of other files is in the journal: finish it with its "
            "own files first, or remove its directory");
    return err == ERR_OK ? tracker_load(p->tracker, parts.tracker, detail) : err;
}

enum err pipeline_new(const struct pipeline_options *options, struct pipeline **pipeline,
                      struct err_detail *detail)
{
    *pipeline = NULL;
    struct pipeline *p = calloc(1, sizeof *p);
    if (p == NULL)
        return err_set(detail, ERR_NOMEM, "out of memory");
    p->options = *options;
    buffer_init(&p->batch.bytes);
    p->tracker = calloc(1, sizeof *p->tracker);
    p->parsers = calloc(PARSERS_MAX, sizeof *p->parsers);
    p->out_events = calloc(TRACKER_EVENTS_MAX, sizeof *p->out_events);
    p->out_running = calloc(TRACKER_LIVE_MAX, sizeof *p->out_running);
    p->encoded = malloc(EVENT_RECORD_MAX);
    p->heartbeat = malloc(EVENT_RECORD_MAX);
    p->state = malloc(PIPELINE_STATE_HEAD_MAX + TRACKER_SAVE_MAX);
    p->out = (struct tracker_out){.events = p->out_events,
                                  .events_cap = TRACKER_EVENTS_MAX,
                                  .running = p->out_running,
                                  .running_cap = TRACKER_LIVE_MAX};
    enum err err = ERR_OK;
    if (p->tracker == NULL || p->parsers == NULL || p->out_events == NULL ||
        p->out_running == NULL || p->encoded == NULL || p->heartbeat == NULL || p->state == NULL)
        err = err_set(detail, ERR_NOMEM, "out of memory");
    if (err == ERR_OK)
        err = init_tracker(p, detail);
    if (err == ERR_OK)
        err = load_state(p, detail);
    if (err != ERR_OK) {
        pipeline_free(p);
        return err;
    }
    *pipeline = p;
    return ERR_OK;
}

void pipeline_free(struct pipeline *p)
{
    if (p == NULL)
        return;
    buffer_fini(&p->batch.bytes);
    free(p->state);
    free(p->heartbeat);
    free(p->encoded);
    free(p->out_running);
    free(p->out_events);
    free(p->parsers);
    free(p->tracker);
    free(p);
}
