/*
 * The tailer on real files: every line once and in order, whatever rotation, truncation, restarts
 * and broken writers do. "Restart" = positions saved, tailer freed, a new one loaded.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "producer/edge/tailer.h"
#include "tests/unit/temp_dir.h"

enum { IDLE_MS = 1000, SEEN_MAX = 1 << 16 };

/* A log directory, a tailer on it, and what it delivered: texts joined by '|'. */
struct world {
    char *root;
    char directory[512];
    char path[600];
    struct tailer *tailer;
    int64_t now_ms;
    int64_t oldest_live_ms;
    uint64_t max_bytes;
    char seen[SEEN_MAX];
    size_t seen_len;
    uint32_t flags; /* of all lines, joined */
    size_t longest;
    int refuse_after; /* lines taken before the callback refuses; −1 = never */
    struct tailer_progress progress;
};

static void start(struct world *w)
{
    struct tailer_options options = {.path = w->path, .old_file_idle_ms = IDLE_MS};

    assert_int_equal(tailer_new(&options, &w->tailer, NULL), ERR_OK);
}

static void setup(struct world *w)
{
    *w = (struct world){.root = temp_dir_new(),
                        .now_ms = 1000000,
                        .oldest_live_ms = INT64_MAX,
                        .max_bytes = UINT64_MAX,
                        .refuse_after = -1};
    snprintf(w->directory, sizeof w->directory, "%s/log", w->root);
    snprintf(w->path, sizeof w->path, "%s/nitro_enclaves.log", w->directory);
    assert_int_equal(mkdir(w->directory, 0755), 0);
    start(w);
}

static void teardown(struct world *w)
{
    tailer_free(w->tailer);
    temp_dir_free(w->root);
}

static void restart(struct world *w)
{
    uint8_t saved[TAILER_POSITIONS_MAX], again[TAILER_POSITIONS_MAX];
    size_t len = tailer_save(w->tailer, saved);

    tailer_free(w->tailer);
    start(w);
    assert_int_equal(tailer_load(w->tailer, bytes_of(saved, len), NULL), ERR_OK);
    assert_int_equal(tailer_save(w->tailer, again), len);
    assert_memory_equal(saved, again, len);
}

static bool take(void *user, const struct log_text *line)
{
    struct world *w = user;

    if (w->refuse_after == 0)
        return false;
    if (w->refuse_after > 0)
        w->refuse_after--;
    if (line->text.len > w->longest)
        w->longest = line->text.len;
    w->flags |= line->flags;
    size_t n = line->text.len < 64 ? line->text.len : 64;
    assert_true(w->seen_len + n + 1 < SEEN_MAX);
    if (n > 0)
        memcpy(w->seen + w->seen_len, line->text.ptr, n);
    w->seen_len += n;
    w->seen[w->seen_len++] = '|';
    w->seen[w->seen_len] = '\0';
    return true;
}

static enum err look(struct world *w)
{
    struct tailer_request request = {.now_ms = w->now_ms,
                                     .oldest_live_ms = w->oldest_live_ms,
                                     .max_bytes = w->max_bytes,
                                     .take = take,
                                     .user = w};

    return tailer_read(w->tailer, &request, &w->progress, NULL);
}

/* One look must deliver exactly `expected` ("a|b|"). */
#define assert_look(w, expected)                                                                   \
    do {                                                                                           \
        (w)->seen_len = 0;                                                                         \
        (w)->seen[0] = '\0';                                                                       \
        assert_int_equal(look(w), ERR_OK);                                                         \
        assert_string_equal((w)->seen, expected);                                                  \
    } while (0)

static const char *sibling(const struct world *w, int n)
{
    static char paths[4][640];
    static int next;
    char *path = paths[next++ % 4];

    snprintf(path, sizeof paths[0], n == 0 ? "%s" : "%s.%d", w->path, n);
    return path;
}

static void append(const struct world *w, int n, const char *text)
{
    temp_append_file(sibling(w, n), text, strlen(text));
}

static void move(const struct world *w, int from, int to)
{
    assert_int_equal(rename(sibling(w, from), sibling(w, to)), 0);
}

/* What logrotate's copytruncate does. */
static void copy_file(const struct world *w, int from, int to)
{
    struct stat st;
    uint8_t *data = temp_read_file(sibling(w, from), &st);

    temp_write_file(sibling(w, to), data, (size_t)st.st_size);
    free(data);
}

static void truncate_file(const struct world *w, int n)
{
    assert_int_equal(truncate(sibling(w, n), 0), 0);
}

/* ---- one file ------------------------------------------------------------------------------ */

static void lines_are_delivered_once_as_the_file_grows(void **unused)
{
    (void)unused;
    struct world w;

    setup(&w);
    append(&w, 0, "a\nb\n");
    assert_look(&w, "a|b|");
    assert_true(w.progress.at_end);
    assert_look(&w, "");
    append(&w, 0, "c\n\nd\n");
    assert_look(&w, "c||d|");
    restart(&w);
    assert_look(&w, "");
    append(&w, 0, "e\n");
    restart(&w);
    assert_look(&w, "e|");
    teardown(&w);
}

static void a_partial_line_waits_for_its_end_also_over_a_restart(void **unused)
{
    (void)unused;
    struct world w;

    setup(&w);
    append(&w, 0, "a\nhal");
    assert_look(&w, "a|");
    assert_true(w.progress.at_end);
    restart(&w);
    assert_look(&w, "");
    append(&w, 0, "f\nb\n");
    assert_look(&w, "half|b|");
    teardown(&w);
}

static void a_missing_file_and_a_missing_directory_are_waited_for(void **unused)
{
    (void)unused;
    struct world w;

    setup(&w);
    assert_int_equal(rmdir(w.directory), 0);
    assert_look(&w, "");
    assert_true(w.progress.at_end);
    assert_int_equal(mkdir(w.directory, 0755), 0);
    assert_look(&w, "");
    append(&w, 0, "a\n");
    assert_look(&w, "a|");
    teardown(&w);
}

static void saved_positions_outlive_a_missing_directory(void **unused)
{
    (void)unused;
    struct world w;
    char aside[600];

    setup(&w);
    append(&w, 0, "a\n");
    assert_look(&w, "a|");
    snprintf(aside, sizeof aside, "%s/aside", w.root);
    assert_int_equal(rename(w.directory, aside), 0);
    restart(&w);
    assert_look(&w, "");
    restart(&w);
    assert_int_equal(rename(aside, w.directory), 0);
    append(&w, 0, "b\n");
    assert_look(&w, "b|");
    teardown(&w);
}

static void nuls_before_a_line_are_skipped_and_inside_it_kept(void **unused)
{
    (void)unused;
    struct world w;
    static const char text[] = "a\n\0\0\0b\n\0\0";

    setup(&w);
    temp_append_file(w.path, text, sizeof text - 1);
    assert_look(&w, "a|b|");
    append(&w, 0, "c\n");
    assert_look(&w, "c|");
    temp_append_file(w.path, "x\0y\n", 4);
    w.seen_len = 0;
    assert_int_equal(look(&w), ERR_OK);
    assert_memory_equal(w.seen, "x\0y|", 4);
    teardown(&w);
}

static void append_long_line(const struct world *w, size_t n)
{
    char *text = malloc(n + 1);

    memset(text, 'L', n);
    text[n] = '\n';
    temp_append_file(w->path, text, n + 1);
    free(text);
}

static void a_line_of_a_mebibyte_is_whole_and_a_longer_one_is_cut(void **unused)
{
    (void)unused;
    static const size_t lengths[] = {LOG_READ_BYTES,   LOG_TEXT_MAX - 1, LOG_TEXT_MAX,
                                     LOG_TEXT_MAX + 1, LOG_BUFFER_BYTES, 3 * LOG_TEXT_MAX};

    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct world w;

        setup(&w);
        append(&w, 0, "a\n");
        append_long_line(&w, lengths[i]);
        append(&w, 0, "b\n");
        assert_int_equal(look(&w), ERR_OK);
        assert_int_equal(w.progress.lines, 3);
        assert_string_equal(w.seen + w.seen_len - 4, "L|b|");
        assert_int_equal(w.longest, lengths[i] < LOG_TEXT_MAX ? lengths[i] : LOG_TEXT_MAX);
        assert_int_equal(w.flags, lengths[i] > LOG_TEXT_MAX ? LOG_TEXT_CUT : 0);
        assert_look(&w, "");
        teardown(&w);
    }
}

static void the_rest_of_a_cut_line_is_skipped_after_a_restart_too(void **unused)
{
    (void)unused;
    struct world w;
    char *text = malloc(2 * LOG_TEXT_MAX);

    memset(text, 'L', 2 * LOG_TEXT_MAX);
    setup(&w);
    temp_append_file(w.path, text, 2 * LOG_TEXT_MAX);
    free(text);
    assert_int_equal(look(&w), ERR_OK);
    assert_int_equal(w.flags, LOG_TEXT_CUT);
    restart(&w);
    assert_look(&w, "");
    append(&w, 0, "tail\nb\n");
    assert_look(&w, "b|");
    teardown(&w);
}

static void a_refused_line_is_delivered_again(void **unused)
{
    (void)unused;
    struct world w;

    setup(&w);
    append(&w, 0, "a\nb\nc\n");
    w.refuse_after = 1;
    assert_look(&w, "a|");
    assert_true(w.progress.refused);
    assert_false(w.progress.at_end);
    restart(&w);
    w.refuse_after = 0;
    assert_look(&w, "");
    w.refuse_after = -1;
    assert_look(&w, "b|c|");
    assert_true(w.progress.at_end);
    teardown(&w);
}

static void reading_stops_at_the_byte_budget_and_goes_on(void **unused)
{
    (void)unused;
    struct world w;

    setup(&w);
    append(&w, 0, "aa\nbb\ncc\n");
    w.max_bytes = 4;
    assert_look(&w, "aa|bb|");
    assert_false(w.progress.at_end);
    assert_look(&w, "cc|");
    assert_look(&w, "");
    assert_true(w.progress.at_end);
    teardown(&w);
}

static void something_that_is_no_file_is_no_log(void **unused)
{
    (void)unused;
    struct world w;

    setup(&w);
    assert_int_equal(mkfifo(w.path, 0644), 0);
    assert_look(&w, "");
    assert_int_equal(unlink(w.path), 0);
    append(&w, 0, "a\n");
    assert_look(&w, "a|");
    teardown(&w);
}

/* ---- rename and create --------------------------------------------------------------------- */

static void the_first_start_reads_rotated_files_oldest_first(void **unused)
{
    (void)unused;
    struct world w;

    setup(&w);
    append(&w, 0, "d\n");
    append(&w, 1, "c\n");
    append(&w, 2, "b\n");
    append(&w, 10, "a\n");
    temp_write_file(sibling(&w, 0), "d\n", 2);
    char other[700];
    snprintf(other, sizeof other, "%s.gz", w.path);
    temp_write_file(other, "zzz\n", 4);
    snprintf(other, sizeof other, "%s.01", w.path);
    temp_write_file(other, "zzz\n", 4);
    snprintf(other, sizeof other, "%sx", w.path);
    temp_write_file(other, "zzz\n", 4);
    assert_look(&w, "a|b|c|d|");
    teardown(&w);
}

static void a_renamed_file_is_read_on_beside_the_new_one(void **unused)
{
    (void)unused;
    struct world w;

    setup(&w);
    append(&w, 0, "a\n");
    assert_look(&w, "a|");
    append(&w, 0, "b\n");
    move(&w, 0, 1);
    assert_look(&w, "b|"); /* before the new one exists */
    append(&w, 0, "c\n");
    append(&w, 1, "late\n"); /* a running enclave process still has the old inode */
    assert_look(&w, "late|c|");
    append(&w, 1, "later\n");
    append(&w, 0, "d\n");
    assert_look(&w, "later|d|");
    teardown(&w);
}

static void several_rotations_between_two_looks_lose_nothing(void **unused)
{
    (void)unused;
    struct world w;

    setup(&w);
    append(&w, 0, "a\n");
    assert_look(&w, "a|");
    append(&w, 0, "b\n");
    for (int round = 0; round < 3; round++) {
        for (int n = round; n >= 0; n--)
            move(&w, n, n + 1);
        char text[3] = {(char)('c' + round), '\n', 0};
        append(&w, 0, text);
    }
    assert_look(&w, "b|c|d|e|");
    assert_look(&w, "");
    teardown(&w);
}

static void rotations_while_stopped_lose_and_repeat_nothing(void **unused)
{
    (void)unused;
    struct world w;

    setup(&w);
    append(&w, 2, "x\n");
    append(&w, 1, "y\n");
    append(&w, 0, "a\n");
    assert_look(&w, "x|y|a|");
    append(&w, 0, "b\n");
    assert_int_equal(unlink(sibling(&w, 2)), 0);
    move(&w, 1, 3);
    move(&w, 0, 2);
    append(&w, 1, "c\n");
    append(&w, 0, "d\n");
    restart(&w);
    assert_look(&w, "b|c|d|");
    teardown(&w);
}

static void all_remaining_files_are_newer_when_the_known_one_was_rotated_away(void **unused)
{
    (void)unused;
    struct world w;

    setup(&w);
    append(&w, 0, "a\n");
    assert_look(&w, "a|");
    assert_int_equal(rename(w.path, sibling(&w, 7)), 0);
    append(&w, 2, "b\n");
    append(&w, 1, "c\n");
    append(&w, 0, "d\n");
    /* Another file takes the directory entry away while we are down. */
    uint8_t saved[TAILER_POSITIONS_MAX];
    size_t len = tailer_save(w.tailer, saved);
    assert_int_equal(unlink(sibling(&w, 7)), 0);
    tailer_free(w.tailer);
    start(&w);
    assert_int_equal(tailer_load(w.tailer, bytes_of(saved, len), NULL), ERR_OK);
    assert_look(&w, "b|c|d|");
    assert_int_equal(tailer_get_counters(w.tailer).positions_lost, 1);
    teardown(&w);
}

static void an_inode_used_again_is_another_file(void **unused)
{
    (void)unused;
    struct world w;

    setup(&w);
    append(&w, 0, "first content\n");
    assert_look(&w, "first content|");
    uint8_t saved[TAILER_POSITIONS_MAX];
    size_t len = tailer_save(w.tailer, saved);
    tailer_free(w.tailer);
    /* Same inode, other and longer content: what a file system that reuses inodes makes. */
    temp_write_file(w.path, "other content, longer\nmore\n", 27);
    start(&w);
    assert_int_equal(tailer_load(w.tailer, bytes_of(saved, len), NULL), ERR_OK);
    assert_look(&w, "other content, longer|more|");
    assert_int_equal(tailer_get_counters(w.tailer).truncations, 1);
    teardown(&w);
}

static void a_moved_directory_is_read_on_beside_the_new_one(void **unused)
{
    (void)unused;
    struct world w;
    char aside[600], old[700];

    setup(&w);
    append(&w, 0, "a\n");
    assert_look(&w, "a|");
    snprintf(aside, sizeof aside, "%s/aside", w.root);
    assert_int_equal(rename(w.directory, aside), 0);
    assert_look(&w, "");
    assert_int_equal(mkdir(w.directory, 0755), 0);
    append(&w, 0, "b\n");
    snprintf(old, sizeof old, "%s/nitro_enclaves.log", aside);
    temp_append_file(old, "late\n", 5);
    assert_look(&w, "late|b|");
    teardown(&w);
}

/* ---- letting old files go ------------------------------------------------------------------ */

static uint64_t files_open(const struct world *w)
{
    return tailer_get_counters(w->tailer).files_open;
}

static void an_old_file_is_let_go_when_it_is_idle_and_no_older_run_lives(void **unused)
{
    (void)unused;
    struct world w;

    setup(&w);
    append(&w, 0, "a\n");
    assert_look(&w, "a|");
    move(&w, 0, 1);
    w.oldest_live_ms = w.now_ms - 5; /* started before the rotation */
    assert_look(&w, "");
    w.now_ms += 10 * IDLE_MS;
    assert_look(&w, "");
    assert_int_equal(files_open(&w), 1); /* no newer file is open */
    append(&w, 0, "b\n");
    assert_look(&w, "b|");
    w.now_ms += 10 * IDLE_MS;
    assert_look(&w, "");
    assert_int_equal(files_open(&w), 2); /* that run may still write to it */
    w.oldest_live_ms = w.now_ms;
    append(&w, 1, "late\nhal"); /* grows: the time begins again */
    assert_look(&w, "late|");
    w.now_ms += IDLE_MS - 1;
    assert_look(&w, "");
    assert_int_equal(files_open(&w), 2);
    w.now_ms += 1;
    assert_look(&w, "hal|"); /* it will not be completed any more */
    assert_int_equal(w.flags, LOG_TEXT_UNFINISHED);
    w.now_ms += IDLE_MS;
    assert_look(&w, "");
    assert_int_equal(files_open(&w), 1);
    restart(&w);
    append(&w, 0, "c\n");
    assert_look(&w, "c|"); /* and the old one is not read again */
    teardown(&w);
}

static void more_files_than_places_are_read_one_after_the_other(void **unused)
{
    (void)unused;
    struct world w;
    char text[16], expected[1024] = "";
    enum { FILES = TAILER_FILES_MAX + 5 };

    setup(&w);
    for (int n = FILES - 1; n >= 0; n--) {
        snprintf(text, sizeof text, "f%d\n", n);
        append(&w, n, text);
        snprintf(expected + strlen(expected), sizeof expected - strlen(expected), "f%d|", n);
    }
    w.seen_len = 0;
    for (int looks = 0; looks < 100 && (looks == 0 || !w.progress.at_end); looks++)
        assert_int_equal(look(&w), ERR_OK);
    assert_true(w.progress.at_end);
    assert_string_equal(w.seen, expected);
    assert_int_equal(files_open(&w), TAILER_FILES_MAX);
    teardown(&w);
}

/* ---- copytruncate -------------------------------------------------------------------------- */

static void a_truncated_file_is_read_from_its_beginning(void **unused)
{
    (void)unused;
    struct world w;

    setup(&w);
    append(&w, 0, "a\nb\n");
    assert_look(&w, "a|b|");
    truncate_file(&w, 0);
    assert_look(&w, "");
    append(&w, 0, "c\n");
    assert_look(&w, "c|");
    truncate_file(&w, 0);
    append(&w, 0, "longer than before\n"); /* grown past the offset between two looks */
    assert_look(&w, "longer than before|");
    assert_int_equal(tailer_get_counters(w.tailer).truncations, 2);
    teardown(&w);
}

static void lines_unread_before_copytruncate_are_found_in_the_copy(void **unused)
{
    (void)unused;
    struct world w;

    setup(&w);
    append(&w, 0, "a\n");
    assert_look(&w, "a|");
    append(&w, 0, "b\nc\n");
    copy_file(&w, 0, 1);
    truncate_file(&w, 0);
    append(&w, 0, "d\n");
    assert_look(&w, "b|c|d|");
    assert_int_equal(tailer_get_counters(w.tailer).copies_found, 1);
    /* The next rotation moves the copy on; it is not read again. */
    append(&w, 0, "e\n");
    move(&w, 1, 2);
    copy_file(&w, 0, 1);
    truncate_file(&w, 0);
    append(&w, 0, "f\n");
    assert_look(&w, "e|f|");
    teardown(&w);
}

static void lines_unread_before_copytruncate_while_stopped_are_found_in_the_copy(void **unused)
{
    (void)unused;
    struct world w;

    setup(&w);
    append(&w, 0, "a\n");
    assert_look(&w, "a|");
    append(&w, 0, "b\n");
    copy_file(&w, 0, 1);
    truncate_file(&w, 0);
    append(&w, 0, "c\n");
    move(&w, 1, 2);
    copy_file(&w, 0, 1);
    truncate_file(&w, 0);
    append(&w, 0, "d\n");
    restart(&w);
    assert_look(&w, "b|c|d|");
    teardown(&w);
}

static void a_copy_made_before_the_truncation_is_noticed_is_not_read_twice(void **unused)
{
    (void)unused;
    struct world w;

    setup(&w);
    append(&w, 0, "a\n");
    assert_look(&w, "a|");
    copy_file(&w, 0, 1);
    assert_look(&w, "");
    truncate_file(&w, 0);
    append(&w, 0, "b\n");
    assert_look(&w, "b|");
    teardown(&w);
}

/* ---- saved positions ----------------------------------------------------------------------- */

static void damaged_positions_are_refused(void **unused)
{
    (void)unused;
    struct world w;
    uint8_t saved[TAILER_POSITIONS_MAX];

    setup(&w);
    append(&w, 0, "a\n");
    assert_look(&w, "a|");
    size_t len = tailer_save(w.tailer, saved);
    for (size_t n = 0; n < len; n++) {
        tailer_free(w.tailer);
        start(&w);
        assert_int_equal(tailer_load(w.tailer, bytes_of(saved, n), NULL), ERR_MALFORMED);
    }
    saved[0]++;
    assert_int_equal(tailer_load(w.tailer, bytes_of(saved, len), NULL), ERR_UNSUPPORTED);
    teardown(&w);
}

static void a_path_at_the_limit_is_taken_and_beyond_refused(void **unused)
{
    (void)unused;
    static char path[TAILER_PATH_MAX];
    struct tailer_options options = {.path = path};
    struct tailer *tailer;

    memset(path, 'p', sizeof path);
    path[TAILER_PATH_MAX - 33] = '\0';
    assert_int_equal(tailer_new(&options, &tailer, NULL), ERR_OK);
    tailer_free(tailer);
    path[TAILER_PATH_MAX - 33] = 'p';
    path[TAILER_PATH_MAX - 32] = '\0';
    assert_int_equal(tailer_new(&options, &tailer, NULL), ERR_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_delivered_once_as_the_file_grows),
        cmocka_unit_test(a_partial_line_waits_for_its_end_also_over_a_restart),
        cmocka_unit_test(a_missing_file_and_a_missing_directory_are_waited_for),
        cmocka_unit_test(saved_positions_outlive_a_missing_directory),
        cmocka_unit_test(nuls_before_a_line_are_skipped_and_inside_it_kept),
        cmocka_unit_test(a_line_of_a_mebibyte_is_whole_and_a_longer_one_is_cut),
        cmocka_unit_test(the_rest_of_a_cut_line_is_skipped_after_a_restart_too),
        cmocka_unit_test(a_refused_line_is_delivered_again),
        cmocka_unit_test(reading_stops_at_the_byte_budget_and_goes_on),
        cmocka_unit_test(something_that_is_no_file_is_no_log),
        cmocka_unit_test(the_first_start_reads_rotated_files_oldest_first),
        cmocka_unit_test(a_renamed_file_is_read_on_beside_the_new_one),
        cmocka_unit_test(several_rotations_between_two_looks_lose_nothing),
        cmocka_unit_test(rotations_while_stopped_lose_and_repeat_nothing),
        cmocka_unit_test(all_remaining_files_are_newer_when_the_known_one_was_rotated_away),
        cmocka_unit_test(an_inode_used_again_is_another_file),
        cmocka_unit_test(a_moved_directory_is_read_on_beside_the_new_one),
        cmocka_unit_test(an_old_file_is_let_go_when_it_is_idle_and_no_older_run_lives),
        cmocka_unit_test(more_files_than_places_are_read_one_after_the_other),
        cmocka_unit_test(a_truncated_file_is_read_from_its_beginning),
        cmocka_unit_test(lines_unread_before_copytruncate_are_found_in_the_copy),
        cmocka_unit_test(lines_unread_before_copytruncate_while_stopped_are_found_in_the_copy),
        cmocka_unit_test(a_copy_made_before_the_truncation_is_noticed_is_not_read_twice),
        cmocka_unit_test(damaged_positions_are_refused),
        cmocka_unit_test(a_path_at_the_limit_is_taken_and_beyond_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
