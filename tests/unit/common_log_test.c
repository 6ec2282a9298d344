/*
 * The log (common/log.h) through a pipe: what a line looks like, and that content cannot forge one.
 */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "common/log.h"
#include "common/time_text.h"

enum { TIME_LEN = TIME_TEXT_SIZE - 1 };

static int ends[2];
static char read_back[1 << 16];

static int open_pipe(void **state)
{
    (void)state;
    return pipe2(ends, O_CLOEXEC | O_NONBLOCK);
}

static int close_pipe(void **state)
{
    (void)state;
    log_configure(&(struct log_settings){LOG_FORMAT_TEXT, LOG_LEVEL_INFO, 2});
    close(ends[0]);
    close(ends[1]);
    return 0;
}

static void log_to_pipe(enum log_format format, enum log_level level)
{
    log_configure(&(struct log_settings){format, level, ends[1]});
}

/* Everything that was logged since the last call. */
static const char *logged(void)
{
    ssize_t n = read(ends[0], read_back, sizeof read_back - 1);

    read_back[n > 0 ? n : 0] = '\0';
    return read_back;
}

static void a_text_line_has_time_level_component_message_and_fields(void **state)
{
    (void)state;
    int64_t ms;

    log_to_pipe(LOG_FORMAT_TEXT, LOG_LEVEL_DEBUG);
    log_info("publisher", "delivered", field_string("topic", "enclave.lifecycle"),
             field_int("offset", -42), field_uint("n", UINT64_MAX), field_bool("last", true),
             field_hex("id", BYTES_LITERAL("\x01\xFE")), field_time("at", 0));
    const char *line = logged();
    assert_int_equal(time_text_parse(bytes_of(line, TIME_LEN), &ms), ERR_OK);
    assert_string_equal(line + TIME_LEN,
                        " INFO  publisher: delivered topic=enclave.lifecycle offset=-42"
                        " n=18446744073709551615 last=true id=01fe"
                        " at=1970-01-01T00:00:00.000Z\n");
    log_error("publisher", "stopped");
    assert_string_equal(logged() + TIME_LEN, " ERROR publisher: stopped\n");
}

static void lines_below_the_level_are_not_written(void **state)
{
    (void)state;
    log_to_pipe(LOG_FORMAT_TEXT, LOG_LEVEL_WARN);
    log_debug("x", "no");
    log_info("x", "no");
    assert_string_equal(logged(), "");
    assert_false(log_enabled(LOG_LEVEL_INFO));
    log_warn("x", "yes");
    assert_string_equal(logged() + TIME_LEN, " WARN  x: yes\n");
}

static void an_error_shows_its_name_and_detail(void **state)
{
    (void)state;
    struct err_detail detail;

    log_to_pipe(LOG_FORMAT_TEXT, LOG_LEVEL_INFO);
    err_set(&detail, ERR_IO, "cannot open it");
    log_warn("x", "failed", field_err(ERR_IO, &detail));
    assert_string_equal(logged() + TIME_LEN, " WARN  x: failed err=io detail=\"cannot open it\"\n");
    log_warn("x", "failed", field_err(ERR_CHECKSUM, NULL));
    assert_string_equal(
        logged() + TIME_LEN,
        " WARN  x: failed err=checksum detail=\"the checksum does not match the content\"\n");
}

static void hostile_content_stays_inside_its_field(void **state)
{
    (void)state;
    static const char hostile[] = "a\n2026-11-21T06:59:07.123Z ERROR x: forged\r\x1b[2J \"q\" k=v "
                                  "\xE2\x80\xAE\xE2\x80\xA8\xC2\x9B\xFF";

    log_to_pipe(LOG_FORMAT_TEXT, LOG_LEVEL_INFO);
    log_info("x", "line", field_string("s", hostile), field_string("empty", ""),
             field_string("null", NULL), field_bytes("nul", BYTES_LITERAL("a\0b")));
    assert_string_equal(
        logged() + TIME_LEN,
        " INFO  x: line s=\"a\\n2026-11-21T06:59:07.123Z ERROR x: forged\\r\\u001b[2J "
        "\\\"q\\\" k=v \\u202e\\u2028\\u009b\xEF\xBF\xBD\" empty=\"\" null=\"\" "
        "nul=\"a\\u0000b\"\n");
}

static void no_byte_in_a_value_makes_a_second_line_or_field(void **state)
{
    (void)state;
    log_to_pipe(LOG_FORMAT_TEXT, LOG_LEVEL_INFO);
    for (unsigned c = 0; c < 256; c++) {
        uint8_t value[3] = {'a', (uint8_t)c, 'b'};

        log_info("x", "y", field_bytes("k", bytes_of(value, sizeof value)), field_int("end", 1));
        const char *line = logged();
        const char *rest = strstr(line, "k=") + 2;
        assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
        if (*rest == '"') {
            /* Skips to the closing quote by the rules of JSON. */
            for (rest++; *rest != '"'; rest++)
                rest += *rest == '\\';
            rest++;
        } else {
            rest += 3;
        }
        assert_string_equal(rest, " end=1\n");
    }
}

static void json_lines_hold_the_same(void **state)
{
    (void)state;
    struct err_detail detail;

    log_to_pipe(LOG_FORMAT_JSON, LOG_LEVEL_INFO);
    err_set(&detail, ERR_IO, "a \"detail\"");
    log_info("publisher", "delivered", field_string("topic", "a\nb"), field_int("offset", 42),
             field_bool("last", false), field_err(ERR_IO, &detail));
    const char *line = logged();
    assert_int_equal(line[strlen(line) - 1], '\n');
    cJSON *read = cJSON_Parse(line);
    assert_non_null(read);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(read, "level")), "info");
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(read, "component")), "publisher");
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(read, "message")), "delivered");
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(read, "topic")), "a\nb");
    assert_true(cJSON_GetNumberValue(cJSON_GetObjectItem(read, "offset")) > 41.5);
    assert_true(cJSON_IsFalse(cJSON_GetObjectItem(read, "last")));
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(read, "err")), "io");
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(read, "detail")), "a \"detail\"");
    cJSON_Delete(read);
}

static void values_longer_than_the_limit_are_cut(void **state)
{
    (void)state;
    char value[LOG_VALUE_MAX + 2];

    log_to_pipe(LOG_FORMAT_TEXT, LOG_LEVEL_INFO);
    memset(value, 'v', sizeof value);
    for (size_t len = LOG_VALUE_MAX - 1; len <= LOG_VALUE_MAX + 1; len++) {
        value[len] = '\0';
        log_info("x", "y", field_string("k", value));
        bool cut = strstr(logged(), "v…\"\n") != NULL;
        assert_int_equal(cut, len > LOG_VALUE_MAX);
        value[len] = 'v';
    }
}

/* Logs fields of `n` bytes altogether and returns whether the line says that it was truncated. */
static bool truncates(size_t n)
{
    static char values[4][LOG_VALUE_MAX + 1];

    for (size_t i = 0; i < 4; i++) {
        size_t len = n > LOG_VALUE_MAX ? LOG_VALUE_MAX : n;
        memset(values[i], 'v', len);
        values[i][len] = '\0';
        n -= len;
    }
    log_info("x", "y", field_string("a", values[0]), field_string("b", values[1]),
             field_string("c", values[2]), field_string("d", values[3]));
    const char *line = logged();
    assert_true(strlen(line) <= LOG_OUTPUT_MAX);
    assert_int_equal(line[strlen(line) - 1], '\n');
    bool truncated = strstr(line, "truncated") != NULL;
    bool has_last = strstr(line, " d=") != NULL || strstr(line, "\"d\"") != NULL;
    assert_int_equal(truncated, !has_last);
    return truncated;
}

static void a_line_too_long_loses_whole_fields_and_says_so(void **state)
{
    (void)state;
    size_t fits = 3 * LOG_VALUE_MAX;

    log_to_pipe(LOG_FORMAT_TEXT, LOG_LEVEL_INFO);
    assert_false(truncates(fits));
    while (fits < 4 * LOG_VALUE_MAX && !truncates(fits + 1))
        fits++;
    assert_in_range(fits, LOG_OUTPUT_MAX - 128, LOG_OUTPUT_MAX);
    assert_true(truncates(fits + 2));
    log_to_pipe(LOG_FORMAT_JSON, LOG_LEVEL_INFO);
    assert_true(truncates(4 * LOG_VALUE_MAX));
    cJSON *read = cJSON_Parse(read_back);
    assert_non_null(read);
    assert_true(cJSON_IsTrue(cJSON_GetObjectItem(read, "truncated")));
    assert_null(cJSON_GetObjectItem(read, "d"));
    assert_non_null(cJSON_GetObjectItem(read, "c"));
    cJSON_Delete(read);
}

static void escapes_never_overflow_a_json_line(void **state)
{
    (void)state;
    char value[LOG_VALUE_MAX];

    memset(value, 1, sizeof value); /* each becomes six bytes */
    log_to_pipe(LOG_FORMAT_JSON, LOG_LEVEL_INFO);
    log_info("x", "y", field_bytes("k", bytes_of(value, sizeof value)), field_int("lost", 1));
    cJSON *read = cJSON_Parse(logged());
    assert_non_null(read);
    assert_true(cJSON_IsTrue(cJSON_GetObjectItem(read, "truncated")));
    assert_null(cJSON_GetObjectItem(read, "lost"));
    cJSON_Delete(read);
}

static void *log_lines(void *name)
{
    for (int i = 0; i < 50; i++)
        log_info("thread", "line", field_string("name", name), field_int("i", i));
    return NULL;
}

static void lines_of_threads_do_not_mix(void **state)
{
    (void)state;
    static char names[4][3] = {"n0", "n1", "n2", "n3"};
    int next[4] = {0};
    pthread_t threads[4];

    log_to_pipe(LOG_FORMAT_TEXT, LOG_LEVEL_INFO);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, log_lines, names[i]), 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    int lines = 0;
    char *rest = NULL;
    logged();
    for (char *line = strtok_r(read_back, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest), lines++) {
        unsigned name;
        int i;
        int end = 0;
        assert_int_equal(
            sscanf(line + TIME_LEN, " INFO  thread: line name=n%u i=%d%n", &name, &i, &end), 2);
        assert_int_equal(line[TIME_LEN + end], '\0');
        assert_true(name < 4);
        assert_int_equal(i, next[name]++);
    }
    assert_int_equal(lines, 200);
}

static void words_of_formats_and_levels_are_known(void **state)
{
    (void)state;
    enum log_format format;
    enum log_level level;

    assert_true(log_format_parse("json", &format) && format == LOG_FORMAT_JSON);
    assert_true(log_format_parse("text", &format) && format == LOG_FORMAT_TEXT);
    assert_false(log_format_parse("xml", &format));
    assert_true(log_level_parse("debug", &level) && level == LOG_LEVEL_DEBUG);
    assert_true(log_level_parse("error", &level) && level == LOG_LEVEL_ERROR);
    assert_false(log_level_parse("ERROR", &level));
}

int main(void)
{
#define PIPED(test) cmocka_unit_test_setup_teardown(test, open_pipe, close_pipe)
    const struct CMUnitTest tests[] = {
        PIPED(a_text_line_has_time_level_component_message_and_fields),
        PIPED(lines_below_the_level_are_not_written),
        PIPED(an_error_shows_its_name_and_detail),
        PIPED(hostile_content_stays_inside_its_field),
        PIPED(no_byte_in_a_value_makes_a_second_line_or_field),
        PIPED(json_lines_hold_the_same),
        PIPED(values_longer_than_the_limit_are_cut),
        PIPED(a_line_too_long_loses_whole_fields_and_says_so),
        PIPED(escapes_never_overflow_a_json_line),
        PIPED(lines_of_threads_do_not_mix),
        cmocka_unit_test(words_of_formats_and_levels_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
