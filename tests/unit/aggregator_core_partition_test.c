/*
 * The partition state machine against the rules of metering: each test tells one execution.
 */
#include "core_fixture.h"

static void one_run_inside_an_hour_is_one_line(void **state)
{
    struct fixture *f = fixture_new();
    struct host h = {.id = "i-1", .epoch = 1, .boot = 9};
    struct event_run *run = run_of(&h, "100-a", 100);

    (void)state;
    say(f, &h, EVENT_HOST_UP, at(0, 5, 0));
    say_run(f, &h, EVENT_ALLOCATED, run, at(0, 10, 0));
    say_run(f, &h, EVENT_RUNNING, run, at(0, 10, 2));
    say_run(f, &h, EVENT_ENDED, run, at(0, 20, 0));
    heartbeats(f, &h, at(0, 21, 0), at(1, 3, 0));
    struct fixture_part *part = part_of(f, at(0, 0, 0), 1);
    assert_non_null(part);
    assert_int_equal(part->lines_n, 1);
    const struct usage_line *line = line_of(part, "100-a");
    assert_non_null(line);
    assert_int_equal(line->held_ms, 600000);
    assert_int_equal(line->running_ms, 598000);
    assert_int_equal(line->vcpu_ms, 2 * 600000);
    assert_int_equal(line->mib_ms, 64 * 600000);
    assert_int_equal(line->end_cause, END_TERMINATED);
    assert_int_equal(line->flags, 0);
    assert_int_equal(part->status, PART_CLOSED);
    assert_true(part->complete);
    assert_int_equal(part->expected_n, 1);
    fixture_free(f);
}

static void r8_a_run_is_billed_in_hours_that_had_no_event(void **state)
{
    struct fixture *f = fixture_new();
    struct host h = {.id = "i-1", .epoch = 1, .boot = 9};
    struct event_run *run = run_of(&h, "100-a", 100);

    (void)state;
    say(f, &h, EVENT_HOST_UP, at(0, 5, 0));
    say_run(f, &h, EVENT_ALLOCATED, run, at(0, 10, 0));
    heartbeats(f, &h, at(0, 11, 0), at(3, 10, 0));
    assert_int_equal(held_ms(f, at(0, 0, 0), "100-a"), 50 * 60000);
    assert_int_equal(held_ms(f, at(1, 0, 0), "100-a"), HOUR_MS);
    assert_int_equal(held_ms(f, at(2, 0, 0), "100-a"), HOUR_MS);
    assert_int_equal(line_of(part_of(f, at(2, 0, 0), 0), "100-a")->flags, 0);
    fixture_free(f);
}

/* [an event of run B carries the watermark past the hour before run A is mentioned again: the rest
 * of A's hour is stranded] */
static void r8_proof_of_life_is_the_instances_watermark_not_the_runs_last_mention(void **state)
{
    struct fixture *f = fixture_new();
    struct host h = {.id = "i-1", .epoch = 1, .boot = 9};
    struct event_run *a = run_of(&h, "100-a", 100), *b = run_of(&h, "200-b", 200);

    (void)state;
    say(f, &h, EVENT_HOST_UP, at(0, 1, 0));
    say_run(f, &h, EVENT_ALLOCATED, a, at(0, 10, 0));
    say_run(f, &h, EVENT_ALLOCATED, b, at(1, 3, 0)); /* A is not mentioned, the hour is cut */
    assert_non_null(part_of(f, at(0, 0, 0), 1));
    assert_int_equal(held_ms(f, at(0, 0, 0), "100-a"), 50 * 60000);
    assert_int_equal(line_of(part_of(f, at(0, 0, 0), 1), "100-a")->flags, 0);
    fixture_free(f);
}

static void r8_a_run_of_zero_length_is_a_line(void **state)
{
    struct fixture *f = fixture_new();
    struct host h = {.id = "i-1", .epoch = 1, .boot = 9};
    struct event_run *run = run_of(&h, "100-a", 100);

    (void)state;
    say(f, &h, EVENT_HOST_UP, at(0, 1, 0));
    say_run(f, &h, EVENT_ALLOCATED, run, at(0, 10, 0));
    say_run(f, &h, EVENT_ENDED, run, at(0, 10, 0));
    heartbeats(f, &h, at(0, 11, 0), at(1, 3, 0));
    assert_int_equal(part_of(f, at(0, 0, 0), 1)->lines_n, 1);
    assert_int_equal(line_of(part_of(f, at(0, 0, 0), 1), "100-a")->held_ms, 0);
    fixture_free(f);
}

static void r10_a_missing_host_delays_the_cut_until_grace_and_is_named(void **state)
{
    struct fixture *f = fixture_new();
    struct host h = {.id = "i-1", .epoch = 1, .boot = 9};
    struct event_run *run = run_of(&h, "100-a", 100);

    (void)state;
    say(f, &h, EVENT_HOST_UP, at(0, 1, 0));
    say_run(f, &h, EVENT_ALLOCATED, run, at(0, 10, 0));
    heartbeats(f, &h, at(0, 11, 0), at(0, 50, 0));
    ticks_until(f, at(1, 29, 59));
    assert_null(part_of(f, at(0, 0, 0), 1));
    tick(f, at(1, 30, 0));
    struct fixture_part *part = part_of(f, at(0, 0, 0), 1);
    assert_non_null(part);
    assert_int_equal(part->missing_n, 1);
    assert_false(part->complete);
    assert_int_equal(part->status, PART_PROVISIONAL);
    assert_int_equal(held_ms(f, at(0, 0, 0), "100-a"), 40 * 60000);
    assert_int_equal(line_of(part, "100-a")->flags, LINE_PROVISIONAL);
    /* It comes back: the rest of the hour follows at the next boundary, and not before. */
    say(f, &h, EVENT_HEARTBEAT, at(1, 31, 0));
    ticks_until(f, at(1, 44, 59));
    assert_int_equal(part_of(f, at(0, 0, 0), 0)->revision, 1);
    tick(f, at(1, 45, 0));
    part = part_of(f, at(0, 0, 0), 0);
    assert_int_equal(part->revision, 2);
    assert_int_equal(part->reasons & REASON_WATERMARK_ADVANCED, REASON_WATERMARK_ADVANCED);
    assert_true(part->complete);
    assert_int_equal(part->status, PART_CLOSED);
    assert_int_equal(held_ms(f, at(0, 0, 0), "100-a"), 50 * 60000);
    fixture_free(f);
}

static void r10_an_hour_without_hosts_is_cut_at_settle(void **state)
{
    struct fixture *f = fixture_new();

    (void)state;
    tick(f, at(1, 0, 0));
    ticks_until(f, at(1, 1, 59));
    assert_int_equal(f->parts_n, 0);
    tick(f, at(1, 2, 0));
    assert_int_equal(f->parts_n, 1);
    assert_int_equal(f->parts[0].lines_n, 0);
    assert_true(f->parts[0].complete);
    fixture_free(f);
}

static void r10_every_hour_of_a_long_silence_gets_its_first_revision(void **state)
{
    struct fixture *f = fixture_new();

    (void)state;
    tick(f, at(0, 0, 1));
    tick(f, at(300, 0, 0)); /* an outage: grace does not run, but nobody is expected */
    assert_int_equal(f->parts_n, 299);
    for (uint32_t i = 0; i < f->parts_n; i++) {
        assert_int_equal(f->parts[i].hour, at(i, 0, 0));
        assert_int_equal(f->parts[i].revision, 1);
    }
    fixture_free(f);
}

static void r14_a_span_in_which_nobody_could_write_counts_towards_no_grace(void **state)
{
    struct fixture *f = fixture_new();
    struct host h = {.id = "i-1", .epoch = 1, .boot = 9};

    (void)state;
    say(f, &h, EVENT_HOST_UP, at(0, 1, 0));
    heartbeats(f, &h, at(0, 2, 0), at(0, 58, 0));
    tick(f, at(3, 58, 0)); /* the broker was away for three hours */
    assert_null(part_of(f, at(0, 0, 0), 1));
    ticks_until(f, at(4, 27, 0));
    assert_null(part_of(f, at(0, 0, 0), 1));
    ticks_until(f, at(4, 28, 0));
    assert_non_null(part_of(f, at(0, 0, 0), 1));
    assert_int_equal(part_of(f, at(0, 0, 0), 1)->missing_n, 1);
    fixture_free(f);
}

/* [leader change moves time backwards] */
static void r14_log_time_is_the_running_maximum(void **state)
{
    struct fixture *f = fixture_new();

    (void)state;
    tick(f, at(0, 30, 0));
    tick(f, at(0, 20, 0));
    assert_int_equal(partition_log_time(f->p), at(0, 30, 0));
    assert_true((f->notices & NOTICE_LOG_TIME_BACKWARDS) != 0);
    fixture_free(f);
}

static void r2_a_duplicate_changes_nothing(void **state)
{
    struct fixture *f = fixture_new();
    struct host h = {.id = "i-1", .epoch = 1, .boot = 9};
    struct event_run *run = run_of(&h, "100-a", 100);

    (void)state;
    say(f, &h, EVENT_HOST_UP, at(0, 1, 0));
    struct event e = run_event(&h, EVENT_ALLOCATED, run, at(0, 10, 0), at(0, 10, 0));
    take(f, at(0, 10, 2), &e);
    say_run(f, &h, EVENT_ENDED, run, at(0, 20, 0));
    take(f, at(0, 21, 0), &e);
    assert_int_equal(f->notices & NOTICE_DUPLICATE, NOTICE_DUPLICATE);
    heartbeats(f, &h, at(0, 22, 0), at(1, 3, 0));
    assert_int_equal(held_ms(f, at(0, 0, 0), "100-a"), 600000);
    fixture_free(f);
}

/* [4 fails, 5 acknowledged, 4 re-sent] */
static void r2_a_seq_inside_a_gap_is_news_and_fills_it(void **state)
{
    struct fixture *f = fixture_new();
    struct host h = {.id = "i-1", .epoch = 1, .boot = 9};
    struct event_run *run = run_of(&h, "100-a", 100);

    (void)state;
    say(f, &h, EVENT_HOST_UP, at(0, 1, 0));
    struct event allocated = run_event(&h, EVENT_ALLOCATED, run, at(0, 10, 0), at(0, 10, 0));
    struct event ended = run_event(&h, EVENT_ENDED, run, at(0, 20, 0), at(0, 20, 0));
    take(f, at(0, 20, 2), &ended);
    assert_int_equal(f->notices & NOTICE_SEQUENCE_GAP, NOTICE_SEQUENCE_GAP);
    take(f, at(0, 20, 3), &allocated);
    assert_int_equal(f->notices & NOTICE_DUPLICATE, 0);
    heartbeats(f, &h, at(0, 21, 0), at(1, 3, 0));
    assert_int_equal(held_ms(f, at(0, 0, 0), "100-a"), 600000);
    assert_true(part_of(f, at(0, 0, 0), 1)->complete);
    fixture_free(f);
}

/* [coalesced heartbeats looking like loss] */
static void r2_lost_heartbeats_are_no_gap(void **state)
{
    struct fixture *f = fixture_new();
    struct host h = {.id = "i-1", .epoch = 1, .boot = 9};

    (void)state;
    say(f, &h, EVENT_HOST_UP, at(0, 1, 0));
    say(f, &h, EVENT_HEARTBEAT, at(0, 2, 0));
    say(f, &h, EVENT_HEARTBEAT, at(1, 1, 0));
    say(f, &h, EVENT_HEARTBEAT, at(1, 3, 0));
    assert_true(part_of(f, at(0, 0, 0), 1)->complete);
    fixture_free(f);
}

static void r11_a_gap_is_named_and_the_hour_is_not_complete(void **state)
{
    struct fixture *f = fixture_new();
    struct host h = {.id = "i-1", .epoch = 1, .boot = 9};

    (void)state;
    say(f, &h, EVENT_HOST_UP, at(0, 1, 0));
    heartbeats(f, &h, at(0, 2, 0), at(0, 30, 0));
    h.seq++; /* lost */
    say(f, &h, EVENT_SNAPSHOT, at(0, 31, 0));
    heartbeats(f, &h, at(0, 32, 0), at(1, 35, 0));
    struct fixture_part *part = part_of(f, at(0, 0, 0), 1);
    assert_non_null(part);
    assert_int_equal(part->gaps_n, 1);
    assert_false(part->complete);
    fixture_free(f);
}

/* [clock two hours ahead "completes" the future] */
static void r3_a_watermark_counts_only_up_to_its_records_log_time(void **state)
{
    struct fixture *f = fixture_new();
    struct host h = {.id = "i-1", .epoch = 1, .boot = 9};

    (void)state;
    struct event up = event_of(&h, EVENT_HOST_UP, at(0, 1, 0), at(9, 0, 0));
    take(f, at(0, 1, 2), &up);
    ticks_until(f, at(1, 2, 0));
    assert_null(part_of(f, at(0, 0, 0), 1));
    ticks_until(f, at(1, 30, 0));
    assert_int_equal(part_of(f, at(0, 0, 0), 1)->missing_n, 1);
    fixture_free(f);
}

/* [lost state directory: the tail vanishes without a gap] */
static void r1_an_epoch_that_does_not_link_is_a_gap(void **state)
{
    struct fixture *f = fixture_new();
    struct host old = {.id = "i-1", .epoch = 1, .boot = 9};
    struct host new = {.id = "i-1", .epoch = 2, .boot = 9};
    struct event_run *run = run_of(&old, "100-a", 100);

    (void)state;
    say(f, &old, EVENT_HOST_UP, at(0, 1, 0));
    say_run(f, &old, EVENT_ALLOCATED, run, at(0, 10, 0));
    say(f, &old, EVENT_HEARTBEAT, at(0, 15, 0));
    say(f, &new, EVENT_HOST_UP, at(0, 30, 0));
    assert_int_equal(f->notices & NOTICE_EPOCH_UNLINKED, NOTICE_EPOCH_UNLINKED);
    heartbeats(f, &new, at(0, 31, 0), at(1, 3, 0));
    struct fixture_part *part = part_of(f, at(0, 0, 0), 1);
    assert_int_equal(part->gaps_n, 1);
    /* The run was not mentioned again: billed to the last proof of life, provisional. */
    assert_int_equal(held_ms(f, at(0, 0, 0), "100-a"), 5 * 60000);
    assert_int_equal(line_of(part, "100-a")->flags, LINE_PROVISIONAL);
    fixture_free(f);
}

static void r1_a_linked_epoch_continues_the_runs(void **state)
{
    struct fixture *f = fixture_new();
    struct host old = {.id = "i-1", .epoch = 1, .boot = 9};
    struct host new = {.id = "i-1", .epoch = 2, .boot = 9};
    struct event_run *run = run_of(&old, "100-a", 100);

    (void)state;
    say(f, &old, EVENT_HOST_UP, at(0, 1, 0));
    say_run(f, &old, EVENT_ALLOCATED, run, at(0, 10, 0));
    struct event up = event_of(&new, EVENT_HOST_UP, at(0, 30, 0), at(0, 30, 0));
    up.has = EVENT_HAS_PREV_EPOCH | EVENT_HAS_PREV_SEQ;
    up.prev_epoch = uuid_of(1);
    up.prev_seq = old.seq;
    take(f, at(0, 30, 2), &up);
    heartbeats(f, &new, at(0, 31, 0), at(1, 3, 0));
    struct fixture_part *part = part_of(f, at(0, 0, 0), 1);
    assert_int_equal(part->gaps_n, 0);
    assert_true(part->complete);
    assert_int_equal(held_ms(f, at(0, 0, 0), "100-a"), 50 * 60000);
    fixture_free(f);
}

/* [lost state directory: the tail vanishes without a gap]: here it is the tail that was lost. */
static void r1_an_epoch_that_continues_more_than_was_seen_is_a_gap(void **state)
{
    struct fixture *f = fixture_new();
    struct host old = {.id = "i-1", .epoch = 1, .boot = 9};
    struct host new = {.id = "i-1", .epoch = 2, .boot = 9};
    struct event_run *run = run_of(&old, "100-a", 100);

    (void)state;
    say(f, &old, EVENT_HOST_UP, at(0, 1, 0));
    say_run(f, &old, EVENT_ALLOCATED, run, at(0, 10, 0));
    struct event up = event_of(&new, EVENT_HOST_UP, at(0, 30, 0), at(0, 30, 0));
    up.has = EVENT_HAS_PREV_EPOCH | EVENT_HAS_PREV_SEQ;
    up.prev_epoch = uuid_of(1);
    up.prev_seq = old.seq + 1; /* one more than ever arrived: the end of the run, perhaps */
    take(f, at(0, 30, 2), &up);
    heartbeats(f, &new, at(0, 31, 0), at(1, 3, 0));
    struct fixture_part *part = part_of(f, at(0, 0, 0), 1);
    assert_int_equal(part->gaps_n, 1);
    assert_false(part->complete);
    assert_int_equal(held_ms(f, at(0, 0, 0), "100-a"), 0);
    fixture_free(f);
}

static void r5_of_two_statements_the_stronger_evidence_counts_then_the_earlier_time(void **state)
{
    for (int order = 0; order < 2; order++) {
        struct fixture *f = fixture_new();
        struct host h = {.id = "i-1", .epoch = 1, .boot = 9};
        struct host told = {.id = "i-1", .epoch = 2};
        struct event_run *run = run_of(&h, "100-a", 100);
        struct event_run later = *run, earlier = *run;

        (void)state;
        say(f, &h, EVENT_HOST_UP, at(0, 1, 0));
        later.has |= RUN_HAS_ALLOCATED_TIME;
        later.allocated_time = at(0, 12, 0);
        earlier.has |= RUN_HAS_ALLOCATED_TIME;
        earlier.allocated_time = at(0, 10, 0);
        for (int i = 0; i < 2; i++) {
            /* A pidfd saw the process go at 0:20; the log, which is stronger, says 0:22. */
            struct event e =
                event_of(&told, EVENT_ENDED, i == order ? at(0, 20, 0) : at(0, 22, 0), 0);
            e.evidence = i == order ? EVIDENCE_PIDFD : EVIDENCE_LOG;
            e.end_cause = i == order ? END_KILLED : END_EXITED;
            e.run = i == order ? later : earlier;
            take(f, at(0, 23, 0), &e);
        }
        heartbeats(f, &h, at(0, 23, 0), at(1, 3, 0));
        assert_int_equal(held_ms(f, at(0, 0, 0), "100-a"), 12 * 60000);
        assert_int_equal(line_of(part_of(f, at(0, 0, 0), 1), "100-a")->end_cause, END_EXITED);
        fixture_free(f);
    }
}

static void r6_of_two_ids_of_one_run_the_earlier_start_counts(void **state)
{
    for (int order = 0; order < 2; order++) {
        struct fixture *f = fixture_new();
        struct host h = {.id = "i-1", .epoch = 1, .boot = 9};
        struct event_run *a = run_of(&h, "100-a", 100), *b = run_of(&h, "100-b", 100);
        struct event_run *first = order == 0 ? a : b, *second = order == 0 ? b : a;

        (void)state;
        a->has |= RUN_HAS_ENCLAVE_ID;
        a->enclave_id = bytes_of_string("i-1-enc1a1fb7cf3f172a5");
        b->has |= RUN_HAS_ENCLAVE_ID;
        b->enclave_id = a->enclave_id;
        say(f, &h, EVENT_HOST_UP, at(0, 1, 0));
        say_run(f, &h, EVENT_ALLOCATED, first, at(0, 10, 0));
        say_run(f, &h, EVENT_ALLOCATED, second, at(0, 11, 0));
        say_run(f, &h, EVENT_ENDED, second, at(0, 20, 0));
        heartbeats(f, &h, at(0, 21, 0), at(1, 3, 0));
        assert_int_equal(held_ms(f, at(0, 0, 0), "100-a"), 600000);
        assert_int_equal(part_of(f, at(0, 0, 0), 1)->lines_n, 1);
        fixture_free(f);
    }
}

/* "A snapshot alone restores every running enclave if all earlier records are lost." */
static void a_snapshot_alone_restores_a_run_across_a_gap(void **state)
{
    struct fixture *f = fixture_new();
    struct host old = {.id = "i-1", .epoch = 1, .boot = 9};
    struct host new = {.id = "i-1", .epoch = 2, .boot = 9};
    struct event_run *run = run_of(&old, "100-a", 100);

    (void)state;
    say(f, &old, EVENT_HOST_UP, at(0, 1, 0));
    say_run(f, &old, EVENT_ALLOCATED, run, at(0, 10, 0));
    say(f, &new, EVENT_HOST_UP, at(0, 30, 0));
    struct event snapshot = event_of(&new, EVENT_SNAPSHOT, at(0, 30, 1), at(0, 30, 1));
    snapshot.running = run;
    snapshot.running_n = 1;
    take(f, at(0, 30, 3), &snapshot);
    heartbeats(f, &new, at(0, 31, 0), at(1, 3, 0));
    assert_int_equal(held_ms(f, at(0, 0, 0), "100-a"), 50 * 60000);
    fixture_free(f);
}

/* [one enclave, two ids, two bills] */
static void r6_two_run_ids_with_one_slot_are_one_run_under_the_smaller_id(void **state)
{
    struct fixture *f = fixture_new();
    struct host live = {.id = "i-1", .epoch = 1, .boot = 9};
    struct host backfill = {.id = "i-1", .epoch = 2};
    struct event_run *b = run_of(&live, "200-b", 100), *a = run_of(&backfill, "100-a", 100);

    (void)state;
    a->has |= RUN_HAS_ENCLAVE_ID;
    a->enclave_id = bytes_of_string("i-1-enc1a1fb7cf3f172a5");
    b->has |= RUN_HAS_ENCLAVE_ID;
    b->enclave_id = a->enclave_id;
    say(f, &live, EVENT_HOST_UP, at(0, 1, 0));
    say_run(f, &live, EVENT_ALLOCATED, b, at(0, 10, 0));
    say_run(f, &live, EVENT_ENDED, b, at(0, 20, 0));
    heartbeats(f, &live, at(0, 21, 0), at(1, 3, 0));
    assert_int_equal(held_ms(f, at(0, 0, 0), "200-b"), 600000);
    struct event told = run_event(&backfill, EVENT_ALLOCATED, a, at(0, 10, 0), 0);
    take(f, at(1, 4, 0), &told);
    told = run_event(&backfill, EVENT_ENDED, a, at(0, 20, 0), 0);
    take(f, at(1, 4, 1), &told);
    heartbeats(f, &live, at(1, 5, 0), at(1, 30, 0));
    assert_int_equal(part_of(f, at(0, 0, 0), 0)->revision, 2);
    assert_int_equal(held_ms(f, at(0, 0, 0), "100-a"), 600000);
    assert_int_equal(held_ms(f, at(0, 0, 0), "200-b"), 0);
    assert_int_equal(line_of(part_of(f, at(0, 0, 0), 2), "200-b")->flags, LINE_REMOVED);
    fixture_free(f);
}

static void r6_a_reused_pid_is_another_run(void **state)
{
    struct fixture *f = fixture_new();
    struct host h = {.id = "i-1", .epoch = 1, .boot = 9};
    struct event_run *a = run_of(&h, "100-a", 100), *b = run_of(&h, "100-b", 100);

    (void)state;
    say(f, &h, EVENT_HOST_UP, at(0, 1, 0));
    say_run(f, &h, EVENT_ALLOCATED, a, at(0, 10, 0));
    say_run(f, &h, EVENT_ENDED, a, at(0, 20, 0));
    say_run(f, &h, EVENT_ALLOCATED, b, at(0, 30, 0));
    say_run(f, &h, EVENT_ENDED, b, at(0, 35, 0));
    heartbeats(f, &h, at(0, 36, 0), at(1, 3, 0));
    assert_int_equal(held_ms(f, at(0, 0, 0), "100-a"), 600000);
    assert_int_equal(held_ms(f, at(0, 0, 0), "100-b"), 300000);
    fixture_free(f);
}

static void
r10_an_event_for_a_closed_hour_makes_a_revision_with_the_changed_lines_only(void **state)
{
    struct fixture *f = fixture_new();
    struct host h = {.id = "i-1", .epoch = 1, .boot = 9};
    struct host late = {.id = "i-1", .epoch = 2};
    struct event_run *a = run_of(&h, "100-a", 100), *b = run_of(&late, "200-b", 200);

    (void)state;
    say(f, &h, EVENT_HOST_UP, at(0, 1, 0));
    say_run(f, &h, EVENT_ALLOCATED, a, at(0, 10, 0));
    heartbeats(f, &h, at(0, 11, 0), at(1, 3, 0));
    struct event told = run_event(&late, EVENT_ALLOCATED, b, at(0, 40, 0), 0);
    take(f, at(1, 3, 30), &told);
    told = run_event(&late, EVENT_ENDED, b, at(0, 50, 0), 0);
    take(f, at(1, 3, 31), &told);
    heartbeats(f, &h, at(1, 4, 0), at(1, 30, 0));
    struct fixture_part *part = part_of(f, at(0, 0, 0), 2);
    assert_non_null(part);
    assert_int_equal(part->lines_n, 1);
    assert_int_equal(part->reasons, REASON_LATE_EVENT);
    assert_int_equal(held_ms(f, at(0, 0, 0), "200-b"), 600000);
    assert_int_equal(part->cut_log_time, part_of(f, at(0, 0, 0), 1)->cut_log_time + 15 * 60000);
    fixture_free(f);
}

static void r10_a_new_revision_interval_moves_the_next_revision_at_once(void **state)
{
    struct fixture *f = fixture_new();
    struct host late = {.id = "i-2", .epoch = 2};
    struct event_run *b = run_of(&late, "200-b", 200);
    struct event_pair values[] = {{BYTES_LITERAL("revision_interval"), BYTES_LITERAL("1m")}};
    struct event policy = {.type = EVENT_POLICY, .has = EVENT_HAS_POLICY};

    (void)state;
    f->round_trip = false; /* a load finds it out afresh: live must, too */
    tick(f, at(0, 1, 0));
    ticks_until(f, at(1, 3, 0));
    struct event told = run_event(&late, EVENT_ALLOCATED, b, at(0, 40, 0), 0);
    take(f, at(1, 3, 10), &told);
    policy.policy = (struct event_policy){1, RULES_VERSION, {values, 1}};
    take(f, at(1, 3, 20), &policy);
    ticks_until(f, at(1, 5, 0));
    assert_int_equal(part_of(f, at(0, 0, 0), 0)->revision, 2);
    fixture_free(f);
}

static void r10_beyond_the_horizon_news_is_a_correction_in_the_open_hour(void **state)
{
    struct fixture *f = fixture_new();
    struct host h = {.id = "i-1", .epoch = 1, .boot = 9};
    struct host late = {.id = "i-2", .epoch = 2};
    struct event_run *b = run_of(&late, "200-b", 200);

    (void)state;
    f->round_trip = false;
    say(f, &h, EVENT_HOST_UP, at(0, 1, 0));
    heartbeats(f, &h, at(0, 2, 0), at(80, 10, 0));
    struct event told = run_event(&late, EVENT_ALLOCATED, b, at(1, 40, 0), 0);
    take(f, at(80, 10, 30), &told);
    told = run_event(&late, EVENT_ENDED, b, at(2, 20, 0), 0);
    f->round_trip = true;
    take(f, at(80, 10, 31), &told);
    f->round_trip = false;
    heartbeats(f, &h, at(80, 11, 0), at(81, 40, 0));
    assert_int_equal(held_ms(f, at(1, 0, 0), "200-b"), 20 * 60000);
    assert_int_equal(held_ms(f, at(2, 0, 0), "200-b"), 20 * 60000);
    assert_int_equal(part_of(f, at(1, 0, 0), 0)->revision, 1);
    fixture_free(f);
}

/* [package upgrade ends all enclaves] [partitioned host leaves the set and hours become complete]
 */
static void r9_host_lost_never_makes_an_hour_complete_and_ends_the_expectation(void **state)
{
    struct fixture *f = fixture_new();
    struct host h = {.id = "i-1", .epoch = 1, .boot = 9};

    (void)state;
    say(f, &h, EVENT_HOST_UP, at(0, 1, 0));
    heartbeats(f, &h, at(0, 2, 0), at(0, 50, 0));
    ticks_until(f, at(3, 31, 0));
    assert_int_equal(part_of(f, at(0, 0, 0), 0)->missing_n, 1);
    assert_int_equal(part_of(f, at(1, 0, 0), 0)->missing_n, 1);
    assert_int_equal(part_of(f, at(2, 0, 0), 0)->expected_n, 0); /* lost at 1:50 */
    assert_int_equal(part_of(f, at(2, 0, 0), 0)->cut_log_time, at(3, 2, 2));
    fixture_free(f);
}

static void r9_a_host_that_went_down_is_not_expected_afterwards(void **state)
{
    struct fixture *f = fixture_new();
    struct host h = {.id = "i-1", .epoch = 1, .boot = 9};

    (void)state;
    say(f, &h, EVENT_HOST_UP, at(0, 1, 0));
    say(f, &h, EVENT_HOST_DOWN, at(0, 20, 0));
    ticks_until(f, at(2, 3, 0));
    assert_true(part_of(f, at(0, 0, 0), 1)->complete);
    assert_int_equal(part_of(f, at(0, 0, 0), 1)->expected_n, 1);
    assert_int_equal(part_of(f, at(1, 0, 0), 1)->expected_n, 0);
    fixture_free(f);
}

/* [start 10:00, step −1 h, end 09:40: zero bill; 1970: 56 years] */
static void r4_times_outside_boot_and_log_time_are_replaced_and_marked(void **state)
{
    struct fixture *f = fixture_new();
    struct host h = {.id = "i-1", .epoch = 1, .boot = 9};
    struct event_run *run = run_of(&h, "100-a", 100), *future = run_of(&h, "200-b", 200);

    (void)state;
    struct event up = event_of(&h, EVENT_HOST_UP, at(0, 30, 0), at(0, 30, 0));
    up.has = EVENT_HAS_HOST;
    up.host.wall_time = at(0, 30, 0);
    up.host.boottime_ms = 10 * 60000;
    take(f, at(0, 30, 0), &up);
    run->has |= RUN_HAS_ALLOCATED_TIME;
    run->allocated_time = 0; /* 1970 */
    struct event e = event_of(&h, EVENT_RUNNING, at(0, 31, 0), at(0, 31, 0));
    e.run = *run;
    take(f, at(0, 31, 0), &e);
    future->has |= RUN_HAS_ALLOCATED_TIME;
    future->allocated_time = at(0, 50, 0);
    e = event_of(&h, EVENT_RUNNING, at(0, 32, 0), at(0, 32, 0));
    e.run = *future;
    take(f, at(0, 32, 0), &e);
    heartbeats(f, &h, at(0, 33, 0), at(1, 3, 0));
    assert_int_equal(held_ms(f, at(0, 0, 0), "100-a"), 40 * 60000);
    assert_int_equal(line_of(part_of(f, at(0, 0, 0), 1), "100-a")->flags, LINE_CLOCK);
    assert_int_equal(held_ms(f, at(0, 0, 0), "200-b"), 28 * 60000 - 5000);
    fixture_free(f);
}

static void r14_policy_takes_effect_where_it_is_read_and_only_if_newer(void **state)
{
    struct fixture *f = fixture_new();
    struct event_pair values[] = {{BYTES_LITERAL("settle"), BYTES_LITERAL("10s")}};
    struct event policy = {.type = EVENT_POLICY, .has = EVENT_HAS_POLICY};

    (void)state;
    policy.policy = (struct event_policy){2, RULES_VERSION, {values, 1}};
    take(f, at(0, 1, 0), &policy);
    assert_int_equal(f->notices, NOTICE_POLICY_CHANGED);
    assert_int_equal(partition_policy(f->p)->settle_ms, 10000);
    take(f, at(0, 1, 1), &policy);
    assert_int_equal(f->notices, NOTICE_POLICY_IGNORED);
    values[0].value = BYTES_LITERAL("20s");
    take(f, at(0, 1, 2), &policy);
    assert_int_equal(f->notices, NOTICE_POLICY_CONFLICT);
    policy.policy.version = 1;
    take(f, at(0, 1, 3), &policy);
    assert_int_equal(f->notices, NOTICE_POLICY_IGNORED);
    assert_int_equal(partition_policy(f->p)->settle_ms, 10000);
    policy.policy.version = 3;
    policy.policy.rules_version = RULES_VERSION + 1;
    struct partition_record record = {
        .kind = RECORD_EVENT, .append_time = at(0, 1, 4), .event = &policy};
    assert_int_equal(fixture_take(f, record), ERR_UNSUPPORTED);
    fixture_free(f);
}

static void r15_a_dead_letter_makes_its_hour_incomplete(void **state)
{
    struct fixture *f = fixture_new();
    struct partition_record record = {.kind = RECORD_UNDECODABLE, .append_time = at(0, 10, 0)};

    (void)state;
    assert_int_equal(fixture_take(f, record), ERR_OK);
    assert_int_equal(f->notices, NOTICE_UNDECODABLE);
    ticks_until(f, at(1, 3, 0));
    assert_false(part_of(f, at(0, 0, 0), 1)->complete);
    fixture_free(f);
}

/* [host reaches Kafka three hours late; "proven complete" with no instance known] */
static void r11_a_host_that_reports_late_is_expected_in_the_hours_it_ran_in(void **state)
{
    struct fixture *f = fixture_new();
    struct host h = {.id = "i-1", .epoch = 1, .boot = 9};
    struct event_run *run = run_of(&h, "100-a", 100);

    (void)state;
    tick(f, at(0, 1, 0));
    ticks_until(f, at(3, 10, 0));
    assert_int_equal(part_of(f, at(0, 0, 0), 0)->expected_n, 0);
    struct event e = event_of(&h, EVENT_HOST_UP, at(0, 5, 0), at(0, 5, 0));
    take(f, at(3, 10, 1), &e);
    e = run_event(&h, EVENT_ALLOCATED, run, at(0, 10, 0), at(0, 10, 0));
    take(f, at(3, 10, 2), &e);
    e = run_event(&h, EVENT_ENDED, run, at(0, 20, 0), at(0, 20, 0));
    take(f, at(3, 10, 3), &e);
    heartbeats(f, &h, at(3, 10, 30), at(3, 40, 30));
    struct fixture_part *part = part_of(f, at(0, 0, 0), 0);
    assert_true(part->revision > 1);
    assert_int_equal(part->expected_n, 1);
    assert_true(part->complete);
    assert_int_equal(held_ms(f, at(0, 0, 0), "100-a"), 600000);
    fixture_free(f);
}

static void a_refused_run_is_a_line_without_usage(void **state)
{
    struct fixture *f = fixture_new();
    struct host h = {.id = "i-1", .epoch = 1, .boot = 9};
    struct event_run *run = run_of(&h, "100-a", 100);

    (void)state;
    say(f, &h, EVENT_HOST_UP, at(0, 1, 0));
    say_run(f, &h, EVENT_ALLOCATED, run, at(0, 10, 0));
    struct event e = run_event(&h, EVENT_FAILED, run, at(0, 10, 1), at(0, 10, 1));
    e.end_cause = END_REFUSED;
    e.end_detail = BYTES_LITERAL("E29");
    take(f, at(0, 10, 2), &e);
    heartbeats(f, &h, at(0, 11, 0), at(1, 3, 0));
    const struct usage_line *line = line_of(part_of(f, at(0, 0, 0), 1), "100-a");
    assert_int_equal(line->held_ms, 0);
    assert_int_equal(line->end_cause, END_REFUSED);
    assert_true(bytes_equal(line->end_detail, BYTES_LITERAL("E29")));
    fixture_free(f);
}

static size_t saved_bytes(struct fixture *f)
{
    static uint8_t saved[1 << 20];
    size_t n;

    assert_int_equal(partition_save(f->p, saved, sizeof saved, &n), ERR_OK);
    return n;
}

/* [dead spot instances block completeness for ever]: they do not stay in memory for ever either. */
static void r7_an_instance_silent_for_its_ttl_leaves_a_residue_and_can_come_back(void **state)
{
    struct fixture *f = fixture_new();
    struct host h = {.id = "i-1", .epoch = 1, .boot = 9}, again = {.id = "i-1", .epoch = 2};
    struct event_run *run = run_of(&h, "100-a", 100), *next = run_of(&again, "200-b", 200);
    struct event_pair values[] = {{BYTES_LITERAL("instance_ttl"), BYTES_LITERAL("24h")},
                                  {BYTES_LITERAL("tick_interval"), BYTES_LITERAL("30m")},
                                  {BYTES_LITERAL("horizon"), BYTES_LITERAL("4h")}};
    struct event policy = {.type = EVENT_POLICY, .has = EVENT_HAS_POLICY};

    (void)state;
    policy.policy = (struct event_policy){1, RULES_VERSION, {values, 3}};
    take(f, at(0, 0, 1), &policy);
    struct event up = event_of(&h, EVENT_HOST_UP, at(0, 1, 0), at(0, 1, 0));
    up.has = EVENT_HAS_HOST;
    up.host.region = BYTES_LITERAL("eu-central-1");
    take(f, at(0, 1, 1), &up);
    say_run(f, &h, EVENT_ALLOCATED, run, at(0, 10, 0));
    say_run(f, &h, EVENT_ENDED, run, at(0, 20, 0));
    for (int64_t t = at(0, 40, 0); t <= at(10, 0, 0); t += 20 * 60000)
        tick(f, t);
    size_t remembered = saved_bytes(f); /* its run is forgotten, its epoch and host are not */
    for (int64_t t = at(10, 20, 0); t <= at(26, 0, 0); t += 20 * 60000)
        tick(f, t);
    assert_true(saved_bytes(f) + 50 < remembered);
    assert_int_equal(partition_instances_n(f->p), 1);
    say_run(f, &again, EVENT_ALLOCATED, next, at(26, 10, 0));
    say_run(f, &again, EVENT_ENDED, next, at(26, 30, 0));
    for (int64_t t = at(26, 40, 0); t <= at(28, 0, 0); t += 60000)
        say(f, &again, EVENT_HEARTBEAT, t);
    assert_int_equal(held_ms(f, at(26, 0, 0), "200-b"), 20 * 60000);
    assert_int_equal(part_of(f, at(26, 0, 0), 0)->expected_n, 1);
    fixture_free(f);
}

/* End causes with a range are billed to end_time_earliest (R8). */
static void r8_an_unseen_end_is_billed_to_its_earliest_moment(void **state)
{
    struct fixture *f = fixture_new();
    struct host h = {.id = "i-1", .epoch = 1, .boot = 9};
    struct event_run *run = run_of(&h, "100-a", 100);

    (void)state;
    say(f, &h, EVENT_HOST_UP, at(0, 1, 0));
    say_run(f, &h, EVENT_ALLOCATED, run, at(0, 10, 0));
    struct event e = run_event(&h, EVENT_ENDED, run, at(0, 30, 0), at(0, 30, 0));
    e.end_cause = END_HOST_REBOOT;
    e.has |= EVENT_HAS_END_TIME_EARLIEST;
    e.end_time_earliest = at(0, 25, 0);
    take(f, at(0, 30, 2), &e);
    heartbeats(f, &h, at(0, 31, 0), at(1, 3, 0));
    assert_int_equal(held_ms(f, at(0, 0, 0), "100-a"), 15 * 60000);
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_run_inside_an_hour_is_one_line),
        cmocka_unit_test(r8_a_run_is_billed_in_hours_that_had_no_event),
        cmocka_unit_test(r8_proof_of_life_is_the_instances_watermark_not_the_runs_last_mention),
        cmocka_unit_test(r8_a_run_of_zero_length_is_a_line),
        cmocka_unit_test(r8_an_unseen_end_is_billed_to_its_earliest_moment),
        cmocka_unit_test(r10_a_missing_host_delays_the_cut_until_grace_and_is_named),
        cmocka_unit_test(r10_an_hour_without_hosts_is_cut_at_settle),
        cmocka_unit_test(r10_every_hour_of_a_long_silence_gets_its_first_revision),
        cmocka_unit_test(
            r10_an_event_for_a_closed_hour_makes_a_revision_with_the_changed_lines_only),
        cmocka_unit_test(r10_a_new_revision_interval_moves_the_next_revision_at_once),
        cmocka_unit_test(r10_beyond_the_horizon_news_is_a_correction_in_the_open_hour),
        cmocka_unit_test(r14_a_span_in_which_nobody_could_write_counts_towards_no_grace),
        cmocka_unit_test(r14_log_time_is_the_running_maximum),
        cmocka_unit_test(r14_policy_takes_effect_where_it_is_read_and_only_if_newer),
        cmocka_unit_test(r2_a_duplicate_changes_nothing),
        cmocka_unit_test(r2_a_seq_inside_a_gap_is_news_and_fills_it),
        cmocka_unit_test(r2_lost_heartbeats_are_no_gap),
        cmocka_unit_test(r11_a_gap_is_named_and_the_hour_is_not_complete),
        cmocka_unit_test(r3_a_watermark_counts_only_up_to_its_records_log_time),
        cmocka_unit_test(r1_an_epoch_that_does_not_link_is_a_gap),
        cmocka_unit_test(r1_a_linked_epoch_continues_the_runs),
        cmocka_unit_test(r1_an_epoch_that_continues_more_than_was_seen_is_a_gap),
        cmocka_unit_test(r5_of_two_statements_the_stronger_evidence_counts_then_the_earlier_time),
        cmocka_unit_test(r6_of_two_ids_of_one_run_the_earlier_start_counts),
        cmocka_unit_test(a_snapshot_alone_restores_a_run_across_a_gap),
        cmocka_unit_test(r6_two_run_ids_with_one_slot_are_one_run_under_the_smaller_id),
        cmocka_unit_test(r6_a_reused_pid_is_another_run),
        cmocka_unit_test(r7_an_instance_silent_for_its_ttl_leaves_a_residue_and_can_come_back),
        cmocka_unit_test(r9_host_lost_never_makes_an_hour_complete_and_ends_the_expectation),
        cmocka_unit_test(r9_a_host_that_went_down_is_not_expected_afterwards),
        cmocka_unit_test(r4_times_outside_boot_and_log_time_are_replaced_and_marked),
        cmocka_unit_test(r15_a_dead_letter_makes_its_hour_incomplete),
        cmocka_unit_test(r11_a_host_that_reports_late_is_expected_in_the_hours_it_ran_in),
        cmocka_unit_test(a_refused_run_is_a_line_without_usage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
