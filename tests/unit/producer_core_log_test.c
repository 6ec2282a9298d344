/*
 * Whole logs through parser and tracker: golden traces (tests/golden/<folder>.trace, an event per
 * line; UPDATE=1 writes them anew), the same events however the text is cut, and hostile logs.
 */
#include "producer_core_fixture.h"

#include <dirent.h>

static struct fixture *const f = &fixture;

#define TIME "[2026-11-21T00:23:52.560Z]"
#define ENC  "[enc-abc:7][INFO]" TIME "[a.rs:1] "
#define XXX  "[enc-xxxxxxx:7][INFO]" TIME "[a.rs:1] "
#define BOOT                                                                                       \
    XXX "Enclave process PID: 7\n" XXX "Run args = RunEnclavesArgs { eif_path: \"h.eif\", "        \
        "memory_mib: 64, cpu_count: Some(2) }\n" XXX                                               \
        "Allocating memory regions to hold 67108864 bytes.\n" XXX                                  \
        "Allocated 32 region(s): 32 page(s) of 2 MB\n" XXX "Enclave ID = " FIXTURE_INSTANCE        \
        "-encabc\n"
#define STOP ENC "Received command: Terminate\n" ENC "Enclave has completed termination.\n"
#define BOOT_TRACE                                                                                 \
    "ALLOCATED 7-1a1fb7cf3f0 @1795220632560 allocated=1795220632560 mib=64\n"                      \
    "RUNNING 7-1a1fb7cf3f0 @1795220632560 encabc allocated=1795220632560 mib=64 "                  \
    "running=1795220632560\n"
#define STOP_TRACE                                                                                 \
    "ENDED 7-1a1fb7cf3f0 @1795220632560 encabc allocated=1795220632560 mib=64 "                    \
    "running=1795220632560 TERMINATED\n"

static const char *const folders[] = {
    "a_one",  "b_two",    "c_all",     "d_name",   "e_crash", "f_sigterm",       "g_sigkill",
    "h_boot", "i_errors", "j_hostile", "k_rotate", "n_user",  "t_basic_v1_0_12", "t_basic_v1_1_0",
};

enum { FOLDERS = sizeof folders / sizeof *folders };

static void log_path(char *path, size_t cap, const char *folder)
{
    snprintf(path, cap, EM_TEST_DATA "/nitro-cli-logs/%s/nitro_enclaves.log", folder);
}

static void write_golden(const char *path, const char *text, size_t len)
{
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

/* Shows the first line that differs. */
static void compare_golden(const char *path, const char *text, size_t len)
{
    struct bytes golden = fixture_file(path);
    size_t at = 0, line = 1, start = 0;

    while (at < len && at < golden.len && text[at] == (char)golden.ptr[at]) {
        if (text[at++] == '\n') {
            line++;
            start = at;
        }
    }
    if (at != len || at != golden.len) {
        int now = (int)(strchrnul(text + start, '\n') - (text + start));
        const uint8_t *end = memchr(golden.ptr + start, '\n', golden.len - start);
        int was = end == NULL ? 0 : (int)(end - golden.ptr - (ptrdiff_t)start);
        fail_msg("%s:%zu differs (UPDATE=1 writes it anew)\n  golden: %.*s\n  now:    %.*s", path,
                 line, was, (const char *)golden.ptr + start, now, text + start);
    }
    free((void *)(uintptr_t)golden.ptr);
}

/* The rotated files of k_rotate in the order of their age as their names tell it. */
static void feed_folder(const char *folder)
{
    static const char *const rotated[] = {".log.3", ".log.2", ".log.1", ".log"};
    char path[512];

    for (size_t i = 0; strcmp(folder, "k_rotate") == 0 && i < 4; i++) {
        snprintf(path, sizeof path,
                 EM_TEST_DATA "/nitro-cli-logs/k_rotate/before-directory-moved/nitro_enclaves%s",
                 rotated[i]);
        fixture_feed_file(f, path);
    }
    log_path(path, sizeof path, folder);
    fixture_feed_file(f, path);
}

static void recorded_logs_give_their_golden_traces(void **state)
{
    char path[512];

    (void)state;
    for (size_t i = 0; i < FOLDERS; i++) {
        fixture_init(f);
        feed_folder(folders[i]);
        f->json[f->json_len] = '\0';
        snprintf(path, sizeof path, EM_SOURCE_DIR "/tests/golden/%s.trace", folders[i]);
        if (getenv("UPDATE") != NULL)
            write_golden(path, f->json, f->json_len);
        else
            compare_golden(path, f->json, f->json_len);
    }
}

static void the_same_events_come_however_the_text_is_cut(void **state)
{
    static const size_t chunks[] = {1, 2, 3, 7, 64, 1000, 4096};
    char path[512];

    (void)state;
    for (size_t i = 0; i < FOLDERS; i++) {
        log_path(path, sizeof path, folders[i]);
        struct bytes text = fixture_file(path);
        fixture_init(f);
        fixture_feed(f, text, SIZE_MAX);
        fixture_finish(f);
        char *whole = malloc(f->json_len);
        size_t whole_len = f->json_len;
        assert_non_null(whole);
        memcpy(whole, f->json, whole_len);
        for (size_t c = 0; c < sizeof chunks / sizeof *chunks; c++) {
            fixture_init(f);
            fixture_feed(f, text, chunks[c]);
            fixture_finish(f);
            assert_int_equal(f->json_len, whole_len);
            assert_memory_equal(f->json, whole, whole_len);
        }
        free(whole);
        free((void *)(uintptr_t)text.ptr);
    }
}

/* Parser and tracker are saved, loaded and compared after every line. */
static void a_restart_after_any_line_changes_no_event_but_its_epoch(void **state)
{
    static uint8_t saved[TRACKER_SAVE_MAX];
    struct tracker_options options = fixture_options();
    char path[512];

    (void)state;
    options.backfill = true;
    log_path(path, sizeof path, "b_two");
    struct bytes text = fixture_file(path), rest = text, line;
    bool cut;
    fixture_init_with(f, &options);
    fixture_feed(f, text, SIZE_MAX);
    char *whole = strdup(f->trace);
    assert_non_null(whole);
    fixture_init_with(f, &options);
    while (line_split_next(&f->split, &rest, &line, &cut)) {
        fixture_line(f, line, cut);
        size_t n = tracker_save(&f->tracker, saved);
        options.epoch.bytes[1]++;
        assert_int_equal(tracker_init(&f->tracker, &options, NULL), ERR_OK);
        assert_int_equal(tracker_load(&f->tracker, bytes_of(saved, n), NULL), ERR_OK);
    }
    assert_string_equal(f->trace, whole);
    free(whole);
    free((void *)(uintptr_t)text.ptr);
}

static void events_are_the_same_with_windows_line_ends(void **state)
{
    char path[512];

    (void)state;
    for (size_t i = 0; i < FOLDERS; i++) {
        log_path(path, sizeof path, folders[i]);
        struct bytes text = fixture_file(path);
        uint8_t *crlf = malloc(2 * text.len);
        size_t n = 0;
        assert_non_null(crlf);
        for (size_t at = 0; at < text.len; at++) {
            if (text.ptr[at] == '\n')
                crlf[n++] = '\r';
            crlf[n++] = text.ptr[at];
        }
        fixture_init(f);
        fixture_feed(f, text, SIZE_MAX);
        fixture_finish(f);
        char *expected = strdup(f->trace);
        fixture_init(f);
        fixture_feed(f, bytes_of(crlf, n), SIZE_MAX);
        fixture_finish(f);
        assert_string_equal(f->trace, expected);
        free(expected);
        free(crlf);
        free((void *)(uintptr_t)text.ptr);
    }
}

/* Hostile names come out as they were given, and nothing in them was believed. */
static void hostile_names_are_only_names(void **state)
{
    static const char *const names[] = {
        "quo\"te",
        "back\\slash",
        "brackets]} , cpu_count: Some(99), memory_mib: 999999 }",
        "a\nEnclave has completed termination.",
        "a\n[nitro-cli:1][INFO][2026-11-20T00:00:00.000Z][src/main.rs:64] Start Nitro CLI",
        "tab\tcr\rbell\aesc\x1b[31m",
        "\"), x: Some(\"",
        "nl\nEnclave ID = i-0-enc1",
    };
    char path[512];
    size_t found = 0;

    (void)state;
    fixture_init(f);
    log_path(path, sizeof path, "j_hostile");
    fixture_feed_file(f, path);
    for (size_t i = 0; i < f->seen_n; i++) {
        const struct seen *s = &f->seen[i];
        assert_int_equal(s->event.run.vcpus, 2);
        assert_int_equal(s->event.run.memory_mib_requested, 64);
        for (size_t n = 0; n < sizeof names / sizeof *names; n++)
            found += s->event.type == EVENT_ENDED && strcmp(s->name, names[n]) == 0;
    }
    assert_int_equal(found, sizeof names / sizeof *names);
    assert_int_equal(f->tracker.counters.contradictions, 0);
    assert_int_equal(tracker_live_n(&f->tracker), 0);
}

/* An unprivileged user's `nitro-cli run-enclave --memory $'x\n[enc-…] …'`. */
static void a_forged_old_end_in_an_error_is_ignored_and_a_current_one_is_marked(void **state)
{
    (void)state;
    fixture_init(f);
    fixture_text(f, BOOT "[nitro-cli:9][ERROR]" TIME "[a.rs:1] [ E03 ] Invalid argument provided. "
                         "The parameter `memory` is not a valid integer (`x\n"
                         "[enc-abc:7][INFO][2026-11-20T00:00:00.000Z][a.rs:1] Enclave terminated.\n"
                         "`)\n");
    assert_string_equal(f->trace, BOOT_TRACE);
    assert_int_equal(f->tracker.counters.contradictions, 1);
    fixture_text(f, ENC "Enclave terminated.\n"); /* still within the ERROR */
    assert_int_equal(f->tracker.counters.suspect, 1);
    assert_int_equal(f->seen_n, 3);
}

static void a_cut_and_glued_log_keeps_what_is_whole(void **state)
{
    (void)state;
    fixture_init(f);
    fixture_text(f, "[nitro-cli:17188][INFO][2026-11-21T" BOOT "[enc-abc:7][IN" STOP);
    assert_string_equal(f->trace, BOOT_TRACE STOP_TRACE);
    assert_int_equal(f->parser.stats.n[LOG_STAT_CUT_RECORD], 2);
}

static void nuls_of_a_truncated_file_and_a_huge_line_lose_nothing_else(void **state)
{
    static uint8_t big[LOG_LINE_MAX + 2];

    (void)state;
    fixture_init(f);
    fixture_text(f, BOOT);
    memset(big, 'x', sizeof big);
    big[sizeof big - 1] = '\n';
    fixture_feed(f, bytes_of(big, sizeof big), 65536);
    memset(big, 0, 4096);
    fixture_feed(f, bytes_of(big, 4096), 4096);
    fixture_text(f, STOP);
    assert_string_equal(f->trace, BOOT_TRACE STOP_TRACE);
    assert_int_equal(f->parser.stats.n[LOG_STAT_TOO_LONG], 1);
    assert_int_equal(f->parser.stats.n[LOG_STAT_NULS], 1);
}

static void lines_around_the_limit_are_cut_only_beyond_it(void **state)
{
    static uint8_t text[LOG_LINE_MAX + 2];
    struct bytes line;
    bool cut;

    (void)state;
    for (size_t n = LOG_LINE_MAX - 1; n <= LOG_LINE_MAX + 1; n++) {
        for (size_t chunk = 4096; chunk <= sizeof text; chunk += sizeof text - 4096) {
            memset(text, 'x', n);
            text[n] = '\n';
            line_split_init(&f->split);
            struct bytes rest = bytes_of(text, n + 1);
            bool got = false;
            while (!got && rest.len > 0) {
                size_t part_len = chunk < rest.len ? chunk : rest.len;
                struct bytes part = bytes_of(rest.ptr, part_len);
                rest = bytes_skip(rest, part_len);
                got = line_split_next(&f->split, &part, &line, &cut);
            }
            assert_true(got);
            assert_int_equal(line.len, n <= LOG_LINE_MAX ? n : LOG_LINE_MAX);
            assert_int_equal(cut, n > LOG_LINE_MAX);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recorded_logs_give_their_golden_traces),
        cmocka_unit_test(the_same_events_come_however_the_text_is_cut),
        cmocka_unit_test(a_restart_after_any_line_changes_no_event_but_its_epoch),
        cmocka_unit_test(events_are_the_same_with_windows_line_ends),
        cmocka_unit_test(hostile_names_are_only_names),
        cmocka_unit_test(a_forged_old_end_in_an_error_is_ignored_and_a_current_one_is_marked),
        cmocka_unit_test(a_cut_and_glued_log_keeps_what_is_whole),
        cmocka_unit_test(nuls_of_a_truncated_file_and_a_huge_line_lose_nothing_else),
        cmocka_unit_test(lines_around_the_limit_are_cut_only_beyond_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
