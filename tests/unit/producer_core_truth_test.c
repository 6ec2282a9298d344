/*
 * Real logs of the unmodified nitro-cli against the truth, which comes from the emulated hypervisor
 * and not from the log: same runs, same causes, same resources, times within what is known of the
 * emulation (tests/data/nitro-cli-logs/INDEX.md).
 */
#include "producer_core_fixture.h"

#include <cjson/cJSON.h>

#include "common/time_text.h"

enum { RUNNING_MS = 30, ALLOCATED_MS = 60, END_MS = 400 };

static const char *text_of(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

    return cJSON_IsString(item) ? item->valuestring : "";
}

static int64_t time_of(const cJSON *object, const char *key)
{
    int64_t ms = 0;

    if (text_of(object, key)[0] != '\0')
        assert_int_equal(time_text_parse(bytes_of_string(text_of(object, key)), &ms), ERR_OK);
    return ms;
}

static int64_t number_of(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

    return cJSON_IsNumber(item) ? (int64_t)item->valuedouble : 0;
}

static bool starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static void near(const char *what, int64_t pid, int64_t value, int64_t truth, int64_t tolerance)
{
    if (value - truth > tolerance || truth - value > tolerance)
        fail_msg("pid %" PRId64 ": %s is %" PRId64 " ms away from the truth", pid, what,
                 value - truth);
}

/* What the log can know about the end: UNKNOWN = nothing is written, so nothing may be claimed. */
static enum end_cause cause_of(const char *folder, const cJSON *enclave, const char **detail)
{
    const char *cause = text_of(enclave, "cause");
    static const char *const signals[] = {"SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP"};

    *detail = "";
    if (time_of(enclave, "booted") == 0) {
        /* "terminate --all" here is an artefact of the recording: nothing ran any more. */
        *detail = NULL;
        return starts_with(cause, "boot failure") ? END_BOOT_FAILED : END_UNKNOWN;
    }
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        if (starts_with(cause, signals[i])) {
            *detail = signals[i];
            return END_SIGNALLED;
        }
    }
    /* v1.1.0 cannot describe these: E35 killed them before anybody's terminate reached them. */
    if (starts_with(cause, "the first describe") || starts_with(cause, "see notes") ||
        (strcmp(folder, "t_basic_v1_1_0") == 0 && strcmp(cause, "terminate by id") == 0)) {
        *detail = "E35";
        return END_COMMAND_FAILED;
    }
    if (starts_with(cause, "terminate"))
        return END_TERMINATED;
    if (strcmp(cause, "vm crash") == 0)
        return END_EXITED;
    if (!starts_with(cause, "SIGKILL") && !starts_with(cause, "SIGUSR1") &&
        !starts_with(cause, "SIGSEGV"))
        fail_msg("a cause that the test does not know: %s", cause);
    return END_UNKNOWN;
}

static void check_resources(const cJSON *enclave, int64_t pid, const struct event_run *run)
{
    int cpus = cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(enclave, "cpus"));
    int64_t mib = number_of(enclave, "memory_mib");

    if (cpus > 0)
        assert_int_equal(run->vcpus, cpus);
    if (mib > 0)
        assert_int_equal(run->memory_mib, mib);
    if ((run->has & RUN_HAS_ALLOCATED_TIME) != 0)
        near("allocated_time", pid, run->allocated_time, time_of(enclave, "resources_held_from"),
             ALLOCATED_MS);
}

static void check_never_booted(const cJSON *enclave, int64_t pid, enum end_cause cause)
{
    const struct seen *end = fixture_last(&fixture, pid, EVENT_FAILED, EVENT_FAILED);

    assert_null(fixture_last(&fixture, pid, EVENT_RUNNING, EVENT_ENDED));
    if (end == NULL)
        fail_msg("pid %" PRId64 ": never booted, but no FAILED", pid);
    assert_true(end->detail[0] == 'E');
    if (cause == END_BOOT_FAILED) {
        assert_int_equal(end->event.end_cause, END_BOOT_FAILED);
        assert_string_equal(end->detail, "E36");
    }
    check_resources(enclave, pid, &end->event.run);
    near("end", pid, end->event.event_time, time_of(enclave, "resources_released"), END_MS);
}

static void check_enclave(const char *folder, const cJSON *enclave)
{
    int64_t pid = number_of(enclave, "pid");
    const char *detail;
    enum end_cause cause = cause_of(folder, enclave, &detail);

    if (time_of(enclave, "booted") == 0) {
        check_never_booted(enclave, pid, cause);
        return;
    }
    const struct seen *up = fixture_last(&fixture, pid, EVENT_RUNNING, EVENT_RUNNING);
    const struct seen *end = fixture_last(&fixture, pid, EVENT_ENDED, EVENT_FAILED);
    if (up == NULL)
        fail_msg("pid %" PRId64 " ran, but no RUNNING", pid);
    assert_string_equal(strstr(up->enclave_id, "-enc") + 4, text_of(enclave, "slot"));
    if (text_of(enclave, "name")[0] != '\0')
        assert_string_equal(up->name, text_of(enclave, "name"));
    assert_int_equal(up->event.run.debug_mode,
                     cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(enclave, "debug")));
    check_resources(enclave, pid, &up->event.run);
    near("running_time", pid, up->event.run.running_time, time_of(enclave, "booted"), RUNNING_MS);
    if (cause == END_UNKNOWN) {
        assert_null(end);
        return;
    }
    if (end == NULL)
        fail_msg("pid %" PRId64 ": ended by %s, but no ENDED", pid, end_cause_name(cause));
    assert_string_equal(end_cause_name(end->event.end_cause), end_cause_name(cause));
    assert_string_equal(end->detail, detail);
    near("end", pid, end->event.event_time, time_of(enclave, "resources_released"), END_MS);
}

static bool is_in_truth(const cJSON *enclaves, int64_t pid)
{
    const cJSON *enclave;

    cJSON_ArrayForEach(enclave, enclaves) if (number_of(enclave, "pid") == pid) return true;
    return false;
}

static cJSON *read_truth(const char *folder)
{
    char path[512];

    snprintf(path, sizeof path, EM_TEST_DATA "/nitro-cli-logs/%s/truth.json", folder);
    struct bytes text = fixture_file(path);
    cJSON *truth = cJSON_ParseWithLength((const char *)text.ptr, text.len);
    free((void *)(uintptr_t)text.ptr);
    assert_non_null(truth);
    return truth;
}

static void check_folder(const char *folder)
{
    char path[512];
    const cJSON *enclave;

    print_message("  %s\n", folder);
    snprintf(path, sizeof path, EM_TEST_DATA "/nitro-cli-logs/%s/nitro_enclaves.log", folder);
    fixture_init(&fixture);
    fixture_feed_file(&fixture, path);
    cJSON *truth = read_truth(folder);
    const cJSON *enclaves = cJSON_GetObjectItemCaseSensitive(truth, "enclaves");
    assert_true(cJSON_GetArraySize(enclaves) > 0);
    cJSON_ArrayForEach(enclave, enclaves) check_enclave(folder, enclave);
    for (size_t i = 0; i < fixture.seen_n; i++) {
        const struct event *e = &fixture.seen[i].event;
        if (is_in_truth(enclaves, e->run.pid))
            continue;
        /* Refused before the driver was asked for anything. */
        assert_int_equal(e->type, EVENT_FAILED);
        assert_int_equal(e->end_cause, END_REFUSED);
    }
    assert_int_equal(fixture.parser.stats.n[LOG_STAT_NO_HEADER], 0);
    assert_int_equal(fixture.parser.stats.n[LOG_STAT_BAD_RUN_ARGS], 0);
    assert_int_equal(fixture.tracker.counters.contradictions, 0);
    cJSON_Delete(truth);
}

static void every_recorded_log_tells_what_the_hypervisor_saw(void **state)
{
    static const char *const folders[] = {
        "a_one",     "b_two",           "c_all",          "d_name",   "e_crash",
        "f_sigterm", "g_sigkill",       "h_boot",         "i_errors", "j_hostile",
        "n_user",    "t_basic_v1_0_12", "t_basic_v1_1_0",
    };

    (void)state;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        check_folder(folders[i]);
}

static void feed_rotated(void)
{
    static const char *const files[] = {
        "before-directory-moved/nitro_enclaves.log.3",
        "before-directory-moved/nitro_enclaves.log.2",
        "before-directory-moved/nitro_enclaves.log.1",
        "before-directory-moved/nitro_enclaves.log",
        "nitro_enclaves.log",
    };
    char path[512];

    fixture_init(&fixture);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(path, sizeof path, EM_TEST_DATA "/nitro-cli-logs/k_rotate/%s", files[i]);
        fixture_feed_file(&fixture, path);
    }
}

/* The log file that was deleted held the end of r-copytruncate and the start of r-delete. */
static void rotation_loses_exactly_what_the_deleted_file_held(void **state)
{
    cJSON *truth = read_truth("k_rotate");
    const cJSON *enclave;
    size_t whole = 0;

    (void)state;
    feed_rotated();
    cJSON_ArrayForEach(enclave, cJSON_GetObjectItemCaseSensitive(truth, "enclaves"))
    {
        int64_t pid = number_of(enclave, "pid");
        const struct seen *up = fixture_last(&fixture, pid, EVENT_RUNNING, EVENT_RUNNING);
        const struct seen *end = fixture_last(&fixture, pid, EVENT_ENDED, EVENT_FAILED);
        if (strcmp(text_of(enclave, "name"), "r-delete") == 0) {
            assert_null(up);
            assert_null(fixture_last(&fixture, pid, EVENT_ALLOCATED, EVENT_ALLOCATED));
            assert_non_null(end);
            assert_int_equal(end->event.end_cause, END_EXITED);
            assert_int_equal(end->event.run.has, RUN_HAS_PID | RUN_HAS_ENCLAVE_ID);
            assert_string_equal(end->enclave_id, FIXTURE_INSTANCE "-enc1a1fb7ed8ae90b6");
        } else if (strcmp(text_of(enclave, "name"), "r-copytruncate") == 0) {
            assert_non_null(up);
            assert_null(end);
        } else {
            check_enclave("k_rotate", enclave);
            whole++;
        }
    }
    assert_int_equal(whole, 4);
    assert_int_equal(tracker_live_n(&fixture.tracker), 1);
    cJSON_Delete(truth);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_recorded_log_tells_what_the_hypervisor_saw),
        cmocka_unit_test(rotation_loses_exactly_what_the_deleted_file_held),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
