/*
 * From statements to events: every way in which an enclave starts, fails and ends. Traces are
 * compared as text: TYPE run_id @time facts cause detail. Times are small numbers of ms.
 */
#include "producer_core_fixture.h"

enum { PID = 7, SLOT = 0xabc };

static struct fixture *const f = &fixture;

static struct statement about(enum statement_kind kind, int64_t time_ms)
{
    return (struct statement){.source = EVIDENCE_LOG,
                              .kind = kind,
                              .time_ms = time_ms,
                              .observed_ms = time_ms,
                              .pid = PID};
}

/* By pid: a process without an ID. */
static void say(enum statement_kind kind, int64_t time_ms)
{
    struct statement s = about(kind, time_ms);

    fixture_step(f, &s);
}

/* By slot. */
static void say_slot(enum statement_kind kind, int64_t time_ms)
{
    struct statement s = about(kind, time_ms);

    s.slot = SLOT;
    fixture_step(f, &s);
}

static void say_args(int64_t time_ms)
{
    struct statement s = about(STATEMENT_RUN_ARGS, time_ms);

    s.args = (struct run_args){.has_memory = true,
                               .memory_mib = 60,
                               .has_cpus = true,
                               .vcpus = 2,
                               .has_name = true,
                               .name = BYTES_LITERAL("n")};
    fixture_step(f, &s);
}

static void say_allocated(int64_t time_ms)
{
    struct statement s = about(STATEMENT_ALLOCATED, time_ms);

    s.bytes = 64u << 20;
    fixture_step(f, &s);
}

static void say_id(int64_t time_ms)
{
    struct statement s = about(STATEMENT_ENCLAVE_ID, time_ms);

    s.slot = SLOT;
    s.enclave_id = BYTES_LITERAL(FIXTURE_INSTANCE "-encabc");
    fixture_step(f, &s);
}

static void say_error(const char *code, bool boot_wait, uint64_t slot, int64_t time_ms)
{
    struct statement s = about(STATEMENT_ERROR, time_ms);

    s.text = bytes_of_string(code);
    s.boot_wait_failed = boot_wait;
    s.slot = slot;
    fixture_step(f, &s);
}

static void say_signal(const char *name, uint64_t slot, int64_t time_ms)
{
    struct statement s = about(STATEMENT_SIGNAL, time_ms);

    s.text = bytes_of_string(name);
    s.slot = slot;
    fixture_step(f, &s);
}

/* 1000 started, 1001 asked, 1002 takes, 1003 holds */
static void allocate(void)
{
    say(STATEMENT_PROCESS_STARTED, 1000);
    say_args(1001);
    say(STATEMENT_ALLOCATING, 1002);
    say_allocated(1003);
    say(STATEMENT_MEMORY_DONE, 1100);
}

#define ALLOCATED_LINE "ALLOCATED 7-3e8 @1002 allocated=1002 mib=64\n"
#define RUNNING_LINE   "RUNNING 7-3e8 @2000 encabc allocated=1002 mib=64 running=2000\n"
#define FACTS          "encabc allocated=1002 mib=64 running=2000"

static void boot(void)
{
    allocate();
    say_id(2000);
    assert_string_equal(f->trace, ALLOCATED_LINE RUNNING_LINE);
    fixture_forget(f);
}

static int start(void **state)
{
    (void)state;
    fixture_init(f);
    return 0;
}

static void trace_is(const char *expected)
{
    assert_string_equal(f->trace, expected);
}

/* ---- start */

static void memory_is_held_from_the_line_that_takes_it(void **state)
{
    (void)state;
    say(STATEMENT_PROCESS_STARTED, 1000);
    say_args(1001);
    say(STATEMENT_ALLOCATING, 1002);
    trace_is("");
    say_allocated(1005);
    trace_is(ALLOCATED_LINE);
}

static void a_process_without_run_args_is_never_stated(void **state)
{
    (void)state;
    say(STATEMENT_PROCESS_STARTED, 1000);
    say(STATEMENT_ALIVE, 1001);
    say(STATEMENT_LOOP_EXITED, 1002);
    say(STATEMENT_PROCESS_STARTED, 1003);
    say_error("E07", false, 0, 1004);
    trace_is("");
}

static void facts_of_the_run_are_repeated_in_every_event(void **state)
{
    (void)state;
    boot();
    say_slot(STATEMENT_HANG_UP, 3000);
    say_slot(STATEMENT_LOOP_EXITED, 3001);
    const struct seen *end = fixture_last(f, PID, EVENT_ENDED, EVENT_ENDED);
    assert_non_null(end);
    assert_string_equal(end->name, "n");
    assert_int_equal(end->event.run.vcpus, 2);
    assert_int_equal(end->event.run.memory_mib_requested, 60);
    assert_int_equal(end->event.run.memory_mib, 64);
    assert_int_equal(end->event.run.allocated_time, 1002);
    assert_int_equal(end->event.run.running_time, 2000);
    assert_int_equal(end->event.evidence, EVIDENCE_LOG);
}

static void a_start_whose_lines_are_lost_goes_as_far_as_the_rest_says(void **state)
{
    (void)state;
    say_allocated(1003); /* all before it is lost */
    say_id(2000);
    trace_is("ALLOCATED 7-3eb @1003 allocated=1003 mib=64\n"
             "RUNNING 7-3eb @2000 encabc allocated=1003 mib=64 running=2000\n");
    start(NULL);
    say_id(2000);
    trace_is("RUNNING 7-7d0 @2000 encabc running=2000\n");
    start(NULL);
    say(STATEMENT_PROCESS_STARTED, 1000);
    say_args(1001);
    say_id(2000);
    trace_is("RUNNING 7-3e8 @2000 encabc running=2000\n");
}

static void a_run_whose_id_line_is_lost_runs_at_the_latest_when_its_slot_speaks(void **state)
{
    (void)state;
    allocate();
    fixture_forget(f);
    say_slot(STATEMENT_ALIVE, 2500);
    say_slot(STATEMENT_TERMINATE_RECEIVED, 3000);
    say_slot(STATEMENT_TERMINATION_COMPLETED, 3100);
    trace_is("RUNNING 7-3e8 @2500 encabc allocated=1002 mib=64 running=2500\n"
             "ENDED 7-3e8 @3100 encabc allocated=1002 mib=64 running=2500 TERMINATED\n");
}

static void the_same_start_told_twice_is_one_run(void **state)
{
    (void)state;
    boot();
    say(STATEMENT_PROCESS_STARTED, 1000);
    say_args(1001);
    say(STATEMENT_ALLOCATING, 1002);
    say_allocated(1003);
    say_id(2000);
    trace_is("");
    say_slot(STATEMENT_TERMINATED, 3000);
    fixture_forget(f);
    say(STATEMENT_PROCESS_STARTED, 1000); /* and again after it has ended */
    say_id(2000);
    trace_is("");
}

/* ---- end */

static void a_terminate_ends_at_its_first_line_and_the_others_confirm(void **state)
{
    (void)state;
    boot();
    say_slot(STATEMENT_TERMINATE_RECEIVED, 3000);
    trace_is("");
    say_slot(STATEMENT_TERMINATION_COMPLETED, 3100);
    trace_is("ENDED 7-3e8 @3100 " FACTS " TERMINATED\n");
    say_slot(STATEMENT_LISTENER_STOPPED, 3101);
    say_slot(STATEMENT_LOOP_EXITED, 3102);
    say_slot(STATEMENT_TERMINATED, 3103);
    assert_int_equal(f->seen_n, 1);
    assert_int_equal(f->tracker.counters.unmatched, 0);
}

static void each_of_the_four_lines_alone_ends_a_run(void **state)
{
    static const enum statement_kind ends[] = {STATEMENT_TERMINATION_COMPLETED,
                                               STATEMENT_TERMINATED, STATEMENT_LISTENER_STOPPED,
                                               STATEMENT_LOOP_EXITED};

    (void)state;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        start(NULL);
        boot();
        say_slot(STATEMENT_HANG_UP, 3000);
        say_slot(ends[i], 3001);
        trace_is("ENDED 7-3e8 @3001 " FACTS " EXITED\n");
    }
}

static void the_first_marker_is_the_cause(void **state)
{
    (void)state;
    boot();
    say_signal("SIGTERM", SLOT, 3000);
    say_slot(STATEMENT_TERMINATE_RECEIVED, 3001);
    say_signal("SIGINT", SLOT, 3002);
    say_slot(STATEMENT_LOOP_EXITED, 3003);
    trace_is("ENDED 7-3e8 @3003 " FACTS " SIGNALLED SIGTERM\n");
    start(NULL);
    boot();
    say_slot(STATEMENT_TERMINATE_RECEIVED, 3000);
    say_signal("SIGTERM", SLOT, 3001);
    say_slot(STATEMENT_LOOP_EXITED, 3003);
    trace_is("ENDED 7-3e8 @3003 " FACTS " TERMINATED\n");
}

static void a_deleted_socket_ends_the_run_by_itself(void **state)
{
    (void)state;
    boot();
    say_slot(STATEMENT_SOCKET_DELETED, 3000);
    trace_is("ENDED 7-3e8 @3000 " FACTS " SOCKET_DELETED\n");
}

static void an_error_alone_does_not_end_a_running_enclave(void **state)
{
    (void)state;
    boot();
    say_error("", false, SLOT, 3000);
    say_error("E11", false, SLOT, 3001);
    trace_is("");
    assert_int_equal(tracker_live_n(&f->tracker), 1);
}

static void an_end_without_a_marker_after_an_error_is_a_failed_command(void **state)
{
    (void)state;
    boot();
    say_error("E35", false, SLOT, 3000);
    say_slot(STATEMENT_TERMINATED, 3150);
    say_error("E11", false, SLOT, 3151);
    trace_is("ENDED 7-3e8 @3150 " FACTS " COMMAND_FAILED E35\n");
}

static void an_error_after_the_marker_is_kept_as_detail(void **state)
{
    (void)state;
    boot();
    say_error("E11", false, SLOT, 2500); /* explains nothing */
    say_slot(STATEMENT_TERMINATE_RECEIVED, 3000);
    say_error("E19", false, SLOT, 3050);
    say_slot(STATEMENT_TERMINATION_COMPLETED, 3100);
    trace_is("ENDED 7-3e8 @3100 " FACTS " TERMINATED E19\n");
}

static void a_denied_terminate_is_no_marker(void **state)
{
    (void)state;
    boot();
    say_slot(STATEMENT_NOT_PERMITTED, 3000);
    say_slot(STATEMENT_HANG_UP, 4000);
    say_slot(STATEMENT_LOOP_EXITED, 4001);
    trace_is("ENDED 7-3e8 @4001 " FACTS " EXITED\n");
}

static void a_stop_warning_may_precede_the_id(void **state)
{
    (void)state;
    allocate();
    say_signal("SIGTERM", 0, 1500);
    say_id(2000);
    trace_is(ALLOCATED_LINE RUNNING_LINE);
    fixture_forget(f);
    say_slot(STATEMENT_LISTENER_STOPPED, 2001);
    trace_is("ENDED 7-3e8 @2001 " FACTS " SIGNALLED SIGTERM\n");
}

static void completion_without_the_command_is_still_a_terminate(void **state)
{
    (void)state;
    boot();
    say_slot(STATEMENT_TERMINATION_COMPLETED, 3100);
    trace_is("ENDED 7-3e8 @3100 " FACTS " TERMINATED\n");
}

static void a_stop_of_a_slot_never_seen_starting_states_what_is_known(void **state)
{
    (void)state;
    say_slot(STATEMENT_ALIVE, 2900); /* claims nothing */
    say_slot(STATEMENT_HANG_UP, 3000);
    trace_is("");
    assert_int_equal(tracker_live_n(&f->tracker), 0);
    say_slot(STATEMENT_LOOP_EXITED, 3001);
    say_slot(STATEMENT_TERMINATED, 3002);
    trace_is("ENDED 7-bb8 @3001 encabc EXITED\n");
    assert_string_equal(f->seen[0].enclave_id, FIXTURE_INSTANCE "-encabc");
    assert_int_equal(f->seen[0].event.run.has, RUN_HAS_PID | RUN_HAS_ENCLAVE_ID);
}

/* RUST_LOG=warn leaves only these. */
static void a_warning_without_any_end_line_claims_nothing(void **state)
{
    (void)state;
    say_slot(STATEMENT_HANG_UP, 3000);
    boot();
    say_slot(STATEMENT_HANG_UP, 4000);
    trace_is("");
}

static void a_stale_socket_claims_no_end(void **state)
{
    struct statement s = about(STATEMENT_STALE_SOCKET, 3000);

    (void)state;
    boot();
    s.pid = 0;
    s.slot = SLOT;
    fixture_step(f, &s);
    trace_is("");
    assert_int_equal(tracker_live_n(&f->tracker), 1);
    assert_int_equal(f->tracker.counters.stale_sockets, 1);
}

/* ---- failure before the ID */

static void a_boot_failure_held_its_resources_until_the_error(void **state)
{
    (void)state;
    allocate();
    fixture_forget(f);
    say_error("", true, 0, 1900);
    trace_is("");
    say_error("E36", false, 0, 1901);
    say(STATEMENT_LOOP_EXITED, 1902);
    trace_is("FAILED 7-3e8 @1901 allocated=1002 mib=64 BOOT_FAILED E36\n");
    assert_int_equal(f->tracker.counters.unmatched, 0);
}

static void a_boot_failure_without_its_code_fails_at_the_loop_exit(void **state)
{
    (void)state;
    allocate();
    fixture_forget(f);
    say_error("", true, 0, 1900);
    say(STATEMENT_LOOP_EXITED, 1902);
    trace_is("FAILED 7-3e8 @1902 allocated=1002 mib=64 BOOT_FAILED\n");
}

static void the_second_of_two_boots_fails_without_waiting(void **state)
{
    (void)state;
    allocate();
    fixture_forget(f);
    say_error("E36", false, 0, 1150);
    trace_is("FAILED 7-3e8 @1150 allocated=1002 mib=64 BOOT_FAILED E36\n");
}

static void a_refusal_names_its_code_and_holds_nothing(void **state)
{
    (void)state;
    say(STATEMENT_PROCESS_STARTED, 1000);
    say_args(1001);
    say_error("E26", false, 0, 1002);
    say(STATEMENT_LOOP_EXITED, 1003);
    trace_is("FAILED 7-3e8 @1002 REFUSED E26\n");
}

static void not_enough_memory_is_a_refusal_after_memory_was_asked_for(void **state)
{
    (void)state;
    say(STATEMENT_PROCESS_STARTED, 1000);
    say_args(1001);
    say(STATEMENT_ALLOCATING, 1002);
    say_error("E27", false, 0, 1010);
    trace_is("FAILED 7-3e8 @1010 allocated=1002 REFUSED E27\n");
}

static void a_signal_that_stops_a_boot_is_the_cause(void **state)
{
    (void)state;
    allocate();
    fixture_forget(f);
    say_signal("SIGINT", 0, 1500);
    say(STATEMENT_LOOP_EXITED, 1501);
    trace_is("FAILED 7-3e8 @1501 allocated=1002 mib=64 SIGNALLED SIGINT\n");
}

/* ---- pids and slots */

static void a_process_under_the_pid_of_an_open_run_ends_it_as_killed(void **state)
{
    (void)state;
    boot();
    say_slot(STATEMENT_ALIVE, 2600);
    say(STATEMENT_PROCESS_STARTED, 9000);
    trace_is("ENDED 7-3e8 @9000 " FACTS " KILLED earliest=2600\n");
    say_args(9001);
    say(STATEMENT_ALLOCATING, 9002);
    say_allocated(9003);
    assert_string_equal(f->seen[1].run_id, "7-2328");
    assert_int_equal(tracker_live_n(&f->tracker), 1);
}

static void the_old_run_is_killed_even_if_the_new_one_lost_its_first_line(void **state)
{
    (void)state;
    boot();
    say_args(9001);
    trace_is("ENDED 7-3e8 @9001 " FACTS " KILLED earliest=2000\n");
}

static void a_run_killed_while_booting_has_failed(void **state)
{
    (void)state;
    allocate();
    fixture_forget(f);
    say(STATEMENT_PROCESS_STARTED, 9000);
    trace_is("FAILED 7-3e8 @9000 allocated=1002 mib=64 KILLED earliest=1100\n");
}

static void a_pid_may_be_used_again_after_its_run_has_ended(void **state)
{
    (void)state;
    boot();
    say_slot(STATEMENT_HANG_UP, 3000);
    say_slot(STATEMENT_LOOP_EXITED, 3001);
    fixture_forget(f);
    say(STATEMENT_PROCESS_STARTED, 9000);
    say_args(9001);
    say_error("E22", false, 0, 9002);
    trace_is("FAILED 7-2328 @9002 REFUSED E22\n");
}

static void a_line_with_another_pid_than_the_slots_is_ignored(void **state)
{
    struct statement s = about(STATEMENT_TERMINATED, 3000);

    (void)state;
    boot();
    s.slot = SLOT;
    s.pid = PID + 1;
    fixture_step(f, &s);
    trace_is("");
    assert_int_equal(f->tracker.counters.contradictions, 1);
}

static void what_was_stated_first_stays(void **state)
{
    struct statement s = about(STATEMENT_RUN_ARGS, 1001);

    (void)state;
    boot();
    s.args = (struct run_args){.has_memory = true, .memory_mib = 9999};
    fixture_step(f, &s);
    s = about(STATEMENT_ENCLAVE_ID, 2001);
    s.slot = SLOT + 1;
    fixture_step(f, &s);
    assert_int_equal(f->tracker.counters.contradictions, 2);
    say_slot(STATEMENT_TERMINATED, 3000);
    assert_int_equal(f->seen[0].event.run.memory_mib_requested, 60);
    assert_string_equal(f->seen[0].enclave_id, FIXTURE_INSTANCE "-encabc");
}

/* ---- suspicion */

static void suspect_evidence_is_accepted_if_it_contradicts_nothing(void **state)
{
    struct statement s = about(STATEMENT_TERMINATION_COMPLETED, 3000);

    (void)state;
    boot();
    s.slot = SLOT;
    s.suspect = true;
    fixture_step(f, &s);
    trace_is("ENDED 7-3e8 @3000 " FACTS " TERMINATED\n");
    assert_int_equal(f->tracker.counters.suspect, 1);
}

static void suspect_evidence_against_what_is_known_is_ignored(void **state)
{
    struct statement s = about(STATEMENT_TERMINATION_COMPLETED, 1999);

    (void)state;
    boot();
    s.suspect = true;
    s.slot = SLOT;
    fixture_step(f, &s); /* older than its ID */
    s = about(STATEMENT_PROCESS_STARTED, 9000);
    s.suspect = true;
    fixture_step(f, &s); /* would be KILLED */
    s = about(STATEMENT_RUN_ARGS, 9001);
    s.suspect = true;
    s.args = (struct run_args){.has_memory = true, .memory_mib = 1};
    fixture_step(f, &s);
    trace_is("");
    assert_int_equal(f->tracker.counters.contradictions, 3);
}

/* ---- limits */

static void say_pid(enum statement_kind kind, int64_t pid, int64_t time_ms)
{
    struct statement s = about(kind, time_ms);

    s.pid = pid;
    s.bytes = 2u << 20;
    fixture_step(f, &s);
}

static void runs_beyond_the_limit_are_counted_and_the_others_go_on(void **state)
{
    (void)state;
    for (int64_t pid = 1; pid <= TRACKER_LIVE_MAX; pid++)
        say_pid(STATEMENT_ALLOCATED, pid, 1000);
    assert_int_equal(tracker_live_n(&f->tracker), TRACKER_LIVE_MAX);
    assert_int_equal(f->tracker.counters.runs_dropped, 0);
    say_pid(STATEMENT_ALLOCATED, TRACKER_LIVE_MAX + 1, 1000);
    assert_int_equal(tracker_live_n(&f->tracker), TRACKER_LIVE_MAX);
    assert_int_equal(f->tracker.counters.runs_dropped, 1);
    say_pid(STATEMENT_LOOP_EXITED, 1, 2000);
    say_pid(STATEMENT_ALLOCATED, TRACKER_LIVE_MAX + 2, 3000);
    assert_int_equal(tracker_live_n(&f->tracker), TRACKER_LIVE_MAX);
    assert_int_equal(f->tracker.counters.runs_dropped, 1);
}

static void processes_that_never_ask_make_room_for_runs(void **state)
{
    (void)state;
    for (int64_t pid = 1; pid <= 3 * TRACKER_LIVE_MAX; pid++)
        say_pid(STATEMENT_PROCESS_STARTED, pid, 1000 + pid);
    for (int64_t pid = 1001; pid <= 1000 + TRACKER_LIVE_MAX; pid++)
        say_pid(STATEMENT_ALLOCATED, pid, 2000);
    assert_int_equal(tracker_live_n(&f->tracker), TRACKER_LIVE_MAX);
}

static void only_the_newest_ended_runs_are_remembered(void **state)
{
    (void)state;
    for (int64_t pid = 1; pid <= TRACKER_ENDED_MAX + 1; pid++) {
        say_pid(STATEMENT_ALLOCATED, pid, 1000 + pid);
        say_pid(STATEMENT_LOOP_EXITED, pid, 2000 + pid);
    }
    say_pid(STATEMENT_LOOP_EXITED, 2, 3000);
    assert_int_equal(f->tracker.counters.unmatched, 0);
    say_pid(STATEMENT_LOOP_EXITED, 1, 3000);
    assert_int_equal(f->tracker.counters.unmatched, 1);
}

static void too_small_an_out_changes_nothing(void **state)
{
    static uint8_t before[TRACKER_SAVE_MAX], after[TRACKER_SAVE_MAX];
    struct event events[3];
    struct tracker_out out = {.events = events, .events_cap = 3, .running_cap = 0};
    struct statement s = about(STATEMENT_PROCESS_STARTED, 9000);

    (void)state;
    boot();
    size_t n = tracker_save(&f->tracker, before);
    assert_int_equal(tracker_step(&f->tracker, &s, &out), ERR_CAPACITY);
    assert_int_equal(out.events_n, 0);
    assert_int_equal(tracker_save(&f->tracker, after), n);
    assert_memory_equal(before, after, n);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, start)
    const struct CMUnitTest tests[] = {
        TEST(memory_is_held_from_the_line_that_takes_it),
        TEST(a_process_without_run_args_is_never_stated),
        TEST(facts_of_the_run_are_repeated_in_every_event),
        TEST(a_start_whose_lines_are_lost_goes_as_far_as_the_rest_says),
        TEST(a_run_whose_id_line_is_lost_runs_at_the_latest_when_its_slot_speaks),
        TEST(the_same_start_told_twice_is_one_run),
        TEST(a_terminate_ends_at_its_first_line_and_the_others_confirm),
        TEST(each_of_the_four_lines_alone_ends_a_run),
        TEST(the_first_marker_is_the_cause),
        TEST(a_deleted_socket_ends_the_run_by_itself),
        TEST(an_error_alone_does_not_end_a_running_enclave),
        TEST(an_end_without_a_marker_after_an_error_is_a_failed_command),
        TEST(an_error_after_the_marker_is_kept_as_detail),
        TEST(a_denied_terminate_is_no_marker),
        TEST(a_stop_warning_may_precede_the_id),
        TEST(completion_without_the_command_is_still_a_terminate),
        TEST(a_stop_of_a_slot_never_seen_starting_states_what_is_known),
        TEST(a_warning_without_any_end_line_claims_nothing),
        TEST(a_stale_socket_claims_no_end),
        TEST(a_boot_failure_held_its_resources_until_the_error),
        TEST(a_boot_failure_without_its_code_fails_at_the_loop_exit),
        TEST(the_second_of_two_boots_fails_without_waiting),
        TEST(a_refusal_names_its_code_and_holds_nothing),
        TEST(not_enough_memory_is_a_refusal_after_memory_was_asked_for),
        TEST(a_signal_that_stops_a_boot_is_the_cause),
        TEST(a_process_under_the_pid_of_an_open_run_ends_it_as_killed),
        TEST(the_old_run_is_killed_even_if_the_new_one_lost_its_first_line),
        TEST(a_run_killed_while_booting_has_failed),
        TEST(a_pid_may_be_used_again_after_its_run_has_ended),
        TEST(a_line_with_another_pid_than_the_slots_is_ignored),
        TEST(what_was_stated_first_stays),
        TEST(suspect_evidence_is_accepted_if_it_contradicts_nothing),
        TEST(suspect_evidence_against_what_is_known_is_ignored),
        TEST(runs_beyond_the_limit_are_counted_and_the_others_go_on),
        TEST(processes_that_never_ask_make_room_for_runs),
        TEST(only_the_newest_ended_runs_are_remembered),
        TEST(too_small_an_out_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
