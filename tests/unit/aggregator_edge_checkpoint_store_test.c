/*
 * Who owns a partition, and which checkpoints are kept (R16): every case in which a simpler rule
 * would let two processes both believe that they own it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "aggregator/edge/checkpoint_store.h"
#include "common/crc32.h"
#include "tests/unit/memory_store.h"

#define DIRECTORY "state/era=0001/p=0003/"
#define NOW       INT64_C(1700000000000)

enum { HOUR = 3600 * 1000 };

struct fixture {
    struct memory_store *m;
    struct checkpoint_store *mine, *theirs;
};

static struct checkpoint_store *open_store(struct memory_store *m)
{
    struct checkpoint_store *cs;
    struct err_detail detail;

    assert_int_equal(checkpoint_store_new(&m->store, 1, 3, INT64_C(30) * 24 * HOUR, &cs, &detail),
                     ERR_OK);
    return cs;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    f->m = memory_store_new();
    f->mine = open_store(f->m);
    f->theirs = open_store(f->m);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    checkpoint_store_free(f->mine);
    checkpoint_store_free(f->theirs);
    store_close(&f->m->store);
    free(f);
    return 0;
}

/* Loads; gives next_offset of what was loaded, −1 if there is none. */
static int64_t load(struct checkpoint_store *cs, uint32_t damaged_wanted)
{
    struct checkpoint_file file;
    struct err_detail detail;
    uint32_t damaged_n;
    enum err e = checkpoint_store_load(cs, &file, &damaged_n, &detail);
    int64_t offset = e == ERR_OK ? file.checkpoint.next_offset : -1;

    assert_true(e == ERR_OK || e == ERR_NOT_FOUND);
    assert_int_equal(damaged_n, damaged_wanted);
    checkpoint_file_clear(&file);
    return offset;
}

static enum err save_at(struct checkpoint_store *cs, int64_t next_offset, int64_t created_ms)
{
    struct checkpoint c = {.next_offset = next_offset, .created_ms = created_ms};
    struct err_detail detail;

    return checkpoint_store_save(cs, &c, &detail);
}

static enum err save(struct checkpoint_store *cs, int64_t next_offset)
{
    return save_at(cs, next_offset, NOW);
}

static const char *name_of(uint64_t number)
{
    static char name[CHECKPOINT_NAME_MAX];

    checkpoint_object_name(name, 1, 3, number);
    return name;
}

static bool exists(const struct fixture *f, uint64_t number)
{
    return memory_store_find(f->m, name_of(number)) != NULL;
}

/* ---- names, numbers, loading ---------------------------------------------------------------- */

static void names_have_sixteen_digits(void **state)
{
    (void)state;
    assert_string_equal(name_of(42), DIRECTORY "0000000000000042.ckpt");
}

static void the_newest_one_is_loaded_and_the_next_number_follows_it(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(load(f->mine, 0), -1);
    for (int64_t i = 1; i <= 12; i++)
        assert_int_equal(save(f->mine, i * 100), ERR_OK);
    assert_int_equal(load(f->theirs, 0), 1200);
    assert_int_equal(save(f->theirs, 1300), ERR_OK);
    assert_true(exists(f, 13));
}

static void r16_a_damaged_newest_one_is_passed_over_and_its_number_not_used_again(void **state)
{
    struct fixture *f = *state;

    load(f->mine, 0);
    assert_int_equal(save(f->mine, 100), ERR_OK);
    assert_int_equal(save(f->mine, 200), ERR_OK);
    memory_store_find(f->m, name_of(2))->content[50] ^= 1;
    assert_int_equal(load(f->theirs, 1), 100);
    assert_int_equal(save(f->theirs, 150), ERR_OK);
    assert_true(exists(f, 3));
    assert_int_equal(load(f->mine, 0), 150);
}

static void a_checkpoint_under_another_number_s_name_counts_as_damaged(void **state)
{
    struct fixture *f = *state;

    load(f->mine, 0);
    assert_int_equal(save(f->mine, 100), ERR_OK);
    struct memory_object *one = memory_store_find(f->m, name_of(1));
    memory_store_put(f->m, name_of(2), bytes_of(one->content, one->len));
    assert_int_equal(load(f->theirs, 1), 100);
}

static void one_of_a_later_version_is_never_passed_over(void **state)
{
    enum { HEAD_AT = 8, FORMAT_AT = HEAD_AT + 16 };
    struct fixture *f = *state;
    struct checkpoint_file file;
    struct err_detail detail;
    uint32_t damaged_n;

    load(f->mine, 0);
    assert_int_equal(save(f->mine, 100), ERR_OK);
    assert_int_equal(save(f->mine, 200), ERR_OK);
    /* format 2, with the checksum that belongs to it */
    struct memory_object *two = memory_store_find(f->m, name_of(2));
    two->content[FORMAT_AT] = 2;
    uint32_t crc = crc32c(crc32c(0, bytes_of(two->content + HEAD_AT, 12)),
                          bytes_of(two->content + FORMAT_AT, 80));
    for (unsigned i = 0; i < 4; i++)
        two->content[HEAD_AT + 12 + i] = (uint8_t)(crc >> (8 * i));
    assert_int_equal(checkpoint_store_load(f->theirs, &file, &damaged_n, &detail), ERR_UNSUPPORTED);
}

static void other_files_in_the_directory_are_no_checkpoints(void **state)
{
    struct fixture *f = *state;

    memory_store_put(f->m, DIRECTORY "README", BYTES_LITERAL("x"));
    memory_store_put(f->m, DIRECTORY "00000000000000x1.ckpt", BYTES_LITERAL("x"));
    memory_store_put(f->m, DIRECTORY "0000000000000001.ckpt.bak", BYTES_LITERAL("x"));
    assert_int_equal(load(f->mine, 0), -1);
    assert_int_equal(save(f->mine, 1), ERR_OK);
    assert_true(exists(f, 1));
}

/* ---- ownership ------------------------------------------------------------------------------ */

static void r16_the_second_of_two_owners_is_fenced(void **state)
{
    struct fixture *f = *state;

    load(f->mine, 0);
    load(f->theirs, 0);
    assert_int_equal(save(f->mine, 100), ERR_OK);
    assert_int_equal(save(f->theirs, 90), ERR_FENCED);
    assert_int_equal(load(f->theirs, 0), 100);
}

static void r16_a_stalled_process_that_creates_a_deleted_number_again_is_fenced(void **state)
{
    struct fixture *f = *state;
    struct err_detail detail;

    load(f->mine, 0);
    load(f->theirs, 0);
    assert_int_equal(save(f->mine, 100), ERR_OK);
    assert_int_equal(save(f->mine, 200), ERR_OK);
    assert_int_equal(store_delete(&f->m->store, name_of(1), &detail), ERR_OK);
    assert_int_equal(save(f->theirs, 90), ERR_FENCED); /* its create of number 1 succeeded */
    assert_true(exists(f, 1));
    assert_int_equal(load(f->theirs, 0), 200);
}

static void r16_a_create_whose_reply_was_lost_is_read_back_and_counts(void **state)
{
    struct fixture *f = *state;

    load(f->mine, 0);
    f->m->fail_reply = ERR_IO;
    assert_int_equal(save(f->mine, 100), ERR_OK);
    assert_int_equal(load(f->theirs, 0), 100);
}

static void r16_a_create_that_came_true_later_is_recognised_as_one_s_own(void **state)
{
    struct fixture *f = *state;

    load(f->mine, 0);
    f->m->fail_reply = ERR_IO;
    f->m->fail_read = ERR_IO; /* it cannot be read back either */
    assert_int_equal(save(f->mine, 100), ERR_IO);
    f->m->fail_read = ERR_OK;
    assert_int_equal(save(f->mine, 200), ERR_OK); /* number 1 is ours, this is number 2 */
    assert_true(exists(f, 1) && exists(f, 2));
    assert_int_equal(load(f->theirs, 0), 200);
}

static void a_create_that_failed_is_tried_again_under_the_same_number(void **state)
{
    struct fixture *f = *state;

    load(f->mine, 0);
    f->m->fail_create = ERR_NO_SPACE;
    assert_int_equal(save(f->mine, 100), ERR_NO_SPACE);
    f->m->fail_create = ERR_OK;
    assert_int_equal(save(f->mine, 200), ERR_OK);
    assert_true(exists(f, 1) && !exists(f, 2));
}

static void a_checkpoint_does_not_count_before_the_list_after_it(void **state)
{
    struct fixture *f = *state;

    load(f->mine, 0);
    f->m->fail_list = ERR_IO;
    assert_int_equal(save(f->mine, 100), ERR_IO);
    f->m->fail_list = ERR_OK;
    assert_int_equal(save(f->mine, 200), ERR_OK);
    assert_int_equal(load(f->theirs, 0), 200);
}

static void a_store_that_does_not_answer_is_not_taken_for_an_empty_one(void **state)
{
    struct fixture *f = *state;
    struct checkpoint_file file;
    struct err_detail detail;
    uint32_t damaged_n;

    load(f->mine, 0);
    assert_int_equal(save(f->mine, 100), ERR_OK);
    f->m->fail_list = ERR_IO;
    assert_int_equal(checkpoint_store_load(f->theirs, &file, &damaged_n, &detail), ERR_IO);
    f->m->fail_list = ERR_OK;
    f->m->fail_read = ERR_IO;
    assert_int_equal(checkpoint_store_load(f->theirs, &file, &damaged_n, &detail), ERR_IO);
}

/* ---- keeping -------------------------------------------------------------------------------- */

/* Sweeps until nothing more goes. */
static uint32_t sweep_all(struct checkpoint_store *cs, int64_t now_ms)
{
    uint32_t total = 0, deleted_n;
    struct err_detail detail;

    do {
        assert_int_equal(checkpoint_store_sweep(cs, now_ms, &deleted_n, &detail), ERR_OK);
        total += deleted_n;
        load(cs, 0); /* a LIST */
    } while (deleted_n > 0);
    return total;
}

static void nothing_younger_than_a_day_is_deleted(void **state)
{
    struct fixture *f = *state;

    load(f->mine, 0);
    for (int64_t i = 0; i < 30; i++)
        assert_int_equal(save_at(f->mine, i, NOW + i * 1000), ERR_OK);
    assert_int_equal(sweep_all(f->mine, NOW + CHECKPOINT_KEEP_MS - 1), 0);
}

static void the_newest_ten_are_kept_however_old(void **state)
{
    struct fixture *f = *state;

    load(f->mine, 0);
    for (int64_t i = 0; i < 30; i++)
        assert_int_equal(save_at(f->mine, i, NOW + i), ERR_OK);
    sweep_all(f->mine, NOW + INT64_C(365) * 24 * HOUR);
    assert_int_equal(memory_store_count(f->m, DIRECTORY), CHECKPOINT_KEEP_NEWEST);
    for (uint64_t number = 21; number <= 30; number++)
        assert_true(exists(f, number));
}

static void the_first_of_every_hour_is_kept_for_replays(void **state)
{
    struct fixture *f = *state;
    int64_t start = NOW / HOUR * HOUR;

    load(f->mine, 0);
    for (int64_t i = 0; i < 40; i++) /* four an hour, ten hours */
        assert_int_equal(save_at(f->mine, i, start + i * HOUR / 4), ERR_OK);
    assert_int_equal(sweep_all(f->mine, start + INT64_C(48) * HOUR), 22);
    for (uint64_t number = 1; number <= 30; number++)
        assert_int_equal(exists(f, number), number % 4 == 1);
    sweep_all(f->mine, start + INT64_C(31) * 24 * HOUR);
    assert_int_equal(memory_store_count(f->m, DIRECTORY), CHECKPOINT_KEEP_NEWEST);
}

static void who_takes_over_keeps_and_deletes_the_same(void **state)
{
    struct fixture *f = *state;
    int64_t start = NOW / HOUR * HOUR;

    load(f->mine, 0);
    for (int64_t i = 0; i < 40; i++)
        assert_int_equal(save_at(f->mine, i, start + i * HOUR / 4), ERR_OK);
    load(f->theirs, 0); /* has to read when each was made */
    assert_int_equal(sweep_all(f->theirs, start + INT64_C(48) * HOUR), 22);
}

static void damaged_ones_are_kept_as_evidence(void **state)
{
    struct fixture *f = *state;
    uint32_t deleted_n;
    struct err_detail detail;

    load(f->mine, 0);
    for (int64_t i = 0; i < 12; i++)
        assert_int_equal(save_at(f->mine, i, NOW), ERR_OK);
    memory_store_find(f->m, name_of(1))->content[50] ^= 1;
    load(f->theirs, 0);
    assert_int_equal(
        checkpoint_store_sweep(f->theirs, NOW + INT64_C(40) * 24 * HOUR, &deleted_n, &detail),
        ERR_OK);
    assert_int_equal(deleted_n, 1);
    assert_true(exists(f, 1) && !exists(f, 2));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(names_have_sixteen_digits),
        TEST(the_newest_one_is_loaded_and_the_next_number_follows_it),
        TEST(r16_a_damaged_newest_one_is_passed_over_and_its_number_not_used_again),
        TEST(a_checkpoint_under_another_number_s_name_counts_as_damaged),
        TEST(one_of_a_later_version_is_never_passed_over),
        TEST(other_files_in_the_directory_are_no_checkpoints),
        TEST(r16_the_second_of_two_owners_is_fenced),
        TEST(r16_a_stalled_process_that_creates_a_deleted_number_again_is_fenced),
        TEST(r16_a_create_whose_reply_was_lost_is_read_back_and_counts),
        TEST(r16_a_create_that_came_true_later_is_recognised_as_one_s_own),
        TEST(a_create_that_failed_is_tried_again_under_the_same_number),
        TEST(a_checkpoint_does_not_count_before_the_list_after_it),
        TEST(a_store_that_does_not_answer_is_not_taken_for_an_empty_one),
        TEST(nothing_younger_than_a_day_is_deleted),
        TEST(the_newest_ten_are_kept_however_old),
        TEST(the_first_of_every_hour_is_kept_for_replays),
        TEST(who_takes_over_keeps_and_deletes_the_same),
        TEST(damaged_ones_are_kept_as_evidence),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
