/*
 * From lines to the journal: reads a source, lets core understand it, and commits what came out
 * together with where the source stood. The only place of the edge that drives the tracker. Not for
 * waiting (the run loop) and not for publishing (publisher.h).
 *
 *   read T ─► clock tick ─► lines ─► statements ─► tracker ─► events ┐
 *                              at the end of all files: CAUGHT_UP(T) ┴─► one commit per pass
 *
 * A pass commits before anything of it is visible. If the journal is full the batch stays here and
 * nothing else is read, ticked or stated until it has been taken: so no number is visible, evidence
 * waits in its files, and the watermark stands still (DESIGN.md, "The producer").
 */
#ifndef PRODUCER_EDGE_PIPELINE_H
#define PRODUCER_EDGE_PIPELINE_H

#include "producer/edge/host.h"
#include "producer/edge/journal.h"
#include "producer/edge/line_source.h"
#include "producer/edge/settings.h"

enum {
    PIPELINE_PASS_BYTES = 4 * 1024 * 1024, /* log bytes read in one pass */
    PIPELINE_IDLE_COMMIT_MS = 5000,        /* positions without events are committed this late */
    PIPELINE_SEGMENT_BYTES_MIN = 4 * 1024 * 1024, /* holds the largest possible commit */
};

struct pipeline_options {
    const struct producer_settings *settings;
    struct host *host; /* outlives the pipeline, as does the rest */
    struct journal *journal;
    struct line_source source; /* not read from yet */
    bool backfill;
};

/* What a pass has done, and why it did no more. */
struct pipeline_pass {
    uint64_t lines;
    uint64_t events;     /* committed, heartbeats not counted */
    bool at_end;         /* the source had no more, and all of it is committed */
    bool is_full;        /* the journal took nothing; acknowledgements will help */
    enum err source_err; /* what could not be read; the pass was done with the rest */
    struct err_detail source_detail;
};

/* For the log and `status`. */
struct pipeline_counters {
    uint64_t lines, statements, events;
    size_t live_runs;
};

struct pipeline;

/*
 * Takes over where the journal's last commit left off, under a new epoch. ERR_CONFLICT: the journal
 * is another instance's, or an unfinished backfill of other files; ERR_UNSUPPORTED: its state is of
 * a later version; ERR_MALFORMED; ERR_NOMEM; ERR_IO; ERR_LIMIT.
 */
enum err pipeline_new(const struct pipeline_options *options, struct pipeline **pipeline,
                      struct err_detail *detail) MUST_CHECK;
void pipeline_free(struct pipeline *pipeline);

/* One look at clocks and source. Errors are final: the journal's, or a bug's. */
enum err pipeline_run_pass(struct pipeline *pipeline, struct pipeline_pass *pass,
                           struct err_detail *detail) MUST_CHECK;

/* Commits the positions if they have moved. `is_finished`: a backfill has come to its end, the next
 * one begins anew. ERR_NO_SPACE: later. */
enum err pipeline_flush(struct pipeline *pipeline, bool is_finished,
                        struct err_detail *detail) MUST_CHECK;

/* The newest heartbeat, once; only after everything that it rests on has been committed. The slice
 * lives until the next pass. */
bool pipeline_take_heartbeat(struct pipeline *pipeline, struct bytes *heartbeat);

/* CLOCK_BOOTTIME in ms when a pass has something to state even if no line comes. */
int64_t pipeline_next_deadline(const struct pipeline *pipeline);

struct pipeline_counters pipeline_get_counters(const struct pipeline *pipeline);
struct event_uuid pipeline_epoch(const struct pipeline *pipeline);

/* The parts of a commit's state, for `status`; they point into `state`. ERR_MALFORMED,
 * ERR_UNSUPPORTED. */
struct pipeline_state {
    bool is_finished;
    struct bytes instance_id;
    struct bytes positions;
    struct bytes tracker;
};
enum err pipeline_state_parse(struct bytes state, struct pipeline_state *parts,
                              struct err_detail *detail) MUST_CHECK;

#endif
