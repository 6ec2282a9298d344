/*
 * Any text as a log, through parser, tracker and encoder: the invariants hold, every event can be
 * encoded, seq is dense.
 */
#include <stdio.h>
#include <stdlib.h>

#include "producer/core/line_split.h"
#include "producer/core/tracker.h"
#include "schemas/c/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct log_parser parser;
static struct line_split split;
static struct tracker tracker;
static int64_t seq;

static void require(int condition)
{
    if (!condition)
        abort();
}

static void step(const struct statement *statement)
{
    static struct event events[TRACKER_EVENTS_MAX];
    static struct event_run running[TRACKER_LIVE_MAX];
    static uint8_t record[EVENT_RECORD_MAX];
    struct tracker_out out = {events, TRACKER_EVENTS_MAX, 0, running, TRACKER_LIVE_MAX};
    size_t len;

    require(statement->kind > STATEMENT_NONE && statement->kind < STATEMENT_HOST_FACTS);
    require(tracker_step(&tracker, statement, &out) == ERR_OK);
    for (size_t i = 0; i < out.events_n; i++) {
        require(out.events[i].seq == ++seq);
        require(event_encode(&out.events[i], record, sizeof record, &len) == ERR_OK);
    }
}

static void take(struct bytes line, bool cut)
{
    struct statement statement;

    log_parser_line(&parser, line, cut, 0);
    while (log_parser_next(&parser, &statement))
        step(&statement);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tracker_options options = tracker_standard_options();
    struct bytes chunk = bytes_of(data, size), line;
    bool cut;

    options.instance_id = BYTES_LITERAL("i-1");
    options.backfill = true;
    require(tracker_init(&tracker, &options, NULL) == ERR_OK);
    log_parser_init(&parser);
    line_split_init(&split);
    seq = 0;
    while (line_split_next(&split, &chunk, &line, &cut))
        take(line, cut);
    if (line_split_end(&split, &line, &cut))
        take(line, cut);
    const char *problem = tracker_check_all(&tracker);
    if (problem != NULL)
        fprintf(stderr, "%s\n", problem);
    require(problem == NULL);
    return 0;
}
