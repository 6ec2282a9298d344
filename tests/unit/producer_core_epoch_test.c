/*
 * Numbers, watermarks, lists and restarts: R1 to R3 and what the tracker says about its host.
 */
#include "producer_core_fixture.h"

#define WALL INT64_C(1795220632560) /* 2026-11-21T00:23:52.560Z */
#define BOOT (WALL - 1000000)       /* the host has been up for 1000 s */

enum { PID = 7, SLOT = 0xabc };

static struct fixture *const f = &fixture;
static uint8_t saved[TRACKER_SAVE_MAX];

static struct event_pair tags[] = {{BYTES_LITERAL("team"), BYTES_LITERAL("a")}};

static struct event_host facts_at(int64_t wall_ms, int64_t boottime_ms)
{
    return (struct event_host){
        .region = BYTES_LITERAL("eu-west-1"),
        .instance_type = BYTES_LITERAL("m5.xlarge"),
        .pool_vcpus = 4,
        .pool_memory_mib = 4096,
        .tags = {tags, 1},
        .wall_time = wall_ms,
        .boottime_ms = boottime_ms,
        .clock_error_us = -1,
    };
}

static struct statement host_says(enum statement_kind kind, int64_t wall_ms, int64_t boottime_ms)
{
    return (struct statement){.source = EVIDENCE_BOOT,
                              .kind = kind,
                              .time_ms = wall_ms,
                              .observed_ms = wall_ms,
                              .boottime_ms = boottime_ms};
}

static void say_facts_of(const struct event_host *facts)
{
    struct statement s = host_says(STATEMENT_HOST_FACTS, facts->wall_time, facts->boottime_ms);

    s.host = facts;
    fixture_step(f, &s);
}

static void say_facts(void)
{
    struct event_host facts = facts_at(WALL, WALL - BOOT);

    say_facts_of(&facts);
}

/* `ms` after WALL, on both clocks. */
static void tick(int64_t ms)
{
    struct statement s = host_says(STATEMENT_CLOCK_TICK, WALL + ms, WALL - BOOT + ms);

    fixture_step(f, &s);
}

static void caught_up(int64_t ms)
{
    struct statement s = host_says(STATEMENT_CAUGHT_UP, WALL + ms, 0);

    fixture_step(f, &s);
}

static void log_says(enum statement_kind kind, int64_t pid, int64_t time_ms)
{
    struct statement s = {.source = EVIDENCE_LOG,
                          .kind = kind,
                          .time_ms = time_ms,
                          .observed_ms = time_ms,
                          .pid = pid,
                          .bytes = 64u << 20};

    if (kind == STATEMENT_ENCLAVE_ID) {
        s.slot = SLOT;
        s.enclave_id = BYTES_LITERAL(FIXTURE_INSTANCE "-encabc");
    }
    fixture_step(f, &s);
}

static void set_boot(struct tracker_options *options, uint8_t epoch, uint8_t boot)
{
    *options = fixture_options();
    options->epoch.bytes[0] = epoch;
    options->boot_id.bytes[0] = boot;
}

static int start(void **state)
{
    struct tracker_options options;

    (void)state;
    set_boot(&options, 1, 0xB0);
    fixture_init_with(f, &options);
    return 0;
}

/* A new process under a new epoch goes on from what tracker_save gave. */
static void restart(uint8_t epoch, uint8_t boot)
{
    struct tracker_options options;
    size_t n = tracker_save(&f->tracker, saved);

    set_boot(&options, epoch, boot);
    fixture_init_with(f, &options);
    assert_int_equal(tracker_load(&f->tracker, bytes_of(saved, n), NULL), ERR_OK);
    assert_null(tracker_check_all(&f->tracker));
}

static const struct event *event_at(size_t i)
{
    assert_true(i < f->seen_n);
    return &f->seen[i].event;
}

static void an_epoch_starts_with_the_host_and_lists_runs_once_it_knows_them(void **state)
{
    (void)state;
    say_facts();
    assert_string_equal(f->trace, "HOST_UP\n");
    tick(500000); /* reading a long history: no list yet */
    log_says(STATEMENT_ALLOCATED, PID, WALL - 5000);
    fixture_forget(f);
    caught_up(0);
    assert_string_equal(f->trace, "SNAPSHOT [7-1a1fb7ce068]\n");
    assert_true((event_at(0)->has & EVENT_HAS_HOST) != 0);
    assert_int_equal(event_at(0)->host.pool_vcpus, 4);
}

static void seq_is_dense_and_a_heartbeat_repeats_the_last(void **state)
{
    (void)state;
    say_facts();
    caught_up(0);
    log_says(STATEMENT_ALLOCATED, PID, WALL);
    tick(60000);
    log_says(STATEMENT_LOOP_EXITED, PID, WALL + 60001);
    int64_t expected[] = {1, 2, 3, 3, 4};
    assert_int_equal(f->seen_n, 5);
    assert_int_equal(event_at(3)->type, EVENT_HEARTBEAT);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(event_at(i)->seq, expected[i]);
}

static void heartbeats_come_every_minute_and_name_the_live_runs(void **state)
{
    (void)state;
    tick(0);
    caught_up(0);
    log_says(STATEMENT_ALLOCATED, PID, WALL);
    fixture_forget(f);
    for (int64_t s = 1; s <= 180; s++)
        tick(1000 * s);
    assert_string_equal(f->trace, "HEARTBEAT [7-1a1fb7cf3f0]\n"
                                  "HEARTBEAT [7-1a1fb7cf3f0]\n"
                                  "HEARTBEAT [7-1a1fb7cf3f0]\n");
    assert_int_equal(event_at(0)->event_time, WALL + 60000);
    assert_int_equal(event_at(2)->event_time, WALL + 180000);
    assert_int_equal(tracker_next_deadline(&f->tracker), WALL - BOOT + 240000);
}

static void snapshots_come_every_quarter_of_an_hour_at_an_offset_of_the_instance(void **state)
{
    int64_t first = 0;

    (void)state;
    tick(0);
    caught_up(0);
    for (int64_t s = 1; s <= 3600; s++)
        tick(1000 * s);
    size_t n = 0;
    for (size_t i = 1; i < f->seen_n; i++) { /* the first is that of the start */
        if (event_at(i)->type != EVENT_SNAPSHOT)
            continue;
        int64_t phase = event_at(i)->event_time % 900000 / 1000;
        first = n == 0 ? phase : first;
        assert_int_equal(phase, first);
        n++;
    }
    assert_int_equal(n, 4);
}

static void different_instances_have_different_offsets(void **state)
{
    static const char *const ids[] = {"i-1", "i-2", "i-3"};
    int64_t at[3];

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct tracker_options options;
        set_boot(&options, 1, 0xB0);
        options.instance_id = bytes_of_string(ids[i]);
        options.heartbeat_interval_ms = INT64_MAX; /* so that the deadline is the snapshot's */
        fixture_init_with(f, &options);
        tick(0);
        caught_up(0);
        at[i] = tracker_next_deadline(&f->tracker);
        assert_true(at[i] > WALL - BOOT && at[i] <= WALL - BOOT + 900000);
    }
    assert_true(at[0] != at[1] && at[1] != at[2] && at[0] != at[2]);
}

static void a_change_of_host_facts_is_a_snapshot_and_the_same_facts_are_nothing(void **state)
{
    struct event_host facts = facts_at(WALL + 1000, WALL - BOOT + 1000);

    (void)state;
    say_facts();
    caught_up(0);
    fixture_forget(f);
    say_facts_of(&facts);
    assert_string_equal(f->trace, "");
    facts.pool_vcpus = 8;
    say_facts_of(&facts);
    assert_string_equal(f->trace, "SNAPSHOT []\n");
    assert_int_equal(event_at(0)->host.pool_vcpus, 8);
    tags[0].value = BYTES_LITERAL("b");
    say_facts_of(&facts);
    tags[0].value = BYTES_LITERAL("a");
    assert_string_equal(f->trace, "SNAPSHOT []\nSNAPSHOT []\n");
}

static void host_facts_beyond_their_limit_are_refused_and_change_nothing(void **state)
{
    static struct event_pair many[16];
    static uint8_t text[EVENT_STRING_MAX + 1];
    struct tracker_out out = {f->events, TRACKER_EVENTS_MAX, 0, f->running, TRACKER_LIVE_MAX};
    struct event_host facts = facts_at(WALL, WALL - BOOT);
    struct statement s = host_says(STATEMENT_HOST_FACTS, WALL, WALL - BOOT);

    (void)state;
    memset(text, 'x', sizeof text);
    s.host = &facts;
    facts.region = bytes_of(text, EVENT_STRING_MAX + 1);
    assert_int_equal(tracker_step(&f->tracker, &s, &out), ERR_LIMIT);
    for (size_t i = 0; i < 16; i++)
        many[i] = (struct event_pair){bytes_of(text, EVENT_STRING_MAX), BYTES_LITERAL("")};
    facts = facts_at(WALL, WALL - BOOT);
    facts.tags = (struct event_map){many, 8};
    assert_int_equal(tracker_step(&f->tracker, &s, &out), ERR_LIMIT);
    assert_int_equal(out.events_n, 0);
    facts.tags.n = 7;
    assert_int_equal(tracker_step(&f->tracker, &s, &out), ERR_OK);
    assert_int_equal(out.events_n, 1);
}

static void the_watermark_is_what_was_read_less_the_slack_and_never_falls(void **state)
{
    (void)state;
    say_facts();
    assert_int_equal(event_at(0)->low_watermark, 0);
    caught_up(0);
    assert_int_equal(event_at(1)->low_watermark, WALL - 2000);
    caught_up(-10000); /* the clock was set back */
    log_says(STATEMENT_ALLOCATED, PID, WALL);
    assert_int_equal(event_at(2)->low_watermark, WALL - 2000);
    caught_up(5000);
    log_says(STATEMENT_LOOP_EXITED, PID, WALL + 5001);
    assert_int_equal(event_at(3)->low_watermark, WALL + 3000);
}

static void a_backfill_states_runs_only_and_no_watermark(void **state)
{
    struct tracker_options options = fixture_options();

    (void)state;
    options.backfill = true;
    fixture_init_with(f, &options);
    say_facts();
    caught_up(0);
    tick(3600000);
    struct statement down = host_says(STATEMENT_HOST_GOING_DOWN, WALL, 0);
    fixture_step(f, &down);
    log_says(STATEMENT_ALLOCATED, PID, WALL);
    assert_int_equal(f->seen_n, 1);
    assert_int_equal(event_at(0)->type, EVENT_ALLOCATED);
    assert_int_equal(event_at(0)->low_watermark, 0);
    assert_int_equal(tracker_next_deadline(&f->tracker), INT64_MAX);
}

static void a_step_of_the_wall_clock_is_stated_at_once(void **state)
{
    (void)state;
    say_facts();
    caught_up(0);
    fixture_forget(f);
    struct statement s = host_says(STATEMENT_CLOCK_TICK, WALL + 1000 + 1000, WALL - BOOT + 1000);
    fixture_step(f, &s);
    assert_string_equal(f->trace, ""); /* a second is not yet a step */
    s = host_says(STATEMENT_CLOCK_TICK, WALL - 3600000, WALL - BOOT + 2000);
    fixture_step(f, &s);
    assert_string_equal(f->trace, "HOST_UP\n");
    assert_int_equal(event_at(0)->host.wall_time, WALL - 3600000);
    assert_int_equal(event_at(0)->host.boottime_ms, WALL - BOOT + 2000);
    assert_int_equal(f->tracker.counters.clock_steps, 1);
    fixture_forget(f);
    s = host_says(STATEMENT_CLOCK_TICK, WALL - 3600000 + 58000, WALL - BOOT + 60000);
    fixture_step(f, &s); /* a minute after the first list, whatever the wall clock says */
    assert_string_equal(f->trace, "HEARTBEAT []\n");
}

static void only_the_host_going_down_is_a_host_down(void **state)
{
    struct statement s = host_says(STATEMENT_HOST_GOING_DOWN, WALL + 9000, 0);

    (void)state;
    say_facts();
    caught_up(0);
    fixture_forget(f);
    fixture_step(f, &s);
    assert_string_equal(f->trace, "HOST_DOWN\n");
}

static void a_new_epoch_names_what_it_continues_once(void **state)
{
    (void)state;
    say_facts();
    caught_up(0);
    assert_int_equal(event_at(0)->has & EVENT_HAS_PREV_EPOCH, 0);
    restart(2, 0xB0);
    say_facts();
    caught_up(0);
    assert_true((event_at(0)->has & EVENT_HAS_PREV_EPOCH) != 0);
    assert_true((event_at(0)->has & EVENT_HAS_PREV_SEQ) != 0);
    assert_int_equal(event_at(0)->prev_epoch.bytes[0], 1);
    assert_int_equal(event_at(0)->prev_seq, 2);
    assert_int_equal(event_at(0)->seq, 1);
    assert_int_equal(event_at(1)->has & EVENT_HAS_PREV_EPOCH, 0);
}

static void an_epoch_that_said_nothing_is_not_continued(void **state)
{
    (void)state;
    say_facts();
    caught_up(0);
    restart(2, 0xB0); /* killed before its first record */
    restart(3, 0xB0);
    say_facts();
    assert_int_equal(event_at(0)->prev_epoch.bytes[0], 1);
    assert_int_equal(event_at(0)->prev_seq, 2);
}

static void a_restart_goes_on_exactly_where_it_was(void **state)
{
    (void)state;
    say_facts();
    caught_up(0);
    log_says(STATEMENT_PROCESS_STARTED, PID, WALL);
    log_says(STATEMENT_ALLOCATING, PID, WALL + 2);
    restart(2, 0xB0);
    log_says(STATEMENT_ALLOCATED, PID, WALL + 3);
    log_says(STATEMENT_HANG_UP, PID, WALL + 4);
    restart(3, 0xB0);
    log_says(STATEMENT_ENCLAVE_ID, PID, WALL + 5);
    log_says(STATEMENT_LOOP_EXITED, PID, WALL + 6);
    assert_int_equal(f->seen_n, 2);
    const struct event *end = event_at(1);
    assert_int_equal(end->end_cause, END_EXITED);
    assert_int_equal(end->run.allocated_time, WALL + 2);
    assert_int_equal(end->run.memory_mib, 64);
    assert_string_equal(f->seen[1].run_id, "7-1a1fb7cf3f0");
    restart(4, 0xB0);
    log_says(STATEMENT_LOOP_EXITED, PID, WALL + 7); /* still only confirms */
    assert_int_equal(f->tracker.counters.unmatched, 0);
}

static void saving_what_was_loaded_gives_the_same_bytes(void **state)
{
    static uint8_t again[TRACKER_SAVE_MAX];

    (void)state;
    for (int64_t pid = 1; pid <= 40; pid++) {
        log_says(STATEMENT_ALLOCATED, pid, WALL + pid);
        if (pid % 3 == 0)
            log_says(STATEMENT_LOOP_EXITED, pid, WALL + 100 + pid);
    }
    restart(2, 0xB0);
    size_t n = tracker_save(&f->tracker, again);
    size_t m = tracker_save(&f->tracker, saved);
    assert_int_equal(n, m);
    struct tracker_options options;
    set_boot(&options, 3, 0xB0);
    fixture_init_with(f, &options);
    assert_int_equal(tracker_load(&f->tracker, bytes_of(saved, m), NULL), ERR_OK);
    assert_int_equal(tracker_save(&f->tracker, again), m);
    assert_memory_equal(again, saved, m);
}

static void damaged_state_is_refused_and_leaves_a_new_tracker(void **state)
{
    struct tracker_options options;
    struct err_detail detail;

    (void)state;
    log_says(STATEMENT_ALLOCATED, PID, WALL);
    log_says(STATEMENT_ENCLAVE_ID, PID, WALL + 1);
    size_t n = tracker_save(&f->tracker, saved);
    set_boot(&options, 2, 0xB0);
    for (size_t len = 0; len < n; len++) {
        fixture_init_with(f, &options);
        assert_int_not_equal(tracker_load(&f->tracker, bytes_of(saved, len), &detail), ERR_OK);
        assert_false(f->tracker.has_prev);
        assert_int_equal(tracker_live_n(&f->tracker), 0);
    }
    saved[4]++; /* the version */
    assert_int_equal(tracker_load(&f->tracker, bytes_of(saved, n), &detail), ERR_UNSUPPORTED);
    saved[4]--;
    saved[0]++;
    assert_int_equal(tracker_load(&f->tracker, bytes_of(saved, n), &detail), ERR_MALFORMED);
    saved[0]--;
    saved[n] = 0;
    assert_int_equal(tracker_load(&f->tracker, bytes_of(saved, n + 1), &detail), ERR_MALFORMED);
    assert_int_equal(tracker_load(&f->tracker, bytes_of(saved, n), &detail), ERR_OK);
}

static void a_reboot_ends_what_the_log_did_not(void **state)
{
    (void)state;
    say_facts();
    caught_up(0);
    log_says(STATEMENT_ALLOCATED, PID, WALL);
    log_says(STATEMENT_ALLOCATED, PID + 1, WALL + 1);
    caught_up(60000);
    restart(2, 0xB1);
    struct event_host facts = facts_at(WALL + 200000, 50000); /* booted at WALL + 150 s */
    say_facts_of(&facts);
    log_says(STATEMENT_LOOP_EXITED, PID, WALL + 90000); /* the log of the old boot, read late */
    fixture_forget(f);
    caught_up(200000);
    assert_int_equal(f->seen_n, 2);
    const struct event *end = event_at(0);
    assert_int_equal(end->type, EVENT_FAILED);
    assert_int_equal(end->end_cause, END_HOST_REBOOT);
    assert_int_equal(end->evidence, EVIDENCE_BOOT);
    assert_int_equal(end->boot_id.bytes[0], 0xB0);
    assert_int_equal(end->event_time, WALL + 150000);
    assert_int_equal(end->end_time_earliest, WALL + 58000); /* the old watermark */
    assert_int_equal(end->low_watermark, 0);
    assert_int_equal(event_at(1)->type, EVENT_SNAPSHOT);
    assert_int_equal(event_at(1)->running_n, 0);
    assert_int_equal(event_at(1)->low_watermark, WALL + 198000);
}

static void history_from_before_the_boot_ends_with_it(void **state)
{
    (void)state;
    say_facts();
    log_says(STATEMENT_ALLOCATED, PID, BOOT - 60000); /* killed by the reset, says nothing more */
    log_says(STATEMENT_ALLOCATED, PID + 1, BOOT + 60000);
    assert_true(event_uuid_is_nil(&event_at(1)->boot_id));
    assert_int_equal(event_at(2)->boot_id.bytes[0], 0xB0);
    fixture_forget(f);
    caught_up(0);
    assert_int_equal(f->seen_n, 2);
    assert_int_equal(event_at(0)->end_cause, END_HOST_REBOOT);
    assert_int_equal(event_at(0)->event_time, BOOT);
    assert_int_equal(event_at(0)->end_time_earliest, BOOT - 60000);
    assert_int_equal(event_at(1)->running_n, 1);
}

static void a_pid_used_again_after_a_reboot_ends_the_old_run_with_the_reboot(void **state)
{
    (void)state;
    say_facts();
    log_says(STATEMENT_ALLOCATED, PID, BOOT - 60000);
    fixture_forget(f);
    log_says(STATEMENT_PROCESS_STARTED, PID, BOOT + 90000);
    assert_int_equal(f->seen_n, 1);
    assert_int_equal(event_at(0)->end_cause, END_HOST_REBOOT);
    assert_int_equal(event_at(0)->event_time, BOOT);
    assert_int_equal(event_at(0)->end_time_earliest, BOOT - 60000);
}

static void a_snapshot_of_the_largest_state_fits_a_record(void **state)
{
    static char name[EVENT_STRING_MAX];
    static int32_t ids[RUN_ARGS_CPU_IDS_MAX];
    size_t text = 0, cpu_ids = 0;

    (void)state;
    memset(name, 'n', sizeof name);
    for (int64_t pid = 1; pid <= TRACKER_LIVE_MAX; pid++) {
        struct statement s = {.source = EVIDENCE_LOG,
                              .kind = STATEMENT_RUN_ARGS,
                              .time_ms = WALL,
                              .pid = pid,
                              .args = {.has_name = true,
                                       .name = bytes_of(name, sizeof name),
                                       .has_eif_path = true,
                                       .eif_path = bytes_of(name, sizeof name),
                                       .has_cpu_ids = true,
                                       .cpu_ids = ids,
                                       .cpu_ids_n = RUN_ARGS_CPU_IDS_MAX,
                                       .has_cpus = true,
                                       .vcpus = RUN_ARGS_CPU_IDS_MAX}};
        struct tracker_out out = {f->events, TRACKER_EVENTS_MAX, 0, f->running, TRACKER_LIVE_MAX};
        assert_int_equal(tracker_step(&f->tracker, &s, &out), ERR_OK);
        s.kind = STATEMENT_ALLOCATED;
        assert_int_equal(tracker_step(&f->tracker, &s, &out), ERR_OK);
        assert_int_equal(out.events_n, 1);
        assert_int_equal(out.events[0].run.name.len, EVENT_STRING_MAX);
    }
    assert_true(tracker_save(&f->tracker, saved) <= TRACKER_SAVE_MAX);
    struct tracker_out out = {f->events, TRACKER_EVENTS_MAX, 0, f->running, TRACKER_LIVE_MAX};
    struct statement s = host_says(STATEMENT_CAUGHT_UP, WALL, 0);
    assert_int_equal(tracker_step(&f->tracker, &s, &out), ERR_OK);
    assert_int_equal(out.events_n, 1);
    assert_int_equal(out.events[0].running_n, TRACKER_LIVE_MAX);
    for (uint32_t i = 0; i < out.events[0].running_n; i++) {
        text += out.events[0].running[i].name.len + out.events[0].running[i].eif_path.len;
        cpu_ids += out.events[0].running[i].cpu_ids.n;
        assert_int_equal(out.events[0].running[i].vcpus, RUN_ARGS_CPU_IDS_MAX);
    }
    assert_int_equal(text, TRACKER_LIST_TEXT_MAX);
    assert_int_equal(cpu_ids, EVENT_CPU_IDS_MAX);
}

static void an_instance_without_a_name_or_with_a_long_one_is_refused(void **state)
{
    static uint8_t id[TRACKER_INSTANCE_ID_MAX + 1];
    struct tracker_options options = fixture_options();

    (void)state;
    memset(id, 'i', sizeof id);
    options.instance_id = bytes_of(id, 0);
    assert_int_equal(tracker_init(&f->tracker, &options, NULL), ERR_LIMIT);
    options.instance_id = bytes_of(id, TRACKER_INSTANCE_ID_MAX);
    assert_int_equal(tracker_init(&f->tracker, &options, NULL), ERR_OK);
    options.instance_id = bytes_of(id, TRACKER_INSTANCE_ID_MAX + 1);
    assert_int_equal(tracker_init(&f->tracker, &options, NULL), ERR_LIMIT);
    options = fixture_options();
    options.snapshot_interval_ms = 0;
    assert_int_equal(tracker_init(&f->tracker, &options, NULL), ERR_LIMIT);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, start)
    const struct CMUnitTest tests[] = {
        TEST(an_epoch_starts_with_the_host_and_lists_runs_once_it_knows_them),
        TEST(seq_is_dense_and_a_heartbeat_repeats_the_last),
        TEST(heartbeats_come_every_minute_and_name_the_live_runs),
        TEST(snapshots_come_every_quarter_of_an_hour_at_an_offset_of_the_instance),
        TEST(different_instances_have_different_offsets),
        TEST(a_change_of_host_facts_is_a_snapshot_and_the_same_facts_are_nothing),
        TEST(host_facts_beyond_their_limit_are_refused_and_change_nothing),
        TEST(the_watermark_is_what_was_read_less_the_slack_and_never_falls),
        TEST(a_backfill_states_runs_only_and_no_watermark),
        TEST(a_step_of_the_wall_clock_is_stated_at_once),
        TEST(only_the_host_going_down_is_a_host_down),
        TEST(a_new_epoch_names_what_it_continues_once),
        TEST(an_epoch_that_said_nothing_is_not_continued),
        TEST(a_restart_goes_on_exactly_where_it_was),
        TEST(saving_what_was_loaded_gives_the_same_bytes),
        TEST(damaged_state_is_refused_and_leaves_a_new_tracker),
        TEST(a_reboot_ends_what_the_log_did_not),
        TEST(history_from_before_the_boot_ends_with_it),
        TEST(a_pid_used_again_after_a_reboot_ends_the_old_run_with_the_reboot),
        TEST(a_snapshot_of_the_largest_state_fits_a_record),
        TEST(an_instance_without_a_name_or_with_a_long_one_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
