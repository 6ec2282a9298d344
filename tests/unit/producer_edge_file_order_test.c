/*
 * Files of a backfill are read in the order of what they tell, whatever they are called.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "producer/edge/file_order.h"
#include "tests/unit/temp_dir.h"

#define RECORD(time)                                                                               \
    "[enc-xxxxxxx:77][INFO][" time "][src/enclave_proc/mod.rs:571] Enclave process PID: 77\n"

static void files_are_ordered_by_the_first_thing_that_they_say(void **unused)
{
    (void)unused;
    static const char *const texts[] = {
        "noise\n" RECORD("2026-11-21T00:00:03.000Z") RECORD("2026-11-21T00:00:00.000Z"),
        "nothing here\n",
        RECORD("2026-11-21T00:00:01.000Z"),
        "",
        RECORD("2026-11-21T00:00:02.000Z"),
        RECORD("2026-11-21T00:00:01.000Z"),
    };
    static const int order[] = {2, 5, 4, 0, 1, 3};
    enum { N = sizeof texts / sizeof texts[0] };
    char *directory = temp_dir_new();
    char names[N][256];
    const char *paths[N], **ordered;

    for (int i = 0; i < N; i++) {
        snprintf(names[i], sizeof names[i], "%s/%d", directory, i);
        temp_write_file(names[i], texts[i], strlen(texts[i]));
        paths[i] = names[i];
    }
    assert_int_equal(file_order_by_time(paths, N, &ordered, NULL), ERR_OK);
    for (int i = 0; i < N; i++)
        assert_ptr_equal(ordered[i], paths[order[i]]);
    free(ordered);
    temp_dir_free(directory);
}

static void a_missing_file_is_an_error(void **unused)
{
    (void)unused;
    const char *path = "/nonexistent/nitro_enclaves.log", **ordered;

    assert_int_equal(file_order_by_time(&path, 1, &ordered, NULL), ERR_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_ordered_by_the_first_thing_that_they_say),
        cmocka_unit_test(a_missing_file_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
