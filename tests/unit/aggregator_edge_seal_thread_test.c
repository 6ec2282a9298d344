/*
 * The sealer's thread: it seals what it is told of, finds what it was not told of, and says why it
 * cannot go on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "aggregator/edge/seal_thread.h"
#include "aggregator/rating/part_codec.h"
#include "common/clock.h"
#include "common/log.h"
#include "tests/unit/temp_dir.h"

#define T0 (INT64_C(490000) * HOUR_MS)

enum { DEADLINE_MS = 60 * 1000, PARTITIONS = 2, NEVER_MS = 3600 * 1000 };

struct fixture {
    char *directory;
    char sink[1024];
    struct store *store;
    struct seal_thread *thread;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct err_detail detail;

    f->directory = temp_dir_new();
    snprintf(f->sink, sizeof f->sink, "file://%s", f->directory);
    assert_int_equal(store_open(f->sink, &f->store, &detail), ERR_OK);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    seal_thread_stop(f->thread);
    store_close(f->store);
    temp_dir_free(f->directory);
    free(f);
    return 0;
}

static void start(struct fixture *f, int64_t interval_ms)
{
    const struct sealer_options options = {.era = 1, .partitions_n = PARTITIONS, .first_hour = T0};
    struct err_detail detail;

    if (seal_thread_start(f->sink, &options, interval_ms, &f->thread, &detail) != ERR_OK)
        fail_msg("%s", detail.text);
}

/* An hour in which nothing ran. */
static void write_part(struct fixture *f, int32_t partition, int64_t hour)
{
    const struct part part = {
        .era = 1,
        .partition = partition,
        .hour = hour,
        .revision = 1,
        .cut_log_time = hour + HOUR_MS + 120000,
        .rules_version = 1,
        .status = PART_CLOSED,
        .complete = true,
    };
    char name[PART_NAME_MAX];
    uint8_t *buffer = malloc(part_encoded_bound(&part));
    struct err_detail detail;
    size_t len;

    part_object_name(name, part.era, partition, hour, part.revision);
    assert_int_equal(part_encode(&part, buffer, part_encoded_bound(&part), &len), ERR_OK);
    assert_int_equal(store_create(f->store, name, bytes_of(buffer, len), &detail), ERR_OK);
    free(buffer);
}

static void wait_for_next_hour(struct fixture *f, int64_t hour)
{
    int64_t deadline_ms = clock_monotonic_ms() + DEADLINE_MS;

    while (seal_thread_progress(f->thread).next_hour != hour) {
        if (clock_monotonic_ms() > deadline_ms)
            fail_msg("waited in vain: %s", seal_thread_progress(f->thread).failure);
        usleep(1000);
    }
}

static void hours_that_it_is_told_of_are_sealed(void **state)
{
    struct fixture *f = *state;

    start(f, NEVER_MS);
    for (int64_t hour = T0; hour < T0 + 3 * HOUR_MS; hour += HOUR_MS) {
        for (int32_t p = 0; p < PARTITIONS; p++) {
            write_part(f, p, hour);
            seal_thread_note(f->thread, hour);
        }
    }
    wait_for_next_hour(f, T0 + 3 * HOUR_MS);
    assert_int_equal(seal_thread_progress(f->thread).committed, 3);
}

static void parts_of_other_processes_are_found_by_looking(void **state)
{
    struct fixture *f = *state;

    start(f, 10);
    wait_for_next_hour(f, T0);
    for (int32_t p = 0; p < PARTITIONS; p++)
        write_part(f, p, T0);
    wait_for_next_hour(f, T0 + HOUR_MS);
}

static void a_part_that_is_no_part_is_reported_and_seals_nothing(void **state)
{
    struct fixture *f = *state;
    struct err_detail detail;
    int64_t deadline_ms = clock_monotonic_ms() + DEADLINE_MS;

    write_part(f, 0, T0);
    assert_int_equal(store_create(f->store,
                                  "usage/era=0001/dt=2025-11-24/hour=16/p=0001/rev=0001.avro",
                                  BYTES_LITERAL("no part"), &detail),
                     ERR_OK);
    start(f, 10);
    while (seal_thread_progress(f->thread).failure[0] == '\0') {
        if (clock_monotonic_ms() > deadline_ms)
            fail_msg("nothing was reported");
        usleep(1000);
    }
    assert_int_equal(seal_thread_progress(f->thread).committed, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(hours_that_it_is_told_of_are_sealed),
        TEST(parts_of_other_processes_are_found_by_looking),
        TEST(a_part_that_is_no_part_is_reported_and_seals_nothing),
    };
    const struct log_settings quiet = {LOG_FORMAT_TEXT, LOG_LEVEL_ERROR, STDERR_FILENO};

    log_configure(&quiet);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
