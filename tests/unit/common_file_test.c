/*
 * Files (common/file.h) on a real file system, buffers and clocks.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <signal.h>
#include <dirent.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/file.h"
#include "common/time_text.h"
#include "tests/unit/temp_dir.h"

static char *dir;

static int make_dir(void **state)
{
    (void)state;
    dir = temp_dir_new();
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    temp_dir_free(dir);
    return 0;
}

static const char *in_dir(const char *name)
{
    static char paths[4][1200];
    static unsigned next;
    char *path = paths[next++ % 4];

    snprintf(path, sizeof paths[0], "%s/%s", dir, name);
    return path;
}

static void assert_content(const char *path, const char *expected)
{
    struct buffer read = {0};

    assert_int_equal(file_read(path, 1000, FILE_FOLLOW_LINKS, &read, NULL), ERR_OK);
    assert_true(bytes_equal(buffer_bytes(&read), bytes_of_string(expected)));
    buffer_fini(&read);
}

static int entries_in(const char *path)
{
    DIR *d = opendir(path);
    int n = 0;

    assert_non_null(d);
    for (struct dirent *entry; (entry = readdir(d)) != NULL;)
        n += entry->d_name[0] != '.';
    closedir(d);
    return n;
}

static void a_file_is_created_once(void **state)
{
    (void)state;
    struct err_detail detail;
    struct stat st;
    const char *path = in_dir("once");

    assert_int_equal(file_create(path, BYTES_LITERAL("first"), 0640, &detail), ERR_OK);
    assert_int_equal(file_create(path, BYTES_LITERAL("second"), 0640, &detail), ERR_EXISTS);
    assert_non_null(strstr(detail.text, path));
    assert_content(path, "first");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    assert_int_equal(entries_in(dir), 1); /* no temporary file is left */
}

static void of_racing_creators_exactly_one_wins(void **state)
{
    (void)state;
    enum { CREATORS = 8 };
    pid_t children[CREATORS];
    const char *path = in_dir("raced");
    int won = 0;

    for (int i = 0; i < CREATORS; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0)
            _exit(file_create(path, BYTES_LITERAL("x"), 0600, NULL) == ERR_OK ? 1 : 0);
    }
    for (int i = 0; i < CREATORS; i++) {
        int status;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        won += WEXITSTATUS(status);
    }
    assert_int_equal(won, 1);
}

static void a_file_is_replaced_whole(void **state)
{
    (void)state;
    const char *path = in_dir("replaced");

    assert_int_equal(file_replace(path, BYTES_LITERAL("a longer content"), 0600, NULL), ERR_OK);
    assert_int_equal(file_replace(path, BYTES_LITERAL("short"), 0600, NULL), ERR_OK);
    assert_content(path, "short");
    assert_int_equal(entries_in(dir), 1);
}

static void reading_stops_at_the_limit(void **state)
{
    (void)state;
    struct err_detail detail;
    struct buffer read = {0};
    const char *path = in_dir("limited");

    assert_int_equal(buffer_append_string(&read, "kept"), ERR_OK);
    temp_write_file(path, "12345678", 8);
    assert_int_equal(file_read(path, 7, FILE_FOLLOW_LINKS, &read, &detail), ERR_LIMIT);
    assert_non_null(strstr(detail.text, "longer than 7 bytes"));
    assert_true(bytes_equal(buffer_bytes(&read), BYTES_LITERAL("kept")));
    assert_int_equal(file_read(path, 8, FILE_FOLLOW_LINKS, &read, &detail), ERR_OK);
    assert_int_equal(file_read(path, 9, FILE_FOLLOW_LINKS, &read, &detail), ERR_OK);
    assert_true(bytes_equal(buffer_bytes(&read), BYTES_LITERAL("kept1234567812345678")));
    buffer_fini(&read);
}

static void a_file_of_many_chunks_is_read(void **state)
{
    (void)state;
    enum { BYTES_N = 300001 };
    struct buffer read = {0};
    uint8_t *content = malloc(BYTES_N);

    assert_non_null(content);
    for (size_t i = 0; i < BYTES_N; i++)
        content[i] = (uint8_t)(i * 7 + i / 251);
    temp_write_file(in_dir("large"), content, BYTES_N);
    assert_int_equal(file_read(in_dir("large"), BYTES_N, FILE_NO_LINKS, &read, NULL), ERR_OK);
    assert_true(bytes_equal(buffer_bytes(&read), bytes_of(content, BYTES_N)));
    buffer_fini(&read);
    free(content);
}

static void links_directories_and_fifos_are_refused(void **state)
{
    (void)state;
    struct err_detail detail;
    struct buffer read = {0};

    temp_write_file(in_dir("target"), "t", 1);
    assert_int_equal(symlink(in_dir("target"), in_dir("link")), 0);
    assert_int_equal(mkfifo(in_dir("fifo"), 0600), 0);
    assert_int_equal(file_read(in_dir("link"), 10, FILE_FOLLOW_LINKS, &read, &detail), ERR_OK);
    assert_int_equal(file_read(in_dir("link"), 10, FILE_NO_LINKS, &read, &detail), ERR_IO);
    assert_non_null(strstr(detail.text, "symbolic links are not followed"));
    assert_int_equal(file_read(in_dir("fifo"), 10, FILE_FOLLOW_LINKS, &read, &detail), ERR_IO);
    assert_non_null(strstr(detail.text, "not a regular file"));
    assert_int_equal(file_read(dir, 10, FILE_FOLLOW_LINKS, &read, &detail), ERR_IO);
    assert_int_equal(file_read(in_dir("absent"), 10, FILE_FOLLOW_LINKS, &read, &detail),
                     ERR_NOT_FOUND);
    assert_non_null(strstr(detail.text, in_dir("absent")));
    buffer_fini(&read);
}

static void directories_are_made_with_their_parents(void **state)
{
    (void)state;
    struct err_detail detail;
    struct stat st;

    assert_int_equal(file_make_directories(in_dir("a//b/c/"), 0750, &detail), ERR_OK);
    assert_int_equal(file_make_directories(in_dir("a/b/c"), 0750, &detail), ERR_OK);
    assert_int_equal(stat(in_dir("a/b/c"), &st), 0);
    assert_int_equal(file_make_parents(in_dir("x/y/file"), 0750, &detail), ERR_OK);
    assert_int_equal(stat(in_dir("x/y"), &st), 0);
    assert_int_equal(stat(in_dir("x/y/file"), &st), -1);
    temp_write_file(in_dir("plain"), "", 0);
    assert_int_equal(file_make_directories(in_dir("plain/d"), 0750, &detail), ERR_IO);
    assert_int_equal(file_make_directories(in_dir("plain"), 0750, &detail), ERR_IO);
    assert_non_null(strstr(detail.text, "not a directory"));
    assert_int_equal(file_make_directories("/", 0750, &detail), ERR_OK);
}

static void a_full_disk_is_no_space_and_leaves_nothing(void **state)
{
    (void)state;
    struct err_detail detail;
    int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(file_write_all(fd, BYTES_LITERAL("x"), "the journal", &detail), ERR_NO_SPACE);
    assert_non_null(strstr(detail.text, "cannot write the journal: No space left on device; free"));
    close(fd);
    assert_int_equal(file_error(&detail, EDQUOT, "write", "f"), ERR_NO_SPACE);
}

static void a_creation_that_fails_half_way_leaves_nothing(void **state)
{
    (void)state;
    struct rlimit before;
    struct rlimit small;
    struct err_detail detail;
    char content[4096] = {0};

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = (struct rlimit){.rlim_cur = 1000, .rlim_max = before.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    enum err err = file_create(in_dir("half"), bytes_of(content, sizeof content), 0600, &detail);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(err, ERR_IO);
    assert_int_equal(entries_in(dir), 0);
}

static void positioned_reads_tell_the_end_of_the_file(void **state)
{
    (void)state;
    char out[10];
    size_t got;
    int fd = open(in_dir("positioned"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(file_pwrite_all(fd, BYTES_LITERAL("abcdef"), 2, "f", NULL), ERR_OK);
    assert_int_equal(file_pread_all(fd, out, 10, 0, &got, "f", NULL), ERR_OK);
    assert_int_equal(got, 8);
    assert_memory_equal(out, "\0\0abcdef", 8);
    assert_int_equal(file_pread_all(fd, out, 2, 3, &got, "f", NULL), ERR_OK);
    assert_int_equal(got, 2);
    assert_memory_equal(out, "bc", 2);
    close(fd);
    assert_int_equal(file_pread_all(-1, out, 2, 3, &got, "f", NULL), ERR_IO);
}

static void buffers_grow_and_keep_their_content(void **state)
{
    (void)state;
    struct buffer b;

    buffer_init(&b);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(buffer_append_format(&b, "%d,", i), ERR_OK);
    assert_int_equal(buffer_terminate(&b), ERR_OK);
    assert_int_equal(b.len, 3890);
    assert_int_equal(strlen((const char *)b.ptr), b.len);
    assert_memory_equal(b.ptr, "0,1,2,", 6);
    assert_memory_equal(b.ptr + b.len - 4, "999,", 4);
    assert_int_equal(buffer_reserve(&b, SIZE_MAX), ERR_NOMEM);
    assert_int_equal(buffer_reserve(&b, SIZE_MAX - b.len), ERR_NOMEM);
    assert_int_equal(b.len, 3890);
    buffer_clear(&b);
    assert_int_equal(b.len, 0);
    buffer_wipe(&b);
    assert_null(b.ptr);
}

static void clocks_agree_with_each_other(void **state)
{
    (void)state;
    int64_t monotonic = clock_monotonic_ms();
    int64_t boot = clock_boot_ms();
    int64_t wall = clock_wall_ms();
    struct clock_pair pair = clock_read_pair();

    assert_true(wall > INT64_C(1700000000000) && wall < TIME_MS_MAX);
    assert_true(boot >= monotonic - 1);
    assert_true(pair.boot_ms >= boot);
    assert_true(clock_boot_ms() >= pair.boot_ms - 1);
    assert_true(clock_monotonic_ms() >= monotonic);
}

int main(void)
{
#define IN_DIR(test) cmocka_unit_test_setup_teardown(test, make_dir, remove_dir)
    const struct CMUnitTest tests[] = {
        IN_DIR(a_file_is_created_once),
        IN_DIR(of_racing_creators_exactly_one_wins),
        IN_DIR(a_file_is_replaced_whole),
        IN_DIR(reading_stops_at_the_limit),
        IN_DIR(a_file_of_many_chunks_is_read),
        IN_DIR(links_directories_and_fifos_are_refused),
        IN_DIR(directories_are_made_with_their_parents),
        IN_DIR(a_full_disk_is_no_space_and_leaves_nothing),
        IN_DIR(a_creation_that_fails_half_way_leaves_nothing),
        IN_DIR(positioned_reads_tell_the_end_of_the_file),
        cmocka_unit_test(buffers_grow_and_keep_their_content),
        cmocka_unit_test(clocks_agree_with_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
