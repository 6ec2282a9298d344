/*
 * The tailer against random histories: writers that keep their inode, rotation by rename and by
 * copytruncate, restarts, refusals, small budgets. Every line must arrive exactly once, and each
 * writer's lines in its order. A failure prints its seed; SEED=n replays it alone.
 */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "producer/edge/tailer.h"
#include "tests/unit/temp_dir.h"

enum { WRITERS = 4, LINES_MAX = 400, KEEP = 10, HISTORIES = 60, STEPS = 120 };

struct model {
    uint64_t random;
    char *directory;
    char path[512];
    struct tailer *tailer;
    int writer[WRITERS];              /* descriptors, −1 = none */
    uint32_t written[WRITERS];        /* lines of each */
    uint8_t seen[WRITERS][LINES_MAX]; /* how often each line was delivered */
    uint32_t rotated;                 /* files PATH.1 … PATH.rotated exist */
    uint32_t refuse_after;
    char trace[STEPS + 1];
};

static uint32_t pick(struct model *m, uint32_t n)
{
    m->random ^= m->random << 13;
    m->random ^= m->random >> 7;
    m->random ^= m->random << 17;
    return (uint32_t)(m->random >> 33) % n;
}

static void numbered(const struct model *m, uint32_t n, char out[600])
{
    snprintf(out, 600, n == 0 ? "%s" : "%s.%u", m->path, n);
}

static void shift_rotated(struct model *m)
{
    char from[600], to[600];

    for (uint32_t n = m->rotated; n > 0; n--) {
        numbered(m, n, from);
        numbered(m, n + 1, to);
        assert_int_equal(rename(from, to), 0);
    }
}

static void rotate_by_rename(struct model *m)
{
    char first[600];

    if (m->rotated == KEEP || access(m->path, F_OK) != 0)
        return;
    shift_rotated(m);
    numbered(m, 1, first);
    assert_int_equal(rename(m->path, first), 0);
    m->rotated++;
    if (pick(m, 2) == 0) /* logrotate's "create"; otherwise a writer makes it */
        temp_append_file(m->path, "", 0);
}

/* Has anything been read from PATH since it began? */
static bool live_was_read(const struct model *m)
{
    uint8_t saved[TAILER_POSITIONS_MAX];
    size_t len = tailer_save(m->tailer, saved);
    struct log_position position;
    struct stat st;

    assert_int_equal(stat(m->path, &st), 0);
    for (size_t at = 3; at < len; at += LOG_POSITION_BYTES) {
        log_position_get(saved + at, &position);
        if (position.inode == st.st_ino)
            return position.offset > 0;
    }
    return false;
}

/* Only after something was read from PATH: of a file that was truncated before anybody looked at it
 * nothing tells that its copy was never read. */
static void rotate_by_copytruncate(struct model *m)
{
    char first[600];
    struct stat st;

    if (m->rotated == KEEP || access(m->path, F_OK) != 0 || !live_was_read(m))
        return;
    shift_rotated(m);
    numbered(m, 1, first);
    uint8_t *data = temp_read_file(m->path, &st);
    temp_write_file(first, data, (size_t)st.st_size);
    free(data);
    assert_int_equal(truncate(m->path, 0), 0);
    m->rotated++;
}

/* What nitro-cli's logger does: reopen only when the path is missing, else keep the inode. */
static void write_line(struct model *m)
{
    uint32_t w = pick(m, WRITERS);
    char text[64];

    if (m->written[w] == LINES_MAX)
        return;
    if (m->writer[w] < 0 || access(m->path, F_OK) != 0 || pick(m, 8) == 0) {
        if (m->writer[w] >= 0)
            close(m->writer[w]);
        m->writer[w] = open(m->path, O_WRONLY | O_APPEND | O_CREAT, 0644);
        assert_true(m->writer[w] >= 0);
    }
    int n = snprintf(text, sizeof text, "w%u line %u\n", w, m->written[w]++);
    assert_int_equal(write(m->writer[w], text, (size_t)n), n);
}

static bool take(void *user, const struct log_text *line)
{
    struct model *m = user;
    char text[64];
    uint32_t w, n;

    if (m->refuse_after == 0)
        return false;
    m->refuse_after--;
    assert_true(line->text.len < sizeof text);
    memcpy(text, line->text.ptr, line->text.len);
    text[line->text.len] = '\0';
    assert_int_equal(sscanf(text, "w%u line %u", &w, &n), 2);
    assert_true(w < WRITERS && n < m->written[w]);
    m->seen[w][n]++;
    return true;
}

static void look(struct model *m, uint32_t refuse_after, uint64_t max_bytes)
{
    struct tailer_request request = {
        .now_ms = 1, .oldest_live_ms = INT64_MAX, .max_bytes = max_bytes, .take = take, .user = m};
    struct tailer_progress progress;

    m->refuse_after = refuse_after;
    assert_int_equal(tailer_read(m->tailer, &request, &progress, NULL), ERR_OK);
}

static void start(struct model *m)
{
    struct tailer_options options = {.path = m->path, .old_file_idle_ms = INT64_MAX};

    assert_int_equal(tailer_new(&options, &m->tailer, NULL), ERR_OK);
}

static void restart(struct model *m)
{
    uint8_t saved[TAILER_POSITIONS_MAX];
    size_t len = tailer_save(m->tailer, saved);

    tailer_free(m->tailer);
    start(m);
    assert_int_equal(tailer_load(m->tailer, bytes_of(saved, len), NULL), ERR_OK);
}

static char step(struct model *m)
{
    switch (pick(m, 16)) {
    case 0: rotate_by_rename(m); return 'R';
    case 1: rotate_by_copytruncate(m); return 'C';
    case 2: restart(m); return 'S';
    case 3: look(m, pick(m, 4), UINT64_MAX); return 'r';
    case 4: look(m, UINT32_MAX, 1 + pick(m, 60)); return 'b';
    case 5:
    case 6: look(m, UINT32_MAX, UINT64_MAX); return 'l';
    default: write_line(m); return '.';
    }
}

static void run_history(uint64_t seed)
{
    static struct model m;

    m = (struct model){.random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1,
                       .directory = temp_dir_new()};
    snprintf(m.path, sizeof m.path, "%s/nitro_enclaves.log", m.directory);
    memset(m.writer, 0xff, sizeof m.writer);
    start(&m);
    for (int i = 0; i < STEPS; i++)
        m.trace[i] = step(&m);
    look(&m, UINT32_MAX, UINT64_MAX);
    look(&m, UINT32_MAX, UINT64_MAX); /* after a rewrite was found */
    for (uint32_t w = 0; w < WRITERS; w++) {
        for (uint32_t n = 0; n < m.written[w]; n++)
            if (m.seen[w][n] != 1)
                fail_msg("SEED=%" PRIu64 ": line %u of writer %u was delivered %u times; %s", seed,
                         n, w, m.seen[w][n], m.trace);
        if (m.writer[w] >= 0)
            close(m.writer[w]);
    }
    tailer_free(m.tailer);
    temp_dir_free(m.directory);
}

static void every_line_arrives_exactly_once_whatever_happens_to_the_files(void **unused)
{
    (void)unused;
    const char *seed = getenv("SEED");

    if (seed != NULL) {
        run_history(strtoull(seed, NULL, 10));
        return;
    }
    for (uint64_t s = 1; s <= HISTORIES; s++)
        run_history(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_line_arrives_exactly_once_whatever_happens_to_the_files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
