/*
 * The journal on real files: what was appended is there after any crash, once, whole and in order.
 * Faults are made by an ops table that fails, shortens or cuts off the n-th call, for every n.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "producer/edge/journal.h"
#include "producer/edge/journal_format.h"
#include "tests/unit/temp_dir.h"

enum { SMALL = JOURNAL_SEGMENT_BYTES_MIN };

static const struct event_uuid epoch = {{7, 7, 7}};

/* ---- faults -------------------------------------------------------------------------------- */

enum fault { FAULT_NONE, FAULT_EIO, FAULT_ENOSPC, FAULT_SHORT, FAULT_KILL };

/* Fails the `at`-th call (from 1); FAULT_KILL also all later ones: the process is gone. */
struct faults {
    enum fault fault;
    int at;
    int calls;
    bool killed;
};

static bool hit(struct faults *f)
{
    if (f->killed) {
        errno = EIO;
        return true;
    }
    if (++f->calls != f->at || f->fault == FAULT_NONE || f->fault == FAULT_SHORT)
        return false;
    f->killed = f->fault == FAULT_KILL;
    errno = f->fault == FAULT_ENOSPC ? ENOSPC : EIO;
    return true;
}

static int faulty_open(void *user, const char *path, int flags, mode_t mode)
{
    return hit(user) ? -1 : file_ops_system.open(NULL, path, flags, mode);
}

static int faulty_close(void *user, int fd)
{
    (void)user;
    return file_ops_system.close(NULL, fd); /* a dead process closes its files too */
}

static ssize_t faulty_pread(void *user, int fd, void *buffer, size_t n, off_t offset)
{
    struct faults *f = user;

    if (hit(f))
        return -1;
    if (f->fault == FAULT_SHORT && f->calls == f->at && n > 1)
        n /= 2;
    return file_ops_system.pread(NULL, fd, buffer, n, offset);
}

static ssize_t faulty_pwrite(void *user, int fd, const void *buffer, size_t n, off_t offset)
{
    struct faults *f = user;
    bool was_killed = f->killed;

    if (hit(f)) {
        /* Half of it reaches the file before the process or the disk gives up. */
        if (!was_killed && file_ops_system.pwrite(NULL, fd, buffer, n / 2, offset) < 0)
            fail();
        errno = f->fault == FAULT_ENOSPC ? ENOSPC : EIO;
        return -1;
    }
    if (f->fault == FAULT_SHORT && f->calls == f->at && n > 1)
        n /= 2;
    return file_ops_system.pwrite(NULL, fd, buffer, n, offset);
}

static int faulty_datasync(void *user, int fd)
{
    return hit(user) ? -1 : file_ops_system.datasync(NULL, fd);
}

static int faulty_allocate(void *user, int fd, off_t length)
{
    return hit(user) ? -1 : file_ops_system.allocate(NULL, fd, length);
}

static int faulty_rename(void *user, const char *from, const char *to)
{
    return hit(user) ? -1 : file_ops_system.rename(NULL, from, to);
}

static int faulty_unlink(void *user, const char *path)
{
    return hit(user) ? -1 : file_ops_system.unlink(NULL, path);
}

static int faulty_sync_directory(void *user, const char *path)
{
    return hit(user) ? -1 : file_ops_system.sync_directory(NULL, path);
}

static struct file_ops faulty_ops(struct faults *f)
{
    return (struct file_ops){f,
                             faulty_open,
                             faulty_close,
                             faulty_pread,
                             faulty_pwrite,
                             faulty_datasync,
                             faulty_allocate,
                             faulty_rename,
                             faulty_unlink,
                             faulty_sync_directory};
}

/* ---- helpers ------------------------------------------------------------------------------- */

static struct journal_options options_for(const char *directory)
{
    return (struct journal_options){.directory = directory,
                                    .max_bytes = 4 * SMALL,
                                    .segment_bytes = SMALL,
                                    .ops = &file_ops_system};
}

static struct journal *must_open(const char *directory)
{
    struct journal_options options = options_for(directory);
    struct err_detail detail = {{0}};
    struct journal *journal;

    if (journal_open(&options, &journal, &detail) != ERR_OK)
        fail_msg("%s", detail.text);
    return journal;
}

static enum err try_open(const char *directory, struct err_detail *detail)
{
    struct journal_options options = options_for(directory);
    struct journal *journal;
    enum err err = journal_open(&options, &journal, detail);

    journal_close(journal);
    return err;
}

/* Event `seq` is the text "event <seq>" and then filler up to `size`. */
static struct bytes make_event(uint8_t *buffer, uint64_t seq, size_t size)
{
    int n = snprintf((char *)buffer, 32, "event %" PRIu64, seq);

    if ((size_t)n < size)
        memset(buffer + n, 'x', size - (size_t)n);
    return bytes_of(buffer, size > (size_t)n ? size : (size_t)n);
}

/* Commits events first … first+n−1, with the state "state <last>". */
static enum err append(struct journal *journal, uint64_t first, size_t n, size_t size)
{
    static uint8_t buffers[8][128 * 1024];
    struct bytes events[8];
    char state[32];

    assert_true(n <= 8 && size <= sizeof buffers[0]);
    for (size_t i = 0; i < n; i++)
        events[i] = make_event(buffers[i], first + i, size);
    snprintf(state, sizeof state, "state %" PRIu64, first + n - 1);
    struct journal_commit commit = {.epoch = epoch,
                                    .last_seq = first + n - 1,
                                    .wall_ms = 1000 + (int64_t)first,
                                    .events = events,
                                    .events_n = n,
                                    .state = bytes_of_string(state)};
    return journal_append(journal, &commit, NULL);
}

static void must_append(struct journal *journal, uint64_t first, size_t n, size_t size)
{
    assert_int_equal(append(journal, first, n, size), ERR_OK);
}

/* The journal's unacknowledged events must be exactly first … last. */
static void assert_reads(struct journal *journal, uint64_t first, uint64_t last)
{
    static uint8_t buffer[EVENT_RECORD_MAX];
    struct err_detail detail = {{0}};
    uint64_t index;
    size_t len;

    for (uint64_t seq = first; seq <= last; seq++) {
        char text[32];

        enum err err = journal_read(journal, buffer, sizeof buffer, &len, &index, &detail);
        if (err != ERR_OK)
            fail_msg("event %" PRIu64 ": %s %s", seq, err_name(err), detail.text);
        int n = snprintf(text, sizeof text, "event %" PRIu64, seq);
        assert_true(len >= (size_t)n);
        assert_memory_equal(buffer, text, (size_t)n);
        assert_true(len == (size_t)n || buffer[n] == 'x');
        assert_int_equal(index, seq);
    }
    assert_int_equal(journal_read(journal, buffer, sizeof buffer, &len, &index, &detail),
                     ERR_NOT_FOUND);
}

static void assert_state(struct journal *journal, uint64_t seq, uint64_t acked)
{
    struct journal_state state;
    char text[32];

    journal_get_state(journal, &state);
    assert_true(state.has_commit);
    assert_int_equal(state.last_seq, seq);
    assert_int_equal(state.last_index, seq);
    assert_int_equal(state.acked, acked);
    snprintf(text, sizeof text, "state %" PRIu64, seq);
    assert_true(bytes_equal(state.state, bytes_of_string(text)));
}

static void segment_path(const char *directory, int number, char out[512])
{
    snprintf(out, 512, "%s/journal-%020d", directory, number);
}

static void poke(const char *path, off_t offset, const void *data, size_t n)
{
    int fd = open(path, O_RDWR);

    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, data, n, offset), n);
    close(fd);
}

static void flip(const char *path, off_t offset)
{
    uint8_t byte;
    int fd = open(path, O_RDWR);

    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, offset), 1);
    byte ^= 0x10;
    assert_int_equal(pwrite(fd, &byte, 1, offset), 1);
    close(fd);
}

static bool exists(const char *directory, int number)
{
    char path[512];

    segment_path(directory, number, path);
    return access(path, F_OK) == 0;
}

/* ---- tests --------------------------------------------------------------------------------- */

static void a_new_directory_has_no_commit_and_no_event(void **unused)
{
    (void)unused;
    char *directory = temp_dir_new();
    struct journal *journal = must_open(directory);
    struct journal_state state;

    journal_get_state(journal, &state);
    assert_false(state.has_commit);
    assert_int_equal(state.last_index, 0);
    assert_reads(journal, 1, 0);
    journal_close(journal);
    temp_dir_free(directory);
}

static void what_was_appended_is_there_after_reopening(void **unused)
{
    (void)unused;
    char *directory = temp_dir_new();
    struct journal *journal = must_open(directory);

    must_append(journal, 1, 3, 0);
    must_append(journal, 4, 1, 100);
    assert_reads(journal, 1, 4);
    journal_close(journal);

    journal = must_open(directory);
    assert_state(journal, 4, 0);
    assert_reads(journal, 1, 4);
    must_append(journal, 5, 1, 0);
    assert_reads(journal, 5, 5);
    journal_close(journal);
    temp_dir_free(directory);
}

static void a_commit_without_events_replaces_the_state(void **unused)
{
    (void)unused;
    char *directory = temp_dir_new();
    struct journal *journal = must_open(directory);
    struct journal_commit commit = {.epoch = epoch, .state = BYTES_LITERAL("first")};
    struct journal_state state;

    assert_int_equal(journal_append(journal, &commit, NULL), ERR_OK);
    commit.state = BYTES_LITERAL("second");
    assert_int_equal(journal_append(journal, &commit, NULL), ERR_OK);
    journal_close(journal);
    journal = must_open(directory);
    journal_get_state(journal, &state);
    assert_true(state.has_commit);
    assert_int_equal(state.last_seq, 0);
    assert_true(bytes_equal(state.state, BYTES_LITERAL("second")));
    journal_close(journal);
    temp_dir_free(directory);
}

static void acknowledged_events_are_not_read_again(void **unused)
{
    (void)unused;
    char *directory = temp_dir_new();
    struct journal *journal = must_open(directory);

    must_append(journal, 1, 5, 0);
    must_append(journal, 6, 2, 0);
    assert_int_equal(journal_ack(journal, 3, NULL), ERR_OK);
    assert_int_equal(journal_ack(journal, 2, NULL), ERR_OK); /* late: ignored */
    journal_close(journal);
    journal = must_open(directory);
    assert_state(journal, 7, 3);
    assert_reads(journal, 4, 7);
    journal_seek(journal, 5);
    assert_reads(journal, 5, 7);
    journal_close(journal);
    temp_dir_free(directory);
}

static void a_torn_acknowledgement_falls_back_to_the_one_before(void **unused)
{
    (void)unused;
    char *directory = temp_dir_new();
    char path[512];
    struct journal *journal = must_open(directory);

    must_append(journal, 1, 5, 0);
    assert_int_equal(journal_ack(journal, 2, NULL), ERR_OK); /* turn 2: slot 0 */
    assert_int_equal(journal_ack(journal, 4, NULL), ERR_OK); /* turn 3: slot 1 */
    journal_close(journal);
    segment_path(directory, 1, path);
    flip(path, 2 * SEGMENT_SLOT_OFFSET + 8);
    journal = must_open(directory);
    assert_state(journal, 5, 2);
    assert_reads(journal, 3, 5);
    journal_close(journal);
    temp_dir_free(directory);
}

static void events_cross_segments_in_order_and_acknowledged_segments_are_deleted(void **unused)
{
    (void)unused;
    char *directory = temp_dir_new();
    struct journal *journal = must_open(directory);

    for (uint64_t seq = 1; seq <= 6; seq++)
        must_append(journal, seq, 1, 100 * 1024); /* two a segment */
    assert_true(exists(directory, 1) && exists(directory, 2) && exists(directory, 3));
    assert_reads(journal, 1, 6);
    assert_int_equal(journal_ack(journal, 1, NULL), ERR_OK);
    assert_true(exists(directory, 1));
    assert_int_equal(journal_ack(journal, 2, NULL), ERR_OK);
    assert_false(exists(directory, 1));
    assert_int_equal(journal_ack(journal, 6, NULL), ERR_OK);
    assert_false(exists(directory, 2));
    assert_true(exists(directory, 3)); /* the newest commit (J4) */
    journal_close(journal);
    journal = must_open(directory);
    assert_state(journal, 6, 6);
    assert_reads(journal, 7, 6);
    must_append(journal, 7, 2, 10);
    assert_reads(journal, 7, 8);
    journal_close(journal);
    temp_dir_free(directory);
}

static void a_full_journal_changes_nothing_and_takes_more_after_an_acknowledgement(void **unused)
{
    (void)unused;
    char *directory = temp_dir_new();
    struct journal *journal = must_open(directory);
    struct journal_state before, after;

    for (uint64_t seq = 1; seq <= 8; seq++)
        must_append(journal, seq, 1, 100 * 1024);
    journal_get_state(journal, &before);
    assert_int_equal(append(journal, 9, 1, 100 * 1024), ERR_NO_SPACE);
    journal_get_state(journal, &after);
    assert_int_equal(after.last_index, before.last_index);
    assert_true(bytes_equal(after.state, BYTES_LITERAL("state 8")));
    assert_true(after.bytes <= after.max_bytes);
    assert_reads(journal, 1, 8);
    assert_int_equal(journal_ack(journal, 2, NULL), ERR_OK);
    must_append(journal, 9, 1, 100 * 1024);
    assert_reads(journal, 9, 9);
    journal_close(journal);
    temp_dir_free(directory);
}

static void a_commit_larger_than_a_segment_is_refused(void **unused)
{
    (void)unused;
    char *directory = temp_dir_new();
    struct journal *journal = must_open(directory);

    must_append(journal, 1, 1, 10);
    assert_int_equal(append(journal, 2, 3, 100 * 1024), ERR_LIMIT);
    must_append(journal, 2, 2, 100 * 1024);
    assert_reads(journal, 1, 3);
    journal_close(journal);
    temp_dir_free(directory);
}

static void a_second_producer_is_refused(void **unused)
{
    (void)unused;
    char *directory = temp_dir_new();
    struct journal *journal = must_open(directory);
    struct err_detail detail;

    assert_int_equal(try_open(directory, &detail), ERR_CONFLICT);
    journal_close(journal);
    assert_int_equal(try_open(directory, &detail), ERR_OK);
    temp_dir_free(directory);
}

static void a_reader_without_the_lock_sees_the_journal_and_changes_nothing(void **unused)
{
    (void)unused;
    char *directory = temp_dir_new();
    struct journal *journal = must_open(directory);
    struct journal_options options = options_for(directory);
    struct journal *reader;

    must_append(journal, 1, 3, 0);
    assert_int_equal(journal_ack(journal, 1, NULL), ERR_OK);
    options.read_only = true;
    assert_int_equal(journal_open(&options, &reader, NULL), ERR_OK);
    assert_state(reader, 3, 1);
    struct journal_state state;
    journal_get_state(reader, &state);
    assert_int_equal(state.oldest_unacked_ms, 1001);
    assert_reads(reader, 2, 3);
    journal_close(reader);
    must_append(journal, 4, 1, 0);
    journal_close(journal);
    temp_dir_free(directory);
}

/* A crash while the last record was written leaves any prefix of it. */
static void a_record_torn_at_any_byte_is_cut_and_nothing_before_it_is_lost(void **unused)
{
    (void)unused;
    char *directory = temp_dir_new();
    char path[512];
    struct journal *journal = must_open(directory);
    struct stat st;

    must_append(journal, 1, 2, 40);
    journal_close(journal);
    segment_path(directory, 1, path);
    uint8_t *before = temp_read_file(path, &st);
    journal = must_open(directory);
    must_append(journal, 3, 2, 40);
    journal_close(journal);
    uint8_t *after = temp_read_file(path, &st);
    size_t start = 0, end = (size_t)st.st_size;
    while (before[start] == after[start])
        start++;
    while (end > 0 && before[end - 1] == after[end - 1])
        end--;
    assert_true(start >= SEGMENT_DATA_OFFSET && end - start > 100);
    for (size_t cut = start; cut < end; cut++) {
        poke(path, 0, before, (size_t)st.st_size);
        poke(path, (off_t)start, after + start, cut - start);
        journal = must_open(directory);
        assert_state(journal, 2, 0);
        assert_reads(journal, 1, 2);
        must_append(journal, 3, 1, 0); /* and it goes on */
        journal_close(journal);
        journal = must_open(directory);
        assert_reads(journal, 1, 3);
        journal_close(journal);
    }
    free(before);
    free(after);
    temp_dir_free(directory);
}

static void a_damaged_record_with_durable_ones_after_it_is_an_incident(void **unused)
{
    (void)unused;
    char *directory = temp_dir_new();
    char path[512];
    struct err_detail detail = {{0}};
    struct journal *journal = must_open(directory);

    must_append(journal, 1, 1, 100);
    must_append(journal, 2, 1, 100);
    journal_close(journal);
    segment_path(directory, 1, path);
    flip(path, SEGMENT_DATA_OFFSET + 100);
    assert_int_equal(try_open(directory, &detail), ERR_INCIDENT);
    assert_non_null(strstr(detail.text, path));
    assert_non_null(strstr(detail.text, "offset 4096"));
    flip(path, SEGMENT_DATA_OFFSET + 100);
    assert_int_equal(try_open(directory, &detail), ERR_OK);
    temp_dir_free(directory);
}

static void zeros_over_a_durable_record_are_an_incident(void **unused)
{
    (void)unused;
    char *directory = temp_dir_new();
    char path[512];
    uint8_t zeros[RECORD_HEADER_BYTES] = {0};
    struct err_detail detail;
    struct journal *journal = must_open(directory);

    must_append(journal, 1, 1, 100);
    must_append(journal, 2, 1, 100);
    journal_close(journal);
    segment_path(directory, 1, path);
    poke(path, SEGMENT_DATA_OFFSET, zeros, sizeof zeros);
    assert_int_equal(try_open(directory, &detail), ERR_INCIDENT);
    temp_dir_free(directory);
}

static void a_damaged_or_missing_earlier_segment_is_an_incident(void **unused)
{
    (void)unused;
    char *directory = temp_dir_new();
    char path[512], moved[512];
    struct err_detail detail;
    struct journal *journal = must_open(directory);

    for (uint64_t seq = 1; seq <= 6; seq++)
        must_append(journal, seq, 1, 100 * 1024);
    journal_close(journal);
    snprintf(moved, sizeof moved, "%s/moved", directory);
    for (int number = 1; number <= 2; number++) {
        segment_path(directory, number, path);
        assert_int_equal(rename(path, moved), 0);
        assert_int_equal(try_open(directory, &detail), ERR_INCIDENT);
        assert_int_equal(rename(moved, path), 0);
        flip(path, 200 * 1024);
        assert_int_equal(try_open(directory, &detail), ERR_INCIDENT);
        flip(path, 200 * 1024);
        flip(path, 9); /* header */
        assert_int_equal(try_open(directory, &detail), ERR_INCIDENT);
        flip(path, 9);
    }
    assert_int_equal(try_open(directory, &detail), ERR_OK);
    temp_dir_free(directory);
}

static void losing_the_last_segment_after_its_events_were_acknowledged_is_an_incident(void **unused)
{
    (void)unused;
    char *directory = temp_dir_new();
    char path[512];
    struct err_detail detail;
    struct journal *journal = must_open(directory);

    must_append(journal, 1, 1, 10);
    must_append(journal, 2, 1, 10);
    assert_int_equal(journal_ack(journal, 2, NULL), ERR_OK);
    journal_close(journal);
    segment_path(directory, 1, path);
    flip(path, SEGMENT_DATA_OFFSET + 120); /* in the last record: alone it would look torn */
    assert_int_equal(try_open(directory, &detail), ERR_INCIDENT);
    temp_dir_free(directory);
}

static void leftovers_of_an_interrupted_start_of_a_segment_are_removed(void **unused)
{
    (void)unused;
    char *directory = temp_dir_new();
    char path[600];
    struct journal *journal = must_open(directory);

    must_append(journal, 1, 1, 10);
    journal_close(journal);
    snprintf(path, sizeof path, "%s/journal-%020d.tmp", directory, 2);
    temp_write_file(path, "half", 4);
    journal = must_open(directory);
    assert_int_equal(access(path, F_OK), -1);
    assert_reads(journal, 1, 1);
    journal_close(journal);
    temp_dir_free(directory);
}

/*
 * One life of a producer under a fault: it appends, publishes and acknowledges, and remembers what
 * it was told. Stops at the first error that is not ERR_NO_SPACE.
 */
struct memory {
    uint64_t told;  /* events that append said are on the disk */
    uint64_t tried; /* the last event of an append that failed, 0 = none */
    uint64_t acked; /* events that we acknowledged, or tried to */
};

static void live(struct journal *journal, struct memory *m)
{
    static uint8_t buffer[EVENT_RECORD_MAX];
    uint64_t index;
    size_t len;

    for (int round = 0; round < 12; round++) {
        size_t n = 1 + (size_t)round % 2;
        enum err err = append(journal, m->told + 1, n, 60 * 1024);

        if (err == ERR_NO_SPACE)
            continue;
        if (err != ERR_OK) {
            m->tried = m->told + n;
            return;
        }
        m->told += n;
        for (size_t i = 0; i < n; i++) {
            if (journal_read(journal, buffer, sizeof buffer, &len, &index, NULL) != ERR_OK)
                return;
            assert_true(index <= m->told);
        }
        m->acked = index;
        if (round % 3 == 2 && journal_ack(journal, index, NULL) != ERR_OK)
            return;
    }
}

/* After any fault: reopened with a healthy disk, the journal has every event that it promised, at
 * most the one commit more that was being written, no event before the acknowledged ones is wrong.
 */
static void check_after(const char *directory, const struct memory *m)
{
    struct journal *journal = must_open(directory);
    struct journal_state state;

    journal_get_state(journal, &state);
    assert_true(state.last_index == m->told || (m->tried != 0 && state.last_index == m->tried));
    assert_true(state.acked <= m->acked);
    if (state.has_commit)
        assert_state(journal, state.last_index, state.acked);
    else
        assert_int_equal(m->told, 0);
    assert_reads(journal, state.acked + 1, state.last_index);
    must_append(journal, state.last_index + 1, 1, 10);
    assert_reads(journal, state.last_index + 1, state.last_index + 1);
    journal_close(journal);
}

static int run_with_fault(enum fault fault, int at)
{
    char *directory = temp_dir_new();
    struct faults faults = {.fault = fault, .at = at};
    struct file_ops ops = faulty_ops(&faults);
    struct journal_options options = options_for(directory);
    struct memory m = {0};
    struct journal *journal;

    options.ops = &ops;
    if (journal_open(&options, &journal, NULL) == ERR_OK) {
        live(journal, &m);
        journal_close(journal);
    }
    bool killed_opening = faults.killed;
    if (!killed_opening && journal_open(&options, &journal, NULL) == ERR_OK)
        journal_close(journal);
    check_after(directory, &m);
    temp_dir_free(directory);
    return faults.calls;
}

static void nothing_promised_is_lost_whichever_call_fails(void **unused)
{
    (void)unused;
    static const enum fault faults[] = {FAULT_EIO, FAULT_ENOSPC, FAULT_SHORT, FAULT_KILL};
    int calls = run_with_fault(FAULT_NONE, 0);

    assert_true(calls > 60);
    for (size_t f = 0; f < sizeof faults / sizeof faults[0]; f++)
        for (int at = 1; at <= calls; at++)
            run_with_fault(faults[f], at);
}

static void no_space_for_a_new_segment_is_full_and_not_broken(void **unused)
{
    (void)unused;
    char *directory = temp_dir_new();
    struct faults faults = {.fault = FAULT_NONE};
    struct file_ops ops = faulty_ops(&faults);
    struct journal_options options = options_for(directory);
    struct journal *journal;

    options.ops = &ops;
    assert_int_equal(journal_open(&options, &journal, NULL), ERR_OK);
    must_append(journal, 1, 2, 100 * 1024);
    /* The next append needs a segment: open, allocate ← fails. */
    faults = (struct faults){.fault = FAULT_ENOSPC, .at = 2};
    assert_int_equal(append(journal, 3, 1, 100 * 1024), ERR_NO_SPACE);
    assert_int_equal(faults.calls >= 2, 1);
    faults = (struct faults){.fault = FAULT_NONE};
    must_append(journal, 3, 1, 100 * 1024);
    assert_reads(journal, 1, 3);
    journal_close(journal);
    temp_dir_free(directory);
}

static void after_a_failed_sync_the_journal_takes_nothing_more(void **unused)
{
    (void)unused;
    char *directory = temp_dir_new();
    struct faults faults = {.fault = FAULT_NONE};
    struct file_ops ops = faulty_ops(&faults);
    struct journal_options options = options_for(directory);
    struct err_detail detail = {{0}};
    struct journal *journal;
    uint8_t buffer[64];
    uint64_t index;
    size_t len;

    options.ops = &ops;
    assert_int_equal(journal_open(&options, &journal, NULL), ERR_OK);
    must_append(journal, 1, 1, 10);
    faults = (struct faults){.fault = FAULT_EIO, .at = 2}; /* pwrite, then datasync */
    assert_int_equal(append(journal, 2, 1, 10), ERR_IO);
    assert_int_equal(append(journal, 2, 1, 10), ERR_CLOSED);
    assert_int_equal(journal_ack(journal, 1, &detail), ERR_CLOSED);
    assert_non_null(strstr(detail.text, "cannot sync"));
    assert_int_equal(journal_read(journal, buffer, sizeof buffer, &len, &index, NULL), ERR_CLOSED);
    journal_close(journal);
    temp_dir_free(directory);
}

static void sizes_at_their_limits_are_taken_and_beyond_refused(void **unused)
{
    (void)unused;
    char *directory = temp_dir_new();
    struct journal_options options = options_for(directory);
    struct journal *journal;

    options.segment_bytes = JOURNAL_SEGMENT_BYTES_MIN - 1;
    assert_int_equal(journal_open(&options, &journal, NULL), ERR_CONFIG);
    options.segment_bytes = JOURNAL_SEGMENT_BYTES_MAX;
    options.max_bytes = 2 * (uint64_t)JOURNAL_SEGMENT_BYTES_MAX - 1;
    assert_int_equal(journal_open(&options, &journal, NULL), ERR_CONFIG);
    options.max_bytes++;
    assert_int_equal(journal_open(&options, &journal, NULL), ERR_OK);
    journal_close(journal);
    options.segment_bytes = JOURNAL_SEGMENT_BYTES_MAX + 1;
    assert_int_equal(journal_open(&options, &journal, NULL), ERR_CONFIG);
    temp_dir_free(directory);
}

static void smaller_segments_after_a_change_of_configuration_are_fine(void **unused)
{
    (void)unused;
    char *directory = temp_dir_new();
    struct journal_options options = options_for(directory);
    struct journal *journal;

    options.segment_bytes = 2 * SMALL;
    assert_int_equal(journal_open(&options, &journal, NULL), ERR_OK);
    for (uint64_t seq = 1; seq <= 6; seq++)
        must_append(journal, seq, 1, 100 * 1024);
    journal_close(journal);
    journal = must_open(directory);
    for (uint64_t seq = 7; seq <= 10; seq++)
        must_append(journal, seq, 1, 100 * 1024);
    assert_reads(journal, 1, 10);
    assert_int_equal(append(journal, 11, 1, 100 * 1024), ERR_NO_SPACE);
    assert_int_equal(journal_ack(journal, 5, NULL), ERR_OK);
    must_append(journal, 11, 1, 100 * 1024);
    assert_reads(journal, 11, 11);
    journal_close(journal);
    temp_dir_free(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_directory_has_no_commit_and_no_event),
        cmocka_unit_test(what_was_appended_is_there_after_reopening),
        cmocka_unit_test(a_commit_without_events_replaces_the_state),
        cmocka_unit_test(acknowledged_events_are_not_read_again),
        cmocka_unit_test(a_torn_acknowledgement_falls_back_to_the_one_before),
        cmocka_unit_test(events_cross_segments_in_order_and_acknowledged_segments_are_deleted),
        cmocka_unit_test(a_full_journal_changes_nothing_and_takes_more_after_an_acknowledgement),
        cmocka_unit_test(a_commit_larger_than_a_segment_is_refused),
        cmocka_unit_test(a_second_producer_is_refused),
        cmocka_unit_test(a_reader_without_the_lock_sees_the_journal_and_changes_nothing),
        cmocka_unit_test(a_record_torn_at_any_byte_is_cut_and_nothing_before_it_is_lost),
        cmocka_unit_test(a_damaged_record_with_durable_ones_after_it_is_an_incident),
        cmocka_unit_test(zeros_over_a_durable_record_are_an_incident),
        cmocka_unit_test(a_damaged_or_missing_earlier_segment_is_an_incident),
        cmocka_unit_test(losing_the_last_segment_after_its_events_were_acknowledged_is_an_incident),
        cmocka_unit_test(leftovers_of_an_interrupted_start_of_a_segment_are_removed),
        cmocka_unit_test(nothing_promised_is_lost_whichever_call_fails),
        cmocka_unit_test(no_space_for_a_new_segment_is_full_and_not_broken),
        cmocka_unit_test(after_a_failed_sync_the_journal_takes_nothing_more),
        cmocka_unit_test(sizes_at_their_limits_are_taken_and_beyond_refused),
        cmocka_unit_test(smaller_segments_after_a_change_of_configuration_are_fine),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
