/*
 * How fast lines become events: a log in memory, through parser and tracker, with and without JSON.
 * Usage: parse_bench FILE [seconds]. Prints lines/s and MiB/s of one core; asserts nothing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "producer/core/event_json.h"
#include "producer/core/line_split.h"
#include "producer/core/tracker.h"

static struct log_parser parser;
static struct line_split split;
static struct tracker tracker;
static struct event events[TRACKER_EVENTS_MAX];
static struct event_run running[TRACKER_LIVE_MAX];
static uint8_t json[EVENT_JSON_MAX];

enum stage { STAGE_PARSE, STAGE_TRACK, STAGE_JSON, STAGE_N };

static double now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void fail(const char *what)
{
    fprintf(stderr, "parse_bench: %s\n", what);
    exit(1);
}

static uint64_t one_line(struct bytes line, bool cut, enum stage stage)
{
    struct tracker_out out = {events, TRACKER_EVENTS_MAX, 0, running, TRACKER_LIVE_MAX};
    struct statement statement;
    uint64_t n = 0;
    size_t len;

    log_parser_line(&parser, line, cut, 0);
    while (log_parser_next(&parser, &statement)) {
        if (stage == STAGE_PARSE)
            continue;
        if (tracker_step(&tracker, &statement, &out) != ERR_OK)
            fail("step");
        for (size_t i = 0; i < out.events_n && stage == STAGE_JSON; i++)
            if (event_json_write(&out.events[i], json, sizeof json, &len) != ERR_OK)
                fail("json");
        n += out.events_n;
    }
    return n;
}

static void run(struct bytes log, enum stage stage, double seconds)
{
    static const char *const names[] = {"parse", "parse + track", "parse + track + json"};
    struct tracker_options options = tracker_standard_options();
    uint64_t lines = 0, bytes = 0, stated = 0;

    options.instance_id = BYTES_LITERAL("i-1");
    options.backfill = true;
    double start = now(), end = start;
    while (end - start < seconds) {
        struct bytes chunk = log, line;
        bool cut;
        log_parser_init(&parser);
        line_split_init(&split);
        if (tracker_init(&tracker, &options, NULL) != ERR_OK)
            fail("init");
        for (; line_split_next(&split, &chunk, &line, &cut); lines++)
            stated += one_line(line, cut, stage);
        bytes += log.len;
        end = now();
    }
    printf("%-22s %8.0f k lines/s  %7.1f MiB/s  %8.0f k events/s\n", names[stage],
           (double)lines / (end - start) / 1e3, (double)bytes / (end - start) / 1048576.0,
           (double)stated / (end - start) / 1e3);
}

int main(int argc, char **argv)
{
    FILE *file = argc > 1 ? fopen(argv[1], "rb") : NULL;
    double seconds = argc > 2 ? strtod(argv[2], NULL) : 2.0;
    size_t cap = 256u << 20;
    uint8_t *data = malloc(cap);

    if (file == NULL || data == NULL)
        fail("usage: parse_bench FILE [seconds]");
    size_t len = fread(data, 1, cap, file);
    fclose(file);
    for (int stage = 0; stage < STAGE_N; stage++)
        run(bytes_of(data, len), (enum stage)stage, seconds);
    free(data);
    return 0;
}
