/*
 * The files of a backfill: all lines, in the order given, once, also over restarts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "producer/edge/file_list.h"
#include "tests/unit/temp_dir.h"

struct world {
    char *directory;
    char names[3][256];
    const char *paths[3];
    struct file_list *list;
    char seen[256];
    uint32_t flags;
    struct tailer_progress progress;
};

static void setup(struct world *w)
{
    static const char *const texts[] = {"a\nb\n", "c\nd", "e\n"};

    *w = (struct world){.directory = temp_dir_new()};
    for (int i = 0; i < 3; i++) {
        snprintf(w->names[i], sizeof w->names[i], "%s/%d.log", w->directory, i);
        temp_write_file(w->names[i], texts[i], strlen(texts[i]));
        w->paths[i] = w->names[i];
    }
    assert_int_equal(file_list_new(w->paths, 3, &w->list, NULL), ERR_OK);
}

static void teardown(struct world *w)
{
    file_list_free(w->list);
    temp_dir_free(w->directory);
}

static bool take(void *user, const struct log_text *line)
{
    struct world *w = user;
    size_t n = strlen(w->seen);

    snprintf(w->seen + n, sizeof w->seen - n, "%.*s|", BYTES_ARGS(line->text));
    w->flags |= line->flags;
    return true;
}

static void look(struct world *w, uint64_t max_bytes)
{
    struct tailer_request request = {.max_bytes = max_bytes, .take = take, .user = w};

    assert_int_equal(file_list_read(w->list, &request, &w->progress, NULL), ERR_OK);
}

static void all_files_are_read_in_their_order(void **unused)
{
    (void)unused;
    struct world w;

    setup(&w);
    look(&w, UINT64_MAX);
    assert_string_equal(w.seen, "a|b|c|d|e|");
    assert_int_equal(w.flags, LOG_TEXT_UNFINISHED);
    assert_true(w.progress.at_end);
    look(&w, UINT64_MAX);
    assert_string_equal(w.seen, "a|b|c|d|e|");
    teardown(&w);
}

static void a_restart_anywhere_repeats_and_loses_nothing(void **unused)
{
    (void)unused;
    struct world w;

    setup(&w);
    for (int i = 0; i < 20; i++) {
        uint8_t saved[FILE_LIST_POSITION_BYTES];
        size_t len = file_list_save(w.list, saved);

        file_list_free(w.list);
        assert_int_equal(file_list_new(w.paths, 3, &w.list, NULL), ERR_OK);
        assert_int_equal(file_list_load(w.list, bytes_of(saved, len), NULL), ERR_OK);
        look(&w, 1);
    }
    assert_string_equal(w.seen, "a|b|c|d|e|");
    assert_true(w.progress.at_end);
    teardown(&w);
}

static void the_position_of_other_files_is_refused(void **unused)
{
    (void)unused;
    struct world w;
    struct file_list *other;
    uint8_t saved[FILE_LIST_POSITION_BYTES];

    setup(&w);
    look(&w, 1);
    size_t len = file_list_save(w.list, saved);
    assert_int_equal(file_list_new(w.paths, 2, &other, NULL), ERR_OK);
    assert_int_equal(file_list_load(other, bytes_of(saved, len), NULL), ERR_CONFLICT);
    assert_int_equal(file_list_load(other, bytes_of(saved, len - 1), NULL), ERR_MALFORMED);
    file_list_free(other);
    temp_write_file(w.paths[0], "X\nb\n", 4); /* before the position */
    assert_int_equal(file_list_load(w.list, bytes_of(saved, len), NULL), ERR_CONFLICT);
    saved[0]++;
    assert_int_equal(file_list_load(w.list, bytes_of(saved, len), NULL), ERR_UNSUPPORTED);
    teardown(&w);
}

static void files_that_cannot_be_read_are_refused_before_anything_is_delivered(void **unused)
{
    (void)unused;
    struct world w;
    struct file_list *list;

    setup(&w);
    temp_write_file(w.paths[2], "\x1f\x8b\x08", 3);
    assert_int_equal(file_list_new(w.paths, 3, &list, NULL), ERR_UNSUPPORTED);
    assert_int_equal(unlink(w.paths[2]), 0);
    assert_int_equal(file_list_new(w.paths, 3, &list, NULL), ERR_NOT_FOUND);
    const char *directory = w.directory;
    assert_int_equal(file_list_new(&directory, 1, &list, NULL), ERR_UNSUPPORTED);
    teardown(&w);
}

static void a_file_rewritten_while_it_is_read_is_an_incident(void **unused)
{
    (void)unused;
    struct world w;
    struct tailer_request request = {.max_bytes = 1, .take = take, .user = &w};

    setup(&w);
    look(&w, 1);
    temp_write_file(w.paths[0], "X\nb\n", 4);
    assert_int_equal(file_list_read(w.list, &request, &w.progress, NULL), ERR_INCIDENT);
    teardown(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_files_are_read_in_their_order),
        cmocka_unit_test(a_restart_anywhere_repeats_and_loses_nothing),
        cmocka_unit_test(the_position_of_other_files_is_refused),
        cmocka_unit_test(files_that_cannot_be_read_are_refused_before_anything_is_delivered),
        cmocka_unit_test(a_file_rewritten_while_it_is_read_is_an_incident),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
