/*
 * The grammar of nitro_enclaves.log: what each line says, who may say it, and what becomes of lines
 * that are broken or forged.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "producer/core/log_line.h"

#define TIME "2026-11-21T00:23:52.560Z"
#define MS   INT64_C(1795220632560)
#define XXX  "[enc-xxxxxxx:77][INFO][" TIME "][src/enclave_proc/mod.rs:571] "
#define ENC  "[enc-1a1fb7cf3f172a5:77][INFO][" TIME "][src/enclave_proc/mod.rs:571] "
#define WARN "[enc-1a1fb7cf3f172a5:77][WARN][" TIME "][src/enclave_proc/mod.rs:571] "
#define CLI  "[nitro-cli:5][INFO][" TIME "][src/main.rs:64] "
#define ERR  "[nitro-cli:5][ERROR][" TIME "][src/common/mod.rs:424] "
#define XERR "[enc-xxxxxxx:77][ERROR][" TIME "][src/common/mod.rs:424] "
#define SLOT UINT64_C(0x1a1fb7cf3f172a5)
#define TAIL                                                                                       \
    "If you open a support ticket, please provide the error log found at "                         \
    "\"/var/log/nitro_enclaves/err2026-11-21T00:23:52.560630103+00:00.log\""
#define ARGS                                                                                       \
    "Run args = RunEnclavesArgs { eif_path: \"h.eif\", memory_mib: 64, cpu_count: Some(2), "       \
    "enclave_name: Some(\"n\") }"

static struct log_parser parser;
static struct statement said[16];
static size_t said_n;

static void reset(void)
{
    log_parser_init(&parser);
}

static void line(struct bytes text)
{
    /* An exact-size copy, so that the sanitizer sees reads past the end. */
    uint8_t *copy = malloc(text.len + 1);

    assert_non_null(copy);
    if (text.len > 0)
        memcpy(copy, text.ptr, text.len);
    said_n = 0;
    log_parser_line(&parser, bytes_of(copy, text.len), false, 0);
    while (said_n < 16 && log_parser_next(&parser, &said[said_n]))
        said_n++;
    /* slices into the copy are gone with it; tests look at texts through `one_text` */
    free(copy);
}

static void lines(const char *text)
{
    for (const char *end; (end = strchr(text, '\n')) != NULL; text = end + 1)
        line(bytes_of(text, (size_t)(end - text)));
    line(bytes_of_string(text));
}

static const struct statement *one(const char *text, enum statement_kind kind)
{
    reset();
    line(bytes_of_string(text));
    if (said_n != 1)
        fail_msg("%zu statements: %s", said_n, text);
    assert_string_equal(statement_kind_name(said[0].kind), statement_kind_name(kind));
    assert_int_equal(said[0].source, EVIDENCE_LOG);
    assert_int_equal(said[0].time_ms, MS);
    assert_int_equal(said[0].observed_ms, MS);
    return &said[0];
}

static void one_text(const char *text, enum statement_kind kind, const char *expected)
{
    struct statement s;

    reset();
    log_parser_line(&parser, bytes_of_string(text), false, 0);
    assert_true(log_parser_next(&parser, &s));
    assert_int_equal(s.kind, kind);
    assert_int_equal(s.text.len, strlen(expected));
    assert_memory_equal(s.text.ptr, expected, s.text.len);
    assert_false(log_parser_next(&parser, &s));
}

static void none(const char *text, enum log_stat reason)
{
    reset();
    line(bytes_of_string(text));
    if (said_n != 0)
        fail_msg("says %s: %s", statement_kind_name(said[0].kind), text);
    if (parser.stats.n[reason] != 1)
        fail_msg("not counted as %s: %s", log_stat_name(reason), text);
}

static void each_line_of_a_start_is_a_statement_of_its_process(void **state)
{
    (void)state;
    assert_int_equal(one(XXX "Enclave process PID: 77", STATEMENT_PROCESS_STARTED)->pid, 77);
    const struct statement *s = one(XXX ARGS, STATEMENT_RUN_ARGS);
    assert_int_equal(s->args.memory_mib, 64);
    assert_int_equal(s->args.vcpus, 2);
    assert_int_equal(
        one(XXX "Allocating memory regions to hold 67108864 bytes.", STATEMENT_ALLOCATING)->bytes,
        67108864);
    one(XXX "Finished initializing memory.", STATEMENT_MEMORY_DONE);
    s = one(XXX "Enclave ID = i-0a1b2c3d4e5f60718-enc1a1fb7cf3f172a5", STATEMENT_ENCLAVE_ID);
    assert_int_equal(s->slot, SLOT);
    assert_int_equal(s->pid, 77);
    one(XXX "Enclave ID = i-0000000000000000-enc1", STATEMENT_ENCLAVE_ID);
}

static void held_memory_is_the_sum_over_all_page_sizes(void **state)
{
    (void)state;
    assert_int_equal(
        one(XXX "Allocated 256 region(s): 256 page(s) of 2 MB", STATEMENT_ALLOCATED)->bytes,
        UINT64_C(512) << 20);
    assert_int_equal(one(XXX "Allocated 7 region(s): 4 page(s) of 2 MB, 3 page(s) of 1024 MB",
                         STATEMENT_ALLOCATED)
                         ->bytes,
                     (UINT64_C(8) + 3072) << 20);
    assert_int_equal(
        one(XXX "Allocated 1 region(s): 1 page(s) of 1 GB", STATEMENT_ALLOCATED)->bytes, UINT64_C(1)
                                                                                             << 30);
    none(XXX "Allocated 1 region(s): 1 page(s) of 18446744073709551615 MB",
         LOG_STAT_UNKNOWN_MESSAGE);
    none(XXX "Allocated 1 region(s): 99999999999999 page(s) of 99999999999999 MB",
         LOG_STAT_UNKNOWN_MESSAGE);
    none(XXX "Allocated 1 region(s): ", LOG_STAT_UNKNOWN_MESSAGE);
    none(XXX "Allocated 1 region(s): 1 page(s) of 2 MB, ", LOG_STAT_UNKNOWN_MESSAGE);
}

static void each_line_of_a_stop_is_a_statement_about_its_slot(void **state)
{
    (void)state;
    assert_int_equal(one(ENC "Received command: Terminate", STATEMENT_TERMINATE_RECEIVED)->slot,
                     SLOT);
    one(ENC "Received command: TerminateComplete", STATEMENT_ALIVE);
    one(ENC "Enclave has completed termination.", STATEMENT_TERMINATION_COMPLETED);
    one(ENC "The connection listener has been stopped.", STATEMENT_LISTENER_STOPPED);
    one(ENC "Enclave process 77 exited event loop.", STATEMENT_LOOP_EXITED);
    one(ENC "Enclave terminated.", STATEMENT_TERMINATED);
    one(WARN "Received hang-up event from the enclave. Enclave process will shut down.",
        STATEMENT_HANG_UP);
    one_text(WARN "Received signal SIGTERM. The enclave process will now close.", STATEMENT_SIGNAL,
             "SIGTERM");
    one(WARN "The enclave process socket has been deleted!", STATEMENT_SOCKET_DELETED);
    one(WARN "The requester with credentials (UnixCredentials(ucred { pid: 19508, uid: 1000, gid: "
             "1000 })) is not allowed to perform 'Terminate'.",
        STATEMENT_NOT_PERMITTED);
    one(ENC "Received command: NotPermitted", STATEMENT_NOT_PERMITTED);
    one(ENC "Received command: Describe", STATEMENT_ALIVE);
}

static void a_stale_socket_names_a_slot_with_and_without_quotation_marks(void **state)
{
    (void)state;
    assert_int_equal(one(CLI "Deleting stale socket: /run/nitro_enclaves/1a1fb7cf3f172a5.sock",
                         STATEMENT_STALE_SOCKET)
                         ->slot,
                     SLOT);
    const struct statement *s =
        one(CLI "Deleting stale socket: \"/run/nitro_enclaves/1a1fb7cf3f172a5.sock\"",
            STATEMENT_STALE_SOCKET);
    assert_int_equal(s->slot, SLOT);
    assert_int_equal(s->pid, 0);
    none(CLI "Deleting stale socket: /run/nitro_enclaves/.sock", LOG_STAT_UNKNOWN_MESSAGE);
}

static void file_and_line_are_never_looked_at(void **state)
{
    (void)state;
    one("[enc-xxxxxxx:77][INFO][" TIME
        "][/home/ec2-user/.cargo/src/other.rs:1] Enclave process PID: 77",
        STATEMENT_PROCESS_STARTED);
    none("[enc-xxxxxxx:77][INFO][" TIME "][x] Enclave process PID: 77", LOG_STAT_NO_HEADER);
}

static void lines_of_the_command_line_tool_say_nothing(void **state)
{
    (void)state;
    none(CLI "Start Nitro CLI", LOG_STAT_SILENT);
    none(CLI "Sent command: Terminate", LOG_STAT_SILENT);
    none(CLI "Connected to: /run/nitro_enclaves/1a1fb7cf3f172a5.sock", LOG_STAT_SILENT);
    none(ERR "[ E39 ] Enclave process connection failure.", LOG_STAT_SILENT);
}

static void a_statement_counts_only_from_the_writer_that_may_make_it(void **state)
{
    (void)state;
    none(CLI "Enclave ID = i-0a1b2c3d4e5f60718-enc1a1fb7cf3f172a5", LOG_STAT_WRONG_WRITER);
    none(ENC "Enclave ID = i-0a1b2c3d4e5f60718-enc1a1fb7cf3f172a5", LOG_STAT_WRONG_WRITER);
    none(CLI "Enclave has completed termination.", LOG_STAT_WRONG_WRITER);
    none(CLI ARGS, LOG_STAT_WRONG_WRITER);
    none(ENC ARGS, LOG_STAT_WRONG_WRITER);
    none(XXX "Deleting stale socket: /run/nitro_enclaves/1.sock", LOG_STAT_WRONG_WRITER);
    none("[somebody:77][INFO][" TIME "][a:1] Enclave terminated.", LOG_STAT_UNKNOWN_TAG);
    none("[enc-XYZ:77][INFO][" TIME "][a:1] Enclave terminated.", LOG_STAT_UNKNOWN_TAG);
    none("[enc-0a:77][INFO][" TIME "][a:1] Enclave terminated.", LOG_STAT_UNKNOWN_TAG);
    none("[enc-12345678901234567:77][INFO][" TIME "][a:1] Enclave terminated.",
         LOG_STAT_UNKNOWN_TAG);
    none("[enc-1:0][INFO][" TIME "][a:1] Enclave terminated.", LOG_STAT_UNKNOWN_TAG);
}

static void a_process_speaks_only_of_its_own_pid(void **state)
{
    (void)state;
    none(XXX "Enclave process PID: 78", LOG_STAT_UNKNOWN_MESSAGE);
    none(ENC "Enclave process 7 exited event loop.", LOG_STAT_UNKNOWN_MESSAGE);
}

static void messages_must_match_as_a_whole(void **state)
{
    static const char *const messages[] = {
        "Enclave has completed termination",
        "Enclave has completed termination. ",
        "enclave terminated.",
        "Received signal TERM. The enclave process will now close.",
        "Received command: Terminate!",
        "Enclave ID = i-0-enc",
        "Enclave ID = i--enc1",
        "Enclave ID = i-0-enc01",
        "Enclave ID = i-0-encF",
        "Enclave ID = x-0-enc1",
        "Allocating memory regions to hold bytes.",
        "Allocating memory regions to hold 18446744073709551616 bytes.",
    };
    char text[256];

    (void)state;
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
        snprintf(text, sizeof text, XXX "%s", messages[i]);
        none(text, LOG_STAT_UNKNOWN_MESSAGE);
    }
}

static void times_are_strict_and_to_the_millisecond(void **state)
{
    static const char *const times[] = {
        "2026-11-21T00:23:52.56Z",  "2026-11-21T00:23:52.5600Z", "2026-11-21T00:23:52.560",
        "2026-13-21T00:23:52.560Z", "2026-02-30T00:23:52.560Z",  "2026-11-21T24:23:52.560Z",
        "2026-11-21 00:23:52.560Z", "2026-11-21T00:23:60.560Z",
    };
    char text[256];

    (void)state;
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        snprintf(text, sizeof text, "[enc-1:7][INFO][%s][a:1] Enclave terminated.", times[i]);
        none(text, LOG_STAT_NO_HEADER);
    }
}

static void an_error_has_its_code_and_a_failed_boot_its_mark(void **state)
{
    (void)state;
    one_text(XERR "[ E36 ] Enclave boot failure. Such error", STATEMENT_ERROR, "E36");
    one_text(XERR "[ E107 ] x", STATEMENT_ERROR, "E107");
    one_text(XERR "[ E ] x", STATEMENT_ERROR, "");
    one_text(XERR "[ E1234 ] x", STATEMENT_ERROR, "");
    const struct statement *s =
        one(XERR "Waiting on enclave to boot failed with error VsockTimeoutError. Terminating the "
                 "enclave...",
            STATEMENT_ERROR);
    assert_true(s->boot_wait_failed);
    assert_int_equal(s->text.len, 0);
}

static void lines_after_an_error_continue_it(void **state)
{
    (void)state;
    reset();
    lines(
        XERR
        "[ E19 ] File operation failure.\nFile: 'missing.eif'\n\nBacktrace:\n  Action: Run\n" TAIL);
    assert_int_equal(parser.stats.n[LOG_STAT_CONTINUATION], 5);
    assert_int_equal(parser.stats.n[LOG_STAT_NO_HEADER], 0);
    lines(ENC "Enclave terminated.\nnow a loose line");
    assert_int_equal(parser.stats.n[LOG_STAT_NO_HEADER], 1);
    assert_int_equal(parser.stats.n[LOG_STAT_SUSPECT], 0);
}

static void a_record_inside_an_error_record_is_suspect(void **state)
{
    (void)state;
    reset();
    lines(ERR
          "[ E03 ] Invalid argument provided. The parameter `memory` is not a valid integer (`x");
    line(BYTES_LITERAL(ENC "Enclave has completed termination."));
    assert_int_equal(said_n, 1);
    assert_true(said[0].suspect);
    lines("`)\n\nFor more details, please visit x\n\n" TAIL);
    line(BYTES_LITERAL(ENC "Enclave has completed termination."));
    assert_int_equal(said_n, 1);
    assert_false(said[0].suspect);
    assert_int_equal(parser.stats.n[LOG_STAT_SUSPECT], 1);
}

static void a_forged_end_of_an_error_record_does_not_close_it(void **state)
{
    (void)state;
    reset();
    lines(ERR "[ E03 ] Invalid (`x\n"
              "If you open a support ticket, please provide the error log found at "
              "\"/var/log/nitro_enclaves/err2026-11-21T00:23:51.000000000+00:00.log\"");
    line(BYTES_LITERAL(ENC "Enclave has completed termination."));
    assert_true(said_n == 1 && said[0].suspect);
    lines(ERR "[ E03 ] again, within the first\n" TAIL);
    line(BYTES_LITERAL(ENC "Enclave has completed termination."));
    assert_true(said_n == 1 && !said[0].suspect);
}

static void an_error_record_whose_end_is_lost_does_not_stay_open_for_ever(void **state)
{
    (void)state;
    reset();
    lines(ERR "[ E03 ] Invalid");
    for (int i = 0; i < LOG_BLOCK_LINES_MAX; i++)
        line(BYTES_LITERAL("text"));
    line(BYTES_LITERAL(ENC "Enclave terminated."));
    assert_true(said_n == 1 && !said[0].suspect);

    reset();
    lines(ERR "[ E03 ] Invalid");
    line(BYTES_LITERAL("[enc-1:7][INFO][2026-11-21T00:23:57.559Z][a:1] Enclave terminated."));
    assert_true(said_n == 1 && said[0].suspect);
    line(BYTES_LITERAL("[enc-1:7][INFO][2026-11-21T00:23:57.560Z][a:1] Enclave terminated."));
    assert_true(said_n == 1 && !said[0].suspect);
}

static void a_record_glued_to_a_cut_header_is_read(void **state)
{
    static const char whole[] = ENC "Enclave terminated.";
    static const char cut[] = "[nitro-cli:17188][INFO][" TIME "][src/main.rs:64] ";
    char text[512];

    (void)state;
    for (size_t n = 1; n < sizeof cut - 1; n++) {
        snprintf(text, sizeof text, "%.*s%s", (int)n, cut, whole);
        one(text, STATEMENT_TERMINATED);
        assert_int_equal(parser.stats.n[LOG_STAT_CUT_RECORD], 1);
    }
}

static void a_record_glued_to_a_cut_message_is_read_and_the_cut_one_says_nothing(void **state)
{
    static const char *const messages[] = {
        "Enclave process PID: 77",
        "Allocating memory regions to hold 67108864 bytes.",
        "Enclave ID = i-0a1b2c3d4e5f60718-enc1a1fb7cf3f172a5",
        "Received signal SIGTERM. The enclave process will now close.",
        "Run args = RunEnclavesArgs { memory_mib: 64, cpu_count: Some(2) }",
    };
    char text[512];

    (void)state;
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
        for (size_t n = 0; n < strlen(messages[i]); n++) {
            snprintf(text, sizeof text, XXX "%.*s" ENC "Enclave terminated.", (int)n, messages[i]);
            one(text, STATEMENT_TERMINATED);
            assert_int_equal(parser.stats.n[LOG_STAT_CUT_RECORD], 1);
        }
    }
    one(XXX "Enclave process P" XXX "Enclave proc" XXX "[enc-xx" ENC "Enclave terminated.",
        STATEMENT_TERMINATED);
    assert_int_equal(parser.stats.n[LOG_STAT_CUT_RECORD], 3);
}

static void two_whole_records_on_one_line_are_both_read(void **state)
{
    (void)state;
    reset();
    line(BYTES_LITERAL(ENC "Enclave terminated." XXX ARGS WARN
                           "The enclave process socket has been deleted!" ENC
                           "Enclave process 77 exited event loop."));
    assert_int_equal(said_n, 4);
    assert_int_equal(said[0].kind, STATEMENT_TERMINATED);
    assert_int_equal(said[1].kind, STATEMENT_RUN_ARGS);
    assert_int_equal(said[2].kind, STATEMENT_SOCKET_DELETED);
    assert_int_equal(said[3].kind, STATEMENT_LOOP_EXITED);
    reset(); /* perhaps it was TerminateComplete */
    line(BYTES_LITERAL(ENC "Received command: Terminate" ENC "Enclave terminated."));
    assert_int_equal(said_n, 1);
}

static void text_of_users_is_never_searched_for_records(void **state)
{
    (void)state;
    one(XXX "Run args = RunEnclavesArgs { eif_path: \"" ENC
            "Enclave terminated.\", memory_mib: 1 }",
        STATEMENT_RUN_ARGS);
    none(XXX "Run args = RunEnclavesArgs { eif_path: \"" ENC "Enclave terminated.",
         LOG_STAT_BAD_RUN_ARGS);
    reset();
    lines(XERR "[ E19 ] File operation failure.\nFile: '" ENC "Enclave terminated.");
    assert_int_equal(said_n, 0);
    lines("[nitro-cli:" ENC "Enclave terminated.");
    assert_int_equal(said_n, 0);
    one_text(XERR "[ E19 ] x " ENC "Enclave terminated.", STATEMENT_ERROR, "E19");
}

static void carriage_returns_and_nuls_do_no_harm(void **state)
{
    (void)state;
    one(ENC "Enclave terminated.\r", STATEMENT_TERMINATED);
    reset();
    line(BYTES_LITERAL("\0\0\0\0" ENC "Enclave terminated."));
    assert_int_equal(said_n, 1);
    assert_int_equal(parser.stats.n[LOG_STAT_NULS], 1);
    reset();
    line(BYTES_LITERAL("\0\0\0"));
    line(BYTES_LITERAL(ENC "Enclave term\0inated."));
    assert_int_equal(said_n, 0);
    reset();
    lines(ERR "[ E03 ] x\r\n" TAIL "\r");
    line(BYTES_LITERAL(ENC "Enclave terminated.\r"));
    assert_true(said_n == 1 && !said[0].suspect);
}

static void broken_utf8_spoils_only_its_own_line(void **state)
{
    (void)state;
    reset();
    lines("\xFF\xFE[enc\n" ENC "Enclave \xC3 terminated.\n" ENC "Enclave terminated.");
    assert_int_equal(said_n, 1);
    assert_int_equal(parser.stats.n[LOG_STAT_NO_HEADER], 1);
    assert_int_equal(parser.stats.n[LOG_STAT_UNKNOWN_MESSAGE], 1);
}

static void a_line_of_a_mebibyte_is_read_and_a_longer_one_is_skipped(void **state)
{
    struct statement s;
    uint8_t *big = malloc(LOG_LINE_MAX + 1);

    (void)state;
    assert_non_null(big);
    for (size_t n = LOG_LINE_MAX - 1; n <= LOG_LINE_MAX + 1; n++) {
        reset();
        memset(big, 0, n);
        memcpy(big + n - sizeof(ENC "Enclave terminated.") + 1, ENC "Enclave terminated.",
               sizeof(ENC "Enclave terminated.") - 1);
        log_parser_line(&parser, bytes_of(big, n), false, 0);
        assert_int_equal(log_parser_next(&parser, &s), n <= LOG_LINE_MAX);
        assert_int_equal(parser.stats.n[LOG_STAT_TOO_LONG], n > LOG_LINE_MAX);
    }
    log_parser_line(&parser, BYTES_LITERAL(ENC "Enclave terminated."), true, 0);
    assert_false(log_parser_next(&parser, &s));
    free(big);
}

static void the_time_of_observation_is_passed_on(void **state)
{
    struct statement s;

    (void)state;
    reset();
    log_parser_line(&parser, BYTES_LITERAL(ENC "Enclave terminated."), false, MS + 5);
    assert_true(log_parser_next(&parser, &s));
    assert_int_equal(s.observed_ms, MS + 5);
    assert_int_equal(s.time_ms, MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_line_of_a_start_is_a_statement_of_its_process),
        cmocka_unit_test(held_memory_is_the_sum_over_all_page_sizes),
        cmocka_unit_test(each_line_of_a_stop_is_a_statement_about_its_slot),
        cmocka_unit_test(a_stale_socket_names_a_slot_with_and_without_quotation_marks),
        cmocka_unit_test(file_and_line_are_never_looked_at),
        cmocka_unit_test(lines_of_the_command_line_tool_say_nothing),
        cmocka_unit_test(a_statement_counts_only_from_the_writer_that_may_make_it),
        cmocka_unit_test(a_process_speaks_only_of_its_own_pid),
        cmocka_unit_test(messages_must_match_as_a_whole),
        cmocka_unit_test(times_are_strict_and_to_the_millisecond),
        cmocka_unit_test(an_error_has_its_code_and_a_failed_boot_its_mark),
        cmocka_unit_test(lines_after_an_error_continue_it),
        cmocka_unit_test(a_record_inside_an_error_record_is_suspect),
        cmocka_unit_test(a_forged_end_of_an_error_record_does_not_close_it),
        cmocka_unit_test(an_error_record_whose_end_is_lost_does_not_stay_open_for_ever),
        cmocka_unit_test(a_record_glued_to_a_cut_header_is_read),
        cmocka_unit_test(a_record_glued_to_a_cut_message_is_read_and_the_cut_one_says_nothing),
        cmocka_unit_test(two_whole_records_on_one_line_are_both_read),
        cmocka_unit_test(text_of_users_is_never_searched_for_records),
        cmocka_unit_test(carriage_returns_and_nuls_do_no_harm),
        cmocka_unit_test(broken_utf8_spoils_only_its_own_line),
        cmocka_unit_test(a_line_of_a_mebibyte_is_read_and_a_longer_one_is_skipped),
        cmocka_unit_test(the_time_of_observation_is_passed_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
