/*
 * One partition from its records to its objects: where it begins, what it refuses, what it waits
 * for, and that a process that dies at any record changes no byte of what is written.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "aggregator/edge/worker.h"
#include "common/log.h"
#include "schemas/c/codec.h"
#include "tests/unit/memory_store.h"

#define T0 (INT64_C(490000) * HOUR_MS)

enum { MINUTE = 60 * 1000, LOG_MAX = 2048, INTERVAL_MS = 60 * 1000 };

#define PART_OF_HOUR_0 "usage/era=0001/dt=2025-11-24/hour=16/p=0003/rev=0001.avro"

/* A log in memory: what the broker would deliver. */
struct log_record {
    uint8_t value[512];
    size_t len;
    int64_t append_time;
};

struct fixture {
    struct memory_store *m;
    struct decoder_cache *decoders;
    struct worker *w;
    struct worker_options options;
    struct worker_log_range range;
    struct log_record log[LOG_MAX];
    int64_t log_n;
    int64_t now;
    int64_t part_hours[256]; /* as told by on_part */
    size_t part_hours_n;
    struct err_detail why;
};

static enum err ask_range(void *context, int32_t partition, struct worker_log_range *range,
                          struct err_detail *detail)
{
    const struct fixture *f = context;

    (void)detail;
    assert_int_equal(partition, 3);
    *range = f->range;
    return ERR_OK;
}

static void note_part(void *context, int64_t hour)
{
    struct fixture *f = context;

    assert_true(f->part_hours_n < sizeof f->part_hours / sizeof *f->part_hours);
    f->part_hours[f->part_hours_n++] = hour;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct err_detail detail;

    f->m = memory_store_new();
    assert_int_equal(decoder_cache_new(&f->decoders, &detail), ERR_OK);
    f->options = (struct worker_options){
        .store = &f->m->store,
        .decoders = f->decoders,
        .era = 1,
        .partition = 3,
        .first_hour = T0,
        .checkpoint_interval_ms = INTERVAL_MS,
        .replay_retention_ms = INT64_C(30) * 24 * HOUR_MS,
        .log_range = ask_range,
        .on_part = note_part,
        .context = f,
    };
    f->now = T0;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    worker_free(f->w);
    decoder_cache_free(f->decoders);
    store_close(&f->m->store);
    free(f);
    return 0;
}

/* ---- a log ---------------------------------------------------------------------------------- */

static struct log_record *append_raw(struct fixture *f, const void *value, size_t len,
                                     int64_t append_time)
{
    struct log_record *r = &f->log[f->log_n++];

    assert_true(f->log_n <= LOG_MAX && len <= sizeof r->value);
    memcpy(r->value, value, len);
    r->len = len;
    r->append_time = append_time;
    f->range.high = f->log_n;
    return r;
}

static void append(struct fixture *f, const struct event *event, int64_t append_time)
{
    uint8_t buffer[512];
    size_t frame = frame_put_single_object(buffer), len;

    assert_int_equal(event_encode(event, buffer + frame, sizeof buffer - frame, &len), ERR_OK);
    append_raw(f, buffer, frame + len, append_time);
}

static void append_tick(struct fixture *f, int64_t append_time)
{
    append(f, &(struct event){.type = EVENT_TICK}, append_time);
}

/* A host that states its watermark once a minute and has one run. */
static void append_snapshot(struct fixture *f, const char *instance, int64_t seq, int64_t time)
{
    const struct event_run run = {
        .run_id = BYTES_LITERAL("run-1"),
        .has = RUN_HAS_NAME | RUN_HAS_VCPUS | RUN_HAS_MEMORY_MIB | RUN_HAS_ALLOCATED_TIME,
        .name = BYTES_LITERAL("payments"),
        .vcpus = 2,
        .memory_mib = 512,
        .allocated_time = T0 + 5 * MINUTE,
    };
    const struct event event = {
        .type = EVENT_SNAPSHOT,
        .instance_id = bytes_of_string(instance),
        .producer_epoch = {{7}},
        .boot_id = {{9}},
        .seq = seq,
        .event_time = time,
        .observed_time = time,
        .low_watermark = time - 2000,
        .running = &run,
        .running_n = 1,
    };

    append(f, &event, time);
}

/* ---- a worker ------------------------------------------------------------------------------- */

static enum err open_worker(struct fixture *f)
{
    worker_free(f->w);
    f->w = NULL;
    return worker_open(&f->options, f->now, &f->w, &f->why);
}

static enum err offer(struct fixture *f, int64_t offset)
{
    const struct log_record *r = &f->log[offset];
    const struct worker_record record = {
        .offset = offset,
        .append_time = r->append_time,
        .log_append_time = true,
        .key = BYTES_LITERAL("i-1"),
        .value = bytes_of(r->value, r->len),
    };

    return worker_take(f->w, &record, f->now, &f->why);
}

/* Offers what the log has from where the worker begins. */
static void take_all(struct fixture *f)
{
    for (int64_t at = worker_start_offset(f->w); at < f->log_n; at++) {
        f->now = f->log[at].append_time;
        if (offer(f, at) != ERR_OK)
            fail_msg("offset %d refused: %s", (int)at, f->why.text);
    }
}

static enum err checkpoint(struct fixture *f, bool final)
{
    return worker_checkpoint(f->w, f->now, final, &f->why);
}

static struct memory_object *object(struct fixture *f, const char *name)
{
    return memory_store_find(f->m, name);
}

/* ---- where it begins ------------------------------------------------------------------------ */

static void a_new_partition_begins_at_the_start_of_its_log(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(open_worker(f), ERR_OK);
    assert_int_equal(worker_start_offset(f->w), 0);
    assert_int_equal(worker_state(f->w), WORKER_RUNNING);
}

static void without_checkpoint_a_log_that_has_lost_its_start_is_refused(void **state)
{
    struct fixture *f = *state;

    f->range = (struct worker_log_range){5, 9};
    assert_int_equal(open_worker(f), ERR_CONFIG);
    assert_non_null(strstr(f->why.text, "recover.accept_lead_in"));
    assert_int_equal(worker_check(&f->options, &f->why), ERR_CONFIG);
}

static void r18_told_to_go_on_it_begins_late_and_says_so(void **state)
{
    struct fixture *f = *state;

    f->range = (struct worker_log_range){5, 9};
    f->options.accept_lead_in = true;
    assert_int_equal(open_worker(f), ERR_OK);
    assert_int_equal(worker_start_offset(f->w), 5);
    assert_true(partition_identity(worker_partition(f->w))->lead_in);
}

static void r16_on_resume_the_last_record_is_read_again(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(open_worker(f), ERR_OK);
    append_tick(f, T0 + 1000);
    append_tick(f, T0 + 2000);
    take_all(f);
    assert_int_equal(checkpoint(f, true), ERR_OK);

    assert_int_equal(open_worker(f), ERR_OK);
    assert_int_equal(worker_state(f->w), WORKER_VERIFYING);
    assert_int_equal(worker_start_offset(f->w), 1);
    take_all(f);
    assert_int_equal(worker_state(f->w), WORKER_RUNNING);
    assert_int_equal(worker_counts(f->w)->records, 0); /* it is not metered twice */
    append_tick(f, T0 + 3000);
    assert_int_equal(offer(f, 2), ERR_OK);
}

/* What the log shows at the checkpoint's last offset is not what was read then. */
static void resume_over_another_record(struct fixture *f, void (*change)(struct log_record *))
{
    assert_int_equal(open_worker(f), ERR_OK);
    append_tick(f, T0 + 1000);
    take_all(f);
    assert_int_equal(checkpoint(f, true), ERR_OK);
    change(&f->log[0]);
    assert_int_equal(open_worker(f), ERR_OK);
    assert_int_equal(offer(f, 0), ERR_INCIDENT);
    assert_int_equal(worker_state(f->w), WORKER_STOPPED);
    assert_int_equal(offer(f, 0), ERR_INCIDENT); /* and stays so */
}

static void change_time(struct log_record *r)
{
    r->append_time++;
}

static void change_content(struct log_record *r)
{
    r->value[r->len - 1] ^= 1;
}

static void r16_another_append_time_at_the_last_offset_is_an_incident(void **state)
{
    resume_over_another_record(*state, change_time);
}

static void r16_other_content_at_the_last_offset_is_an_incident(void **state)
{
    resume_over_another_record(*state, change_content);
}

static void r16_a_log_without_the_last_offset_is_an_incident(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(open_worker(f), ERR_OK);
    append_tick(f, T0 + 1000);
    append_tick(f, T0 + 1000);
    append_tick(f, T0 + 1000);
    f->log_n = 2;
    take_all(f);
    assert_int_equal(checkpoint(f, true), ERR_OK);
    f->log_n = 3;
    assert_int_equal(open_worker(f), ERR_OK);
    assert_int_equal(offer(f, 2), ERR_INCIDENT); /* offset 1 has vanished */
}

static void r16_a_log_that_ends_before_the_checkpoint_is_an_incident(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(open_worker(f), ERR_OK);
    append_tick(f, T0 + 1000);
    append_tick(f, T0 + 2000);
    take_all(f);
    assert_int_equal(checkpoint(f, true), ERR_OK);
    f->range.high = 1;
    assert_int_equal(open_worker(f), ERR_INCIDENT);
    assert_int_equal(worker_check(&f->options, &f->why), ERR_INCIDENT);
    f->range.high = 2;
    assert_int_equal(worker_check(&f->options, &f->why), ERR_OK);
}

static void records_deleted_between_checkpoint_and_log_are_refused(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(open_worker(f), ERR_OK);
    append_tick(f, T0 + 1000);
    append_tick(f, T0 + 2000);
    take_all(f);
    assert_int_equal(checkpoint(f, true), ERR_OK);
    f->range = (struct worker_log_range){3, 9};
    assert_int_equal(open_worker(f), ERR_CONFIG);
    /* only the last record itself is gone: nothing is missing, it just cannot be compared */
    f->range.low = 2;
    assert_int_equal(open_worker(f), ERR_OK);
    assert_int_equal(worker_state(f->w), WORKER_RUNNING);
    assert_int_equal(worker_start_offset(f->w), 2);
}

/* ---- what it writes ------------------------------------------------------------------------- */

static void an_hour_s_part_is_written_and_told_of(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(open_worker(f), ERR_OK);
    append_tick(f, T0 + HOUR_MS + 2 * MINUTE);
    take_all(f);
    assert_non_null(object(f, PART_OF_HOUR_0));
    assert_int_equal(f->part_hours_n, 1);
    assert_int_equal(f->part_hours[0], T0);
    assert_int_equal(worker_counts(f->w)->parts, 1);
    assert_int_equal(worker_last_part(f->w)->hour, T0);
}

static void one_record_after_a_silence_writes_every_hour_s_part(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(open_worker(f), ERR_OK);
    append_tick(f, T0 + 1000);
    append_tick(f, T0 + 6 * HOUR_MS + 40 * MINUTE);
    take_all(f);
    assert_int_equal(memory_store_count(f->m, "usage/"), 6);
    assert_int_equal(checkpoint(f, false), ERR_OK);
}

static void a_checkpoint_follows_a_part_at_once_and_else_the_interval(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(open_worker(f), ERR_OK);
    append_tick(f, T0 + 1000);
    take_all(f);
    f->now = T0 + INTERVAL_MS - 1;
    assert_int_equal(checkpoint(f, false), ERR_OK);
    assert_int_equal(memory_store_count(f->m, "state/"), 0);
    f->now = T0 + INTERVAL_MS;
    assert_int_equal(checkpoint(f, false), ERR_OK);
    assert_int_equal(memory_store_count(f->m, "state/"), 1);

    f->now += 10 * INTERVAL_MS; /* nothing new: nothing to say */
    assert_int_equal(checkpoint(f, false), ERR_OK);
    assert_int_equal(checkpoint(f, true), ERR_OK);
    assert_int_equal(memory_store_count(f->m, "state/"), 1);

    append_tick(f, T0 + HOUR_MS + 2 * MINUTE);
    f->now = f->log[1].append_time;
    assert_int_equal(offer(f, 1), ERR_OK);
    assert_int_equal(checkpoint(f, false), ERR_OK);
    assert_int_equal(memory_store_count(f->m, "state/"), 2);
}

static void a_part_that_exists_with_the_same_bytes_is_success(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(open_worker(f), ERR_OK);
    append_tick(f, T0 + HOUR_MS + 2 * MINUTE);
    take_all(f);
    assert_int_equal(open_worker(f), ERR_OK); /* no checkpoint: everything again */
    take_all(f);
    assert_int_equal(worker_state(f->w), WORKER_RUNNING);
    assert_int_equal(worker_counts(f->w)->parts, 1);
}

static void a_part_that_exists_with_other_bytes_stops_the_partition(void **state)
{
    struct fixture *f = *state;

    memory_store_put(f->m, PART_OF_HOUR_0, BYTES_LITERAL("somebody else's"));
    assert_int_equal(open_worker(f), ERR_OK);
    append_tick(f, T0 + HOUR_MS + 2 * MINUTE);
    f->now = f->log[0].append_time;
    assert_int_equal(offer(f, 0), ERR_INCIDENT);
    assert_int_equal(worker_state(f->w), WORKER_STOPPED);
    assert_non_null(strstr(worker_reason(f->w), PART_OF_HOUR_0));
    assert_memory_equal(object(f, PART_OF_HOUR_0)->content, "somebody else's", 15);
    assert_int_equal(checkpoint(f, true), ERR_OK);
    assert_int_equal(memory_store_count(f->m, "state/"), 0); /* and no checkpoint goes past it */
}

/* ---- what it waits for ---------------------------------------------------------------------- */

static void a_full_store_holds_the_position_and_drops_nothing(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(open_worker(f), ERR_OK);
    append_tick(f, T0 + HOUR_MS + 2 * MINUTE);
    append_tick(f, T0 + 2 * HOUR_MS + 2 * MINUTE);
    f->m->fail_create = ERR_NO_SPACE;
    f->now = f->log[0].append_time;
    assert_int_equal(offer(f, 0), ERR_OK); /* taken, its part is owed */
    assert_int_equal(worker_state(f->w), WORKER_HOLDING);
    f->now = f->log[1].append_time;
    for (int i = 0; i < 5; i++) {
        assert_int_equal(offer(f, 1), ERR_AGAIN);
        assert_int_equal(checkpoint(f, false), ERR_AGAIN);
        f->now = worker_retry_at(f->w);
    }
    assert_int_equal(memory_store_count(f->m, ""), 0);
    f->m->fail_create = ERR_OK;
    assert_int_equal(offer(f, 1), ERR_OK);
    assert_int_equal(worker_state(f->w), WORKER_RUNNING);
    assert_int_equal(memory_store_count(f->m, "usage/"), 2);
}

static void a_full_store_is_recovered_from_without_another_record(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(open_worker(f), ERR_OK);
    append_tick(f, T0 + HOUR_MS + 2 * MINUTE);
    f->m->fail_create = ERR_NO_SPACE;
    f->now = f->log[0].append_time;
    assert_int_equal(offer(f, 0), ERR_OK);
    f->m->fail_create = ERR_OK;
    f->now = worker_retry_at(f->w);
    assert_int_equal(checkpoint(f, false), ERR_OK);
    assert_int_equal(worker_state(f->w), WORKER_RUNNING);
    assert_non_null(object(f, PART_OF_HOUR_0));
}

static void the_pause_between_attempts_grows_to_a_limit(void **state)
{
    struct fixture *f = *state;
    int64_t last_ms = 0;

    assert_int_equal(open_worker(f), ERR_OK);
    append_tick(f, T0 + HOUR_MS + 2 * MINUTE);
    append_tick(f, T0 + HOUR_MS + 3 * MINUTE);
    f->m->fail_create = ERR_IO;
    f->now = f->log[0].append_time;
    assert_int_equal(offer(f, 0), ERR_OK);
    for (int i = 0; i < 12; i++) {
        int64_t pause_ms = worker_retry_at(f->w) - f->now;

        assert_true(pause_ms >= last_ms && pause_ms <= 30 * 1000);
        last_ms = pause_ms;
        f->now = worker_retry_at(f->w) - 1;
        unsigned creates_n = f->m->creates_n;
        assert_int_equal(offer(f, 1), ERR_AGAIN);
        assert_int_equal(f->m->creates_n, creates_n); /* too early: not tried */
        f->now++;
        assert_int_equal(offer(f, 1), ERR_AGAIN);
    }
    assert_int_equal(last_ms, 30 * 1000);
}

static void more_parts_than_the_outbox_holds_wait_for_the_store(void **state)
{
    enum { HOURS = WORKER_OUTBOX_MAX + 6 };
    struct fixture *f = *state;

    assert_int_equal(open_worker(f), ERR_OK);
    append_tick(f, T0 + 1000);
    append_tick(f, T0 + HOURS * HOUR_MS + 40 * MINUTE);
    f->now = f->log[0].append_time;
    assert_int_equal(offer(f, 0), ERR_OK);
    f->m->fail_create = ERR_IO;
    f->now = f->log[1].append_time;
    assert_int_equal(offer(f, 1), ERR_AGAIN); /* in the midst of its parts */
    assert_int_equal(checkpoint(f, true), ERR_OK);
    f->m->fail_create = ERR_OK;
    assert_int_equal(checkpoint(f, true), ERR_OK);
    assert_int_equal(memory_store_count(f->m, "state/"), 0); /* W2 */
    f->now = worker_retry_at(f->w);
    assert_int_equal(offer(f, 1), ERR_OK);
    assert_int_equal(memory_store_count(f->m, "usage/"), HOURS);
    assert_int_equal(checkpoint(f, true), ERR_OK);
    assert_int_equal(memory_store_count(f->m, "state/"), 1);
}

static void what_is_owed_at_the_end_is_in_the_outbox_of_the_final_checkpoint(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(open_worker(f), ERR_OK);
    append_tick(f, T0 + HOUR_MS + 2 * MINUTE);
    f->m->fail_create = ERR_IO;
    f->m->fail_prefix = "usage/";
    f->now = f->log[0].append_time;
    assert_int_equal(offer(f, 0), ERR_OK);
    assert_int_equal(checkpoint(f, true), ERR_OK);
    assert_int_equal(memory_store_count(f->m, "state/"), 1);

    f->m->fail_create = ERR_OK;
    assert_int_equal(open_worker(f), ERR_OK);
    assert_int_equal(offer(f, 0), ERR_OK); /* verified, nothing stepped */
    assert_int_equal(checkpoint(f, false), ERR_OK);
    assert_non_null(object(f, PART_OF_HOUR_0));
}

static void r15_an_unknown_schema_makes_the_partition_wait(void **state)
{
    static const uint8_t unknown[] = {0xC3, 1, 1, 2, 3, 4, 5, 6, 7, 8, 0};
    static const uint8_t registry[] = {0, 0, 0, 0, 42, 0};
    struct fixture *f = *state;

    assert_int_equal(open_worker(f), ERR_OK);
    append_raw(f, unknown, sizeof unknown, T0);
    append_raw(f, registry, sizeof registry, T0);
    for (int64_t offset = 0; offset < 2; offset++) {
        f->now += MINUTE;
        assert_int_equal(offer(f, offset), ERR_AGAIN);
        assert_int_equal(worker_state(f->w), WORKER_HOLDING);
        assert_int_equal(partition_next_offset(worker_partition(f->w)), 0);
    }
    assert_non_null(strstr(worker_reason(f->w), "42"));
    assert_int_equal(memory_store_count(f->m, "dead/"), 0);
}

static void r15_what_is_malformed_under_its_known_schema_goes_to_dead(void **state)
{
    uint8_t cut[64];
    size_t len = frame_put_single_object(cut);
    struct fixture *f = *state;

    assert_int_equal(open_worker(f), ERR_OK);
    cut[len++] = 0x7f;
    append_raw(f, cut, len, T0 + 1000);
    append_raw(f, "no frame at all", 15, T0 + 2000);
    append_raw(f, "", 0, T0 + 3000);
    append_tick(f, T0 + 4000);
    take_all(f);
    assert_int_equal(worker_counts(f->w)->undecodable, 3);
    struct memory_object *dead = object(f, "dead/era=0001/p=0003/00000000000000000000.bin");
    assert_non_null(dead);
    assert_int_equal(dead->len, len);
    assert_memory_equal(dead->content, cut, len);
    assert_non_null(object(f, "dead/era=0001/p=0003/00000000000000000001.bin"));
    assert_non_null(object(f, "dead/era=0001/p=0003/00000000000000000002.bin"));
}

static void r14_log_time_over_five_minutes_ahead_of_the_clock_stops_before_stepping(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(open_worker(f), ERR_OK);
    append_tick(f, T0 + MINUTE);
    f->now = T0 + MINUTE - WORKER_CLOCK_AHEAD_MAX_MS - 1;
    assert_int_equal(offer(f, 0), ERR_AGAIN);
    assert_int_equal(partition_next_offset(worker_partition(f->w)), 0);
    assert_int_equal(worker_state(f->w), WORKER_HOLDING);
    /* at the limit, after the pause, it is taken */
    f->now = worker_retry_at(f->w);
    f->log[0].append_time = f->now + WORKER_CLOCK_AHEAD_MAX_MS;
    assert_int_equal(offer(f, 0), ERR_OK);
}

static void r14_log_time_just_below_the_limit_is_taken(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(open_worker(f), ERR_OK);
    append_tick(f, T0 + WORKER_CLOCK_AHEAD_MAX_MS - 1);
    f->now = T0;
    assert_int_equal(offer(f, 0), ERR_OK);
}

static void records_that_the_broker_did_not_stamp_are_not_metered(void **state)
{
    struct fixture *f = *state;
    const struct worker_record record = {.offset = 0, .append_time = T0};

    assert_int_equal(open_worker(f), ERR_OK);
    assert_int_equal(worker_take(f->w, &record, T0, &f->why), ERR_AGAIN);
    assert_non_null(strstr(f->why.text, "LogAppendTime"));
}

static void r14_a_policy_with_rules_unknown_here_stops_the_partition(void **state)
{
    struct fixture *f = *state;
    const struct event event = {
        .type = EVENT_POLICY,
        .has = EVENT_HAS_POLICY,
        .policy = {.version = 1, .rules_version = RULES_VERSION + 1},
    };

    assert_int_equal(open_worker(f), ERR_OK);
    append(f, &event, T0);
    assert_int_equal(offer(f, 0), ERR_UNSUPPORTED);
    assert_int_equal(worker_state(f->w), WORKER_STOPPED);
    assert_int_equal(partition_next_offset(worker_partition(f->w)), 0);
}

/* ---- two owners, and dying ------------------------------------------------------------------ */

static void r16_of_two_owners_the_later_checkpoint_is_fenced(void **state)
{
    struct fixture *f = *state;
    struct worker *zombie;

    assert_int_equal(open_worker(f), ERR_OK);
    zombie = f->w;
    f->w = NULL;
    assert_int_equal(open_worker(f), ERR_OK);
    append_tick(f, T0 + HOUR_MS + 2 * MINUTE);
    take_all(f);
    assert_int_equal(checkpoint(f, true), ERR_OK);

    struct worker *owner = f->w;
    f->w = zombie;
    assert_int_equal(offer(f, 0), ERR_OK); /* the same bytes: no harm */
    assert_int_equal(checkpoint(f, true), ERR_FENCED);
    worker_free(owner);
}

static void write_story(struct fixture *f)
{
    int64_t seq[3] = {0};

    for (int64_t minute = 6; minute < 5 * 60; minute++) {
        char instance[] = "i-0";

        if (minute % 17 == 0) {
            append_tick(f, T0 + minute * MINUTE);
            continue;
        }
        int which = (int)(minute % 3);
        instance[2] = (char)('0' + which);
        append_snapshot(f, instance, ++seq[which], T0 + minute * MINUTE);
        if (minute % 41 == 0)
            append_raw(f, "undecodable", 11, T0 + minute * MINUTE);
    }
}

static size_t compare_objects(const struct memory_store *a, struct memory_store *b,
                              const char *prefix)
{
    size_t n = 0;

    assert_int_equal(memory_store_count(a, prefix), memory_store_count(b, prefix));
    for (size_t i = 0; i < a->n; i++) {
        if (strncmp(a->objects[i].name, prefix, strlen(prefix)) != 0)
            continue;
        const struct memory_object *other = memory_store_find(b, a->objects[i].name);
        if (other == NULL || other->len != a->objects[i].len ||
            memcmp(other->content, a->objects[i].content, other->len) != 0)
            fail_msg("%s differs or is not there", a->objects[i].name);
        n++;
    }
    return n;
}

/* Takes the log; dies and begins anew, once each, before every `every`th offset. */
static void live_and_die(struct fixture *f, int64_t every, bool checkpoints)
{
    int64_t reached = 0;

    assert_int_equal(open_worker(f), ERR_OK);
    for (int64_t at = worker_start_offset(f->w); at < f->log_n; at++) {
        if (every > 0 && at > reached && at % every == 0) {
            reached = at;
            assert_int_equal(open_worker(f), ERR_OK);
            at = worker_start_offset(f->w);
        }
        f->now = f->log[at].append_time;
        if (offer(f, at) != ERR_OK)
            fail_msg("offset %d refused: %s", (int)at, f->why.text);
        if (checkpoints)
            assert_int_equal(checkpoint(f, false), ERR_OK);
    }
}

static void dying_at_any_record_changes_no_byte_of_any_part(void **state)
{
    struct fixture *f = *state;
    struct memory_store *undisturbed = f->m;

    write_story(f);
    live_and_die(f, 0, false);
    assert_true(memory_store_count(undisturbed, "usage/") >= 4);
    for (int64_t every = 2; every <= 29; every += 3) {
        f->m = memory_store_new();
        f->options.store = &f->m->store;
        f->part_hours_n = 0;
        f->options.checkpoint_interval_ms = every * MINUTE / 2;
        live_and_die(f, every, true);
        assert_true(compare_objects(undisturbed, f->m, "usage/") >= 4);
        assert_true(compare_objects(undisturbed, f->m, "dead/") >= 4);
        store_close(&f->m->store);
    }
    f->m = undisturbed;
}

static void a_state_that_outgrows_its_memory_goes_on(void **state)
{
    struct fixture *f = *state;
    char instance[32];

    assert_int_equal(open_worker(f), ERR_OK);
    for (int i = 0; i < 1500; i++) {
        snprintf(instance, sizeof instance, "i-%017d", i);
        append_snapshot(f, instance, 1, T0 + 10 * MINUTE + i);
    }
    for (int64_t minute = 11; minute <= 91; minute++)
        append_tick(f, T0 + minute * MINUTE);
    take_all(f);
    assert_int_equal(partition_instances_n(worker_partition(f->w)), 1500);
    assert_int_equal(worker_last_part(f->w)->missing_n, 1500);
    assert_int_equal(checkpoint(f, true), ERR_OK);
    assert_int_equal(open_worker(f), ERR_OK);
    assert_int_equal(partition_instances_n(worker_partition(f->w)), 1500);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_new_partition_begins_at_the_start_of_its_log),
        TEST(without_checkpoint_a_log_that_has_lost_its_start_is_refused),
        TEST(r18_told_to_go_on_it_begins_late_and_says_so),
        TEST(r16_on_resume_the_last_record_is_read_again),
        TEST(r16_another_append_time_at_the_last_offset_is_an_incident),
        TEST(r16_other_content_at_the_last_offset_is_an_incident),
        TEST(r16_a_log_without_the_last_offset_is_an_incident),
        TEST(r16_a_log_that_ends_before_the_checkpoint_is_an_incident),
        TEST(records_deleted_between_checkpoint_and_log_are_refused),
        TEST(an_hour_s_part_is_written_and_told_of),
        TEST(one_record_after_a_silence_writes_every_hour_s_part),
        TEST(a_checkpoint_follows_a_part_at_once_and_else_the_interval),
        TEST(a_part_that_exists_with_the_same_bytes_is_success),
        TEST(a_part_that_exists_with_other_bytes_stops_the_partition),
        TEST(a_full_store_holds_the_position_and_drops_nothing),
        TEST(a_full_store_is_recovered_from_without_another_record),
        TEST(the_pause_between_attempts_grows_to_a_limit),
        TEST(more_parts_than_the_outbox_holds_wait_for_the_store),
        TEST(what_is_owed_at_the_end_is_in_the_outbox_of_the_final_checkpoint),
        TEST(r15_an_unknown_schema_makes_the_partition_wait),
        TEST(r15_what_is_malformed_under_its_known_schema_goes_to_dead),
        TEST(r14_log_time_over_five_minutes_ahead_of_the_clock_stops_before_stepping),
        TEST(r14_log_time_just_below_the_limit_is_taken),
        TEST(records_that_the_broker_did_not_stamp_are_not_metered),
        TEST(r14_a_policy_with_rules_unknown_here_stops_the_partition),
        TEST(r16_of_two_owners_the_later_checkpoint_is_fenced),
        TEST(dying_at_any_record_changes_no_byte_of_any_part),
        TEST(a_state_that_outgrows_its_memory_goes_on),
    };
    const struct log_settings quiet = {LOG_FORMAT_TEXT, LOG_LEVEL_ERROR, STDERR_FILENO};

    log_configure(&quiet);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
