/*
 * A partition under test: events by short helpers, parts kept as text, growth on demand.
 *
 * Times in tests are milliseconds counted from the start of hour 0 of the era (T0); H and M make
 * them readable: at(1, 30, 0) is half past one. Every step checks all invariants, saves, loads and
 * compares, so each test is also a test of the checkpoint.
 */
#ifndef TESTS_UNIT_CORE_FIXTURE_H
#define TESTS_UNIT_CORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "aggregator/core/partition.h"

#define T0 (INT64_C(490000) * HOUR_MS)

static inline int64_t at(int64_t hours, int64_t minutes, int64_t seconds)
{
    return T0 + hours * HOUR_MS + minutes * 60000 + seconds * 1000;
}

struct fixture_part {
    int64_t hour;
    uint32_t revision, reasons, expected_n, missing_n, gaps_n, lines_n;
    int64_t offset_next, cut_log_time;
    enum part_status status;
    bool complete;
    struct usage_line *lines; /* slices point into `text` */
    char *text;
};

struct fixture {
    struct partition *p;
    void *memory;
    int64_t offset;
    struct partition_out out;
    struct fixture_part parts[4096];
    uint32_t parts_n;
    uint32_t notices; /* of the last record */
    bool round_trip;  /* save, load, compare after each record */
};

/* One producer epoch of one instance. */
struct host {
    const char *id;
    uint8_t epoch; /* uuid of that byte repeated */
    uint8_t boot;
    int64_t seq;
    struct event_run runs[8];
    uint32_t runs_n;
};

static inline struct event_uuid uuid_of(uint8_t byte)
{
    struct event_uuid u;

    memset(u.bytes, byte, sizeof u.bytes);
    return u;
}

static inline void fixture_arrays(struct fixture *f, uint32_t n)
{
    struct partition_out *o = &f->out;

    free(o->lines);
    free(o->missing);
    free(o->gaps);
    free(o->pairs);
    free(o->dead_letters);
    o->lines = calloc(n, sizeof *o->lines);
    o->missing = calloc(n, sizeof *o->missing);
    o->gaps = calloc(n, sizeof *o->gaps);
    o->pairs = calloc(n, sizeof *o->pairs);
    o->dead_letters = calloc(n, sizeof *o->dead_letters);
    o->lines_cap = o->missing_cap = o->gaps_cap = o->pairs_cap = o->dead_letters_cap = n;
}

static inline struct fixture *fixture_new(void)
{
    struct fixture *f = calloc(1, sizeof *f);
    /* Small pools and arrays, so that every growth path is walked. */
    struct partition_capacity c = {.instances = 1,
                                   .epochs = 1,
                                   .intervals = 2,
                                   .runs = 1,
                                   .corrections = 1,
                                   .dead_letters = 1,
                                   .blobs = 16,
                                   .blob_bytes = 1024};
    struct partition_identity id = {.era = 1, .partition = 3, .first_hour = T0};

    f->memory = aligned_alloc(16, partition_bytes(&c));
    f->p = partition_init(f->memory, &c, &id);
    f->round_trip = true;
    fixture_arrays(f, 1);
    return f;
}

static inline void fixture_free(struct fixture *f)
{
    for (uint32_t i = 0; i < f->parts_n; i++) {
        free(f->parts[i].lines);
        free(f->parts[i].text);
    }
    free(f->out.lines);
    free(f->out.missing);
    free(f->out.gaps);
    free(f->out.pairs);
    free(f->out.dead_letters);
    free(f->memory);
    free(f);
}

static inline struct bytes fixture_keep(struct bytes b, char **into)
{
    struct bytes kept = {(const uint8_t *)*into, b.len};

    if (b.len > 0)
        memcpy(*into, b.ptr, b.len);
    *into += b.len;
    return kept;
}

static inline void fixture_record_part(struct fixture *f)
{
    const struct part *part = &f->out.part;
    struct fixture_part *kept = &f->parts[f->parts_n++];
    size_t text = 1;

    for (uint32_t i = 0; i < part->lines_n; i++)
        text += part->lines[i].instance_id.len + part->lines[i].run.run_id.len +
                part->lines[i].run.name.len + part->lines[i].end_detail.len;
    *kept = (struct fixture_part){
        part->hour,       part->revision,    part->reasons,
        part->expected_n, part->missing_n,   part->gaps_n,
        part->lines_n,    part->offset_next, part->cut_log_time,
        part->status,     part->complete,    calloc(part->lines_n + 1, sizeof *part->lines),
        malloc(text)};
    char *into = kept->text;
    for (uint32_t i = 0; i < part->lines_n; i++) {
        kept->lines[i] = part->lines[i];
        kept->lines[i].instance_id = fixture_keep(part->lines[i].instance_id, &into);
        kept->lines[i].run.run_id = fixture_keep(part->lines[i].run.run_id, &into);
        kept->lines[i].run.name = fixture_keep(part->lines[i].run.name, &into);
        kept->lines[i].end_detail = fixture_keep(part->lines[i].end_detail, &into);
    }
}

static inline void fixture_grow(struct fixture *f)
{
    if (f->out.need.state) {
        struct partition_capacity c = partition_capacity_grown(f->p);
        void *memory = aligned_alloc(16, partition_bytes(&c));
        f->p = partition_move(f->p, memory, &c);
        free(f->memory);
        f->memory = memory;
        return;
    }
    uint32_t n = f->out.need.lines;
    const uint32_t others[] = {f->out.need.missing, f->out.need.gaps, f->out.need.pairs,
                               f->out.need.dead_letters};
    for (size_t i = 0; i < 4; i++)
        n = others[i] > n ? others[i] : n;
    fixture_arrays(f, n + 1);
}

/* Saves, loads into fresh memory, saves again: the bytes must be equal. Goes on with the loaded
 * one. */
static inline void fixture_round_trip(struct fixture *f)
{
    static uint8_t first[1 << 20], second[1 << 20];
    struct partition_capacity c;
    struct err_detail detail;
    size_t n, m;

    assert_int_equal(partition_save(f->p, first, sizeof first, &n), ERR_OK);
    assert_int_equal(partition_saved_capacity(bytes_of(first, n), &c), ERR_OK);
    void *memory = aligned_alloc(16, partition_bytes(&c));
    struct partition *loaded = NULL;
    if (partition_load(bytes_of(first, n), memory, &c, &loaded, &detail) != ERR_OK)
        fail_msg("%s", detail.text);
    partition_check_all(loaded);
    assert_int_equal(partition_save(loaded, second, sizeof second, &m), ERR_OK);
    assert_int_equal(n, m);
    assert_memory_equal(first, second, n);
    free(f->memory);
    f->memory = memory;
    f->p = loaded;
}

static inline enum err fixture_take(struct fixture *f, struct partition_record record)
{
    enum err e;

    record.offset = f->offset;
    f->notices = 0;
    do {
        e = partition_step(f->p, &record, &f->out);
        while (e == ERR_CAPACITY) {
            fixture_grow(f);
            e = partition_step(f->p, &record, &f->out);
        }
        f->notices |= f->out.notices;
        if (e == ERR_OK && f->out.has_part)
            fixture_record_part(f);
    } while (e == ERR_OK && f->out.more);
    if (e != ERR_OK)
        return e;
    f->offset++;
    partition_check_all(f->p);
    if (f->round_trip)
        fixture_round_trip(f);
    return e;
}

static inline void take(struct fixture *f, int64_t log_time, const struct event *event)
{
    struct partition_record record = {
        .kind = RECORD_EVENT, .append_time = log_time, .event = event, .crc = 7};

    assert_int_equal(fixture_take(f, record), ERR_OK);
}

static inline void tick(struct fixture *f, int64_t log_time)
{
    struct event event = {.type = EVENT_TICK};

    take(f, log_time, &event);
}

/* A TICK every minute, as an owner of a silent partition sends them. */
static inline void ticks_until(struct fixture *f, int64_t log_time)
{
    for (int64_t t = partition_log_time(f->p) + 60000; t < log_time; t += 60000)
        tick(f, t);
    tick(f, log_time);
}

static inline struct event event_of(struct host *h, enum event_type type, int64_t when,
                                    int64_t watermark)
{
    if (type != EVENT_HEARTBEAT)
        h->seq++;
    struct event e = {.type = type,
                      .instance_id = bytes_of_string(h->id),
                      .producer_epoch = uuid_of(h->epoch),
                      .seq = h->seq,
                      .boot_id = uuid_of(h->boot),
                      .event_time = when,
                      .observed_time = when,
                      .low_watermark = watermark,
                      .evidence = EVIDENCE_LOG};
    return e;
}

static inline struct event_run *run_of(struct host *h, const char *run_id, int64_t pid)
{
    for (uint32_t i = 0; i < h->runs_n; i++)
        if (bytes_equal(h->runs[i].run_id, bytes_of_string(run_id)))
            return &h->runs[i];
    struct event_run *run = &h->runs[h->runs_n++];
    *run =
        (struct event_run){.run_id = bytes_of_string(run_id),
                           .has = RUN_HAS_PID | RUN_HAS_VCPUS | RUN_HAS_MEMORY_MIB | RUN_HAS_NAME,
                           .name = bytes_of_string(run_id),
                           .pid = pid,
                           .vcpus = 2,
                           .memory_mib = 64};
    return run;
}

static inline struct event run_event(struct host *h, enum event_type type, struct event_run *run,
                                     int64_t when, int64_t watermark)
{
    struct event e = event_of(h, type, when, watermark);

    if (type == EVENT_ALLOCATED) {
        run->has |= RUN_HAS_ALLOCATED_TIME;
        run->allocated_time = when;
    }
    if (type == EVENT_RUNNING) {
        run->has |= RUN_HAS_RUNNING_TIME;
        run->running_time = when;
    }
    if (type == EVENT_ENDED)
        e.end_cause = END_TERMINATED;
    e.run = *run;
    return e;
}

/* Appended two seconds after it happened, with a watermark of the moment it happened. */
static inline void say(struct fixture *f, struct host *h, enum event_type type, int64_t when)
{
    struct event e = event_of(h, type, when, when);

    take(f, when + 2000, &e);
}

static inline void say_run(struct fixture *f, struct host *h, enum event_type type,
                           struct event_run *run, int64_t when)
{
    struct event e = run_event(h, type, run, when, when);

    take(f, when + 2000, &e);
}

static inline void heartbeats(struct fixture *f, struct host *h, int64_t from, int64_t to)
{
    for (int64_t t = from; t <= to; t += 60000)
        say(f, h, EVENT_HEARTBEAT, t);
}

/* The newest part of an hour, or NULL. */
static inline struct fixture_part *part_of(struct fixture *f, int64_t hour, uint32_t revision)
{
    for (uint32_t i = f->parts_n; i > 0; i--)
        if (f->parts[i - 1].hour == hour && (revision == 0 || f->parts[i - 1].revision == revision))
            return &f->parts[i - 1];
    return NULL;
}

static inline const struct usage_line *line_of(const struct fixture_part *part, const char *run_id)
{
    for (uint32_t i = 0; part != NULL && i < part->lines_n; i++)
        if (part->lines[i].kind == LINE_USAGE &&
            bytes_equal(part->lines[i].run.run_id, bytes_of_string(run_id)))
            return &part->lines[i];
    return NULL;
}

/* Held milliseconds of a run in an hour after all revisions and corrections so far (R10). */
static inline int64_t held_ms(const struct fixture *f, int64_t hour, const char *run_id)
{
    int64_t usage = 0, corrections = 0;

    for (uint32_t i = 0; i < f->parts_n; i++)
        for (uint32_t k = 0; k < f->parts[i].lines_n; k++) {
            const struct usage_line *line = &f->parts[i].lines[k];
            if (line->hour != hour || !bytes_equal(line->run.run_id, bytes_of_string(run_id)))
                continue;
            if (line->kind == LINE_CORRECTION)
                corrections += line->held_ms;
            else
                usage = line->held_ms;
        }
    return usage + corrections;
}

#endif
