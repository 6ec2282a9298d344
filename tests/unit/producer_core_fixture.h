/*
 * For tests of the producer's core: text or statements in, events out, kept as records to look at
 * and as a trace to compare. Everything static: one fixture per test program.
 */
#ifndef TESTS_UNIT_PRODUCER_CORE_FIXTURE_H
#define TESTS_UNIT_PRODUCER_CORE_FIXTURE_H

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "producer/core/event_json.h"
#include "producer/core/line_split.h"
#include "producer/core/tracker.h"

#define FIXTURE_INSTANCE "i-0a1b2c3d4e5f60718"

enum { FIXTURE_EVENTS_MAX = 2048, FIXTURE_TRACE_MAX = 4 << 20, FIXTURE_TEXT_MAX = 256 };

/* One event, copied. */
struct seen {
    struct event event; /* slices into the fields below, where there are any */
    char run_id[FIXTURE_TEXT_MAX];
    char enclave_id[FIXTURE_TEXT_MAX];
    char name[EVENT_STRING_MAX + 1];
    char eif_path[EVENT_STRING_MAX + 1];
    char detail[FIXTURE_TEXT_MAX];
    char running[FIXTURE_TEXT_MAX]; /* run_ids of a list, joined by blanks, as far as they fit */
};

struct fixture {
    struct log_parser parser;
    struct line_split split;
    struct tracker tracker;
    struct event events[TRACKER_EVENTS_MAX];
    struct event_run running[TRACKER_LIVE_MAX];
    struct seen seen[FIXTURE_EVENTS_MAX];
    size_t seen_n;
    char trace[FIXTURE_TRACE_MAX]; /* short form, a line per event */
    size_t trace_len;
    char json[FIXTURE_TRACE_MAX]; /* JSON lines */
    size_t json_len;
};

static struct fixture fixture;

static inline void fixture_copy(char *to, size_t cap, struct bytes from)
{
    assert_true(from.len < cap);
    if (from.len > 0)
        memcpy(to, from.ptr, from.len);
    to[from.len] = '\0';
}

__attribute__((format(printf, 2, 3))) static inline void fixture_trace(struct fixture *f,
                                                                       const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int n = vsnprintf(f->trace + f->trace_len, sizeof f->trace - f->trace_len, format, args);
    va_end(args);
    assert_true(n >= 0 && (size_t)n < sizeof f->trace - f->trace_len);
    f->trace_len += (size_t)n;
}

/* TYPE run_id slot? fields that an end or a start is about; times as plain ms */
static inline void fixture_trace_event(struct fixture *f, const struct seen *s)
{
    const struct event *e = &s->event;

    fixture_trace(f, "%s", event_type_name(e->type));
    if (s->run_id[0] != '\0')
        fixture_trace(f, " %s @%" PRId64, s->run_id, e->event_time);
    if (s->enclave_id[0] != '\0')
        fixture_trace(f, " %s", strrchr(s->enclave_id, '-') + 1);
    if ((e->run.has & RUN_HAS_ALLOCATED_TIME) != 0)
        fixture_trace(f, " allocated=%" PRId64, e->run.allocated_time);
    if ((e->run.has & RUN_HAS_MEMORY_MIB) != 0)
        fixture_trace(f, " mib=%" PRId64, e->run.memory_mib);
    if ((e->run.has & RUN_HAS_RUNNING_TIME) != 0)
        fixture_trace(f, " running=%" PRId64, e->run.running_time);
    if (e->type == EVENT_ENDED || e->type == EVENT_FAILED)
        fixture_trace(f, " %s", end_cause_name(e->end_cause));
    if (s->detail[0] != '\0')
        fixture_trace(f, " %s", s->detail);
    if ((e->has & EVENT_HAS_END_TIME_EARLIEST) != 0)
        fixture_trace(f, " earliest=%" PRId64, e->end_time_earliest);
    if (e->type == EVENT_SNAPSHOT || e->type == EVENT_HEARTBEAT)
        fixture_trace(f, " [%s]", s->running);
    fixture_trace(f, "\n");
}

static inline void fixture_see(struct fixture *f, const struct event *e)
{
    size_t len;

    assert_true(f->seen_n < FIXTURE_EVENTS_MAX);
    struct seen *s = &f->seen[f->seen_n++];
    s->event = *e;
    fixture_copy(s->run_id, sizeof s->run_id, e->run.run_id);
    fixture_copy(s->enclave_id, sizeof s->enclave_id, e->run.enclave_id);
    fixture_copy(s->name, sizeof s->name, e->run.name);
    fixture_copy(s->eif_path, sizeof s->eif_path, e->run.eif_path);
    fixture_copy(s->detail, sizeof s->detail, e->end_detail);
    s->running[0] = '\0';
    for (uint32_t i = 0; i < e->running_n; i++) {
        size_t at = strlen(s->running);
        snprintf(s->running + at, sizeof s->running - at, "%s%.*s", i > 0 ? " " : "",
                 BYTES_ARGS(e->running[i].run_id));
    }
    fixture_trace_event(f, s);
    assert_int_equal(event_json_write(e, f->json + f->json_len, sizeof f->json - f->json_len, &len),
                     ERR_OK);
    f->json_len += len;
}

static inline void fixture_step(struct fixture *f, const struct statement *statement)
{
    struct tracker_out out = {.events = f->events,
                              .events_cap = TRACKER_EVENTS_MAX,
                              .running = f->running,
                              .running_cap = TRACKER_LIVE_MAX};

    assert_int_equal(tracker_step(&f->tracker, statement, &out), ERR_OK);
    for (size_t i = 0; i < out.events_n; i++)
        fixture_see(f, &out.events[i]);
    const char *problem = tracker_check_all(&f->tracker);
    if (problem != NULL)
        fail_msg("%s after %s", problem, statement_kind_name(statement->kind));
}

static inline void fixture_line(struct fixture *f, struct bytes line, bool cut)
{
    struct statement statement;

    log_parser_line(&f->parser, line, cut, 0);
    while (log_parser_next(&f->parser, &statement))
        fixture_step(f, &statement);
}

/* Text in chunks of `chunk` bytes; an unfinished last line is kept until fixture_finish. */
static inline void fixture_feed(struct fixture *f, struct bytes text, size_t chunk)
{
    struct bytes line;
    bool cut;

    while (text.len > 0) {
        struct bytes part = bytes_of(text.ptr, chunk < text.len ? chunk : text.len);
        text = bytes_skip(text, part.len);
        while (line_split_next(&f->split, &part, &line, &cut))
            fixture_line(f, line, cut);
    }
}

static inline void fixture_finish(struct fixture *f)
{
    struct bytes line;
    bool cut;

    if (line_split_end(&f->split, &line, &cut))
        fixture_line(f, line, cut);
}

static inline void fixture_text(struct fixture *f, const char *text)
{
    fixture_feed(f, bytes_of_string(text), SIZE_MAX);
    fixture_finish(f);
}

static inline struct tracker_options fixture_options(void)
{
    struct tracker_options options = tracker_standard_options();

    options.instance_id = BYTES_LITERAL(FIXTURE_INSTANCE);
    options.epoch.bytes[0] = 0xE1;
    return options;
}

static inline void fixture_forget(struct fixture *f)
{
    f->seen_n = f->trace_len = f->json_len = 0;
    f->trace[0] = '\0';
}

static inline void fixture_init_with(struct fixture *f, const struct tracker_options *options)
{
    log_parser_init(&f->parser);
    line_split_init(&f->split);
    assert_int_equal(tracker_init(&f->tracker, options, NULL), ERR_OK);
    fixture_forget(f);
}

static inline void fixture_init(struct fixture *f)
{
    struct tracker_options options = fixture_options();

    options.backfill = true;
    fixture_init_with(f, &options);
}

/* The last event about a pid of one of two types, or NULL. */
static inline const struct seen *fixture_last(const struct fixture *f, int64_t pid,
                                              enum event_type a, enum event_type b)
{
    for (size_t i = f->seen_n; i-- > 0;) {
        const struct event *e = &f->seen[i].event;
        if (e->run.pid == pid && (e->type == a || e->type == b))
            return &f->seen[i];
    }
    return NULL;
}

/* Malloced; fails the test if the file cannot be read. */
static inline struct bytes fixture_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    size_t cap = 8u << 20;

    if (file == NULL)
        fail_msg("%s cannot be read", path);
    uint8_t *data = malloc(cap);
    assert_non_null(data);
    size_t len = fread(data, 1, cap, file);
    fclose(file);
    assert_true(len < cap);
    return bytes_of(data, len);
}

static inline void fixture_feed_file(struct fixture *f, const char *path)
{
    struct bytes text = fixture_file(path);

    fixture_feed(f, text, SIZE_MAX);
    fixture_finish(f);
    free((void *)(uintptr_t)text.ptr);
}

#endif
