/*
 * A store in a directory: created if absent, by exactly one, whole or not at all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/wait.h>

#include "aggregator/edge/store.h"
#include "tests/unit/temp_dir.h"

struct fixture {
    char *directory;
    struct store *store;
};

static struct store *open_at(const char *directory)
{
    char uri[1200];
    struct store *store;
    struct err_detail detail = {""};

    snprintf(uri, sizeof uri, "file://%s/sink", directory);
    assert_int_equal(store_open(uri, &store, &detail), ERR_OK);
    return store;
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    f->directory = temp_dir_new();
    f->store = open_at(f->directory);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    store_close(f->store);
    temp_dir_free(f->directory);
    free(f);
    return 0;
}

static struct bytes text(const char *s)
{
    return bytes_of_string(s);
}

static void what_was_created_is_read_and_never_overwritten(void **state)
{
    struct fixture *f = *state;
    uint8_t *content;
    size_t len;

    assert_int_equal(store_create(f->store, "a/b=1/c.json", text("one"), NULL), ERR_OK);
    assert_int_equal(store_create(f->store, "a/b=1/c.json", text("two"), NULL), ERR_EXISTS);
    assert_int_equal(store_create_same(f->store, "a/b=1/c.json", text("one"), NULL), ERR_OK);
    assert_int_equal(store_create_same(f->store, "a/b=1/c.json", text("two"), NULL), ERR_CONFLICT);
    assert_int_equal(store_read(f->store, "a/b=1/c.json", &content, &len, NULL), ERR_OK);
    assert_int_equal(len, 3);
    assert_memory_equal(content, "one", 3);
    free(content);
}

static void an_empty_object_is_an_object(void **state)
{
    struct fixture *f = *state;
    uint8_t *content;
    size_t len;

    assert_int_equal(store_create(f->store, "empty", bytes_of(NULL, 0), NULL), ERR_OK);
    assert_int_equal(store_read(f->store, "empty", &content, &len, NULL), ERR_OK);
    assert_int_equal(len, 0);
    assert_non_null(content);
    free(content);
}

static void what_is_not_there_is_not_found_and_may_be_deleted(void **state)
{
    struct fixture *f = *state;
    uint8_t *content;
    size_t len;

    assert_int_equal(store_read(f->store, "no/such", &content, &len, NULL), ERR_NOT_FOUND);
    assert_int_equal(store_delete(f->store, "no/such", NULL), ERR_OK);
    assert_int_equal(store_create(f->store, "x", text("1"), NULL), ERR_OK);
    assert_int_equal(store_delete(f->store, "x", NULL), ERR_OK);
    assert_int_equal(store_read(f->store, "x", &content, &len, NULL), ERR_NOT_FOUND);
}

static void names_that_could_leave_the_directory_are_refused(void **state)
{
    static const char *const bad[] = {"",  "/",     "/a",     "a/",   "a//b", "..",  "a/../b",
                                      ".", "a/./b", ".tmp/x", "a\nb", "a b",  "a\\b"};
    struct fixture *f = *state;
    struct store_names names;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(store_create(f->store, bad[i], text("x"), NULL), ERR_MALFORMED);
    assert_int_equal(store_list(f->store, "a", &names, NULL), ERR_MALFORMED);
    assert_int_equal(store_list(f->store, "../", &names, NULL), ERR_MALFORMED);
}

static void a_name_may_have_as_many_bytes_as_stated_and_no_more(void **state)
{
    struct fixture *f = *state;
    char name[STORE_NAME_MAX + 2];

    for (size_t i = 0; i < sizeof name; i++)
        name[i] = i % 100 == 99 ? '/' : 'a';
    name[STORE_NAME_MAX + 1] = '\0';
    assert_int_equal(store_create(f->store, name, text("x"), NULL), ERR_MALFORMED);
    name[STORE_NAME_MAX] = '\0';
    assert_int_equal(store_create(f->store, name, text("x"), NULL), ERR_OK);
}

static void a_list_is_recursive_sorted_and_empty_where_there_is_nothing(void **state)
{
    static const char *const created[] = {"b/z", "b/a/1", "b/A", "a", "b-c/x"};
    struct fixture *f = *state;
    struct store_names names;

    assert_int_equal(store_list(f->store, "", &names, NULL), ERR_OK);
    assert_int_equal(names.n, 0);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(store_create(f->store, created[i], text("x"), NULL), ERR_OK);
    assert_int_equal(store_list(f->store, "b/", &names, NULL), ERR_OK);
    assert_int_equal(names.n, 3);
    assert_string_equal(names.names[0], "b/A");
    assert_string_equal(names.names[1], "b/a/1");
    assert_string_equal(names.names[2], "b/z");
    store_names_free(&names);
    assert_int_equal(store_list(f->store, "", &names, NULL), ERR_OK);
    assert_int_equal(names.n, 5);
    store_names_free(&names);
    assert_int_equal(store_list(f->store, "c/", &names, NULL), ERR_OK);
    assert_int_equal(names.n, 0);
}

static void of_twenty_racing_creators_exactly_one_wins(void **state)
{
    enum { CREATORS = 20, ROUNDS = 10 };
    struct fixture *f = *state;

    for (int round = 0; round < ROUNDS; round++) {
        int go[2], wins = 0;
        pid_t children[CREATORS];
        char name[32];
        uint8_t *content;
        size_t len;

        snprintf(name, sizeof name, "race/%d", round);
        assert_int_equal(pipe(go), 0);
        for (int i = 0; i < CREATORS; i++) {
            children[i] = fork();
            assert_true(children[i] >= 0);
            if (children[i] == 0) {
                char mine[2048], byte;
                struct store *store = open_at(f->directory);

                memset(mine, 'a' + i, sizeof mine);
                close(go[1]);
                (void)!read(go[0], &byte, 1); /* returns when the parent closes its end */
                enum err e = store_create(store, name, bytes_of(mine, sizeof mine), NULL);

                _exit(e == ERR_OK ? 0 : e == ERR_EXISTS ? 1 : 2);
            }
        }
        close(go[0]);
        close(go[1]);
        for (int i = 0; i < CREATORS; i++) {
            int status;

            assert_int_equal(waitpid(children[i], &status, 0), children[i]);
            assert_true(WIFEXITED(status) && WEXITSTATUS(status) <= 1);
            wins += WEXITSTATUS(status) == 0;
        }
        assert_int_equal(wins, 1);
        assert_int_equal(store_read(f->store, name, &content, &len, NULL), ERR_OK);
        assert_int_equal(len, 2048);
        for (size_t i = 1; i < len; i++)
            assert_int_equal(content[i], content[0]);
        free(content);
    }
}

static void what_a_killed_writer_left_is_removed_at_the_next_open(void **state)
{
    struct fixture *f = *state;
    char path[1200];
    struct store_names names;

    assert_int_equal(store_create(f->store, "a", text("x"), NULL), ERR_OK);
    snprintf(path, sizeof path, "%s/sink/.tmp/12345-0", f->directory);
    temp_write_file(path, "half", 4);
    assert_int_equal(store_list(f->store, "", &names, NULL), ERR_OK);
    assert_int_equal(names.n, 1); /* never an object */
    store_names_free(&names);
    store_close(f->store);
    f->store = open_at(f->directory);
    assert_int_equal(access(path, F_OK), -1);
}

static void a_sink_that_this_build_cannot_write_is_refused_with_what_to_use(void **state)
{
    struct err_detail detail = {""};
    struct store *store;

    (void)state;
    assert_int_equal(store_open("s3://bucket/prefix", &store, &detail), ERR_CONFIG);
    assert_non_null(strstr(detail.text, "file:///"));
    assert_int_equal(store_open("file://relative", &store, &detail), ERR_CONFIG);
    assert_int_equal(store_open("/var/lib/x", &store, &detail), ERR_CONFIG);
    assert_non_null(strstr(detail.text, "file:///"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_created_is_read_and_never_overwritten),
        TEST(an_empty_object_is_an_object),
        TEST(what_is_not_there_is_not_found_and_may_be_deleted),
        TEST(names_that_could_leave_the_directory_are_refused),
        TEST(a_name_may_have_as_many_bytes_as_stated_and_no_more),
        TEST(a_list_is_recursive_sorted_and_empty_where_there_is_nothing),
        TEST(of_twenty_racing_creators_exactly_one_wins),
        TEST(what_a_killed_writer_left_is_removed_at_the_next_open),
        cmocka_unit_test(a_sink_that_this_build_cannot_write_is_refused_with_what_to_use),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
